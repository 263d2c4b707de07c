//! Runs that go on elsewhere, under another name, with keys that change no result, and with more episodes.

use std::path::Path;

use serde_json::Value;

use crate::support::{Lab, Trained, attune, lines};

/// Takes a finished run back to its last checkpoint but one.
fn cut_back(run: &Path, last: u64) {
    std::fs::remove_dir_all(run.join(format!("checkpoints/update-{last:06}"))).unwrap();
    std::fs::remove_dir_all(run.join("policy")).unwrap();
    std::fs::remove_file(run.join("eval/after.json")).unwrap();
}

/// Goes on with the run of a lab that lies in `folder` now.
fn resume_in(folder: &Path) -> Trained {
    let dir = format!("run.dir={}", folder.join("run").display());
    let config = folder.join("config.toml");
    let config = config.to_str().unwrap();
    let output = attune(&["train", "policy", config, "--resume", "--set", &dir])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    Trained::read(&folder.join("run"), stderr)
}

#[test]
fn a_run_that_was_moved_or_is_reached_by_a_link_goes_on() {
    let lab = Lab::new();
    let whole = lab.train("run", &[]);
    let elsewhere = tempfile::tempdir().unwrap();
    cut_back(&lab.path("run"), 6);
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(lab.path(""), &link).unwrap();
    whole.assert_same(&resume_in(&link), "through a link");
    cut_back(&lab.path("run"), 6);
    let moved = elsewhere.path().join("moved");
    std::fs::rename(lab.path(""), &moved).unwrap();
    whole.assert_same(&resume_in(&moved), "moved");
}

