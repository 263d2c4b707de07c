//! What `--set KEY=VALUE` means: the key's type decides, and a text stays as it was typed.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_path_to_error::Segment;
use toml::{Table, Value};

use super::Config;
use crate::role::Trust;

/// Whether a plugin takes a text at a place in its settings, as far as it can be asked.
pub type TakesText<'a> = &'a dyn Fn(&str, Trust, &[String]) -> Option<bool>;

/// One `KEY=VALUE`.
struct Override<'a> {
    /// As it was typed.
    whole: &'a str,
    /// The parts of the key.
    key: Vec<String>,
    /// The value as it was typed.
    typed: &'a str,
}

/// Applies what was typed, one after the other, to the table of a config.
pub(super) fn apply(table: &mut Table, typed: &[String], takes_text: TakesText<'_>) -> Result<()> {
    let overrides: Vec<Override> = typed
        .iter()
        .map(|whole| Override::of(whole))
        .collect::<Result<_>>()?;
    // Which plugins there are in the end decides whose settings they are.
    let mut named = table.clone();
    for one in &overrides {
        one.set(&mut named, setting(one.typed, false))?;
    }
    let file = table.clone();
    for one in &overrides {
        let value = one.value(&file, table, &named, takes_text);
        one.set(table, value)?;
    }
    Ok(())
}

impl<'a> Override<'a> {
    fn of(whole: &'a str) -> Result<Self> {
        let Some((key, typed)) = whole.split_once('=') else {
            bail!("`--set {whole}` has no `=`\nhint: write `--set ppo.lr=2e-6`");
        };
        let key = parts(key.trim()).with_context(|| {
            format!("`--set {whole}` names no key\nhint: write `--set ppo.lr=2e-6`; a part of a key with dots stands in quotes")
        })?;
        Ok(Override { whole, key, typed })
    }

    fn value(
        &self,
        file: &Table,
        table: &Table,
        named: &Table,
        takes_text: TakesText<'_>,
    ) -> Value {
        let takes = |value: Value| {
            let alone = self.takes(file, value.clone());
            alone.or_else(|| self.takes(table, value))
        };
        let text = takes(setting(self.typed, true)).unwrap_or(false);
        let is_any = text && takes(Value::Boolean(true)).unwrap_or(false);
        let parsed = setting(self.typed, false);
        if text && !is_any {
            // Where a text or a list may be, what reads as a list is one.
            return match parsed.is_array() && takes(parsed.clone()) == Some(true) {
                true => parsed,
                false => setting(self.typed, true),
            };
        }
        if is_any {
            let is_text = match get(table, &self.key) {
                Some(value) => Some(value.is_str()),
                None => self.asked(named, takes_text),
            };
            return match is_text {
                Some(true) => setting(self.typed, true),
                _ => parsed,
            };
        }
        // `1e6` is a whole number to everybody but TOML.
        match parsed {
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                let whole = Value::Integer(number as i64);
                match takes(parsed.clone()) {
                    Some(false) if takes(whole.clone()) == Some(true) => whole,
                    _ => parsed,
                }
            }
            parsed => parsed,
        }
    }

    /// Whether the key may have this value; none where the value cannot even be put there.
    fn takes(&self, table: &Table, value: Value) -> Option<bool> {
        let mut table = table.clone();
        self.set(&mut table, value).ok()?;
        Some(match config_of(table) {
            Ok(_) => true,
            Err((at, _)) => !at.starts_with(&self.key),
        })
    }

    /// Whether the plugin whose setting it is takes a text.
    fn asked(&self, named: &Table, takes_text: TakesText<'_>) -> Option<bool> {
        let at = self.key.iter().position(|part| part == "settings")?;
        let (section, setting) = (&self.key[..at], &self.key[at + 1..]);
        let Value::Table(plugin) = get(named, section)? else {
            return None;
        };
        let name = plugin.get("plugin")?.as_str()?;
        let is_native = plugin.get("trust").and_then(Value::as_str) == Some("native");
        let trust = if is_native {
            Trust::Native
        } else {
            Trust::Sandboxed
        };
        takes_text(name, trust, setting)
    }

    fn set(&self, table: &mut Table, value: Value) -> Result<()> {
        let (last, sections) = self.key.split_last().context("a key has parts")?;
        let whole = self.whole;
        let mut here = table;
        let mut at = 0;
        while at < sections.len() {
            let part = &sections[at];
            let next = here
                .entry(part.as_str())
                .or_insert_with(|| Value::Table(Table::new()));
            at += 1;
            here = match next {
                Value::Table(inner) => inner,
                Value::Array(list) => {
                    let place = match sections.get(at) {
                        Some(place) => place,
                        None => return set_in(list, part, last, value, whole),
                    };
                    at += 1;
                    match one_of(list, part, place, whole)? {
                        Value::Table(inner) => inner,
                        _ => bail!(
                            "`--set {whole}`: `{part}.{place}` is not a section\nhint: name it without what follows"
                        ),
                    }
                }
                _ => bail!(
                    "`--set {whole}`: `{part}` is not a section\nhint: name it without what follows"
                ),
            };
        }
        merge(here, last, value);
        Ok(())
    }
}

