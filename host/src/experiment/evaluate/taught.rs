//! From how many labels the reward of a policy was learned, as the directories of its runs have it.

use std::path::Path;

use serde_json::Value;

use crate::config::{Config, reward_in};

/// Folders between a policy and its run's config, and one more for a checkpoint.
const DEPTH: usize = 4;

/// Labels that the last reward model of a model's run learned from; none where no reward was learned, or it is not known
/// any more.
pub(super) fn labels(model: &Path) -> Option<u64> {
    let mut folders = model.ancestors().take(DEPTH);
    let run = folders.find(|folder| folder.join("config.toml").is_file())?;
    let config = std::fs::read_to_string(run.join("config.toml")).ok()?;
    let config: Config = toml::from_str(&config).ok()?;
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
}
