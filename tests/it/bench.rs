//! `attune bench`: what it prints, never how long it took.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::reward::comparisons;
use crate::support::{attune, failure, succeed, tiny_model};

const RECIPE: &str = r#"
[run]
dir = "run"
device = "cpu"
threads = 1
[model]
path = "model"
[data]
train = "rows.txt"
[task]
plugin = "continuation"
[task.settings]
query_len = 8
response_len = 8
truncate_after = 0
start_text = ""
end_text = ""
truncate_token = ""
[[shaper]]
plugin = "repetition"
[ppo]
batch_size = 4
epochs = 2
[eval]
queries = 1
"#;

fn recipe(folder: &Path) -> PathBuf {
    tiny_model(folder);
    let rows: String = (0..8).map(|row| format!("row {row} is long\n")).collect();
    std::fs::write(folder.join("rows.txt"), rows).unwrap();
    let file = folder.join("recipe.toml");
    std::fs::write(&file, RECIPE).unwrap();
    file
}

const REWARD: &str = r#"
[run]
dir = "run"
device = "cpu"
threads = 1
[model]
path = "model"
[reward]
train = ["labels.jsonl"]
trainable_layers = 1
batch_size = 8
lr = 1e-3
"#;

fn reward_recipe(folder: &Path) -> PathBuf {
    tiny_model(folder);
    // The last batch is smaller.
    std::fs::write(folder.join("labels.jsonl"), comparisons(12, 1)).unwrap();
    let file = folder.join("reward.toml");
    std::fs::write(&file, REWARD).unwrap();
    file
}

const SFT: &str = r#"
[run]
dir = "run"
device = "cpu"
threads = 1
[model]
path = "model"
[data]
train = "rows.jsonl"
[task]
plugin = "continuation"
[task.settings]
reference_field = "text"
query_len = 4
response_len = 40
start_text = ""
end_text = ""
truncate_token = ""
[sft]
validation = 0
batch_size = 8
lr = 1e-3
begin_text = ""
end_text = "."
[eval]
queries = 1
"#;

fn sft_recipe(folder: &Path) -> PathBuf {
    tiny_model(folder);
    // Of thirteen rows twelve are learned from; the last batch is smaller.
    let row = |row: usize| format!("{{\"text\": \"row {}\"}}\n", "ab ".repeat(row));
    let rows: String = (1..=13).map(row).collect();
    std::fs::write(folder.join("rows.jsonl"), rows).unwrap();
    let file = folder.join("sft.toml");
    std::fs::write(&file, SFT).unwrap();
    file
}

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What a server says that is asked for two rounds.
fn serve(arguments: &[&str]) -> Vec<Value> {
    let mut child = attune(arguments)
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"\n\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    objects(&String::from_utf8(output.stdout).unwrap())
}

fn assert_is_update(line: &Value) {
    let get = |key: &str| {
        line[key]
            .as_f64()
            .unwrap_or_else(|| panic!("{key}: {line}"))
    };
    // Plugins read while the models do: their seconds are no part of the sum.
    let models = get("generate") + get("analyze") + get("train");
    assert!(models > 0.0 && models <= get("total"), "{line}");
    assert!((0.0..1.0).contains(&get("plugin_share")), "{line}");
    assert!(get("score") > 0.0, "{line}");
}

#[test]
fn updates_are_timed_phase_by_phase_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = recipe(folder.path());
    let file = file.to_str().unwrap();
    let lines = objects(&succeed(&["bench", file, "--rounds", "2"]));
    assert_eq!(lines.len(), 2);
    lines.iter().for_each(assert_is_update);
    assert!(!folder.path().join("run").exists());
    let floor = &objects(&succeed(&["bench", file, "--floor"]))[0];
    assert!(floor["operations"]["train"].as_f64() > floor["operations"]["generate"].as_f64());
    assert!(floor["rate"].as_f64() > Some(0.0));
}

#[test]
fn a_server_makes_an_update_for_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = recipe(folder.path());
    let file = file.to_str().unwrap();
    let lines = serve(&["bench", file, "--set", "model.trainable_layers=1"]);
    assert_eq!(lines[0]["threads"], 1);
    assert_eq!(lines.len(), 3);
    lines[1..].iter().for_each(assert_is_update);
}

#[test]
fn steps_of_a_reward_model_are_timed_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = reward_recipe(folder.path());
    let file = file.to_str().unwrap();
    // More than there are in an epoch: it begins again.
    let lines = objects(&succeed(&["bench", file, "--reward", "--rounds", "5"]));
    assert_eq!(lines.len(), 5);
    for line in &lines {
        assert!(line["total"].as_f64() > Some(0.0), "{line}");
        assert!(line["loss"].as_f64() > Some(0.0), "{line}");
    }
    // The same examples again, of which something was learned.
    assert_ne!(lines[0]["loss"], lines[2]["loss"]);
    assert!(!folder.path().join("run").exists());
    let output = serve(&["bench", file, "--reward"]);
    assert_eq!(output.len(), 3);
    assert_eq!(output[0]["threads"], 1);
    assert_eq!(output[1]["loss"], lines[0]["loss"]);
    // An update needs what is not there.
    failure(&mut attune(&["bench", file]));
}

#[test]
fn steps_of_fine_tuning_are_timed_and_their_batches_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = sft_recipe(folder.path());
    let file = file.to_str().unwrap();
    // More than there are in an epoch: it begins again.
    let lines = objects(&succeed(&["bench", file, "--sft", "--rounds", "3"]));
    let batches = ["bench", file, "--sft", "--batches", "--rounds", "3"];
    let batches = objects(&succeed(&batches));
    assert_eq!((lines.len(), batches.len()), (3, 3));
    for ((line, batch), pairs) in lines.iter().zip(&batches).zip([8, 4, 8]) {
        assert!(line["total"].as_f64() > Some(0.0), "{line}");
        let told = batch["pairs"].as_array().unwrap();
        assert_eq!(told.len(), pairs);
        let len = |side: usize| {
            let lens = told.iter().map(|pair| pair[side].as_array().unwrap().len());
            lens.sum::<usize>()
        };
        // What is asked before the last token of each is all that is read.
        assert_eq!(line["tokens"], len(0) + len(1) - pairs, "{line}");
        assert_eq!(line["response_tokens"], len(1), "{line}");
        assert!(
            line["padded_tokens"].as_u64() >= line["tokens"].as_u64(),
            "{line}"
        );
        assert!(batch["lr"].as_f64() > Some(0.0), "{batch}");
    }
    assert_eq!(batches[0], batches[2]);
    // The same pairs again, of which something was learned.
    assert!(lines[2]["loss"].as_f64() < lines[0]["loss"].as_f64());
    assert!(!folder.path().join("run").exists());
    let output = serve(&["bench", file, "--sft"]);
    assert_eq!(output.len(), 3);
    assert_eq!(output[1]["loss"], lines[0]["loss"]);
    // Steps need what is not there.
    let other = tempfile::tempdir().unwrap();
    let update = recipe(other.path());
    let said = failure(&mut attune(&["bench", update.to_str().unwrap(), "--sft"]));
    assert!(said.contains("[sft]"), "{said}");
}
