//! Whether two tokenizers are one: by what they do to texts, not by how their files are written.
//!
//! Lengths, chance, offsets and what would be added around a text are no part of it.

use std::collections::HashMap;

use serde_json::Value;
use tokenizers::Tokenizer;

/// How much of a description a message shows, in characters.
const SHOWN: usize = 120;

/// How `other` differs from `one`, if it does: "… here, … there".
pub(super) fn difference(one: &Tokenizer, other: &Tokenizer) -> Option<String> {
    let vocabularies = vocabulary(&one.get_vocab(true), &other.get_vocab(true));
    vocabularies.or_else(|| {
        let (one, other) = (described(one), described(other));
        merges(&one, &other).or_else(|| parts(&one, &other))
    })
}

/// The first token, by its id, that has another id or none.
fn vocabulary(one: &HashMap<String, u32>, other: &HashMap<String, u32>) -> Option<String> {
    let first = |one: &HashMap<String, u32>, other: &HashMap<String, u32>| {
        let differs = one
            .iter()
            .filter(|(token, id)| other.get(*token) != Some(*id));
        let first = differs.min_by_key(|(token, id)| (**id, (*token).clone()));
        first.map(|(token, id)| (token.clone(), *id, other.get(token).copied()))
    };
    let (here, there) = (one.len(), other.len());
    let sizes = match here == there {
        true => format!("both have {here} tokens"),
        false => format!("{here} tokens here, {there} there"),
    };
    let (token, told) = match (first(one, other), first(other, one)) {
        (Some((token, id, Some(there))), _) => (token, format!("is {id} here, {there} there")),
        (Some((token, id, None)), _) => (token, format!("is {id} here, and unknown there")),
        (None, Some((token, id, _))) => (token, format!("is unknown here, and {id} there")),
        (None, None) => return None,
    };
    Some(format!("{sizes}, and token `{token}` {told}"))
}

/// The first merge that is another.
fn merges(one: &Value, other: &Value) -> Option<String> {
    let list = |tokenizer: &Value| tokenizer["model"]["merges"].as_array().cloned();
    let (one, other) = (list(one)?, list(other)?);
    let most = one.len().max(other.len());
    let first = (0..most).find(|rank| one.get(*rank) != other.get(*rank))?;
    let show = |list: &[Value]| list.get(first).map_or("none".to_owned(), Value::to_string);
    Some(format!(
        "merge {} is {} here, {} there",
        first + 1,
        show(&one),
        show(&other)
    ))
}

/// The first part that is described otherwise.
fn parts(one: &Value, other: &Value) -> Option<String> {
    let names = ["normalizer", "pre_tokenizer", "decoder", "added_tokens"];
    let fields = one["model"].as_object().into_iter().flatten();
    let fields = fields.map(|(field, _)| format!("/model/{field}"));
    let mut places = names.iter().map(|name| format!("/{name}")).chain(fields);
    let differs = |place: &String| one.pointer(place) != other.pointer(place);
    let place = places.find(differs)?;
    let show = |tokenizer: &Value| {
        let text = tokenizer.pointer(&place).map(Value::to_string);
        text.unwrap_or_default()
            .chars()
            .take(SHOWN)
            .collect::<String>()
    };
    let (here, there) = (show(one), show(other));
    Some(format!(
        "`{}` is {here} here, {there} there",
        place[1..].replace('/', ".")
    ))
}

/// What a tokenizer does, in the library's own words, where they say the same in one way only.
fn described(tokenizer: &Tokenizer) -> Value {
    let text = tokenizer.to_string(false).unwrap_or_default();
    let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
    for part in ["normalizer", "pre_tokenizer", "decoder"] {
        value[part] = plain(value[part].take());
    }
    if value["decoder"]["type"] == "ByteLevel" {
        // What its other fields say is about encoding.
        value["decoder"] = Value::from("ByteLevel");
    }
    if let Some(model) = value["model"].as_object_mut() {
        // Compared before, and whether it lists an added token too says nothing.
        let _ = model.remove("vocab");
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if model.get(key).is_some_and(|text| text == "") {
                model.insert(key.to_owned(), Value::Null);
            }
        }
    }
    if let Some(tokens) = value["added_tokens"].as_array_mut() {
        for token in tokens.iter_mut().filter_map(Value::as_object_mut) {
            // Says which tokens a reader may leave out of a text; here none are.
            let _ = token.remove("special");
        }
        tokens.sort_by_key(|token| token["id"].as_u64());
    }
    value
}

/// A part without what concerns offsets alone, and without sequences of none or one.
fn plain(mut part: Value) -> Value {
    if let Some(fields) = part.as_object_mut() {
        let _ = fields.remove("trim_offsets");
    }
    for key in ["normalizers", "pretokenizers", "decoders"] {
        if let Some(list) = part.get_mut(key).and_then(Value::as_array_mut) {
            let mut parts: Vec<Value> = list.drain(..).map(plain).collect();
            parts.retain(|part| !part.is_null());
            match parts.len() {
                0 => return Value::Null,
                1 => return parts.remove(0),
                _ => *list = parts,
            }
        }
    }
    part
}
