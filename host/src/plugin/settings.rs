//! Checks a plugin's settings against the schema that it describes, and fills in its defaults.
//!
//! Does not know what any setting means.

use std::time::Duration;

use anyhow::{Result, bail};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use super::call::clean;
use super::patience;
use crate::spelling::nearest;

mod schema;
mod text;

pub(super) use schema::read;
pub use text::takes_text;

/// Checking settings takes milliseconds, unless a schema is made to take for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// Memory for one pattern of a schema.
const MAX_PATTERN_MEMORY: usize = 1 << 20;
/// What to do about settings that do not fit.
pub(super) const DESCRIBE: &str =
    "`attune plugin describe` prints a plugin's settings with their bounds and defaults";

/// The settings with every default filled in, once they obey `schema`, which was [`read`].
pub(super) fn check(schema: &Value, given: &Value) -> Result<Value> {
    let mut settings = if given.is_null() {
        Value::Object(Map::new())
    } else {
        given.clone()
    };
    let Value::Object(map) = &mut settings else {
        bail!("settings must be a table, not {given}\nhint: {DESCRIBE}");
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
    let (own, checked) = (schema.clone(), settings.clone());
    let problems = patience::within(PATIENCE, "settings", move || problems(&own, &checked));
    match problems {
        Ok(Ok(problems)) if problems.is_empty() => Ok(settings),
        Ok(Ok(problems)) => bail!("{}\nhint: {DESCRIBE}", problems.join("\n")),
        Ok(Err(error)) => bail!(
            "its settings schema cannot be used: {error}\nhint: {}",
            schema::MEND
        ),
        Err(error) => bail!(
            "its settings schema cannot be used: checking the settings, {error}\nhint: {}",
            schema::MEND
        ),
    }
}

/// What is wrong with the settings, a few things at most.
fn problems(schema: &Value, settings: &Value) -> Result<Vec<String>, String> {
    let patterns = PatternOptions::regex()
        .size_limit(MAX_PATTERN_MEMORY)
        .dfa_size_limit(MAX_PATTERN_MEMORY);
    // Nothing is fetched: a schema that points outside itself does not compile.
    let validator: Validator = jsonschema::options()
        .offline()
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|error| clean(&error.to_string()))?;
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.unwrap_or(&empty);
    let problem = |error: jsonschema::ValidationError<'_>| {
        let path = error.instance_path().to_string();
        let property = properties.get(path.trim_start_matches('/'));
        let choices = property.map_or(Vec::new(), |property| choices(property, schema));
        let text = match path.as_str() {
            "" => error.to_string(),
            path if choices.is_empty() => format!("setting `{path}`: {error}"),
            path => format!(
                "setting `{path}`: {} is not {}",
                error.instance(),
                choices.join(" or ")
            ),
        };
        clean(&text)
    };
    let errors = validator.iter_errors(settings);
    Ok(errors.take(10).map(problem).collect())
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
mod tests;
