//! Weights in several files are found by their names, whoever wrote them.

#![allow(clippy::unwrap_used)]

use super::numbered;
use std::path::Path;

fn parts(names: &[&str]) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    numbered(Path::new("folder"), &names)
}

#[test]
fn names_may_begin_with_anything_and_numbers_have_any_width() {
    for (names, all) in [
        (
            &["model-00002-of-00002.safetensors"][..],
            &[
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
            ][..],
        ),
        (
            &["pytorch_model-00001-of-00002.safetensors"],
            &[
                "pytorch_model-00001-of-00002.safetensors",
                "pytorch_model-00002-of-00002.safetensors",
            ],
        ),
        (
            &[
                "model-00001-of-000002.safetensors",
                "model-00002-of-000002.safetensors",
            ],
            &[
                "model-00001-of-000002.safetensors",
                "model-00002-of-000002.safetensors",
            ],
        ),
        (
            &["model-2-of-2.safetensors", "readme.md"],
            &["model-1-of-2.safetensors", "model-2-of-2.safetensors"],
        ),
        // Counted from 0.
        (
            &["my-model-00000-of-00002.safetensors"],
            &[
                "my-model-00000-of-00002.safetensors",
                "my-model-00001-of-00002.safetensors",
            ],
        ),
        // The usual name goes before others.
        (
            &[
                "consolidated-00001-of-00002.safetensors",
                "model-00001-of-00001.safetensors",
            ],
            &["model-00001-of-00001.safetensors"],
        ),
    ] {
        assert_eq!(parts(names).unwrap(), all);
    }
}

#[test]
fn other_names_are_of_no_parts() {
    let names = [
        "model.safetensors",
        "adapter_model-00001-of-00002.safetensors",
        "model-00001-of-00000.safetensors",
        "model-00003-of-00002.safetensors",
        "model-+1-of-2.safetensors",
        "model-00001-of-00002.bin",
        "model-one-of-two.safetensors",
    ];
    assert!(parts(&names).unwrap().is_empty());
}

#[test]
fn parts_of_two_wholes_are_refused() {
    for names in [
        [
            "a-00001-of-00002.safetensors",
            "b-00001-of-00002.safetensors",
        ],
        [
            "model-00001-of-00002.safetensors",
            "model-00001-of-00003.safetensors",
        ],
    ] {
        let message = parts(&names).unwrap_err().to_string();
        assert!(
            names.iter().all(|name| message.contains(name)) && message.contains("\nhint: "),
            "{message}"
        );
    }
}
