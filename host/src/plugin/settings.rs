//! Checks a plugin's settings against the schema that it describes, and fills in its defaults.
//!
//! Does not know what any setting means.

use anyhow::{Context, Result, anyhow, bail};
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::spelling::nearest;

const MAX_SCHEMA: usize = 1 << 20;
/// What to do about settings that do not fit.
pub(super) const DESCRIBE: &str =
    "`attune plugin describe` prints a plugin's settings with their bounds and defaults";

/// The settings with every default filled in, once they obey `schema`.
pub(super) fn check(schema: &str, given: &Value) -> Result<Value> {
    if schema.len() > MAX_SCHEMA {
        bail!(
            "its settings schema is {} bytes, more than {MAX_SCHEMA}",
            schema.len()
        );
    }
    let schema: Value = serde_json::from_str(schema).context("its settings schema is no JSON")?;
    let mut settings = if given.is_null() {
        Value::Object(Map::new())
    } else {
        given.clone()
    };
    let Value::Object(map) = &mut settings else {
        bail!("settings must be a table, not {given}");
    };
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for key in map.keys() {
        if !properties.contains_key(key) {
            bail!("{}", unknown(key, properties));
        }
    }
    for (key, property) in properties {
        if let (false, Some(default)) = (map.contains_key(key), property.get("default")) {
            map.insert(key.clone(), default.clone());
        }
    }
    // Nothing is fetched: a schema that points outside itself does not compile.
    let validator: Validator = jsonschema::options()
        .offline()
        .build(&schema)
        .map_err(|error| anyhow!("its settings schema cannot be used: {error}"))?;
    let problems: Vec<String> = validator
        .iter_errors(&settings)
        .take(10)
        .map(|error| {
            let path = error.instance_path().to_string();
            let property = properties.get(path.trim_start_matches('/'));
            let choices = property.map_or(Vec::new(), |property| choices(property, &schema));
            match path.as_str() {
                "" => error.to_string(),
                path if choices.is_empty() => format!("setting `{path}`: {error}"),
                path => format!(
                    "setting `{path}`: {} is not {}",
                    error.instance(),
                    choices.join(" or ")
                ),
            }
        })
        .collect();
    if !problems.is_empty() {
        bail!("{}\nhint: {DESCRIBE}", problems.join("\n"));
    }
    Ok(settings)
}

/// The values of an enumeration, which may stand among the schema's definitions; else none.
pub fn choices(property: &Value, schema: &Value) -> Vec<String> {
    let pointer = property.get("$ref").and_then(Value::as_str);
    let definition = pointer
        .and_then(|pointer| schema.pointer(pointer.trim_start_matches('#')))
        .unwrap_or(property);
    let listed = definition.get("enum").and_then(Value::as_array);
    let documented = definition.get("oneOf").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().map(Value::to_string);
    let documented = documented
        .into_iter()
        .flatten()
        .filter_map(|choice| Some(choice.get("const")?.to_string()));
    listed.chain(documented).collect()
}

fn unknown(key: &str, properties: &Map<String, Value>) -> String {
    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
    match nearest(key, known.iter().copied()) {
        Some(name) => format!("unknown setting `{key}`\nhint: did you mean `{name}`?"),
        None if known.is_empty() => {
            format!("unknown setting `{key}`\nhint: this plugin has no settings")
        }
        None => format!(
            "unknown setting `{key}`\nhint: its settings are {}",
            known.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCHEMA: &str = r#"{"type":"object","properties":{
        "weight":{"type":"number","default":1.5,"minimum":0},"word":{"type":"string","default":"a"}}}"#;

    #[test]
    fn defaults_are_filled_in() {
        assert_eq!(
            check(SCHEMA, &json!({"weight": 2})).unwrap(),
            json!({"weight": 2, "word": "a"})
        );
        assert_eq!(
            check(SCHEMA, &Value::Null).unwrap(),
            json!({"weight": 1.5, "word": "a"})
        );
    }

    #[test]
    fn unknown_keys_get_a_suggestion() {
        let text = check(SCHEMA, &json!({"wieght": 2}))
            .unwrap_err()
            .to_string();
        assert!(text.contains("did you mean `weight`"), "{text}");
    }

    #[test]
    fn values_that_break_the_schema_are_named() {
        let text = check(SCHEMA, &json!({"weight": -1}))
            .unwrap_err()
            .to_string();
        assert!(text.contains("/weight"), "{text}");
    }

    #[test]
    fn choices_are_listed() {
        let schema = r##"{"properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"oneOf":[
            {"const":"x"},{"const":"y"}]}}}"##;
        let text = check(schema, &json!({"a": "z"})).unwrap_err().to_string();
        assert!(
            text.contains(r#"setting `/a`: "z" is not "x" or "y""#),
            "{text}"
        );
    }

    #[test]
    fn remote_references_are_refused() {
        let schema = r#"{"properties":{"a":{"$ref":"https://example.com/x.json"}}}"#;
        assert!(check(schema, &json!({"a": 1})).is_err());
    }
}
