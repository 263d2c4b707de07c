//! Which stored tensor is which parameter: files name them with and without what stands around the model,
//! and hold more than its parameters. Knows names and shapes; knows nothing of files.

use super::config::ModelConfig;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

mod refusals;
mod values;

pub(super) use self::values::check_values;

use self::refusals::{misshapen, missing, rows_disagree};
use self::values::check_type;

/// The head for words, where it is apart from the embedding.
pub(super) const WORD_HEAD: &str = "lm_head.weight";

/// What stands before names where a model was saved within another object: as a base model, by a trainer of
/// value heads, by one on several devices, compiled.
const AROUND: [&str; 7] = [
    "model.",
    "transformer.",
    "pretrained_model.",
    "base_model.",
    "language_model.",
    "module.",
    "_orig_mod.",
];

/// How names of heads begin that are no part of a language model.
const OTHER_HEADS: [&str; 6] = [
    "v_head.",
    "value_head.",
    "score.",
    "classifier.",
    "multiple_choice_head.",
    "qa_outputs.",
];

/// How many names a message lists.
const LISTED: usize = 5;

/// A tensor with the name that it came with.
type Stored = (String, Tensor);

/// The parameters of a model among what was stored.
#[derive(Debug)]
pub(super) struct Found {
    /// In the order of [`ModelConfig::parameters`], and then the head for words where the configuration has it
    /// tied and it is another.
    pub(super) tensors: Vec<(String, Tensor)>,
    /// What a person should know of the rest.
    pub(super) notes: Vec<String>,
}

/// Finds the parameters that `config` asks for in `stored`.
///
/// As `transformers` has it (5, `modeling_utils.py`, `tie_weights`): where configuration and file disagree about
/// a tied head, the file is right, and whichever of both it holds stands for the other.
///
/// # Errors
/// A tensor is missing, has another type or shape, is there twice, or is not known; the message names it.
pub(super) fn find(config: &ModelConfig, stored: Vec<Stored>) -> Result<Found> {
    let mut wanted = config.parameters();
    let mut by_tail = by_tail(stored)?;
    let mut notes = Vec::new();
    let embedding = tail(&config.embedding()).to_owned();
    let both = by_tail.get(&embedding).zip(by_tail.get(WORD_HEAD));
    if let Some(refusal) = both.and_then(|(embedding, head)| rows_disagree(embedding, head, config))
    {
        bail!(refusal);
    }
    if config.tied {
        let head = by_tail.remove(WORD_HEAD);
        match (head, by_tail.get(&embedding)) {
            (Some((_, head)), None) => {
                by_tail.insert(embedding, (config.embedding(), head));
            }
            (Some(head), Some((_, embedding))) if !same(&head.1, embedding) => {
                notes.push(format!(
                    "config.json says `tie_word_embeddings` true, and the weights have a `{WORD_HEAD}` that is not \
                     the embedding: it is used, as transformers does"
                ));
                wanted.push((WORD_HEAD.to_owned(), vec![config.vocab_size, config.hidden]));
                by_tail.insert(WORD_HEAD.to_owned(), head);
            }
            _ => {}
        }
    }
    let absent: Vec<_> = wanted
        .iter()
        .filter(|(name, _)| !by_tail.contains_key(tail(name)))
        .collect();
    if !absent.is_empty() {
        bail!(missing(&absent, &by_tail, config));
    }
    let mut tensors = Vec::with_capacity(wanted.len());
    for (name, shape) in wanted {
        let Some((_, tensor)) = by_tail.remove(tail(&name)) else {
            continue;
        };
        // Before its shape: packed weights have another.
        check_type(&name, &tensor)?;
        if tensor.size() != shape {
            bail!(misshapen(&name, &tensor.size(), &shape, config));
        }
        tensors.push((name, tensor));
    }
    notes.extend(left_over(by_tail)?);
    Ok(Found { tensors, notes })
}

