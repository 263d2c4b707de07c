//! What cannot work is refused before any training: the message names the thing, its value, the
//! bound and what to do, and nothing is left behind that would be in the way of a proper run.

use std::path::PathBuf;

use crate::support::{Lab, attune, failure};

/// Training is refused with a message that has all of `parts`, and leaves no run directory.
fn refuse(lab: &Lab, extra: &[&str], parts: &[&str]) {
    let message = lab.refused("run", extra);
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(
        !lab.path("run").exists(),
        "a run directory was made in spite of: {message}"
    );
}

/// The same after one `--set`.
fn refuse_set(lab: &Lab, one: &str, parts: &[&str]) {
    refuse(lab, &["--set", one], parts);
}

/// The same with another file in place of one, which is put back.
fn refuse_with(lab: &Lab, file: &str, content: Option<&[u8]>, parts: &[&str]) {
    let before = std::fs::read(lab.path(file)).unwrap();
    match content {
        Some(content) => lab.write(file, content),
        None => std::fs::remove_file(lab.path(file)).unwrap(),
    }
    refuse(lab, &[], parts);
    lab.write(file, before);
}

/// The same with a part of the config changed, which is changed back.
fn refuse_edited(lab: &Lab, from: &str, to: &str, parts: &[&str]) {
    let before = std::fs::read(lab.path("config.toml")).unwrap();
    lab.edit(from, to);
    refuse(lab, &[], parts);
    lab.write("config.toml", before);
}

#[test]
fn typos_and_wrong_types_in_a_config() {
    let lab = Lab::new();
    refuse_edited(
        &lab,
        "batch_size = 8",
        "batchsize = 8",
        &[
            "config.toml",
            "`batchsize`",
            "hint: did you mean `batch_size`?",
        ],
    );
    refuse_edited(
        &lab,
        "[eval]",
        "[evil]",
        &["`evil`", "hint: did you mean `eval`?"],
    );
    refuse_edited(
        &lab,
        "batch_size = 8",
        "batch_size = \"8\"",
        &[
            "batch_size = \"8\"",
            "expected u64",
            "hint: write a whole number",
        ],
    );
    refuse_edited(
        &lab,
        "lr = 1e-3",
        "lr = -1e-3",
        &["[ppo] lr -0.001", "from 0 to 1"],
    );
    refuse_edited(&lab, "batch_size = 8", "batch_size = -8", &["-8"]);
    refuse_edited(
        &lab,
        "dir = \"run\"\n",
        "",
        &["missing field `dir`", "hint: add `dir"],
    );
    refuse_edited(&lab, "[ppo]", "[ppo", &["config.toml"]);
    refuse_edited(
        &lab,
        "[labeler]\nplugin = \"letters\"\n",
        "",
        &["no reward", "hint: add `[labeler]`"],
    );
    lab.train("run", &[]);
}

#[test]
fn overrides_and_values_out_of_their_bounds() {
    let lab = Lab::new();
    refuse_set(
        &lab,
        "ppo.batchsize=3",
        &["`batchsize`", "did you mean `batch_size`?"],
    );
    refuse_set(
        &lab,
        "ppo.batch_size=many",
        &["many", "hint: write a whole number"],
    );
    refuse_set(&lab, "ppo.gamma", &["`--set ppo.gamma` has no `=`"]);
    refuse_set(&lab, "ppo.gamma=1.5", &["gamma 1.5", "0..1"]);
    refuse_set(&lab, "ppo.epochs=0", &["epochs is 0", "at least 1"]);
    refuse_set(&lab, "eval.queries=0", &["[eval] queries is 0"]);
    refuse_set(&lab, "run.dtype=f16", &["`f16`", "f32 or bf16"]);
    refuse_set(&lab, "run.device=tpu", &["`tpu`", "cpu"]);
    refuse_set(&lab, "kl.horizon=0.0", &["horizon 0", "from 1"]);
    refuse_set(
        &lab,
        "sampling.temperature=0.0",
        &["temperature 0", "above 0"],
    );
    refuse_set(&lab, "plugins.on_error=ignore", &["ignore", "neutral"]);
    refuse_set(&lab, "plugins.deadline_ms=1", &["deadline_ms 1", "50"]);
    for (set, part) in [
        (
            "deadline_ms=9223372036854775807",
            "must be at most 86400000",
        ),
        ("memory_mib=9223372036854775807", "must be at most 4096"),
        ("calls_per_instance=0", "must be at least 1"),
    ] {
        refuse_set(&lab, &format!("plugins.{set}"), &["[plugins]", part]);
    }
    let message = failure(&mut crate::support::attune(&[
        "plan",
        "/nowhere/at-all.toml",
    ]));
    assert!(message.contains("/nowhere/at-all.toml"), "{message}");
    lab.train("run", &[]);
}

