//! A run that is killed at any moment and goes on ends with the bits of one that was never killed.

use std::process::Child;
use std::time::Instant;

use crate::kills::{self, kill_when, writing};
use crate::support::{Lab, Trained};

/// Twelve updates, with everything in the reward that a checkpoint has to carry on.
const LONG: &[&str] = &[
    "--set",
    "ppo.total_episodes=96",
    "--set",
    "ppo.lr=5e-3",
    "--set",
    "kl.target=1.0",
    "--set",
    "kl.horizon=100.0",
    "--set",
    "run.checkpoint_every=1",
];
/// How often runs are killed, in all.
const KILLS: usize = 25;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.edit(
        "[ppo]",
        "[[shaper]]\nplugin = \"length\"\nweight = 0.1\n[ppo]",
    );
    lab
}

fn begin(lab: &Lab, run: &str, extra: &[&str]) -> Child {
    kills::begin(lab, &["train", "policy"], run, extra)
}

fn finish(lab: &Lab, run: &str, extra: &[&str]) -> Trained {
    let mut with_resume = extra.to_vec();
    if lab.path(run).join("config.toml").is_file() {
        with_resume.push("--resume");
    }
    lab.train(run, &with_resume)
}

#[test]
fn killed_at_random_moments() {
    let lab = lab();
    let whole = lab.train("warm", LONG);
    let clock = Instant::now();
    whole.assert_same(&lab.train("whole", LONG), "a second run");
    let duration = clock.elapsed();
    kills::at_random_moments(
        &lab,
        (2019, KILLS),
        duration,
        |run| begin(&lab, run, LONG),
        |run, about| whole.assert_same(&finish(&lab, run, LONG), about),
    );
}

#[test]
fn killed_while_checkpoints_are_written() {
    let lab = lab();
    let whole = lab.train("whole", LONG);
    for number in 0..3 {
        let run = format!("killed-{number}");
        let place = lab.path(&run);
        let last = place.join(format!("checkpoints/update-{:06}", 2 * number));
        kill_when(begin(&lab, &run, LONG), || {
            (number == 0 || last.is_dir()) && writing(&place)
        });
        // Whatever was half written is not taken for a checkpoint.
        whole.assert_same(&finish(&lab, &run, LONG), &run);
        assert!(!writing(&place));
    }
}

#[test]
fn killed_before_the_first_checkpoint() {
    let lab = lab();
    let rare = [LONG, &["--set", "run.checkpoint_every=5"]].concat();
    let whole = lab.train("whole", &rare);
    for (number, file) in [
        "config.toml",
        "manifest.json",
        "eval/before.json",
        "metrics.jsonl",
        "samples.jsonl",
    ]
    .into_iter()
    .enumerate()
    {
        let run = format!("killed-{number}");
        let place = lab.path(&run);
        kill_when(begin(&lab, &run, &rare), || place.join(file).is_file());
        assert!(!place.join("policy").exists(), "{run} has ended");
        whole.assert_same(&finish(&lab, &run, &rare), file);
    }
}

#[test]
fn killed_after_the_last_update_and_after_the_end() {
    let lab = lab();
    let whole = lab.train("whole", LONG);
    let place = lab.path("killed");
    kill_when(begin(&lab, "killed", LONG), || {
        place.join("checkpoints/update-000012").is_dir()
    });
    let ended = finish(&lab, "killed", LONG);
    whole.assert_same(&ended, "only the end was missing");
    whole.assert_same(&finish(&lab, "killed", LONG), "nothing was missing");
}

#[test]
fn the_top_layer_alone_goes_on_as_well() {
    let lab = lab();
    let top = [LONG, &["--set", "model.trainable_layers=1"]].concat();
    let whole = lab.train("whole", &top);
    let place = lab.path("killed");
    kill_when(begin(&lab, "killed", &top), || {
        place.join("checkpoints/update-000003").is_dir()
    });
    whole.assert_same(&finish(&lab, "killed", &top), "one layer");
}

#[test]
fn torn_lines_are_cut_off() {
    let lab = lab();
    let whole = lab.train("whole", LONG);
    let place = lab.path("killed");
    kill_when(begin(&lab, "killed", LONG), || {
        place.join("checkpoints/update-000002").is_dir()
    });
    for name in ["metrics.jsonl", "samples.jsonl"] {
        let path = place.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        // The first byte of a character of three, and no end.
        bytes.extend(b"{\"update\":7,\"query\":\"\xe2");
        std::fs::write(&path, bytes).unwrap();
    }
    whole.assert_same(&finish(&lab, "killed", LONG), "torn lines");
}
