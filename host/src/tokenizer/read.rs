//! From the bytes of a `tokenizer.json` to Hugging Face's tokenizer, where the file agrees with itself.
//!
//! Takes out what is no business of a tokenizer here: lengths, and chance. Knows nothing of texts.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::outside;

/// The file's content without padding, truncation and dropout: a file may ask for them; lengths are the
/// trainer's business, and the same text is the same tokens.
pub(super) fn value(json: &[u8]) -> Result<Value> {
    let value = serde_json::from_slice(outside::without_mark(json));
    let mut value: Value = value.map_err(|error| invalid(&error))?;
    if !value.is_object() {
        bail!("not a valid tokenizer.json: it is no JSON object");
    }
    if !value.get("model").is_some_and(Value::is_object) {
        bail!(
            "not a valid tokenizer.json: it has no object `model`\nhint: fetch the file again, from where the model came"
        );
    }
    value["padding"] = Value::Null;
    value["truncation"] = Value::Null;
    if let Some(model) = value.get_mut("model").and_then(Value::as_object_mut) {
        let _ = model.remove("dropout");
    }
    Ok(value)
}

/// The tokenizer that `value` describes, in which each added token has the id that the file gives it.
///
/// The library numbers added tokens anew where the vocabulary lacks them, one after the other, and skips no id.
/// Where the file does, they become part of the vocabulary of `value`.
pub(super) fn tokenizer(value: &mut Value) -> Result<tokenizers::Tokenizer> {
    let added = added_tokens(value)?;
    check_ids(value, &added)?;
    let tokenizer = built(value)?;
    let wrong = |tokenizer: &tokenizers::Tokenizer, (content, id): &(String, u32)| {
        tokenizer.token_to_id(content) != Some(*id)
    };
    let moved: Vec<_> = added.iter().filter(|one| wrong(&tokenizer, one)).collect();
    if moved.is_empty() {
        return Ok(tokenizer);
    }
    let vocab = value.pointer_mut("/model/vocab");
    if let Some(vocab) = vocab.and_then(Value::as_object_mut) {
        vocab.extend(
            moved
                .iter()
                .map(|(content, id)| (content.clone(), (*id).into())),
        );
    }
    let tokenizer = built(value)?;
    if let Some((content, id)) = added.iter().find(|one| wrong(&tokenizer, one)) {
        bail!(
            "added token `{content}` cannot have its id {id}\nhint: use the tokenizer.json that came with the model"
        );
    }
    Ok(tokenizer)
}

/// The tokenizer that `value` describes.
pub(super) fn built(value: &Value) -> Result<tokenizers::Tokenizer> {
    let tokenizer = tokenizers::Tokenizer::from_bytes(value.to_string().as_bytes());
    tokenizer.map_err(|error| invalid(&error))
}

fn invalid(error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!(
        "not a valid tokenizer.json: {error}\nhint: use the tokenizer.json that came with the model"
    )
}

/// Content and id of each added token.
fn added_tokens(value: &Value) -> Result<Vec<(String, u32)>> {
    let tokens = value.get("added_tokens").and_then(Value::as_array);
    let one = |(place, token): (usize, &Value)| {
        let content = token.get("content").and_then(Value::as_str);
        let id = token.get("id").and_then(Value::as_u64);
        let id = id.and_then(|id| u32::try_from(id).ok());
        let both = content.map(str::to_owned).zip(id);
        both.with_context(|| {
            format!("not a valid tokenizer.json: added token {place} has no `content` with an `id`: {token}")
        })
    };
    // A token without a text is none.
    let all = tokens.into_iter().flatten().enumerate().map(one);
    all.filter(|one| {
        one.as_ref()
            .map_or(true, |(content, _)| !content.is_empty())
    })
    .collect()
}

/// Refuses a file that gives one token two ids, or two tokens one.
fn check_ids(value: &Value, added: &[(String, u32)]) -> Result<()> {
    const HINT: &str = "hint: use the tokenizer.json that came with the model";
    let vocab = value.pointer("/model/vocab").and_then(Value::as_object);
    let vocab = vocab.into_iter().flatten();
    let mut ids: HashMap<&str, u64> = HashMap::new();
    let mut tokens: HashMap<u64, &str> = HashMap::new();
    let listed = vocab.filter_map(|(token, id)| Some((token.as_str(), id.as_u64()?)));
    let added = added
        .iter()
        .map(|(content, id)| (content.as_str(), u64::from(*id)));
    for (token, id) in listed.chain(added) {
        if let Some(other) = ids.insert(token, id).filter(|other| *other != id) {
            bail!("token `{token}` has the ids {other} and {id}\n{HINT}");
        }
        if let Some(other) = tokens.insert(id, token).filter(|other| *other != token) {
            bail!("tokens `{other}` and `{token}` both have the id {id}\n{HINT}");
        }
    }
    Ok(())
}
