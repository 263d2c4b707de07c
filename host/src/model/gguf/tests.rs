//! Tests of the import: block formats against one-value-at-a-time references, a small model whose
//! every weight is known, and damaged files.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use half::f16;
use proptest::prelude::*;

use super::dequant::{Kind, dequantize};
use super::{StoredAs, import, import_as};
use crate::tokenizer::{Tokenizer, byte_char};

mod refused;

const KINDS: [Kind; 11] = [
    Kind::F32,
    Kind::F16,
    Kind::BF16,
    Kind::Q4_0,
    Kind::Q4_1,
    Kind::Q5_0,
    Kind::Q5_1,
    Kind::Q8_0,
    Kind::Q4_K,
    Kind::Q5_K,
    Kind::Q6_K,
];

/// Value `i` of one block, straight from the format's description, in f64.
fn reference(kind: Kind, b: &[u8], i: usize) -> f64 {
    let half = |at: usize| f64::from(f16::from_le_bytes([b[at], b[at + 1]]).to_f32());
    // The 6-bit scales: (index, offset of the plain part, shift of the low part in bytes 8..12).
    let six = |g: usize, plain: usize, shift: u32| match g {
        0..=3 => f64::from(b[4 + plain + g] % 64),
        _ => f64::from((b[4 + 8 + g - 4] >> shift) % 16 + b[4 + plain + g - 4] / 64 * 16),
    };
    let nibble = |at: usize| {
        f64::from(if i < 16 {
            b[at + i] % 16
        } else {
            b[at + i - 16] / 16
        })
    };
    let fifth = |at: usize| f64::from((b[at + i / 8] >> (i % 8)) % 2) * 16.0;
    let k = |at: usize| {
        let byte = b[at + i / 64 * 32 + i % 32];
        f64::from(if (i / 32).is_multiple_of(2) {
            byte % 16
        } else {
            byte / 16
        })
    };
    match kind {
        Kind::F32 => f64::from(f32::from_le_bytes(b.try_into().unwrap())),
        Kind::F16 => half(0),
        Kind::BF16 => f64::from(f32::from_le_bytes([0, 0, b[0], b[1]])),
        Kind::Q4_0 => half(0) * (nibble(2) - 8.0),
        Kind::Q4_1 => half(0) * nibble(4) + half(2),
        Kind::Q5_0 => half(0) * (nibble(6) + fifth(2) - 16.0),
        Kind::Q5_1 => half(0) * (nibble(8) + fifth(4)) + half(2),
        Kind::Q8_0 => half(0) * f64::from(b[2 + i] as i8),
        Kind::Q4_K => half(0) * six(i / 32, 0, 0) * k(16) - half(2) * six(i / 32, 4, 4),
        Kind::Q5_K => {
            let high = f64::from((b[16 + i % 32] >> (i / 32)) % 2) * 16.0;
            half(0) * six(i / 32, 0, 0) * (k(48) + high) - half(2) * six(i / 32, 4, 4)
        }
        Kind::Q6_K => {
            let byte = b[i / 128 * 64 + i % 64];
            let low = if (i / 64).is_multiple_of(2) {
                byte % 16
            } else {
                byte / 16
            };
            let high = (b[128 + i / 128 * 32 + i % 32] >> (2 * (i / 32 % 4))) % 4;
            half(208)
                * f64::from(b[192 + i / 16] as i8)
                * (f64::from(low) + f64::from(high) * 16.0 - 32.0)
        }
    }
}

/// Where the 16-bit scales of a block lie.
fn scales(kind: Kind) -> &'static [usize] {
    match kind {
        Kind::F32 => &[],
        Kind::F16 | Kind::BF16 | Kind::Q4_0 | Kind::Q5_0 | Kind::Q8_0 => &[0],
        Kind::Q6_K => &[208],
        _ => &[0, 2],
    }
}

