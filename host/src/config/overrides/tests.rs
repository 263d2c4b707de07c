//! Values as they are typed, and what becomes of them.

use std::path::Path;

use super::*;

const SMALL: &str = "[run]\ndir='/r'\n[model]\npath='/m'\n[data]\ntrain='/d'\n[task]\nplugin='t'\n\
                     [task.settings]\nsuffix=''\nlen=3\n[[score]]\nlabeler=true\n";

fn load_as(overrides: &[&str], takes_text: TakesText<'_>) -> Result<Config> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, SMALL).unwrap();
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    Config::load_asking(&path, &overrides, takes_text)
}

fn load(overrides: &[&str]) -> Config {
    load_as(overrides, &|_, _, _| None).unwrap_or_else(|error| panic!("{overrides:?}: {error:#}"))
}

fn setting(typed: &str, takes_text: Option<bool>) -> Value {
    let config = load_as(&[typed], &|_, _, _| takes_text).unwrap();
    let key = typed.split('=').next().unwrap().rsplit('.').next().unwrap();
    config.task.unwrap().settings[key].clone()
}

#[test]
fn a_text_stays_as_it_was_typed() {
    for text in [
        "1_1_1", "2024", "true", "1e5", " a b ", "nan", "07:30:00", "0x10", "[x", "a=b", "",
    ] {
        let config = load(&[
            &format!("run.device={text}"),
            &format!("data.held_out=/x/{text}"),
        ]);
        assert_eq!(config.run.device, text);
        assert_eq!(
            config.data.unwrap().held_out[..],
            [Path::new(&format!("/x/{text}"))]
        );
        assert_eq!(
            setting(&format!("task.settings.suffix={text}"), None),
            Value::from(text)
        );
        assert_eq!(
            setting(&format!("task.settings.new={text}"), Some(true)),
            Value::from(text)
        );
    }
    // What TOML takes for a comment is a part of a text.
    for text in ["\"Note\" # Answer:", "[1] # a", "3 # three"] {
        assert_eq!(
            setting(&format!("task.settings.suffix={text}"), None),
            Value::from(text)
        );
    }
    for quoted in ["\"a b\"", "'a b'"] {
        assert_eq!(load(&[&format!("run.device={quoted}")]).run.device, "a b");
    }
    assert_eq!(
        setting("task.settings.suffix= TL;DR:", None),
        Value::from(" TL;DR:")
    );
    assert_eq!(
        load(&["run.dir=1_1_1"]).run.dir.file_name().unwrap(),
        "1_1_1"
    );
}

#[test]
fn a_setting_is_of_the_type_that_the_file_or_the_plugin_gives_it() {
    assert_eq!(setting("task.settings.len=5", None), Value::from(5));
    assert_eq!(setting("task.settings.len='5'", None), Value::from("5"));
    for (takes_text, value) in [
        (None, Value::from(1_1)),
        (Some(false), Value::from(11)),
        (Some(true), Value::from("1_1")),
    ] {
        assert_eq!(setting("task.settings.new=1_1", takes_text), value);
    }
    assert_eq!(
        setting("task.settings.new=\"1_1\"", None),
        Value::from("1_1")
    );
    assert_eq!(
        setting("task.settings.new=2024-05-01", None),
        Value::from("2024-05-01")
    );
    assert_eq!(setting("task.settings.new=.", None), Value::from("."));
}

#[test]
fn the_plugin_that_is_there_in_the_end_is_asked() {
    let asked = std::cell::RefCell::new(Vec::new());
    let ask = |name: &str, trust: Trust, key: &[String]| {
        asked
            .borrow_mut()
            .push((name.to_owned(), trust, key.join("/")));
        Some(true)
    };
    let overrides = [
        "task.settings.a.b=1",
        "task.plugin=u",
        "shaper.0.plugin=s",
        "shaper.0.settings.n=2",
    ];
    let config = load_as(&overrides, &ask).unwrap();
    assert_eq!(config.shaper[0].settings["n"], Value::from("2"));
    let told = |name: &str, key: &str| (name.to_owned(), Trust::Sandboxed, key.to_owned());
    assert_eq!(*asked.borrow(), [told("u", "a/b"), told("s", "n")]);
}

#[test]
fn numbers_lists_and_places() {
    let config = load(&[
        "ppo.total_episodes=1e3",
        "ppo.lr=1",
        "ppo.whiten_rewards=false",
        "study.labels=[1, 2]",
        "study.labels.1=3",
        "score.0.weight=2",
        "score.1.metric=1_1",
        "plugins.on_error=drop",
        "task.assets.\"a.txt\"=/x/1",
        "reward={train=['l.db']}",
    ]);
    assert_eq!(config.ppo.total_episodes, 1000);
    assert!(config.ppo.lr == 1.0 && !config.ppo.whiten_rewards);
    assert_eq!(config.study.unwrap().labels, [1, 3]);
    assert_eq!(config.score[0].weight, 2.0);
    assert_eq!(config.score[1].metric.as_deref(), Some("1_1"));
    assert_eq!(config.task.unwrap().assets["a.txt"], Path::new("/x/1"));
    let key = load(&["task.assets.a b=/x/1", "task.assets.é=/x/2"]);
    assert_eq!(key.task.unwrap().assets["a b"], Path::new("/x/1"));
    let none = load(&["task.assets.\"a.txt\"=/x/1", "task.assets={}"]);
    assert!(none.task.unwrap().assets.is_empty());
}

#[test]
fn what_cannot_be_set_is_said() {
    for (typed, parts) in [
        ("ppo.lr", &["has no `=`"][..]),
        ("=1", &["names no key"]),
        ("ppo..lr=1", &["names no key"]),
        ("ppo.lr=abc", &["--set ppo.lr=abc", "write a number"]),
        (
            "ppo.batchsize=3",
            &["batchsize", "did you mean `batch_size`?"],
        ),
        ("pppo.lr=3", &["pppo", "did you mean `ppo`?"]),
        ("ppo.total_episodes=1.5", &["whole number"]),
        ("ppo.whiten_rewards=yes", &["true or false"]),
        ("score.weight=2", &["is a list of 1", "score.0.weight"]),
        ("score.4.weight=2", &["has no place 4"]),
        ("ppo.lr.x=2", &["`lr` is not a section"]),
        ("reward.train=labels.db", &["a list, such as"]),
        ("plugins.on_error=dorp", &["dorp", "drop"]),
    ] {
        let message = format!("{:#}", load_as(&[typed], &|_, _, _| None).unwrap_err());
        for part in parts.iter().chain(&["hint: "]) {
            assert!(message.contains(part), "{typed}: no `{part}` in {message}");
        }
    }
}

#[test]
fn several_files_are_a_list() {
    let files = |typed: &str| load(&[typed]).data.unwrap().train.0;
    assert_eq!(
        files("data.train=/x/a b.jsonl"),
        [Path::new("/x/a b.jsonl")]
    );
    let two = [Path::new("/x/a.jsonl"), Path::new("/y.csv")];
    assert_eq!(files("data.train=['/x/a.jsonl', '/y.csv']"), two);
}
