//! A plugin's settings, from the config's words to those of the contract.

use anyhow::{Result, bail};
use serde_json::Value;

use super::place::find_trusted;
use crate::plugin;
use crate::role::Trust;

/// Whether a plugin takes a text at a place in its settings; none where it cannot be asked.
pub(crate) fn takes_text(name: &str, trust: Trust, key: &[String]) -> Option<bool> {
    // Nobody has said yet that it may run natively.
    let trust = Some(trust).filter(|trust| *trust == Trust::Sandboxed)?;
    let path = find_trusted(name, trust, true).ok()?;
    let description = plugin::describe(&path, trust).ok()?;
    plugin::takes_text(&description.schema, key)
}

/// The settings as JSON, which has neither numbers without end nor dates.
pub(crate) fn as_json(settings: &toml::Table) -> Result<Value> {
    table("", settings)
}

fn table(place: &str, table: &toml::Table) -> Result<Value> {
    let entries = table.iter().map(|(key, value)| {
        let value = one(&format!("{place}/{key}"), value)?;
        Ok((key.clone(), value))
    });
    Ok(Value::Object(entries.collect::<Result<_>>()?))
}

fn one(place: &str, value: &toml::Value) -> Result<Value> {
    Ok(match value {
        toml::Value::Table(inner) => table(place, inner)?,
        toml::Value::Array(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(index, item)| one(&format!("{place}/{index}"), item));
            Value::Array(items.collect::<Result<_>>()?)
        }
        toml::Value::Float(number) if !number.is_finite() => {
            bail!(
                "setting `{place}`: {number} is no number that a plugin can be given\nhint: use a finite one"
            )
        }
        toml::Value::Datetime(date) => {
            bail!("setting `{place}`: plugins take no dates\nhint: write it in quotes: \"{date}\"")
        }
        other => serde_json::to_value(other)?,
    })
}
