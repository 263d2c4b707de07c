//! A plugin's settings, from the config's words to those of the contract.

use anyhow::{Result, bail};
use serde_json::Value;

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
