//! Whether a setting may be a text, by the plugin's schema.

use serde_json::Value;

/// Schemas that nest deeper are not followed.
const DEEPEST: usize = 16;

/// Whether a text may stand at `key`, the names from the settings down; none where the schema does not say.
#[must_use]
pub fn takes_text(schema: &Value, key: &[String]) -> Option<bool> {
    find(schema, schema, key, DEEPEST).map(|at| may_be_text(schema, at, DEEPEST))
}

fn find<'a>(whole: &'a Value, at: &'a Value, key: &[String], left: usize) -> Option<&'a Value> {
    let left = left.checked_sub(1)?;
    let at = resolved(whole, at);
    let Some((first, rest)) = key.split_first() else {
        return Some(at);
    };
    let below = |name: &str| at.get(name).filter(|below| below.is_object());
    let named = at.get("properties").and_then(|all| all.get(first));
    let next = named
        .or_else(|| below("additionalProperties"))
        .or_else(|| below("items"));
    let choices = alternatives(at).filter_map(|one| find(whole, one, key, left));
    next.and_then(|next| find(whole, next, rest, left))
        .or_else(|| choices.into_iter().next())
}

fn may_be_text(whole: &Value, at: &Value, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else {
        return false;
    };
    let at = resolved(whole, at);
    let said = at.get("type");
    let is_text = said.is_some_and(|said| match said {
        Value::Array(types) => types.iter().any(|one| one == "string"),
        one => one == "string",
    });
    let texts = at.get("enum").and_then(Value::as_array);
    let is_choice = texts.is_some_and(|all| all.iter().any(Value::is_string));
    let is_one = at.get("const").is_some_and(Value::is_string);
    is_text || is_choice || is_one || alternatives(at).any(|one| may_be_text(whole, one, left))
}

fn alternatives(at: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["anyOf", "oneOf", "allOf"].into_iter();
    lists.filter_map(|name| at.get(name)?.as_array()).flatten()
}

/// What a reference leads to.
fn resolved<'a>(whole: &'a Value, at: &'a Value) -> &'a Value {
    let pointer = at.get("$ref").and_then(Value::as_str);
    pointer
        .and_then(|pointer| whole.pointer(pointer.strip_prefix('#')?))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_says_where_texts_may_stand() {
        let schema = serde_json::json!({
            "properties": {
                "suffix": {"type": "string"},
                "stop": {"type": ["string", "null"]},
                "len": {"type": "integer"},
                "style": {"$ref": "#/$defs/Style"},
                "words": {"type": "array", "items": {"type": "string"}},
                "table": {"additionalProperties": {"type": "number"}},
                "either": {"anyOf": [{"type": "number"}, {"enum": ["a"]}]},
                "round": {"$ref": "#/properties/round"},
            },
            "$defs": {"Style": {"oneOf": [{"const": "plain"}]}},
        });
        let takes = |key: &str| {
            let key: Vec<String> = key.split('.').map(str::to_owned).collect();
            takes_text(&schema, &key)
        };
        for (key, expected) in [
            ("suffix", Some(true)),
            ("stop", Some(true)),
            ("len", Some(false)),
            ("style", Some(true)),
            ("words", Some(false)),
            ("words.0", Some(true)),
            ("table.x", Some(false)),
            ("either", Some(true)),
            ("round", Some(false)),
            ("none", None),
        ] {
            assert_eq!(takes(key), expected, "{key}");
        }
    }
}
