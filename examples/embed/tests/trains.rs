//! The program trains a tiny model by the scores of its own labeler.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const MODEL: &str = r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"],
    "vocab_size": 256, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
    "hidden_act": "silu", "tie_word_embeddings": true}"#;

const CONFIG: &str = r#"
[run]
dir = "run"
device = "cpu"
threads = 1
[model]
path = "model"
[data]
train = "data.txt"
[task]
plugin = "continuation"
[task.settings]
query_len = 8
response_len = 8
truncate_after = 0
start_text = ""
end_text = ""
truncate_token = ""
[ppo]
total_episodes = 48
batch_size = 8
epochs = 1
minibatches = 1
lr = 1e-3
[eval]
queries = 4
"#;

fn run(command: &mut Command) {
    let output = command.output().expect("the program is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn it_judges_watches_and_trains() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let program = Path::new(env!("CARGO_BIN_EXE_embed"));
    std::fs::write(at("model.json"), MODEL).unwrap();
    // `cargo xtask setup` has built it; beside it lie the plugins that ship.
    let attune = program.with_file_name("attune");
    run(Command::new(attune)
        .args(["model", "random"])
        .args([at("model.json"), at("model")]));
    let rows: String = (0..40)
        .map(|row| format!("row {row} says nothing at all\n"))
        .collect();
    std::fs::write(at("data.txt"), rows).unwrap();
    std::fs::write(at("config.toml"), CONFIG).unwrap();
    run(Command::new(program)
        .arg(at("config.toml"))
        .arg("ppo.epochs=2"));

    let scores = std::fs::read_to_string(at("run/scores.txt")).unwrap();
    let scores: Vec<f64> = serde_json::from_str(&scores).unwrap();
    assert_eq!(scores.len(), 6);
    assert!(scores.iter().all(|score| *score < 0.0), "{scores:?}");
    let kept = std::fs::read_to_string(at("run/config.toml")).unwrap();
    assert!(
        kept.contains("plugin = \"short-words\"") && kept.contains("epochs = 2"),
        "{kept}"
    );
    let manifest = std::fs::read(at("run/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["plugins"][1]["name"], "short-words");
    assert!(at("run/policy/model.safetensors").is_file());
}
