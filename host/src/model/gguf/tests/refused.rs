//! Files of the format that hold something else than a whole model say what, and what to do.

use super::{failure, import, key, text, tiny_llama};

/// The tiny model with more metadata, `count` keys in `keys`.
fn with_keys(mut keys: Vec<u8>, count: u64) -> Vec<u8> {
    let mut bytes = tiny_llama("gpt-2");
    // Weights begin at a multiple of 32.
    key(&mut keys, "filler", 8);
    let filler = (keys.len() + 8).next_multiple_of(32) - keys.len() - 8;
    text(&mut keys, &" ".repeat(filler));
    bytes[16..24].copy_from_slice(&(14 + count + 1).to_le_bytes());
    bytes.splice(24..24, keys);
    bytes
}

fn replaced(from: &str, to: &str) -> Vec<u8> {
    let mut bytes = tiny_llama("gpt-2");
    let mut windows = bytes.windows(from.len());
    let at = windows.position(|part| part == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

fn expect(message: &str, words: &[&str]) {
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    assert_eq!(message.matches("hint: ").count(), 1, "{message}");
}

#[test]
fn parts_of_a_split_model_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("{:#}", import(&path, &dir.path().join("out")).unwrap_err())
    };
    // By what the file says of itself, whatever its name.
    let mut keys = Vec::new();
    for (name, value) in [("split.no", 1u16), ("split.count", 3)] {
        key(&mut keys, name, 2);
        keys.extend(value.to_le_bytes());
    }
    let bytes = with_keys(keys, 2);
    expect(
        &refused("tiny-00002-of-00003.gguf", &bytes),
        &[
            "part 2 of 3",
            "hint: join",
            "--merge tiny-00001-of-00003.gguf",
        ],
    );
    // The tool would not find the others of a part with another name.
    for name in ["model.gguf", "tiny-00001-of-00003.gguf"] {
        expect(
            &refused(name, &bytes),
            &[
                "part 2 of 3",
                "hint: give the parts the names back",
                "`NAME-00002-of-00003.gguf`",
                "--merge NAME-00001-of-00003.gguf",
            ],
        );
    }
    // By its name alone.
    expect(
        &refused("tiny-00002-of-00003.gguf", &tiny_llama("gpt-2")),
        &["part 2 of 3", "--merge tiny-00001-of-00003.gguf"],
    );
    // One of one is whole.
    let whole = dir.path().join("tiny-00001-of-00001.gguf");
    std::fs::write(&whole, tiny_llama("gpt-2")).unwrap();
    import(&whole, &dir.path().join("whole")).unwrap();
}

#[test]
fn what_is_no_model_is_told() {
    let of_type = |kind: &str| {
        let mut keys = Vec::new();
        key(&mut keys, "general.type", 8);
        text(&mut keys, kind);
        with_keys(keys, 1)
    };
    expect(
        &failure(&of_type("adapter")),
        &["an adapter alone", "hint: merge it", "llama-export-lora"],
    );
    expect(&failure(&of_type("mmproj")), &["`mmproj`"]);
    let lora = replaced("blk.0.ffn_down.weight", "blk.0.ffn_down.lora_a");
    expect(&failure(&lora), &["an adapter alone"]);
    expect(
        &failure(&replaced("general.architecture", "general.architecturs")),
        &["general.architecture is missing"],
    );
    for name in ["token_embd.weight", "blk.0.attn_q.weight"] {
        let other = name.replace("weight", "weighs");
        expect(
            &failure(&replaced(name, &other)),
            &[&format!("tensor {name} is missing"), "no whole model"],
        );
    }
}

#[test]
fn versions_that_are_not_read_are_told() {
    for (version, words) in [
        (
            [1, 0, 0, 0],
            ["GGUF version 1; versions 2 and 3 are read", "older than"],
        ),
        ([99, 0, 0, 0], ["GGUF version 99", "as safetensors"]),
        (
            [0, 0, 0, 3],
            [
                "GGUF version 3 for big-endian machines",
                "gguf-convert-endian",
            ],
        ),
    ] {
        expect(&failure(&[&b"GGUF"[..], &version].concat()), &words);
    }
}
