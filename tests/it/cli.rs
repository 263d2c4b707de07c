//! Commands that train nothing.

use std::path::Path;

use crate::support::{Lab, attune, failure, succeed};

#[test]
fn plan_prints_what_would_happen_and_trains_nothing() {
    let lab = Lab::new();
    let output = lab.command(&["plan"], "run", &[]).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "48 in 6 updates of 8",
        "2 epochs x 2 minibatches of 4",
        "24 steps",
        "36 to train on, 4 held out",
        "context 8, response 8",
        "letters 0.1.0 (sha256",
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert!(!lab.path("run").exists());
}

#[test]
fn paths_are_relative_to_the_config_and_overrides_to_where_one_stands() {
    let lab = Lab::new();
    let standing = lab.path("standing");
    std::fs::create_dir(&standing).unwrap();
    // A config in the current folder, named without one.
    for (config, folder) in [
        ("../config.toml", &standing),
        ("config.toml", &lab.path(".")),
    ] {
        let mut plan = attune(&["plan", config]);
        let output = plan.current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let run = lab.path("run").display().to_string();
        assert!(text.contains(&run), "`{run}` is not in: {text}");
    }
    let mut train = attune(&["train", "policy", "../config.toml", "--set", "run.dir=mine"]);
    assert!(
        train
            .current_dir(&standing)
            .output()
            .unwrap()
            .status
            .success()
    );
    assert!(standing.join("mine/policy/config.json").is_file());
}

#[test]
fn a_trained_policy_is_sampled_by_its_run() {
    let lab = Lab::new();
    lab.train("run", &[]);
    let run = lab.path("run").display().to_string();
    let sample = |dir: &str| succeed(&["sample", dir, "--prompt", "row", "--device", "cpu"]);
    assert_eq!(sample(&run), sample(&format!("{run}/policy")));
    let loaded = succeed(&["model", "inspect", &format!("{run}/policy")]);
    assert!(loaded.contains("Llama"), "{loaded}");
}

#[test]
fn every_example_can_be_planned() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let packages = examples.join("../.deps/data/packages.train.jsonl");
    let mut planned = 0;
    for folder in std::fs::read_dir(examples).unwrap().flatten() {
        let Ok(files) = std::fs::read_dir(folder.path()) else {
            continue;
        };
        for file in files.flatten().map(|file| file.path()) {
            if file.extension().is_some_and(|ending| ending == "toml")
                && !file.ends_with("Cargo.toml")
                // Those of the original and of the paper are planned where their numbers are looked at.
                && !file.ends_with("repo.toml")
                && !file.ends_with("paper.toml")
            {
                let plan = ["plan", file.to_str().unwrap()];
                let config = std::fs::read_to_string(&file).unwrap();
                // Set-up goes on without what only some systems can fetch.
                if config.contains("packages.train.jsonl") && !packages.exists() {
                    assert!(failure(&mut attune(&plan)).contains("packages.train.jsonl"));
                    continue;
                }
                let text = succeed(&plan);
                // What has no task trains a reward model alone.
                let has = |section: &str| config.contains(section);
                let said = match (has("[task]"), has("[sft]") && !has("[ppo]")) {
                    (_, true) => "supervised ",
                    (true, _) => "updates of",
                    (false, _) => "reward     ",
                };
                assert!(text.contains(said), "{text}");
                planned += 1;
            }
        }
    }
    assert!(planned > 0);
}

#[test]
fn completions_and_doctor_say_something() {
    for shell in ["bash", "zsh", "fish"] {
        let text = succeed(&["completions", shell]);
        assert!(text.contains("attune") && text.contains("train"), "{shell}");
    }
    let text = succeed(&["doctor"]);
    assert!(text.contains("plugins") && text.contains("cpu"), "{text}");
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    use std::process::Stdio;
    let lab = Lab::new();
    let mut train = lab.command(&["train", "policy"], "run", &[]);
    for command in [
        &mut attune(&["doctor"]),
        &mut attune(&["completions", "zsh"]),
        &mut train,
    ] {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        drop(child.stderr.take());
        assert!(child.wait().unwrap().success());
    }
    assert!(lab.path("run/policy/model.safetensors").is_file());
    let full = std::fs::File::create("/dev/full").unwrap();
    let status = attune(&["doctor"]).stdout(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}
