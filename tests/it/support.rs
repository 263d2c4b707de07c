//! Running the binary in a fresh folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A tiny Llama over bytes.
pub(crate) const TINY_LLAMA: &str = r#"{
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 256,
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true
}"#;

/// The binary, about to run with `arguments`.
pub(crate) fn attune(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command.args(arguments);
    command
}

/// Runs it and returns its standard output; panics with its errors when it fails.
pub(crate) fn succeed(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = attune(arguments).output().unwrap();
    assert!(
        status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

/// Runs it and returns what it says on standard error; panics when it does not fail.
pub(crate) fn fail(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = attune(arguments).output().unwrap();
    assert!(!status.success(), "{arguments:?} should have failed");
    String::from_utf8(stderr).unwrap()
}

/// A model folder with random weights.
pub(crate) fn tiny_model(folder: &Path) -> PathBuf {
    let config = folder.join("tiny.json");
    std::fs::write(&config, TINY_LLAMA).unwrap();
    let model = folder.join("model");
    succeed(&[
        "model",
        "random",
        config.to_str().unwrap(),
        model.to_str().unwrap(),
    ]);
    model
}
