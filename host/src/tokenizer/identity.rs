//! Whether two tokenizers are one: by what they do to texts, not by how their files are written.
//!
//! Lengths, chance, offsets and what would be added around a text are no part of it.

use std::collections::HashMap;

use serde_json::Value;
use tokenizers::Tokenizer;

/// How much of a description a message shows, in characters.
const SHOWN: usize = 120;
/// How much of that is before what differs, where that is further in.
const BEFORE: usize = 20;

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
    let places = [
        "normalizer",
        "pre_tokenizer",
        "decoder",
        "added_tokens",
        "model",
    ];
    let place = places.iter().find(|place| one[*place] != other[*place])?;
    let (path, here, there) = innermost((*place).to_owned(), &one[*place], &other[*place]);
    let spelled = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
    let (here, there) = cut(&spelled(here), &spelled(there));
    Some(format!("`{path}` is {here} here, {there} there"))
}

/// Where within two values the first difference is, and what is there; nothing where one has no such place. Parts of
/// another type, and tokens of another id, are other ones as a whole.
fn innermost<'a>(
    path: String,
    one: &'a Value,
    other: &'a Value,
) -> (String, Option<&'a Value>, Option<&'a Value>) {
    let alike = ["type", "id"]
        .iter()
        .all(|key| one.get(key) == other.get(key));
    let (path, here, there) = match (one, other) {
        (Value::Object(fields), Value::Object(others)) if alike => {
            let mut keys = fields.keys().chain(others.keys());
            let key = keys.find(|key| fields.get(*key) != others.get(*key));
            let Some(key) = key else {
                return (path, Some(one), Some(other));
            };
            (format!("{path}.{key}"), fields.get(key), others.get(key))
        }
        (Value::Array(list), Value::Array(others)) => {
            let most = list.len().max(others.len());
            let at = (0..most).find(|at| list.get(*at) != others.get(*at));
            let at = at.unwrap_or(0);
            (format!("{path}[{at}]"), list.get(at), others.get(at))
        }
        _ => return (path, Some(one), Some(other)),
    };
    match (here, there) {
        (Some(here), Some(there)) => innermost(path, here, there),
        _ => (path, here, there),
    }
}

/// Both texts, no longer than a message shows, with the first character in which they differ.
fn cut(here: &str, there: &str) -> (String, String) {
    let same = here.chars().zip(there.chars());
    let same = same.take_while(|(one, other)| one == other).count();
    let from = match same < SHOWN {
        true => 0,
        false => same - BEFORE,
    };
    let part = |text: &str| {
        let shown: String = text.chars().skip(from).take(SHOWN).collect();
        let begin = if from > 0 { "…" } else { "" };
        let end = if text.chars().count() > from + SHOWN {
            "…"
        } else {
            ""
        };
        format!("{begin}{shown}{end}")
    };
    (part(here), part(there))
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