/// Takes the head for words out of `stored`, which a model without words does not read; but not where it
/// stands for the embedding.
pub(super) fn drop_word_head(config: &ModelConfig, stored: &mut Vec<(String, Tensor)>) {
    let embedding = config.embedding();
    if stored
        .iter()
        .any(|(name, _)| tail(name) == tail(&embedding))
    {
        stored.retain(|(name, _)| tail(name) != WORD_HEAD);
    }
}

/// The name without what stands around the model.
pub(super) fn tail(name: &str) -> &str {
    let mut name = name;
    while let Some(rest) = AROUND.iter().find_map(|around| name.strip_prefix(around)) {
        name = rest;
    }
    name
}

/// Stored tensors under their names within the model, with the names that they came with.
fn by_tail(stored: Vec<Stored>) -> Result<BTreeMap<String, Stored>> {
    let mut found = BTreeMap::new();
    for (name, tensor) in stored {
        if is_buffer(&name) {
            continue;
        }
        let key = tail(&name).to_owned();
        if let Some((other, _)) = found.insert(key, (name.clone(), tensor)) {
            bail!(
                "tensors `{other}` and `{name}` are the same parameter\nhint: the folder holds files of two models, \
                 or a file twice; keep those of one"
            );
        }
    }
    Ok(found)
}

/// Buffers that old exports stored beside the parameters: masks and tables that follow from the configuration.
fn is_buffer(name: &str) -> bool {
    const BUFFERS: [&str; 6] = [
        ".attn.bias",
        ".attn.masked_bias",
        "rotary_emb.inv_freq",
        "rotary_emb.cos_cached",
        "rotary_emb.sin_cached",
        "position_ids",
    ];
    BUFFERS.iter().any(|ending| name.ends_with(ending))
}

/// What is said of heads that are left out. Refuses all else that no model of this kind has.
fn left_over(by_tail: BTreeMap<String, Stored>) -> Result<Option<String>> {
    let is_head = |tail: &str| OTHER_HEADS.iter().any(|head| tail.starts_with(head));
    let (heads, unknown): (Vec<_>, Vec<_>) =
        by_tail.into_iter().partition(|(tail, _)| is_head(tail));
    if unknown.is_empty() {
        let names: Vec<String> = heads.into_iter().map(|(_, (name, _))| name).collect();
        return Ok((!names.is_empty()).then(|| {
            format!(
                "{} of a head on top of the language model: left out",
                listed("tensor", names.iter().map(|name| format!("`{name}`")))
            )
        }));
    }
    let adapter = unknown.iter().any(|(tail, _)| tail.contains(".lora_"));
    let quantized = unknown.iter().any(|(tail, _)| {
        [".qweight", ".qzeros", ".scales", ".absmax", ".weight_scale"]
            .iter()
            .any(|ending| tail.contains(ending))
    });
    let hint = match (adapter, quantized) {
        (true, _) => "merge the adapter into the model first, as peft does by `merge_and_unload`",
        (_, true) => {
            "the weights are quantized; use the model as it was before, in f32, f16 or bf16"
        }
        _ => {
            "config.json describes another model; use the config.json that came with these weights"
        }
    };
    let shown = unknown
        .iter()
        .map(|(_, (name, tensor))| format!("`{name}` of shape {:?}", tensor.size()));
    bail!("unexpected {}\nhint: {hint}", listed("tensor", shown))
}

/// `tensor a`, or `tensors a, b and 3 more`.
fn listed(what: &str, all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let shown = all[..all.len().min(LISTED)].join(", ");
    match all.len() {
        1 => format!("{what} {shown}"),
        count if count <= LISTED => format!("{what}s {shown}"),
        count => format!("{what}s {shown} and {} more", count - LISTED),
    }
}

fn same(one: &Tensor, other: &Tensor) -> bool {
    if one.size() != other.size() {
        return false;
    }
    if one.kind() == other.kind() {
        return one.equal(other);
    }
    one.to_kind(Kind::Float).equal(&other.to_kind(Kind::Float))
}

#[cfg(test)]
mod tests;
