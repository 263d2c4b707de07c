use std::path::Path;

use super::*;

const WHOLE: &str = r#"
[run]
dir = "runs/all"
[model]
path = "m"
[data]
train = "d.txt"
[task]
plugin = "t"
settings = { a = 1, b = 2 }
[labeler]
plugin = "first"
assets.words = "w.txt"
[sft]
epochs = 3
[ppo]
lr = 1e-5
"#;

fn load(parts: &str) -> (tempfile::TempDir, Result<Config>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, format!("{WHOLE}{parts}")).unwrap();
    let config = Config::load(&path, &[]);
    (dir, config)
}

fn refused(parts: &str) -> String {
    let (_dir, config) = load(parts);
    let error = config
        .and_then(|config| config.parts().map(|_| ()))
        .unwrap_err();
    format!("{error:#}")
}

#[test]
fn a_part_is_the_config_with_what_it_sets() {
    let parts = r#"
[[part]]
name = "written"
train = "sft"
[[part]]
name = "other"
set = { ppo.lr = 2e-5, task.settings.b = 3, labeler = { plugin = "second.wasm", assets.words = "v.txt" } }
[[part]]
name = "after"
train = "policy"
start = "written"
"#;
    let (dir, config) = load(parts);
    let config = config.unwrap();
    let at = |name: &str| dir.path().join(name);
    let parts: Vec<Config> = config
        .parts()
        .unwrap()
        .into_iter()
        .map(|(_, own)| own)
        .collect();
    assert_eq!(parts[0].run.dir, at("runs/all/written"));
    assert_eq!(parts[0].sft, config.sft);
    assert_eq!(parts[1].sft, None);
    assert_eq!(parts[1].ppo.lr, 2e-5);
    let settings = &parts[1].task.as_ref().unwrap().settings;
    assert_eq!((&settings["a"], &settings["b"]), (&1.into(), &3.into()));
    let labeler = parts[1].labeler.as_ref().unwrap();
    assert_eq!(Path::new(&labeler.plugin), at("second.wasm"));
    assert_eq!(labeler.assets["words"], at("v.txt"));
    assert_eq!(parts[2].labeler, config.labeler);
    // What it starts from is not there, and then it is.
    assert_eq!(parts[2].model.path, at("m"));
    let policy = at("runs/all/written/policy");
    std::fs::create_dir_all(&policy).unwrap();
    std::fs::write(policy.join("config.json"), "{}").unwrap();
    // A run that is killed here has not written all of it.
    assert_eq!(config.parts().unwrap()[2].1.model.path, at("m"));
    std::fs::write(policy.join("tokenizer.json"), "{}").unwrap();
    assert_eq!(config.parts().unwrap()[2].1.model.path, policy);
    // What a run directory keeps of it means the same elsewhere.
    let kept: Config = toml::from_str(&config.to_toml().unwrap()).unwrap();
    assert_eq!(kept.parts().unwrap()[1].1.labeler, parts[1].labeler);
}

#[test]
fn what_cannot_be_a_part_is_named() {
    let part = |text: &str| format!("[[part]]\nname = \"one\"\n{text}\n");
    for (parts, said) in [
        (part("set = { ppo.rate = 1 }"), "unknown field `rate`"),
        (part("set = { ppo.rate = 1 }"), "[[part]] `one`"),
        (part("set = { run.dir = \"x\" }"), "sets run.dir"),
        (part("set = { compare.against = \"x\" }"), "sets compare"),
        (part("start = \"two\""), "no part before it is called so"),
        (part("train = \"reward\""), "unknown variant `reward`"),
        (part("") + &part(""), "another is called `one` already"),
        (part("") + "[[part]]\nname = \"../x\"", "the name `../x`"),
        (
            part("") + "[[part]]\nname = \"comparison\"",
            "be none of comparison",
        ),
        (
            part("") + "[[part]]\nname = \"x\"\nstart = \"x\"",
            "name one of one",
        ),
    ] {
        let message = refused(&parts);
        assert!(message.contains(said), "`{said}` is not in: {message}");
    }
}

#[test]
fn what_is_compared_may_be_a_part() {
    let compare = r#"
[[part]]
name = "one"
[[compare.entry]]
name = "a"
part = "one"
[[compare.entry]]
name = "b"
baseline = "lead"
[[compare.judge]]
part = "one"
"#;
    let (dir, config) = load(compare);
    let compared = config.unwrap().compare().unwrap();
    let folder = dir.path().join("runs/all/one");
    assert_eq!(compared.entry[0].model.as_ref(), Some(&folder));
    assert_eq!(compared.judge[0].reward_model.as_ref(), Some(&folder));
    assert_eq!(compared.judge[0].title(), "one");
    for (old, new, said) in [
        (
            "part = \"one\"\n[[compare.entry]]",
            "part = \"two\"\n[[compare.entry]]",
            "no part is called `two`",
        ),
        (
            "baseline = \"lead\"",
            "baseline = \"lead\"\npart = \"one\"",
            "just one of model, part and baseline",
        ),
        (
            "judge]]\npart = \"one\"",
            "judge]]\npart = \"two\"",
            "no part is called `two`",
        ),
    ] {
        let (_dir, config) = load(&compare.replacen(old, new, 1));
        let message = format!("{:#}", config.unwrap().compare().unwrap_err());
        assert!(message.contains(said), "`{said}` is not in: {message}");
    }
}
