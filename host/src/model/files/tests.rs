//! What stands in the place of a model's files is told by name, with what to do about it.

#![allow(clippy::unwrap_used)]

use super::{read_folder, read_json, read_tensors};
use crate::model::fixtures::CPU;
use crate::model::open::open;
use crate::model::weights::write_tensors;
use crate::tokenizer::Tokenizer;
use serde_json::json;
use std::path::Path;
use tch::{Kind, Tensor};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

fn refused(dir: &Path) -> String {
    format!("{:#}", read_folder(dir).unwrap_err())
}

/// A folder with the files given.
fn with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn expect(message: &str, words: &[&str]) {
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    assert_eq!(message.matches("hint: ").count(), 1, "{message}");
    assert!(!message.starts_with(['\n', ':']), "{message}");
}

#[test]
fn what_stands_in_the_place_of_weights_is_told() {
    let single = "model.safetensors";
    for (bytes, words) in [
        (POINTER.as_bytes(), ["Git LFS pointer", "git lfs pull"]),
        (
            b"<!doctype html>\n<html><body>Sign in</body></html>",
            ["HTML page", "login"],
        ),
        (b"", ["empty", "write it again"]),
        (&[0; 4096], ["zero bytes", "fetch it again"]),
        (
            b"GGUF\x03\0\0\0",
            ["it is a GGUF file", "attune model import"],
        ),
        (
            b"PK\x03\x04\0\0\0\0archive/data.pkl",
            ["a file of PyTorch", "/pytorch_model.bin`"],
        ),
        (
            b"\x80\x02}q\0.",
            ["a pickle of Python", "/pytorch_model.bin`"],
        ),
        (b"torn", ["not a safetensors file", "text"]),
    ] {
        let dir = with(&[(single, bytes)]);
        expect(&refused(dir.path()), &[&words[..], &[single]].concat());
    }
}

#[test]
fn a_file_that_is_cut_short_says_by_how_much() {
    let dir = with(&[]);
    let path = dir.path().join("model.safetensors");
    let tensor = Tensor::ones([4, 4], (Kind::Float, CPU));
    write_tensors(&path, &[("a".to_owned(), tensor)]).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let header = whole.len() - 64;
    for (kept, says) in [
        (whole.len() - 1, format!("of {} bytes, 1 are", whole.len())),
        (header, format!("of {} bytes, 64 are", whole.len())),
        // How long the whole is stands in the header.
        (40, format!("bytes, and its header alone has {header}")),
    ] {
        std::fs::write(&path, &whole[..kept]).unwrap();
        let message = format!("{:#}", read_tensors(&path).unwrap_err());
        expect(&message, &["cut short", &format!("it has {kept} {says}")]);
    }
    std::fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    expect(
        &format!("{:#}", read_tensors(&path).unwrap_err()),
        &["its header speaks of"],
    );
}

