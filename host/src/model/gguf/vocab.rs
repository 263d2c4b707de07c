//! Rebuilds a Hugging Face tokenizer from the tokens and merges in a GGUF file.
//!
//! Byte-level BPE only; which regular expression splits the text is decided by the name of the
//! pre-tokenizer that the file gives. Knows nothing of weights.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value as Json, json};

use super::arch::Plan;
use super::reader::{GgufFile, Value};
use crate::tokenizer::Tokenizer;

/// The two tokenizer files of a model folder.
pub(super) struct Rebuilt {
    pub(super) tokenizer: Json,
    pub(super) config: Json,
}

/// Token types of the format: special, and ordinary text that the user added.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
const UNKNOWN: i64 = 2;

const LLAMA3_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Builds both files and checks that the tokenizer loads.
pub(super) fn rebuild(file: &GgufFile, plan: &Plan) -> Result<Rebuilt> {
    let model = file
        .text("tokenizer.ggml.model")?
        .context("metadata tokenizer.ggml.model is missing")?;
    ensure!(
        model == "gpt2",
        "metadata tokenizer.ggml.model: {model:?} is not supported, only byte-level BPE (\"gpt2\")"
    );
    let pre = match file.text("tokenizer.ggml.pre")? {
        Some(pre) => pre,
        // Files from before the key existed: GPT-2's own splitting is the one that is certain.
        None if plan.architecture == "gpt2" => "gpt-2",
        None => bail!("metadata tokenizer.ggml.pre is missing: how text is split is not known"),
    };
    let tokens = texts(file, "tokenizer.ggml.tokens")?;
    ensure!(
        tokens.len() <= plan.vocab_size,
        "metadata tokenizer.ggml.tokens: {} tokens, but the embedding has {} rows",
        tokens.len(),
        plan.vocab_size
    );
    let mut ids: HashMap<&str, usize> = HashMap::with_capacity(tokens.len());
    for (id, &token) in tokens.iter().enumerate() {
        if let Some(first) = ids.insert(token, id) {
            bail!("metadata tokenizer.ggml.tokens: {token:?} is both {first} and {id}");
        }
    }
    let added = added_tokens(file, &tokens)?;
    let merges = merges(file, &ids)?;
    let mut tokenizer = pre_tokenizer(pre)?;
    tokenizer["added_tokens"] = added.into();
    if file
        .flag("tokenizer.ggml.add_bos_token")?
        .unwrap_or(pre.starts_with("llama"))
    {
        tokenizer["post_processor"] = begin_with_bos(file, &tokens)?;
    }
    let vocab: Map<String, Json> = tokens
        .iter()
        .enumerate()
        .map(|(id, &t)| (t.to_owned(), id.into()))
        .collect();
    tokenizer["model"]["vocab"] = vocab.into();
    tokenizer["model"]["merges"] = merges.into();
    Tokenizer::from_json(tokenizer.to_string().as_bytes()).context("rebuilding the tokenizer")?;
    Ok(Rebuilt {
        tokenizer,
        config: config(file, &tokens, plan)?,
    })
}

fn texts<'a>(file: &'a GgufFile, key: &str) -> Result<Vec<&'a str>> {
    let list = file
        .list(key)?
        .with_context(|| format!("metadata {key} is missing"))?;
    list.iter()
        .enumerate()
        .map(|(at, value)| match value {
            Value::Text(text) => Ok(text.as_str()),
            other => bail!(
                "metadata {key}: entry {at} is {}, expected a string",
                other.type_name()
            ),
        })
        .collect()
}

fn added_tokens(file: &GgufFile, tokens: &[&str]) -> Result<Vec<Json>> {
    let key = "tokenizer.ggml.token_type";
    let Some(types) = file.list(key)? else {
        return Ok(Vec::new());
    };
    ensure!(
        types.len() == tokens.len(),
        "metadata {key}: {} entries for {} tokens",
        types.len(),
        tokens.len()
    );
    let mut added = Vec::new();
    for (id, (kind, &content)) in types.iter().zip(tokens).enumerate() {
        let kind = match kind {
            Value::Int(kind) => *kind,
            Value::Uint(kind) => i64::try_from(*kind).unwrap_or(-1),
            other => bail!(
                "metadata {key}: entry {id} is {}, expected an integer",
                other.type_name()
            ),
        };
        ensure!(
            (0..=6).contains(&kind),
            "metadata {key}: entry {id} is {kind}, not between 0 and 6"
        );
        if matches!(kind, CONTROL | USER_DEFINED | UNKNOWN) && !content.is_empty() {
            added.push(json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": kind != USER_DEFINED
            }));
        }
    }
    Ok(added)
}

