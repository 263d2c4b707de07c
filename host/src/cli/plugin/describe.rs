//! `attune plugin describe`: what a plugin is, what it wants and what it can be set to.

use std::path::Path;

use anyhow::Result;
use attune_build::Project;
use serde_json::Value;

use crate::cli::sandboxed_only;
use crate::experiment::parts::find_trusted;
use crate::kit::build;
use crate::plugin::{self, Description};
use crate::role::Trust;

/// Prints a description, for people or as JSON.
pub(super) fn describe(name: &str, trust: Trust, as_json: bool) -> Result<()> {
    let folder = Path::new(name);
    let may_build = trust == Trust::Sandboxed || !sandboxed_only();
    let path = if folder.is_dir() && may_build {
        build(&Project::open(folder)?, trust, None, None)?.path
    } else {
        find_trusted(name, trust, sandboxed_only())?
    };
    let description = plugin::describe(&path, trust)?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&description)?);
    } else {
        print_description(&path, &description);
    }
    Ok(())
}

fn print_description(path: &Path, about: &Description) {
    println!("{} {}, a {}", about.name, about.version, about.kind);
    println!("{}\n", about.summary);
    println!("file      {}", path.display());
    println!("sha256    {}", about.sha256);
    println!("made by   {}", about.sdk);
    println!("reads     {}", about.columns.join(", "));
    let settings = about.schema.get("properties").and_then(Value::as_object);
    for (number, (name, property)) in settings.into_iter().flatten().enumerate() {
        if number == 0 {
            println!("\nsettings");
        }
        let default = property.get("default").map_or_else(
            || "must be given".into(),
            |value| format!("default {}", shortest(value, property)),
        );
        println!("  {name}: {}; {default}", bounds(property, &about.schema));
        if let Some(help) = property.get("description").and_then(Value::as_str) {
            println!("      {}", help.replace('\n', " "));
        }
    }
    for (number, asset) in about.assets.iter().enumerate() {
        if number == 0 {
            println!("\nassets");
        }
        let need = if asset.required {
            "must be given"
        } else {
            "may be left out"
        };
        println!("  {}: {need}\n      {}", asset.name, asset.help);
    }
    for (number, metric) in about.metrics.iter().enumerate() {
        if number == 0 {
            println!("\nmetrics");
        }
        println!("  {}: {}", metric.name, metric.help);
    }
}

/// Bounds of integers' types, which nobody comes near.
const OF_TYPES: [Option<i64>; 3] = [
    Some(u32::MAX as i64),
    Some(i32::MAX as i64),
    Some(i32::MIN as i64),
];

/// What a setting may be: its choices, or its type and bounds.
fn bounds(property: &Value, schema: &Value) -> String {
    let choices = plugin::choices(property, schema);
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let mut text = match property.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => {
            let names: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        _ => "any value".into(),
    };
    for (key, word) in [
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    ] {
        if let Some(bound) = property
            .get(key)
            .filter(|bound| !OF_TYPES.contains(&bound.as_i64()))
        {
            text.push_str(&format!(", {word} {bound}"));
        }
    }
    text
}

/// A default without the digits that a number of 32 bits gets in 64.
fn shortest(value: &Value, property: &Value) -> String {
    let is_float = property.get("format").and_then(Value::as_str) == Some("float");
    match value.as_f64() {
        Some(number) if is_float => (number as f32).to_string(),
        _ => value.to_string(),
    }
}