proptest! {
    #[test]
    fn every_block_format_matches_its_reference(
        mut bytes in prop::collection::vec(any::<u8>(), 210),
        scale in -2.0f32..2.0,
    ) {
        for kind in KINDS {
            let (values, size) = kind.block();
            for &at in scales(kind) {
                bytes[at..at + 2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
            }
            if kind == Kind::F32 {
                bytes[..4].copy_from_slice(&scale.to_le_bytes());
            }
            let mut out = Vec::new();
            dequantize(kind, &bytes[..size], &mut out);
            prop_assert_eq!(out.len(), values);
            for (i, &value) in out.iter().enumerate() {
                let expected = reference(kind, &bytes[..size], i);
                let bound = 1e-6 * (1.0 + f64::from(scale).abs() * 64.0 * 64.0);
                prop_assert!((f64::from(value) - expected).abs() <= bound, "{kind:?} {i}: {value} {expected}");
            }
        }
    }

    #[test]
    fn damaged_files_never_panic(at in 0usize..6000, byte in any::<u8>(), cut in 0usize..40000) {
        let dir = tempfile::tempdir().unwrap();
        let mut file = tiny_llama("gpt-2");
        let len = file.len();
        file[at % len] = byte;
        file.truncate(cut.min(len));
        let path = dir.path().join("x.gguf");
        std::fs::write(&path, file).unwrap();
        let _may_fail = import(&path, &dir.path().join("out"));
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn key(out: &mut Vec<u8>, name: &str, kind: u32) {
    text(out, name);
    out.extend(kind.to_le_bytes());
}

fn texts(out: &mut Vec<u8>, name: &str, values: &[String]) {
    key(out, name, 9);
    out.extend(8u32.to_le_bytes());
    out.extend((values.len() as u64).to_le_bytes());
    for value in values {
        text(out, value);
    }
}

/// One block, width 8, two heads of 4 (one key-value head), 258 tokens, every weight an integer.
fn tiny_llama(pre: &str) -> Vec<u8> {
    let mut tokens: Vec<String> = (0..=255u8).map(|b| byte_char(b).to_string()).collect();
    tokens.extend(["th".to_owned(), "<end>".to_owned()]);
    let (width, vocab, inner) = (8u64, 258u64, 12u64);
    let tensors: [(&str, Vec<u64>); 11] = [
        ("token_embd.weight", vec![width, vocab]),
        ("blk.0.attn_norm.weight", vec![width]),
        ("blk.0.attn_q.weight", vec![width, width]),
        ("blk.0.attn_k.weight", vec![width, width / 2]),
        ("blk.0.attn_v.weight", vec![width, width / 2]),
        ("blk.0.attn_output.weight", vec![width, width]),
        ("blk.0.ffn_norm.weight", vec![width]),
        ("blk.0.ffn_gate.weight", vec![width, inner]),
        ("blk.0.ffn_up.weight", vec![width, inner]),
        ("blk.0.ffn_down.weight", vec![inner, width]),
        ("output_norm.weight", vec![width]),
    ];
    let mut out = b"GGUF\x03\0\0\0".to_vec();
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend(14u64.to_le_bytes());
    for (name, value) in [
        ("general.architecture", "llama"),
        ("tokenizer.ggml.model", "gpt2"),
        ("tokenizer.ggml.pre", pre),
    ] {
        key(&mut out, name, 8);
        text(&mut out, value);
    }
    for (name, value) in [
        ("llama.block_count", 1u32),
        ("llama.embedding_length", 8),
        ("llama.attention.head_count", 2),
        ("llama.attention.head_count_kv", 1),
        ("llama.context_length", 64),
        ("llama.feed_forward_length", 12),
        ("tokenizer.ggml.eos_token_id", 257),
    ] {
        key(&mut out, name, 4);
        out.extend(value.to_le_bytes());
    }
    key(&mut out, "llama.attention.layer_norm_rms_epsilon", 6);
    out.extend(1e-5f32.to_le_bytes());
    texts(&mut out, "tokenizer.ggml.tokens", &tokens);
    texts(&mut out, "tokenizer.ggml.merges", &["t h".to_owned()]);
    key(&mut out, "tokenizer.ggml.token_type", 9);
    out.extend(5u32.to_le_bytes());
    out.extend((tokens.len() as u64).to_le_bytes());
    for id in 0..tokens.len() {
        out.extend(if id == 257 { 3i32 } else { 1 }.to_le_bytes());
    }
    let mut data: Vec<u8> = Vec::new();
    for (name, dims) in &tensors {
        text(&mut out, name);
        out.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|d| out.extend(d.to_le_bytes()));
        out.extend(0u32.to_le_bytes());
        out.extend((data.len() as u64).to_le_bytes());
        (0..dims.iter().product::<u64>()).for_each(|i| data.extend((i as f32).to_le_bytes()));
        data.resize(data.len().next_multiple_of(32), 0);
    }
    out.resize(out.len().next_multiple_of(32), 0);
    out.extend(data);
    out
}

fn write(bytes: &[u8]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("x.gguf"), dir.path().join("out"));
    std::fs::write(&path, bytes).unwrap();
    (dir, path, out)
}

fn failure(bytes: &[u8]) -> String {
    let (_dir, path, out) = write(bytes);
    let error = format!("{:#}", import(&path, &out).unwrap_err());
    assert!(error.contains("x.gguf"), "{error}");
    assert!(!out.exists());
    error
}

#[test]
fn imports_a_tiny_model() {
    let (dir, path, out) = write(&tiny_llama("gpt-2"));
    let report = import(&path, &out).unwrap();
    assert_eq!(
        (report.layers, report.vocab_size, report.tensors),
        (1, 258, 11)
    );
    let bytes = std::fs::read(out.join("model.safetensors")).unwrap();
    assert_eq!(bytes.len() as u64, report.bytes_written);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let q = tensors
        .tensor("model.layers.0.self_attn.q_proj.weight")
        .unwrap();
    assert_eq!(q.shape(), [8, 8]);
    let firsts: Vec<f32> = q
        .data()
        .chunks_exact(32)
        .map(|row| f32::from_le_bytes(row[..4].try_into().unwrap()) / 8.0)
        .collect();
    // Stored rows 0 1 | 2 3 are the pairs of a head of 4; rotate-half wants 0 2 | 1 3.
    assert_eq!(firsts, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["rms_norm_eps"], 1e-5);
    assert_eq!(config["tie_word_embeddings"], true);
    let tokenizer = Tokenizer::load(&out).unwrap();
    assert_eq!(tokenizer.encode("the<end>"), [256, 101, 257]);
    let again = format!("{:#}", import(&path, &out).unwrap_err());
    assert!(again.contains("exists"), "{again}");
    let halved = import_as(&path, &dir.path().join("half"), StoredAs::F16).unwrap();
    assert!(halved.bytes_written < report.bytes_written);
}

#[test]
fn errors_name_what_is_wrong() {
    let good = tiny_llama("gpt-2");
    assert!(failure(b"GGML\x03\0\0\0").contains("no GGUF file"));
    assert!(failure(b"GG").contains("no GGUF file: it is text"));
    assert!(failure(b"GGUF\x03\0").contains("the file ends at byte 6"));
    assert!(failure(b"").contains("is empty"));
    assert!(failure(b"<!DOCTYPE html><html>").contains("an HTML page"));
    assert!(failure(b"GGUF\x09\0\0\0").contains("version 9"));
    let missing = format!(
        "{} of {} bytes, 16 are missing",
        good.len() - 16,
        good.len()
    );
    assert!(failure(&good[..good.len() - 16]).contains(&missing));
    assert!(failure(&good[..100]).contains("the file ends"));
    let mut absurd = good.clone();
    absurd[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(failure(&absurd).contains("tensor count is 18446744073709551615"));
    assert!(failure(&tiny_llama("mystery")).contains("\"mystery\""));
    let replaced = |from: &str, to: &str| {
        let at = good
            .windows(from.len())
            .position(|w| w == from.as_bytes())
            .unwrap();
        let mut bytes = good.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    assert!(
        failure(&replaced("blk.0.attn_q.weight", "blk.0.attn_z.weight"))
            .contains("attn_q.weight is missing")
    );
    assert!(failure(&replaced("t h", "t\u{1}h")).contains("is not a pair"));
    let name = "blk.0.attn_q.weight";
    let at = good
        .windows(name.len())
        .position(|w| w == name.as_bytes())
        .unwrap()
        + name.len();
    let mut bytes = good.clone();
    bytes[at + 20..at + 24].copy_from_slice(&99u32.to_le_bytes());
    let error = failure(&bytes);
    assert!(error.contains(name) && error.contains("type 99"), "{error}");
    let mut bytes = good.clone();
    bytes[at + 4..at + 12].copy_from_slice(&(u64::MAX - 7).to_le_bytes());
    assert!(failure(&bytes).contains("overflow"));
    let mut bytes = good;
    bytes[at + 24..at + 32].copy_from_slice(&(1u64 << 40).to_le_bytes());
    assert!(failure(&bytes).contains("cut short"));
}