#[test]
fn folders_without_weights_say_what_they_have() {
    for (file, words) in [
        (
            "pytorch_model.bin",
            ["pickles of Python", "save_pretrained"],
        ),
        (
            "pytorch_model.bin.index.json",
            ["pickles of Python", "save_pretrained"],
        ),
        (
            "consolidated.00.pth",
            ["as Meta hands them out", "convert_llama_weights_to_hf"],
        ),
        (
            "adapter_model.safetensors",
            ["adapter alone", "merge_and_unload"],
        ),
        ("adapter_config.json", ["adapter alone", "merge_and_unload"]),
        ("tiny-q8.gguf", ["GGUF", "attune model import"]),
        ("tf_model.h5", ["another framework", "look for"]),
        (
            "weights.safetensors",
            ["neither model.safetensors nor", "mv "],
        ),
        (
            "model.safetensors.part",
            ["`model.safetensors.part`", "do it again"],
        ),
        (
            "README.md",
            ["neither model.safetensors nor", "fetch the weights"],
        ),
    ] {
        let dir = with(&[
            ("config.json", b"{}"),
            ("value_head.safetensors", b"x"),
            (file, b"x"),
        ]);
        expect(&refused(dir.path()), &words);
    }
    let dir = with(&[("m.gguf", b"x")]);
    expect(
        &refused(&dir.path().join("m.gguf")),
        &["is a file", "attune model import"],
    );
    expect(
        &refused(&dir.path().join("nowhere")),
        &["no model folder", "nowhere"],
    );
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_are_told() {
    let target = "../../blobs/4d7a214614ab";
    let told = ["leads nowhere", "`../../blobs/4d7a214614ab`", "cp -rL"];
    let link = |dir: &Path, file: &str| {
        std::os::unix::fs::symlink(target, dir.join(file)).unwrap();
    };
    for file in ["model.safetensors", "model.safetensors.index.json"] {
        let dir = with(&[]);
        link(dir.path(), file);
        expect(&refused(dir.path()), &[&told[..], &[file]].concat());
    }
    let dir = with(&[("model-00001-of-00002.safetensors", b"x")]);
    let second = "model-00002-of-00002.safetensors";
    link(dir.path(), second);
    expect(&refused(dir.path()), &[&told[..], &[second]].concat());
    let dir = with(&[]);
    link(dir.path(), "config.json");
    let message = format!("{:#}", open(dir.path()).unwrap_err());
    expect(&message, &[&told[..], &["config.json"]].concat());
}

#[test]
fn all_parts_of_weights_must_be_there() {
    let dir = with(&[]);
    let one = |name: &str| {
        let tensor = Tensor::ones([1], (Kind::Float, CPU));
        write_tensors(&dir.path().join(name), &[(name.to_owned(), tensor)]).unwrap();
    };
    let names = [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
    ];
    one(names[1]);
    // Without an index, the names say how many there are.
    expect(
        &refused(dir.path()),
        &["lacks 2 of the 3", names[0], names[2], "fetch them too"],
    );
    let map = json!({"weight_map": {"a": names[0], "b": names[1], "c": names[2]}});
    let index = dir.path().join("model.safetensors.index.json");
    std::fs::write(&index, map.to_string()).unwrap();
    expect(
        &refused(dir.path()),
        &["lacks 2 of the 3", names[0], names[2], "fetch them too"],
    );
    one(names[0]);
    std::fs::write(dir.path().join(names[2]), POINTER).unwrap();
    expect(&refused(dir.path()), &[names[2], "Git LFS pointer"]);
    one(names[2]);
    assert_eq!(read_folder(dir.path()).unwrap().len(), 3);
    std::fs::remove_file(&index).unwrap();
    assert_eq!(read_folder(dir.path()).unwrap().len(), 3);
    for (text, words) in [
        ("{}", "no `weight_map`"),
        (r#"{"weight_map": {}}"#, "names no file"),
        (
            r#"{"weight_map": {"a": "../secret"}}"#,
            "no file of the folder",
        ),
        (r#"{"weight_map": {"a": 3}}"#, "no file of the folder"),
        (POINTER, "Git LFS pointer"),
    ] {
        std::fs::write(&index, text).unwrap();
        expect(&refused(dir.path()), &[words, "index.json"]);
    }
}

#[test]
fn small_files_of_a_folder_are_told_too() {
    let config =
        br#"{"model_type": "gpt2", "vocab_size": 256, "n_embd": 8, "n_head": 2, "n_layer": 1}"#;
    let dir = with(&[("config.json", &[&b"\xef\xbb\xbf"[..], config].concat())]);
    let refused = || format!("{:#}", open(dir.path()).unwrap_err());
    expect(&refused(), &["has no tokenizer.json"]);
    std::fs::write(dir.path().join("vocab.json"), "{}").unwrap();
    expect(
        &refused(),
        &[
            "has no tokenizer.json",
            "older `vocab.json`",
            "AutoTokenizer",
        ],
    );
    Tokenizer::bytes().save(dir.path()).unwrap();
    // A byte order mark before config.json is passed over.
    assert_eq!(open(dir.path()).unwrap().0.vocab_size, 256);
    for (bytes, words) in [
        (POINTER.as_bytes(), "Git LFS pointer"),
        (b"<html>", "HTML page"),
        (b"", "empty"),
        (b"{}", "not a valid tokenizer.json"),
        (b"[1]", "is a JSON array"),
        (b"PK\x03\x04\0\0", "is a ZIP file"),
    ] {
        std::fs::write(dir.path().join("tokenizer.json"), bytes).unwrap();
        expect(&refused(), &[words, "tokenizer.json"]);
    }
    Tokenizer::bytes().save(dir.path()).unwrap();
    for (text, words) in [
        ("", "empty"),
        (POINTER, "Git LFS pointer"),
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("{}", "no `model_type`"),
        (r#"{"model_type": null}"#, "no `model_type`"),
        (
            r#"{"model_type": "gpt2", "vocab_size": null}"#,
            "`n_embd` is missing",
        ),
        (
            r#"{"model_type": "gpt2", "n_embd": 8, "n_head": 3}"#,
            "does not divide",
        ),
        (
            r#"{"model_type": "gpt2", "vocab_size": 255, "n_embd": 8, "n_head": 2, "n_layer": 1}"#,
            "id 255",
        ),
    ] {
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        expect(&refused(), &[words]);
    }
    std::fs::remove_file(dir.path().join("config.json")).unwrap();
    std::fs::write(dir.path().join("adapter_config.json"), "{}").unwrap();
    expect(&refused(), &["has no config.json", "adapter alone"]);
    assert!(read_json(&dir.path().join("nowhere.json")).is_err());
}
