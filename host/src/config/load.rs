//! Reads a config file, applies overrides, and makes its paths absolute.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::Config;
use super::overrides::{self, TakesText};
use crate::outside::{self, Kind};
use crate::spelling::nearest;

impl Config {
    /// Reads `path` and applies `overrides`, each `section.key=value`. Paths in the file are relative to its
    /// folder, paths in overrides to the current one.
    ///
    /// # Errors
    /// The file cannot be read, or something in it or in an override is not what its key takes.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Config> {
        Config::load_asking(path, overrides, &|_, _, _| None)
    }

    /// The same; where a setting is overridden that the file does not have, `takes_text` is asked whether its
    /// plugin takes a text there.
    ///
    /// # Errors
    /// As of [`Config::load`].
    pub fn load_asking(
        path: &Path,
        overrides: &[String],
        takes_text: TakesText<'_>,
    ) -> Result<Config> {
        let text = read(path)?;
        let whole = std::path::absolute(path)?;
        let base = whole.parent().unwrap_or(&whole);
        let mut config: Config = toml::from_str(&text)
            .map_err(|error| advise(&error))
            .with_context(|| format!("in config `{}`", path.display()))?;
        config
            .make_absolute(base)
            .with_context(|| format!("in config `{}`", path.display()))?;
        config
            .make_parts_absolute(base)
            .with_context(|| format!("in config `{}`", path.display()))?;
        if !overrides.is_empty() {
            let mut table = toml::Table::try_from(&config)?;
            overrides::apply(&mut table, overrides, takes_text)?;
            config = overrides::config_of(table).map_err(|(at, error)| {
                let about = |one: &&String| one.starts_with(&at.join("."));
                let culprit = overrides
                    .iter()
                    .rev()
                    .find(about)
                    .filter(|_| !at.is_empty());
                let told = culprit.map_or_else(|| overrides.join("` `--set "), String::clone);
                advise(&error).context(format!("after `--set {told}`"))
            })?;
            let here = std::path::absolute(".")?;
            config.make_absolute(&here)?;
            config.make_parts_absolute(&here)?;
        }
        config.find_policies();
        config
            .find_files()
            .with_context(|| format!("in config `{}`", path.display()))?;
        config.session.file = whole;
        Ok(config)
    }

    /// The resolved config, as it is kept in the run directory.
    ///
    /// # Errors
    /// A value cannot be written down.
    pub fn to_toml(&self) -> Result<String> {
        Ok(toml::to_string_pretty(self)?)
    }
}

/// The text of a config.
fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let bytes = std::fs::read(path).with_context(|| {
        format!("cannot read config `{shown}`\nhint: name a TOML file; examples/ has some")
    })?;
    let kind = outside::kind_of(&bytes[..bytes.len().min(outside::HEAD)]);
    if let Some(refusal) = kind.refusal(path) {
        bail!("{refusal}");
    }
    // A section's name in brackets looks like an array.
    let may_be = [Kind::Text, Kind::JsonArray];
    if !may_be.contains(&kind) {
        let hint = kind.remedy();
        bail!(
            "config `{shown}` is {}\nhint: {}",
            kind.what(),
            hint.unwrap_or("a config is a text in TOML; examples/ has some")
        );
    }
    let text = outside::text(&bytes);
    Ok(text
        .with_context(|| format!("in config `{shown}`"))?
        .to_owned())
}

/// The error with what to do about it, as far as its words tell.
pub(super) fn advise(error: &toml::de::Error) -> anyhow::Error {
    let text = error.to_string();
    let said = error.message();
    let mut quoted = said.split('`').skip(1).step_by(2);
    let hint = if said.starts_with("unknown field") {
        let word = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        match nearest(word, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the keys here are {}", known.join(", ")),
        }
    } else if said.starts_with("missing field") {
        format!("add `{} = …`", quoted.next().unwrap_or_default())
    } else if let Some((_, wanted)) = said.split_once("expected ") {
        format!("write {}", in_toml(wanted))
    } else {
        "the examples in examples/ are complete configs".into()
    };
    anyhow!("{}\nhint: {hint}", text.trim_end())
}

/// What a type of Rust is called in a config.
fn in_toml(wanted: &str) -> &str {
    match wanted {
        "u64" | "usize" => "a whole number, at least 0",
        "i64" => "a whole number",
        "f64" => "a number, such as 0.5",
        "a string" | "path string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list, such as [\"a\", \"b\"] or [1, 2]",
        other if other.starts_with("struct ") || other == "a map" => "a table, such as { key = 1 }",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "[run]\ndir='r'\n[model]\npath='../m'\n[data]\ntrain='d'\n[task]\nplugin='t'\n";

    fn load(text: &str, overrides: &[&str]) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        let overrides: Vec<String> = overrides.iter().map(|o| o.to_string()).collect();
        Config::load(&path, &overrides)
    }

    #[test]
    fn overrides_one_key() {
        let config = load(SMALL, &["ppo.lr=2e-6", "run.device=cpu"]).unwrap();
        assert_eq!(config.ppo.lr, 2e-6);
        assert_eq!(config.run.device, "cpu");
        assert!(config.model.path.is_absolute());
        assert!(!config.model.path.display().to_string().contains(".."));
    }

    #[test]
    fn another_plugin_begins_with_its_own_settings() {
        let text = format!("{SMALL}[task.settings]\na = 1\n");
        let changed = load(&text, &["task.settings={b=2}"]).unwrap();
        assert_eq!(changed.task.unwrap().settings.len(), 2);
        let other = load(&text, &["task={plugin=\"u\"}"]).unwrap();
        assert!(other.task.unwrap().settings.is_empty());
    }

    #[test]
    fn a_typo_is_named_with_what_was_expected() {
        let text = format!("{SMALL}[ppo]\nbatchsize=3\n");
        let message = format!("{:#}", load(&text, &[]).unwrap_err());
        assert!(
            message.contains("batchsize") && message.contains("batch_size"),
            "{message}"
        );
        let message = format!("{:#}", load(SMALL, &["ppo.batchsize=3"]).unwrap_err());
        assert!(message.contains("batchsize"), "{message}");
    }

    #[test]
    fn survives_a_round_trip() {
        let config = load(SMALL, &[]).unwrap();
        let again: Config = toml::from_str(&config.to_toml().unwrap()).unwrap();
        let again = Config {
            session: config.session.clone(),
            ..again
        };
        assert_eq!(config, again);
    }
}