#[test]
fn plan_says_the_same() {
    let lab = Lab::new();
    for one in [
        "ppo.batch_size=9",
        "ppo.batch_size=38",
        "labeler.plugin=leters",
        "model.path=nowhere",
    ] {
        let set = ["--set", one];
        let planned = failure(&mut lab.command(&["plan"], "run", &set));
        assert_eq!(planned, lab.refused("run", &set));
    }
}

#[test]
fn batches_that_cannot_be() {
    let lab = Lab::new();
    refuse_set(&lab, "ppo.batch_size=0", &["batch_size is 0"]);
    refuse_set(&lab, "ppo.minibatches=0", &["minibatches is 0"]);
    refuse_set(
        &lab,
        "ppo.batch_size=9",
        &["batch_size 9", "minibatches 2", "hint: use 8 or 10"],
    );
    refuse_set(
        &lab,
        "ppo.minibatches=8",
        &["batch_size 8", "1 episode", "16"],
    );
    refuse_set(
        &lab,
        "ppo.batch_size=38",
        &[
            "batch_size 38",
            "36 queries",
            "data.txt",
            "hint: lower ppo.batch_size",
        ],
    );
    refuse_set(
        &lab,
        "eval.queries=40",
        &["40 queries", "hint: lower eval.queries"],
    );
    refuse_set(
        &lab,
        "model.trainable_layers=3",
        &["trainable_layers", "3", "2"],
    );
    refuse_set(&lab, "model.trainable_layers=0", &["trainable_layers 0"]);
    // 128 positions.
    refuse_set(
        &lab,
        "task.settings.response_len=121",
        &["context 8", "response 121", "129 tokens", "128 positions"],
    );
    lab.train("run", &["--set", "task.settings.response_len=120"]);
}

#[test]
fn data_that_is_not_there_or_is_none() {
    let lab = Lab::new();
    refuse_with(&lab, "data.txt", None, &["cannot read rows", "data.txt"]);
    refuse_with(
        &lab,
        "data.txt",
        Some(b"\n \n"),
        &["data.txt", "it is empty"],
    );
    refuse_with(&lab, "data.txt", Some(b"\xff\xfe"), &["data.txt", "UTF-8"]);
    lab.write("rows.jsonl", "{\"text\": \"one row\"}\n{\"text\": \n");
    let rows = format!("data.train={}", lab.path("rows.jsonl").display());
    refuse_set(&lab, &rows, &["rows.jsonl", "line 2", "not JSON"]);
    lab.write(
        "rows.jsonl",
        "{\"text\": \"one row\"}\n{\"txt\": \"another\"}\n",
    );
    refuse_set(
        &lab,
        &rows,
        &["rows.jsonl` line 2", "\"text\"", "continuation"],
    );
    let nowhere = format!("data.held_out={}", lab.path("nowhere.txt").display());
    refuse_set(&lab, &nowhere, &["cannot read rows", "nowhere.txt"]);
    lab.write("few.txt", "a few words\n");
    let few = format!("data.held_out={}", lab.path("few.txt").display());
    refuse_set(&lab, &few, &["few.txt", "1 queries", "queries 4"]);
    refuse_set(
        &lab,
        "task.settings.min_query_tokens=9",
        &[
            "none of 40 rows",
            "continuation",
            "40 do not apply: 40 x fewer than min_query_tokens 9 tokens",
        ],
    );
    lab.train("run", &[]);
}

#[test]
fn models_that_are_not_whole() {
    let lab = Lab::new();
    let config = std::fs::read_to_string(lab.path("model/config.json")).unwrap();
    let weights = std::fs::read(lab.path("model/model.safetensors")).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        refuse_with(&lab, &format!("model/{file}"), None, &["model", file]);
    }
    let half = &weights[..weights.len() / 2];
    let file = "model/model.safetensors";
    refuse_with(&lab, file, Some(half), &["model.safetensors"]);
    refuse_with(&lab, file, Some(b""), &["model.safetensors"]);
    let file = "model/config.json";
    let other = |from: &str, to: &str| {
        let value: serde_json::Value = serde_json::from_str(&config).unwrap();
        let text = value.to_string();
        assert!(text.contains(from), "{from} in {text}");
        text.replace(from, to).into_bytes()
    };
    let mamba = other("\"model_type\":\"llama\"", "\"model_type\":\"mamba\"");
    refuse_with(
        &lab,
        file,
        Some(&mamba),
        &["`mamba`", "gpt2, llama and qwen2"],
    );
    let wide = other("\"intermediate_size\":48", "\"intermediate_size\":52");
    refuse_with(&lab, file, Some(&wide), &["[48, 32]", "[52, 32]"]);
    let deep = other("\"num_hidden_layers\":2", "\"num_hidden_layers\":3");
    refuse_with(
        &lab,
        file,
        Some(&deep),
        &["missing tensors `model.layers.2."],
    );
    let heads = other("\"num_key_value_heads\":2", "\"num_key_value_heads\":3");
    refuse_with(&lab, file, Some(&heads), &["3 key/value heads"]);
    let small = other("\"vocab_size\":256", "\"vocab_size\":200");
    refuse_with(&lab, file, Some(&small), &["id 255", "only 200"]);
    refuse_with(&lab, file, Some(b"{"), &["config.json", "not JSON"]);
    refuse_with(
        &lab,
        "model/tokenizer.json",
        Some(b"{}"),
        &["tokenizer.json"],
    );
    refuse_set(&lab, "model.path=nowhere", &["nowhere", "config.json"]);
    lab.train("run", &[]);
}