fn merges(file: &GgufFile, ids: &HashMap<&str, usize>) -> Result<Vec<Json>> {
    let key = "tokenizer.ggml.merges";
    let mut pairs = Vec::new();
    for (at, merge) in texts(file, key)?.into_iter().enumerate() {
        let (left, right) = merge
            .split_once(' ')
            .with_context(|| format!("metadata {key}: entry {at}, {merge:?}, is not a pair"))?;
        let joined = format!("{left}{right}");
        for part in [left, right, &joined] {
            ensure!(
                ids.contains_key(part),
                "metadata {key}: entry {at}, {merge:?}: {part:?} is not in the vocabulary"
            );
        }
        pairs.push(json!([left, right]));
    }
    Ok(pairs)
}

/// The tokenizer without its vocabulary, as the original models define it.
fn pre_tokenizer(pre: &str) -> Result<Json> {
    let byte_level = |use_regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex});
    let split = |pattern: &str| {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            byte_level(false)
        ]})
    };
    let (normalizer, pre_tokenizer) = match pre {
        "gpt-2" => (Json::Null, byte_level(true)),
        "smollm" => {
            let digits = json!({"type": "Digits", "individual_digits": true});
            (
                Json::Null,
                json!({"type": "Sequence", "pretokenizers": [digits, byte_level(true)]}),
            )
        }
        "llama-bpe" => (Json::Null, split(LLAMA3_SPLIT)),
        "qwen2" => (json!({"type": "NFC"}), split(QWEN2_SPLIT)),
        other => bail!(
            "metadata tokenizer.ggml.pre: pre-tokenizer {other:?} is not supported\nhint: gpt-2, smollm, llama-bpe and qwen2 are"
        ),
    };
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": byte_level(true), "decoder": byte_level(true),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            // Llama 3 has whole words in its vocabulary that its merges do not reach.
            "ignore_merges": pre == "llama-bpe", "vocab": {}, "merges": []
        }
    }))
}

fn special<'a>(
    file: &GgufFile,
    name: &str,
    tokens: &[&'a str],
) -> Result<Option<(usize, &'a str)>> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    let Some(id) = file.uint(&key)? else {
        return Ok(None);
    };
    let token = tokens.get(id).with_context(|| {
        format!(
            "metadata {key}: {id} is outside the vocabulary of {}",
            tokens.len()
        )
    })?;
    Ok(Some((id, token)))
}

fn begin_with_bos(file: &GgufFile, tokens: &[&str]) -> Result<Json> {
    let (id, token) =
        special(file, "bos", tokens)?.context("metadata tokenizer.ggml.bos_token_id is missing")?;
    let bos = json!({"SpecialToken": {"id": token, "type_id": 0}});
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    Ok(json!({
        "type": "TemplateProcessing",
        "single": [bos, sequence("A")],
        "pair": [bos, sequence("A"), bos, sequence("B")],
        "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]}}
    }))
}

fn config(file: &GgufFile, tokens: &[&str], plan: &Plan) -> Result<Json> {
    let length = plan
        .config
        .get("max_position_embeddings")
        .or_else(|| plan.config.get("n_positions"));
    let mut config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
        "model_max_length": length
    });
    for (name, field) in [
        ("bos", "bos_token"),
        ("eos", "eos_token"),
        ("unknown", "unk_token"),
        ("padding", "pad_token"),
    ] {
        if let Some((_, token)) = special(file, name, tokens)? {
            config[field] = token.into();
        }
    }
    if let Some(template) = file.text("tokenizer.chat_template")? {
        config["chat_template"] = template.into();
    }
    Ok(config)
}
