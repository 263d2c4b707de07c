//! Models through the binary: made, sampled from, refused.

use crate::support::{fail, succeed, tiny_model};

#[test]
fn same_seed_same_text() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny_model(folder.path());
    let sample = |seed: &str| {
        let arguments = [
            "sample",
            model.to_str().unwrap(),
            "--prompt",
            "ab",
            "--seed",
            seed,
            "--device",
            "cpu",
        ];
        succeed(&arguments)
    };
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    assert!(sample("1").starts_with("ab"));
}

#[test]
fn what_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny_model(folder.path());
    let model = model.to_str().unwrap();
    let here = folder.path().to_str().unwrap();
    assert!(fail(&["sample", here, "--prompt", "a"]).contains("neither a model folder"));
    assert!(fail(&["sample", model, "--prompt", ""]).contains("prompt 1 is empty"));
    assert!(fail(&["sample", model, "--prompt", "a", "--temperature", "-1"]).contains("-1"));
    assert!(fail(&["sample", model, "--prompt", "a", "--device", "tpu"]).contains("`tpu`"));
    let long = ["sample", model, "--prompt", "a", "--tokens", "128"];
    assert!(fail(&long).contains("129 tokens, more than the model's 128 positions"));
    let config = folder.path().join("tiny.json");
    assert!(
        fail(&["model", "random", config.to_str().unwrap(), model])
            .contains("holds a model already")
    );
    std::fs::write(&config, r#"{"model_type": "mamba"}"#).unwrap();
    let other = folder.path().join("other");
    let message = fail(&[
        "model",
        "random",
        config.to_str().unwrap(),
        other.to_str().unwrap(),
    ]);
    assert!(
        message.contains("mamba") && message.contains("llama"),
        "{message}"
    );
    std::fs::write(folder.path().join("model/model.safetensors"), b"torn").unwrap();
    assert!(fail(&["model", "inspect", model]).contains("model.safetensors"));
}
