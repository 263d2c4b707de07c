//! What tokenizers do at the begin of a text alone: tokenizers that were made of SentencePiece's put a space
//! before it, others cut spaces off. Knows descriptions of tokenizers, not what they do.

use serde_json::{Map, Value, json};

/// The description of a tokenizer that does nothing at the begin; none where this one does not either.
pub(super) fn without(tokenizer: &Value) -> Option<Value> {
    let mut other = tokenizer.clone();
    for part in ["normalizer", "pre_tokenizer"] {
        other[part] = edited(&tokenizer[part]);
    }
    (other != *tokenizer).then_some(other)
}

/// A normalizer or pre-tokenizer without its work at the begin; null where that is all it does.
fn edited(part: &Value) -> Value {
    let Some(fields) = part.as_object() else {
        return Value::Null;
    };
    let with = |key: &str, value: Value| {
        let mut fields: Map<String, Value> = fields.clone();
        fields.insert(key.to_owned(), value);
        fields
    };
    match fields.get("type").and_then(Value::as_str) {
        Some("Prepend") => Value::Null,
        Some("Strip") if fields.get("strip_left") == Some(&json!(true)) => {
            with("strip_left", json!(false)).into()
        }
        Some("Replace") if is_anchored(part) => Value::Null,
        // Spaces are put before texts unless the file says otherwise.
        Some("Metaspace") => {
            let mut fields = with("prepend_scheme", json!("never"));
            let _ = fields.remove("add_prefix_space");
            if part["prepend_scheme"] == "never" || part["add_prefix_space"] == false {
                return part.clone();
            }
            fields.into()
        }
        Some("ByteLevel") if fields.get("add_prefix_space") != Some(&json!(false)) => {
            with("add_prefix_space", json!(false)).into()
        }
        Some("Sequence") => sequence(part),
        _ => part.clone(),
    }
}

/// A sequence without what its parts do at the begin.
fn sequence(part: &Value) -> Value {
    let mut part = part.clone();
    for key in ["normalizers", "pretokenizers"] {
        if let Some(list) = part.get_mut(key).and_then(Value::as_array_mut) {
            let parts = list.iter().map(edited).filter(|part| !part.is_null());
            *list = parts.collect();
        }
    }
    part
}

/// Whether a pattern is looked for at the begin alone.
fn is_anchored(replace: &Value) -> bool {
    let pattern = replace["pattern"]["Regex"].as_str();
    pattern.is_some_and(|pattern| pattern.starts_with('^') || pattern.starts_with("\\A"))
}
