//! Plugins beside runs that used them: locked, changed under a run, replayed.

use std::path::Path;

use super::{done, plugin, root};
use crate::support::{Lab, failure, lines};

#[test]
fn a_locked_experiment_refuses_another_plugin() {
    let lab = Lab::new();
    let component = |name: &str| root().join("target/test-plugins").join(name);
    std::fs::copy(component("letters.wasm"), lab.path("mine.wasm")).unwrap();
    lab.edit("plugin = \"letters\"", "plugin = \"mine.wasm\"");
    let config = lab.path("config.toml").display().to_string();
    let said = done(&mut plugin(&lab.path("."), "lock", &[&config]));
    assert!(
        said.contains("continuation") && said.contains("letters"),
        "{said}"
    );
    let locked = std::fs::read_to_string(lab.path("config.lock")).unwrap();
    lab.train("run", &["--set", "ppo.total_episodes=16"]);

    // The file changes under the experiment: both hashes are named.
    std::fs::copy(component("hostile.wasm"), lab.path("mine.wasm")).unwrap();
    let message = lab.refused("other", &[]);
    assert!(
        message.contains("config.lock") && message.contains("attune plugin lock"),
        "{message}"
    );
    std::fs::copy(
        root().join("target/plugins/valence.wasm"),
        lab.path("mine.wasm"),
    )
    .unwrap();
    let changed = changed_letters(&lab, &component("letters.wasm"));
    let message = lab.refused("other", &[]);
    let old = locked.lines().rfind(|line| line.starts_with("sha256"));
    let old = old.unwrap();
    assert!(
        message.contains(old.split('"').nth(1).unwrap()),
        "{message}"
    );
    assert!(message.contains(&changed), "{message}");

    // A run that goes on with it says so for ever.
    let resume = ["--set", "ppo.total_episodes=16", "--resume"];
    let message = lab.refused("run", &resume);
    assert!(message.contains(&changed), "{message}");
    lab.train("run", &[&resume[..], &["--allow-changed-plugins"]].concat());
    let events = lines(&lab.path("run/events.jsonl"));
    assert_eq!(events[0]["event"], "plugin changed");
    assert_eq!(events[0]["now"]["sha256"], changed.as_str());
    // So does one that begins with what the lock does not have.
    let begun = ["--set", "ppo.total_episodes=16", "--allow-changed-plugins"];
    lab.train("begun", &begun);
    let events = lines(&lab.path("begun/events.jsonl"));
    assert_eq!(events[0]["event"], "plugin not as locked");
    assert_eq!(events[0]["now"]["sha256"], changed.as_str());
    done(&mut plugin(&lab.path("."), "lock", &[&config]));
    lab.train("other", &["--set", "ppo.total_episodes=16"]);
}

#[test]
fn a_run_that_went_on_with_another_plugin_is_that_plugin_s_from_there() {
    let lab = Lab::new();
    let letters = root().join("target/test-plugins/letters.wasm");
    std::fs::copy(&letters, lab.path("mine.wasm")).unwrap();
    lab.edit("plugin = \"letters\"", "plugin = \"mine.wasm\"");
    lab.train("run", &[]);
    // Its last two updates are made again by another plugin.
    let last = lab.path("run/checkpoints/update-000006");
    std::fs::remove_dir_all(last).unwrap();
    let manifest = || std::fs::read_to_string(lab.path("run/manifest.json")).unwrap();
    let begun = manifest();
    let changed = changed_letters(&lab, &letters);
    lab.refused("run", &["--resume"]);
    assert_eq!(manifest(), begun, "a refusal leaves the run as it was");
    lab.train("run", &["--resume", "--allow-changed-plugins"]);
    assert!(manifest().contains(&changed));

    // It goes on with that one, and no longer with the first.
    lab.train("run", &["--resume"]);
    std::fs::copy(&letters, lab.path("mine.wasm")).unwrap();
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains(&changed), "{message}");
    assert_eq!(lines(&lab.path("run/events.jsonl")).len(), 1);
}

/// Puts the same plugin with other bytes in place: a custom section more. Returns its hash.
fn changed_letters(lab: &Lab, letters: &Path) -> String {
    let mut bytes = std::fs::read(letters).unwrap();
    bytes.extend([0, 3, 1, b'x', b'y']);
    lab.write("mine.wasm", &bytes);
    let json = done(&mut plugin(
        &lab.path("."),
        "describe",
        &["mine.wasm", "--json"],
    ));
    let about: serde_json::Value = serde_json::from_str(&json).unwrap();
    about["sha256"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_replayed_with_another_plugin() {
    let lab = Lab::new();
    lab.edit("[ppo]", "[[shaper]]\nplugin = \"length\"\n[ppo]");
    lab.train("run", &[]);
    let at = lab.path(".");
    // With itself, nothing changes.
    let said = done(&mut plugin(&at, "replay", &["run", "--plugin", "length"]));
    assert!(said.contains("48 responses of 6 updates"), "{said}");
    assert!(
        said.contains("changed 0, failed 0") && said.contains("kept: 100.0 %"),
        "{said}"
    );
    let said = done(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "length", "--set", "scale=3"],
    ));
    assert!(
        !said.contains("changed 0") && said.contains("change"),
        "{said}"
    );
    let json = done(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "repetition", "--json"],
    ));
    let rows: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 48);
    assert_eq!(rows[0]["against"], "length");
    assert!(
        rows.iter()
            .all(|row| row["before"].is_number() && row["now"].is_number())
    );
    let message = failure(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "continuation"],
    ));
    assert!(message.contains("is a task"), "{message}");
    let message = failure(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "length", "--against", "lenght"],
    ));
    assert!(message.contains("no scores of `lenght`"), "{message}");
}

#[test]
fn a_replay_begins_with_what_the_run_gave_its_plugins() {
    let lab = Lab::new();
    lab.write("words.txt", "plain\t1.5\ntext\t-0.5\na\t0.25\n");
    lab.edit(
        "plugin = \"letters\"",
        "plugin = \"valence\"\nassets.lexicon = \"words.txt\"",
    );
    lab.edit(
        "[ppo]",
        "[[shaper]]\nplugin = \"length\"\nsettings.scale = 40\n[ppo]",
    );
    lab.train("run", &[]);
    let at = lab.path(".");
    let replay = |arguments: &[&str]| {
        let all = [&["run", "--plugin"], arguments].concat();
        done(&mut plugin(&at, "replay", &all))
    };
    for name in ["length", "valence"] {
        let said = replay(&[name]);
        assert!(said.contains("changed 0, failed 0"), "{said}");
    }
    assert!(replay(&["length"]).contains("with scale = 40"));
    assert!(replay(&["valence"]).contains("words.txt"));
    for other in [
        &["length", "--defaults"][..],
        &["length", "--set", "scale=30"],
    ] {
        let said = replay(other);
        assert!(!said.contains("changed 0"), "{said}");
    }
    // Another plugin has its own settings.
    assert!(!replay(&["repetition", "--against", "length"]).contains("scale"));
    let mut without = plugin(&at, "replay", &["run", "--plugin", "valence", "--defaults"]);
    let message = failure(&mut without);
    assert!(
        message.contains("lexicon") && message.contains("--asset"),
        "{message}"
    );
}