#[test]
fn files_may_lie_elsewhere_and_must_be_the_same() {
    let lab = Lab::new();
    let whole = lab.train("run", &[]);
    cut_back(&lab.path("run"), 6);
    std::fs::rename(lab.path("model"), lab.path("renamed")).unwrap();
    std::fs::create_dir(lab.path("sub")).unwrap();
    std::fs::rename(lab.path("data.txt"), lab.path("sub/data.txt")).unwrap();
    let set = |key: &str, name: &str| format!("{key}={}", lab.path(name).display());
    let (model, data) = (
        set("model.path", "renamed"),
        set("data.train", "sub/data.txt"),
    );
    lab.write("other.txt", "another text of no meaning\n".repeat(40));
    let other = set("data.train", "other.txt");
    let said = lab.refused("run", &["--resume", "--set", &model, "--set", &other]);
    for part in ["`data.train` was", "other.txt", "something else is"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(!said.contains("`model.path`"), "{said}");
    let again = lab.train("run", &["--resume", "--set", &model, "--set", &data]);
    whole.assert_same(&again, "renamed");
    // A file of another name, or a link to it, is the same data.
    for (name, by_link) in [("latest.txt", true), ("copied.txt", false)] {
        cut_back(&lab.path("run"), 6);
        let to = lab.path(name);
        match by_link {
            true => std::os::unix::fs::symlink(lab.path("sub/data.txt"), to).unwrap(),
            false => drop(std::fs::copy(lab.path("sub/data.txt"), to).unwrap()),
        }
        let data = set("data.train", name);
        let again = lab.train("run", &["--resume", "--set", &model, "--set", &data]);
        whole.assert_same(&again, name);
    }
}

#[test]
fn what_a_kill_left_of_a_file_is_removed() {
    let lab = Lab::new();
    let whole = lab.train("run", &[]);
    std::fs::remove_file(lab.path("run/eval/after.json")).unwrap();
    lab.write("run/policy/.tmpAbCdEf", "half a file");
    whole.assert_same(&lab.train("run", &["--resume"]), "again");
}

#[test]
fn keys_that_change_no_result_may_differ() {
    let lab = Lab::new();
    let whole = lab.train("run", &[]);
    cut_back(&lab.path("run"), 6);
    let free = [
        "--resume",
        "--set",
        "run.checkpoint_every=1",
        "--set",
        "run.keep_checkpoints=5",
        "--set",
        "eval.show=0",
        "--set",
        "plugins.deadline_ms=9000",
        "--set",
        "plugins.calls_per_instance=2",
        "--set",
        "run.record_rollouts=1",
    ];
    whole.assert_same(&lab.train("run", &free), "free keys");
    let bound = [
        &free[..],
        &["--set", "ppo.lr=0.5", "--set", "ppo.gamma=0.9"],
    ]
    .concat();
    let said = lab.refused("run", &bound);
    for part in [
        "another config",
        "`ppo.gamma` was `1.0`, now it is `0.9`",
        "`ppo.lr` was `0.001`, now it is `0.5`",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(!said.contains("eval.show"), "{said}");
}

#[test]
fn a_run_goes_on_with_more_episodes_bit_for_bit() {
    let lab = Lab::new();
    let more = ["--set", "ppo.total_episodes=96"];
    let extend = [&more[..], &["--extend"]].concat();
    let begun = lab.train("run", &[]);
    let said = lab.refused("run", &[&more[..], &["--resume"]].concat());
    assert!(
        said.contains("`ppo.total_episodes` was `48`") && said.contains("`--extend`"),
        "{said}"
    );
    let extended = lab.train("run", &extend);
    assert_eq!(extended.metrics.len(), 12);
    assert_eq!(extended.metrics[..6], begun.metrics[..]);
    let lr = extended.metric("ppo/lr");
    assert!(
        (lr[5] - 1e-3 / 6.0).abs() < 1e-12 && (lr[6] - 5e-4).abs() < 1e-12,
        "{lr:?}"
    );
    let events = lines(&lab.path("run/events.jsonl"));
    let event = events
        .iter()
        .find(|event| event["event"] == "extended")
        .unwrap();
    assert_eq!(
        (&event["updates"], &event["episodes_now"]),
        (&Value::from(6), &Value::from(96))
    );
    // Interrupted after that, it is as any run.
    cut_back(&lab.path("run"), 12);
    extended.assert_same(
        &lab.train("run", &[&more[..], &["--resume"]].concat()),
        "interrupted",
    );
    // Extended as it was extended before, and said so twice.
    lab.train("again", &[]);
    lab.train("again", &extend);
    cut_back(&lab.path("again"), 12);
    extended.assert_same(&lab.train("again", &extend), "again");
    let said = lab.refused("run", &["--extend"]);
    assert!(said.contains("cannot have fewer episodes"), "{said}");
    // Without checkpoints there is nothing to go on from, and a policy that would be lost.
    let policy = std::fs::read(lab.path("again/policy/model.safetensors")).unwrap();
    std::fs::remove_dir_all(lab.path("again/checkpoints")).unwrap();
    let further = ["--set", "ppo.total_episodes=120", "--extend"];
    for extra in [&further[..], &[&more[..], &["--resume"]].concat()] {
        let said = lab.refused("again", extra);
        assert!(said.contains("has no checkpoints to go on from"), "{said}");
    }
    let kept = std::fs::read(lab.path("again/policy/model.safetensors")).unwrap();
    assert!(policy == kept);
}

#[test]
fn an_experiment_goes_on_elsewhere_and_with_more_episodes() {
    let lab = Lab::new();
    lab.write("labels.jsonl", crate::reward::comparisons(16, 1));
    let reward =
        "[reward]\ntrain = [\"labels.jsonl\"]\nbatch_size = 8\nnormalize_samples = 0\n[ppo]";
    lab.edit("[ppo]", reward);
    let run = |extra: &[&str]| {
        let output = lab.command(&["run"], "whole", extra).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        Trained::read(&lab.path("whole/policy"), stderr)
    };
    let first = run(&[]);
    cut_back(&lab.path("whole/policy"), 6);
    // The same plugin by its path, and the labels under another name.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let plugin = root.join("target/test-plugins/letters.wasm");
    std::fs::copy(plugin, lab.path("copy.wasm")).unwrap();
    std::fs::rename(lab.path("labels.jsonl"), lab.path("renamed.jsonl")).unwrap();
    let set = |key: &str, name: &str| format!("{key}={}", lab.path(name).display());
    let labels = format!("reward.train=[\"{}\"]", lab.path("renamed.jsonl").display());
    let plugin = set("labeler.plugin", "copy.wasm");
    let moved = ["--set", &labels, "--set", &plugin, "--set", "eval.show=0"];
    first.assert_same(&run(&moved), "moved");
    let more = [&moved[..], &["--set", "ppo.total_episodes=64", "--extend"]].concat();
    let extended = run(&more);
    assert_eq!(extended.metrics.len(), 8);
    assert_eq!(extended.metrics[..6], first.metrics[..]);
    extended.assert_same(&run(&more[..more.len() - 1]), "done");
}
