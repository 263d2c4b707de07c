//! What a policy was taught with, as the directories of its runs have it: from how many labels its reward was learned,
//! and whether on queries that are compared.

use std::path::Path;

use serde_json::Value;

use crate::config::{Config, reward_in};

/// Folders between a policy and its run's config, and one more for a checkpoint.
const DEPTH: usize = 4;

/// Labels that the last reward model of a model's run learned from; none where no reward was learned, or it is not known
/// any more.
pub(super) fn labels(model: &Path) -> Option<u64> {
    let (run, config) = run_of(model)?;
    // What people wrote was learned without a reward, whatever else the config has.
    if config.sft.is_some() && !run.join("eval/after.json").is_file() {
        return None;
    }
    let named = config.score.iter().flat_map(|score| &score.reward_models);
    if let Some(labels) = named.filter_map(|folder| train_labels(folder)).max() {
        return Some(labels);
    }
    // Where labels are collected, reward models lie beside the policy.
    let experiment = run.parent().filter(|_| config.collect.is_some())?;
    let around = std::fs::read_to_string(experiment.join("config.toml")).ok()?;
    let around: Config = toml::from_str(&around).ok()?;
    (around.collect == config.collect).then(|| train_labels(&reward_in(experiment)))?
}

/// How many of the queries that `config` compares on a model's run did not hold back, and may have been trained on.
pub(super) fn seen(model: &Path, config: &Config) -> u64 {
    let seen = || {
        let (_, own) = run_of(model)?;
        let (compared, trained) = (config.data.as_ref()?, own.data.as_ref()?);
        let is_same = compared.held_out.is_none()
            && (&compared.train, compared.generate) == (&trained.train, trained.generate);
        let is_in_order = (compared.shuffle_seed, compared.stream)
            == (trained.shuffle_seed, trained.stream)
            && trained.held_out.is_none();
        let held_back = if is_in_order { own.eval.queries } else { 0 };
        is_same.then(|| config.eval.queries.saturating_sub(held_back))
    };
    seen().unwrap_or(0)
}

/// The directory of the run that made a model, and the run's config.
fn run_of(model: &Path) -> Option<(&Path, Config)> {
    let mut folders = model.ancestors().take(DEPTH);
    let run = folders.find(|folder| folder.join("config.toml").is_file())?;
    let config = std::fs::read_to_string(run.join("config.toml")).ok()?;
    Some((run, toml::from_str(&config).ok()?))
}

fn train_labels(folder: &Path) -> Option<u64> {
    let report = std::fs::read(folder.join("report.json")).ok()?;
    let report: Value = serde_json::from_slice(&report).ok()?;
    report["train_labels"].as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[run]\ndir = \"r\"\n[model]\npath = \"m\"\n";

    #[test]
    fn labels_are_those_of_the_policys_own_reward() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let put = |name: &str, text: &str| {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), text).unwrap();
        };
        for (name, labels) in [("reward-00", 16), ("reward-01", 48)] {
            put(&format!("online/{name}/reward_model/config.json"), "{}");
            put(&format!("online/{name}/reward_model/tokenizer.json"), "{}");
            let report = format!("{{\"train_labels\": {labels}}}");
            put(&format!("online/{name}/report.json"), &report);
        }
        let collects = format!("{CONFIG}[collect]\ninitial = 16\ntotal = 48\n");
        put("online/config.toml", &collects);
        put("online/policy/config.toml", &collects);
        assert_eq!(labels(&at("online/policy/policy")), Some(48));
        assert_eq!(
            labels(&at("online/policy/checkpoints/update-000002")),
            Some(48)
        );
        let named = at("online/reward-00").display().to_string();
        let against = format!("{CONFIG}[[score]]\nreward_models = [{named:?}]\n");
        put("other/config.toml", &against);
        assert_eq!(labels(&at("other/policy")), Some(16));
        // What people wrote, in a config that has a reward as well.
        put("wrote/config.toml", &format!("{against}[sft]\n"));
        assert_eq!(labels(&at("wrote/policy")), None);
        // Beside reward models, but against something else.
        put("online/true/config.toml", CONFIG);
        assert_eq!(labels(&at("online/true/policy")), None);
        assert_eq!(labels(&at("nothing")), None);
    }
    #[test]
    fn queries_that_were_not_held_back_may_have_been_trained_on() {
        let folder = tempfile::tempdir().unwrap();
        let config = |data: &str, queries: u64| {
            format!("{CONFIG}[data]\n{data}\n[eval]\nqueries = {queries}\n")
        };
        let read = |text: String| toml::from_str::<Config>(&text).unwrap();
        let (rows, apart) = (
            "train = \"rows.jsonl\"",
            "train = \"rows.jsonl\"\nheld_out = \"more.jsonl\"",
        );
        std::fs::write(folder.path().join("config.toml"), config(rows, 8)).unwrap();
        let model = folder.path().join("policy");
        let seen_by = |data: &str, queries| seen(&model, &read(config(data, queries)));
        assert_eq!(seen_by(rows, 8), 0);
        assert_eq!(seen_by(rows, 24), 16);
        assert_eq!(seen_by(&format!("{rows}\nshuffle_seed = 3"), 24), 24);
        assert_eq!(seen_by(apart, 24), 0);
        assert_eq!(seen_by("train = \"other.jsonl\"", 24), 0);
        let nowhere = folder.path().parent().unwrap().join("nowhere");
        assert_eq!(seen(&nowhere, &read(config(rows, 24))), 0);
        std::fs::write(folder.path().join("config.toml"), config(apart, 8)).unwrap();
        assert_eq!(seen_by(rows, 24), 24);
    }
}
