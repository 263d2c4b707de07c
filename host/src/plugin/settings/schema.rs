//! Reads the schema of a plugin's settings, and refuses one that could not be checked in a moment or
//! shown on a terminal: endless references, references elsewhere, sizes that are no settings'.
//!
//! Does not know what a schema allows.

use std::collections::HashMap;

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use super::super::call::{clean, disturbs};

const MAX_BYTES: usize = 1 << 20;
/// Values in the schema, counted again wherever a reference leads to them: what is checked one by one.
const MAX_VALUES: u64 = 20_000;
/// Values within each other, references followed.
const MAX_DEPTH: usize = 200;
const MAX_PATTERN: usize = 1000;
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What to do about a schema that cannot be used.
pub(super) const MEND: &str = "mend the plugin: its schema must be JSON Schema 2020-12 as the SDK makes it from a settings struct";

/// The schema as a value, if it can be used.
pub(in super::super) fn read(text: &str) -> Result<Value> {
    usable(text).map_err(|error| anyhow!("its settings schema {error}\nhint: {MEND}"))
}

fn usable(text: &str) -> Result<Value> {
    if text.len() > MAX_BYTES {
        bail!("is {} bytes, more than {MAX_BYTES}", text.len());
    }
    let mut schema: Value =
        serde_json::from_str(text).map_err(|error| anyhow!("is no JSON: {error}"))?;
    if !schema.is_object() {
        bail!("is no object");
    }
    if let Some(draft) = schema.get("$schema")
        && draft.as_str().map(|draft| draft.trim_end_matches('#')) != Some(DRAFT)
    {
        bail!("is not for {DRAFT}, but for {}", clean(&draft.to_string()));
    }
    tidy(&mut schema, "", 0)?;
    let mut sizes = Sizes {
        schema: &schema,
        known: HashMap::new(),
    };
    let size = sizes.of(&schema, 0)?;
    if size.values > MAX_VALUES {
        bail!(
            "has {} values with all that it refers to, more than {MAX_VALUES}",
            size.values
        );
    }
    Ok(schema)
}

/// Takes what would upset a terminal out of texts for people, and refuses it, and keywords that lead
/// away from the schema, elsewhere.
fn tidy(value: &mut Value, key: &str, depth: usize) -> Result<()> {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if key.chars().any(disturbs) {
                    bail!("has control characters in the key `{}`", clean(key));
                }
                let known = ["$ref", "$defs", "$comment"].contains(&key.as_str());
                if key.starts_with('$') && !known && !(depth == 0 && key == "$schema") {
                    bail!("has the keyword `{key}`, which is not supported");
                }
                tidy(value, key, depth + 1)?;
            }
        }
        Value::Array(items) => {
            for item in items {
                tidy(item, key, depth + 1)?;
            }
        }
        Value::String(text) if ["title", "description", "$comment"].contains(&key) => {
            *text = text.replace(|c| disturbs(c) && c != '\n' && c != '\t', " ");
        }
        Value::String(text) => {
            if text.chars().any(disturbs) {
                bail!("has control characters in `{}`", clean(text));
            }
            if key == "pattern" && text.len() > MAX_PATTERN {
                bail!(
                    "has a pattern of {} bytes, more than {MAX_PATTERN}",
                    text.len()
                );
            }
        }
        _ => {}
    }
    Ok(())
}

/// How much there is to check.
#[derive(Debug, Clone, Copy)]
struct Size {
    values: u64,
    depth: usize,
}

/// Sizes of parts of a schema, references followed.
struct Sizes<'a> {
    schema: &'a Value,
    /// Of what is referred to; `None` while it is being found out.
    known: HashMap<&'a str, Option<Size>>,
}

impl<'a> Sizes<'a> {
    fn of(&mut self, value: &'a Value, above: usize) -> Result<Size> {
        let mut size = Size {
            values: 1,
            depth: 1,
        };
        if above > MAX_DEPTH {
            bail!("has values within each other more than {MAX_DEPTH} deep, references followed");
        }
        let mut add = |part: Size| {
            size.values = size.values.saturating_add(part.values);
            size.depth = size.depth.max(part.depth + 1);
        };
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(pointer) if key == "$ref" => {
                            add(self.referred(pointer, above + 1)?);
                        }
                        value => add(self.of(value, above + 1)?),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    add(self.of(item, above + 1)?);
                }
            }
            _ => {}
        }
        if above + size.depth > MAX_DEPTH + 1 {
            bail!("has values within each other more than {MAX_DEPTH} deep, references followed");
        }
        Ok(size)
    }

    fn referred(&mut self, pointer: &'a str, above: usize) -> Result<Size> {
        match self.known.get(pointer) {
            Some(Some(size)) if above + size.depth > MAX_DEPTH + 1 => {
                bail!(
                    "has values within each other more than {MAX_DEPTH} deep, references followed"
                )
            }
            Some(Some(size)) => return Ok(*size),
            Some(None) => bail!(
                "has the reference `{}`, which leads to itself",
                clean(pointer)
            ),
            None => {}
        }
        let place = pointer.strip_prefix('#').map(unescaped);
        let target = place.and_then(|place| self.schema.pointer(&place));
        let Some(target) = target else {
            bail!(
                "has the reference `{}`, which leads nowhere in it",
                clean(pointer)
            );
        };
        self.known.insert(pointer, None);
        let size = self.of(target, above)?;
        self.known.insert(pointer, Some(size));
        Ok(size)
    }
}

/// A part of a URI without its percent signs.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
