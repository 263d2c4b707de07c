//! Whole runs of the tiny model: what must hold of every one of them.

use std::collections::BTreeMap;

use crate::support::{Lab, Trained};

/// Updates of the config in `support.rs`.
const UPDATES: usize = 6;

#[test]
fn nothing_changes_at_learning_rate_0() {
    let lab = Lab::new();
    let run = lab.train("run", &["--set", "ppo.lr=0.0"]);
    assert_eq!(run.metric("objective/kl"), [0.0; UPDATES]);
    assert_eq!(run.metric("ppo/policy/approxkl"), [0.0; UPDATES]);
    assert_eq!(run.files["eval/before.json"], run.files["eval/after.json"]);
    let original = lab.path("model/model.safetensors");
    assert_eq!(
        tensors(&run.files["policy/model.safetensors"]),
        tensors(&std::fs::read(original).unwrap())
    );
    // The same policy and seed say the same, whatever its value head learned elsewhere.
    let again = lab.train(
        "again",
        &["--set", "ppo.lr=0.0", "--set", "ppo.vf_coef=0.5"],
    );
    assert_eq!(run.samples, again.samples);
}

#[test]
fn before_the_first_step_the_ratio_is_one_and_said_to_be() {
    let lab = Lab::new();
    for extra in [
        "run.seed=7",
        "model.trainable_layers=1",
        "ppo.micro_batch=1",
        "sampling.rollout_batch=3",
    ] {
        let run = lab.train(extra, &["--set", extra]);
        let errors = run.metric("ppo/first_ratio_error");
        assert_eq!(errors.len(), UPDATES);
        assert!(errors.iter().all(|error| *error <= 1e-5), "{errors:?}");
        assert!(
            run.stderr
                .contains("first minibatch: probability ratio within"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_run_learns_and_the_same_run_learns_the_same() {
    let lab = Lab::new();
    let settings = |seed: &'static str| {
        let mut extra = Vec::new();
        for one in ["ppo.total_episodes=480", "ppo.batch_size=16", "ppo.lr=5e-3"] {
            extra.extend(["--set", one]);
        }
        extra.extend(["--set", "kl.coef=0.0", "--set", seed]);
        extra
    };
    let run = lab.train("run", &settings("run.seed=7"));
    let score = run.metric("objective/score");
    let last = score[score.len() - 1];
    assert!(last > score[0] + 0.1, "{score:?}");
    assert!(run.metric("objective/kl")[29] > 1.0);
    let again = lab.train("again", &settings("run.seed=7"));
    run.assert_same(&again, "twice the same");
    assert_ne!(
        run.samples,
        lab.train("other", &settings("run.seed=8")).samples
    );
}

#[test]
fn how_many_episodes_go_at_a_time_changes_last_bits_only() {
    let lab = Lab::new();
    let whole = lab.train("whole", &["--set", "ppo.micro_batch=4"]);
    for (name, extra) in [
        ("one", "ppo.micro_batch=1"),
        ("three", "ppo.micro_batch=3"),
        ("rollout", "sampling.rollout_batch=3"),
    ] {
        let parts = lab.train(name, &["--set", extra]);
        assert_near(&whole, &parts, name);
    }
}

fn assert_near(whole: &Trained, parts: &Trained, about: &str) {
    for (line, other) in whole.metrics.iter().zip(&parts.metrics) {
        for (name, value) in line
            .iter()
            .filter(|(name, _)| *name != "ppo/first_ratio_error")
        {
            let (a, b) = (value.as_f64(), other[name].as_f64());
            let (Some(a), Some(b)) = (a, b) else {
                assert_eq!(a, b, "{about}: {name}");
                continue;
            };
            assert!(
                (a - b).abs() <= 2e-5 * a.abs().max(1.0),
                "{about}: {name} is {a} and {b} in update {}",
                line["update"]
            );
        }
    }
}

#[test]
fn one_layer_trains_alone() {
    let lab = Lab::new();
    let run = lab.train("run", &["--set", "model.trainable_layers=1"]);
    let before = tensors(&std::fs::read(lab.path("model/model.safetensors")).unwrap());
    let after = tensors(&run.files["policy/model.safetensors"]);
    let changed = |name: &str| before[name] != after[name];
    assert!(!changed("model.layers.0.mlp.up_proj.weight"));
    assert!(!changed("model.embed_tokens.weight"));
    assert!(changed("model.layers.1.mlp.up_proj.weight"));
    assert_ne!(run.metric("objective/kl")[UPDATES - 1], 0.0);
}

/// The bytes of every tensor of a file.
fn tensors(file: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let file = safetensors::SafeTensors::deserialize(file).unwrap();
    file.tensors()
        .into_iter()
        .map(|(name, tensor)| (name, tensor.data().to_vec()))
        .collect()
}
