//! `--set` through the binary: what was typed is what the run keeps.

use crate::support::Lab;

fn kept(lab: &Lab, extra: &[&str]) -> toml::Table {
    let output = lab
        .command(&["train", "policy"], "run", extra)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let text = std::fs::read_to_string(lab.path("run/config.toml")).unwrap();
    std::fs::remove_dir_all(lab.path("run")).unwrap();
    text.parse().unwrap()
}

#[test]
fn texts_keep_their_spaces_and_their_digits() {
    let lab = Lab::new();
    let few = ["--set", "ppo.total_episodes=8", "--set"];
    // The file does not have this setting: the plugin says that it is a text.
    for (typed, value) in [
        (" TL;DR:", " TL;DR:"),
        ("1_1_1", "1_1_1"),
        ("12", "12"),
        ("\"7\"", "7"),
    ] {
        let suffix = format!("task.settings.suffix={typed}");
        let config = kept(&lab, &[&few[..], &[&suffix]].concat());
        assert_eq!(config["task"]["settings"]["suffix"].as_str(), Some(value));
    }
    let config = kept(&lab, &[&few[..], &["task.settings.penalty=-2"]].concat());
    assert_eq!(config["task"]["settings"]["penalty"].as_integer(), Some(-2));
    let data = std::fs::read(lab.path("data.txt")).unwrap();
    lab.write("1_1_1", data);
    let train = lab.path("1_1_1").display().to_string();
    let config = kept(
        &lab,
        &[&few[..], &[&format!("data.train={train}")]].concat(),
    );
    assert_eq!(config["data"]["train"].as_str(), Some(train.as_str()));
}

#[test]
fn a_config_may_begin_with_a_mark_and_must_be_one() {
    let lab = Lab::new();
    let text = std::fs::read_to_string(lab.path("config.toml")).unwrap();
    lab.write(
        "config.toml",
        format!("\u{feff}{}", text.replace('\n', "\r\n")),
    );
    let output = lab.command(&["plan"], "run", &[]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for (bytes, part) in [
        (
            &b"version https://git-lfs.github.com/spec/v1\n"[..],
            "git lfs pull",
        ),
        (b"<html></html>", "HTML page"),
        (b"", "is empty"),
        (b"{\"run\": {}}", "a config is a text in TOML"),
        (b"[run]\ndir = \"r\xfc\"", "line 2 is not UTF-8"),
    ] {
        lab.write("config.toml", bytes);
        let said = lab.refused("run", &[]);
        assert!(
            said.contains("config.toml") && said.contains(part),
            "{said}"
        );
    }
}