/// A value as it was typed: a text, without quotes where all of it is in quotes, or else what TOML reads, and a text
/// where that is nothing.
#[must_use]
pub fn setting(typed: &str, is_text: bool) -> Value {
    match as_toml(typed) {
        Some(Value::String(text)) => Value::String(text),
        // Nothing in a config is a date, and much may look like one.
        Some(value) if !is_text && !value.is_datetime() => value,
        _ => Value::String(typed.to_owned()),
    }
}

/// Puts a value in a list.
fn set_in(list: &mut Vec<Value>, name: &str, place: &str, value: Value, whole: &str) -> Result<()> {
    *one_of(list, name, place, whole)? = value;
    Ok(())
}

/// The element of a list at a place; one more than there are begins a new one.
fn one_of<'a>(
    list: &'a mut Vec<Value>,
    name: &str,
    place: &str,
    whole: &str,
) -> Result<&'a mut Value> {
    let len = list.len();
    let Ok(at) = place.parse::<usize>() else {
        bail!(
            "`--set {whole}`: `{name}` is a list of {len}, and `{place}` is no place in it\nhint: places count from \
             0{}",
            // What looks like a number was meant as one.
            match place.parse::<f64>() {
                Ok(_) => String::new(),
                Err(_) => format!(": `{name}.0.{place}=…`"),
            }
        );
    };
    if at > len {
        bail!(
            "`--set {whole}`: `{name}` is a list of {len}, which has no place {at}\nhint: places count from 0; \
             {len} is that of a new one"
        );
    }
    if at == len {
        list.push(Value::Table(Table::new()));
    }
    Ok(&mut list[at])
}

/// The config of a table, or the key at which it cannot be one, and why.
pub(super) fn config_of(table: Table) -> Result<Config, (Vec<String>, toml::de::Error)> {
    let mut track = serde_path_to_error::Track::new();
    let read = serde_path_to_error::Deserializer::new(Value::Table(table), &mut track);
    Config::deserialize(read).map_err(|error| {
        let path = track.path();
        let parts = path.iter().map(|segment| match segment {
            Segment::Map { key } => key.clone(),
            Segment::Seq { index } => index.to_string(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => String::new(),
        });
        (parts.collect(), error)
    })
}

/// A table changes the keys that it has, and leaves the others; one without any takes all away. But settings and files belong to a
/// plugin, so another plugin begins with its own.
pub(super) fn merge(table: &mut Table, key: &str, value: Value) {
    match (table.get_mut(key), value) {
        (Some(Value::Table(old)), Value::Table(new))
            if !new.contains_key("plugin") && !new.is_empty() =>
        {
            new.into_iter()
                .for_each(|(key, value)| merge(old, &key, value));
        }
        (_, value) => {
            table.insert(key.to_owned(), value);
        }
    }
}

/// What a key leads to.
fn get<'a>(table: &'a Table, key: &[String]) -> Option<&'a Value> {
    let (first, rest) = key.split_first()?;
    rest.iter()
        .try_fold(table.get(first)?, |here, part| match here {
            Value::Table(table) => table.get(part),
            Value::Array(list) => list.get(part.parse::<usize>().ok()?),
            _ => None,
        })
}

/// The parts of a key, which may be in quotes as in TOML.
fn parts(key: &str) -> Option<Vec<String>> {
    in_toml(key).or_else(|| {
        // What people name as they like, such as judges, they need not quote.
        let parts: Vec<String> = key.split('.').map(|part| part.trim().to_owned()).collect();
        let is_fine = |part: &String| !part.is_empty() && !part.contains(['"', '\'', '\n']);
        parts.iter().all(is_fine).then_some(parts)
    })
}

fn in_toml(key: &str) -> Option<Vec<String>> {
    let mut here: Table = toml::from_str(&format!("{key} = 0")).ok()?;
    let mut parts = Vec::new();
    loop {
        if here.len() != 1 {
            return None;
        }
        let (name, value) = here.into_iter().next()?;
        parts.push(name);
        match value {
            Value::Table(inner) => here = inner,
            Value::Integer(0) => return Some(parts),
            _ => return None,
        }
    }
}

fn as_toml(text: &str) -> Option<Value> {
    let text = text.trim();
    // A comment, which is a part of a text to who typed it, would hide the bracket.
    toml::from_str::<Table>(&format!("value = [{text}]")).ok()?;
    let table: Table = toml::from_str(&format!("value = {text}")).ok()?;
    // A line break would begin another key.
    let mut values = table.into_iter();
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests;
