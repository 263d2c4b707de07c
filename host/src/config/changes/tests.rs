//! Every key of a config, and what it is to a run that goes on.

use super::*;

/// A config in which every key is given.
const WHOLE: &str = r#"
[run]
dir = "r"
[model]
path = "m"
trainable_layers = 1
[data]
generate = 1
strict = true
stream = false
train = "d"
held_out = "h"
stories = "s"
[task]
plugin = "t.wasm"
trust = "native"
settings.s.t = [1]
assets."a.txt" = "a"
[labeler]
plugin = "l.wasm"
assets.a = "a"
[[shaper]]
plugin = "s.wasm"
assets.a = "a"
[[score]]
reward_models = ["rm"]
metric = "m"
[reward]
path = "p"
trainable_layers = 1
train = ["l"]
validation = ["v"]
test = ["t"]
[sft]
begin_text = " "
end_text = "."
[collect]
store = "s"
reward_models = 2
noise.skills = [0.5]
[people]
instructions = "i.md"
instructions_text = "i"
gold = "g"
abstain_reasons = ["unclear"]
[study]
labels = [1]
judges.a = "j"
[[part]]
name = "p"
[compare]
against = "a"
[[eval.measure]]
plugin = "e.wasm"
assets.a = "a"
"#;

/// The keys of which another value would be another run. A new key belongs here, or into one of the lists of
/// those that may differ.
const BOUND: &str = "
    collect.by collect.candidates collect.choose collect.initial collect.mode collect.noise.abstain
    collect.noise.first collect.noise.flip collect.noise.skills.0 collect.responses collect.reward_models
    collect.total collect.validation_share
    data.generate data.shuffle_seed data.stream
    eval.measure.0.weight eval.queries
    kl.coef kl.horizon kl.target
    labeler.weight
    model.trainable_layers
    plugins.on_error
    ppo.adam_epsilon ppo.adam_epsilon_style ppo.batch_size ppo.clip_range ppo.clip_range_value ppo.epochs ppo.gamma
    ppo.lam ppo.lr ppo.max_grad_norm ppo.minibatches ppo.total_episodes ppo.vf_coef
    ppo.whiten_groups ppo.whiten_rewards
    reward.adam_epsilon reward.adam_epsilon_style reward.batch_size reward.epochs reward.heads reward.loss reward.lr
    reward.normalize_after reward.normalize_before reward.normalize_samples reward.num_train
    reward.patience reward.rollout_batch reward.trainable_layers
    run.device run.dtype run.seed
    sampling.temperature sampling.top_k sampling.top_p
    score.0.caution score.0.labeler score.0.metric score.0.offset score.0.trained score.0.weight
    sft.adam_epsilon sft.adam_epsilon_style sft.batch_size sft.begin_text sft.end_text sft.epochs sft.lr
    sft.max_grad_norm sft.num_train sft.patience sft.schedule sft.validation sft.warmup
    shaper.0.weight
    study.known_reward study.labels.0 study.test_labels
    task.settings.s.t.0 task.trust task.weight
";

fn whole() -> Config {
    toml::from_str(WHOLE).unwrap()
}

#[test]
fn every_key_may_differ_or_not() {
    let config = whole();
    let keys: Vec<String> = flat(&config)
        .unwrap()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    let of = |bond_of: Bond| {
        let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        keys.retain(|key| bond(key) == bond_of);
        keys.sort_unstable();
        keys
    };
    let mut bound: Vec<&str> = BOUND.split_whitespace().collect();
    bound.sort_unstable();
    assert_eq!(of(Bond::Bound), bound);
    let mut free = of(Bond::Free);
    // One pattern for each whole section of which no result depends.
    free.retain(|key| {
        !["alarms.", "part.", "people."]
            .iter()
            .any(|section| key.starts_with(section))
    });
    assert_eq!(free.len(), FREE.len() - 3);
    assert_eq!(of(Bond::Rounding).len(), ROUNDING.len());
    // What is a place is a path, and every path is one, but those that change no result.
    let mut paths: Vec<String> = config.paths().into_iter().map(|(key, _)| key).collect();
    paths.retain(|key| bond(key) != Bond::Free);
    paths.sort();
    assert_eq!(of(Bond::Place), paths);
    // Files are named alone, as here, or in a list.
    assert_eq!(paths.len() + 2, PLACES.len());
}

#[test]
fn every_section_is_in_the_config_that_has_all() {
    let table = toml::Table::try_from(whole()).unwrap();
    let known: Config = toml::from_str("[run]\ndir='r'\n[model]\npath='m'\n").unwrap();
    // A section that is absent by default is absent there, and none may be missing here.
    for section in toml::Table::try_from(known).unwrap().keys() {
        assert!(table.contains_key(section), "{section}");
    }
    let Config {
        run: _,
        model: _,
        data: Some(_),
        task: Some(_),
        labeler: Some(_),
        score: _,
        reward: Some(_),
        sft: Some(_),
        collect: Some(_),
        people: Some(_),
        study: Some(_),
        part: _,
        compare: Some(_),
        shaper: _,
        sampling: _,
        ppo: _,
        kl: _,
        plugins: _,
        eval: _,
        alarms: _,
        session: _,
    } = whole()
    else {
        panic!("a section is missing");
    };
}

#[test]
fn changes_are_told_by_key() {
    let before = whole();
    let mut now = before.clone();
    now.ppo.lr = 0.5;
    now.model.trainable_layers = None;
    now.score[0].weight = 2.0;
    let told: Vec<String> = changes(&before, &now)
        .unwrap()
        .iter()
        .map(Change::told)
        .collect();
    assert_eq!(
        told,
        [
            "`model.trainable_layers` was `1`, now it is not given",
            "`ppo.lr` was `0.00001`, now it is `0.5`",
            "`score.0.weight` was `1.0`, now it is `2.0`",
        ]
    );
    assert!(changes(&before, &before).unwrap().is_empty());
}