#[test]
fn a_run_writes_over_no_config_but_its_own() {
    let lab = Lab::new();
    let kept = std::fs::read(lab.path("config.toml")).unwrap();
    let mut train = attune(&["train", "policy", "config.toml", "--set", "run.dir="]);
    let message = failure(train.current_dir(lab.path(".")));
    for part in ["run.dir is empty", "hint: ", "variable of the shell"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let mut train = attune(&["train", "policy", "config.toml", "--set", "run.dir=."]);
    let message = failure(train.current_dir(lab.path(".")));
    for part in ["config.toml` is there already", "is no run's", "hint: "] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert_eq!(std::fs::read(lab.path("config.toml")).unwrap(), kept);
    let message = lab.refused("r", &["--set", "model.path="]);
    assert!(message.contains("model.path is empty"), "{message}");
}

#[test]
fn run_directories_that_do_not_fit() {
    let lab = Lab::new();
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains("no run directory"), "{message}");
    assert!(!lab.path("run").exists());
    lab.train("run", &[]);
    let metrics: PathBuf = lab.path("run/metrics.jsonl");
    let before = std::fs::read(&metrics).unwrap();
    let message = lab.refused("run", &[]);
    assert!(message.contains("holds a run already"), "{message}");
    let message = lab.refused("run", &["--resume", "--set", "ppo.lr=0.5"]);
    for part in ["another config", "`ppo.lr` was `0.001`", "now it is `0.5`"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    // Data or a model that are not what they were.
    for file in ["data.txt", "model/config.json"] {
        let whole = std::fs::read(lab.path(file)).unwrap();
        lab.write(file, [&whole[..], b"\n"].concat());
        let message = lab.refused("run", &["--resume"]);
        for part in [file, "has changed since the run began", "sha256"] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        lab.write(file, whole);
    }
    let other = std::fs::File::open(lab.path("run/lock")).unwrap();
    other.lock().unwrap();
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains("in use"), "{message}");
    drop(other);
    assert_eq!(std::fs::read(&metrics).unwrap(), before);
    // A file where a folder should be made.
    let message = lab.refused("data.txt", &[]);
    assert!(message.contains("data.txt"), "{message}");
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let lab = Lab::new();
    lab.train("run", &[]);
    std::fs::remove_dir_all(lab.path("run/policy")).unwrap();
    let state = "run/checkpoints/update-000006/state.json";
    let before = std::fs::read(lab.path(state)).unwrap();
    lab.write(state, &before[..before.len() / 2]);
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains("state.json"), "{message}");
    lab.write(state, before);
    let weights = "run/checkpoints/update-000006/weights.safetensors";
    lab.write(weights, b"torn");
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains("update-000006"), "{message}");
    std::fs::remove_file(lab.path(state)).unwrap();
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains("is damaged"), "{message}");
    // What is no checkpoint is none; the one before it is whole.
    std::fs::create_dir(lab.path("run/checkpoints/update-old")).unwrap();
    std::fs::remove_dir_all(lab.path("run/checkpoints/update-000006")).unwrap();
    lab.train("run", &["--resume"]);
}

#[test]
#[cfg(unix)]
fn files_that_take_more_than_there_is_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tiny.json");
    std::fs::write(&config, crate::support::TINY_LLAMA).unwrap();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\""]);
    limited.arg(env!("CARGO_BIN_EXE_attune"));
    limited.args(["model", "random"]);
    limited.arg(&config).arg(folder.path().join("model"));
    let message = failure(&mut limited);
    for part in ["model.safetensors`, which takes", "bytes", "`ulimit -f`"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(!folder.path().join("model/model.safetensors").exists());
}
