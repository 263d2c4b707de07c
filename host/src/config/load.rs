//! Reads a config file, applies overrides, and makes its paths absolute.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::{Config, PluginRef};
use crate::spelling::nearest;

impl Config {
    /// Reads `path` and applies `overrides` (`section.key=value`, where the value is TOML or, when
    /// it does not parse as such, a string). Paths in the file are relative to its folder, paths in
    /// overrides to the current one.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Config> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read config `{}`\nhint: name a TOML file; examples/ has some",
                path.display()
            )
        })?;
        let whole = std::path::absolute(path)?;
        let base = whole.parent().unwrap_or(&whole);
        let mut config: Config = toml::from_str(&text)
            .map_err(advise)
            .with_context(|| format!("in config `{}`", path.display()))?;
        config.make_absolute(base);
        if !overrides.is_empty() {
            let mut table = toml::Table::try_from(&config)?;
            for one in overrides {
                apply(&mut table, one)?;
            }
            config = table
                .try_into()
                .map_err(advise)
                .with_context(|| format!("after `--set {}`", overrides.join("` `--set ")))?;
            config.make_absolute(&std::path::absolute(".")?);
        }
        config.session.file = whole;
        Ok(config)
    }

    /// The resolved config, as it is kept in the run directory.
    pub fn to_toml(&self) -> Result<String> {
        Ok(toml::to_string_pretty(self)?)
    }

    fn make_absolute(&mut self, base: &Path) {
        join(base, &mut self.run.dir);
        join(base, &mut self.model.path);
        if let Some(data) = &mut self.data {
            join(base, &mut data.train);
            data.held_out.iter_mut().for_each(|path| join(base, path));
        }
        let plugins = self.task.iter_mut().chain(&mut self.labeler);
        let plugins = plugins.chain(&mut self.shaper);
        for plugin in plugins.chain(&mut self.eval.measure) {
            plugin.make_absolute(base);
        }
        let models = self.score.iter_mut().flat_map(|s| &mut s.reward_models);
        models.for_each(|path| join(base, path));
        let stores = self.collect.iter_mut().flat_map(|c| &mut c.store);
        stores.for_each(|path| join(base, path));
        let judges = self.study.iter_mut().flat_map(|s| s.judges.values_mut());
        judges.for_each(|path| join(base, path));
        if let Some(reward) = &mut self.reward {
            let labels = [&mut reward.train, &mut reward.validation, &mut reward.test];
            let paths = labels.into_iter().flatten().chain(&mut reward.path);
            paths.for_each(|path| join(base, path));
        }
    }
}

impl PluginRef {
    fn make_absolute(&mut self, base: &Path) {
        if [".wasm", std::env::consts::DLL_SUFFIX]
            .iter()
            .any(|ending| self.plugin.ends_with(ending))
        {
            let mut path = PathBuf::from(&self.plugin);
            join(base, &mut path);
            self.plugin = path.display().to_string();
        }
        for path in self.assets.values_mut() {
            join(base, path);
        }
    }
}

/// Joins and removes `.` and `..` by name, so that equal files have equal paths in the run's record.
fn join(base: &Path, path: &mut PathBuf) {
    let mut clean = PathBuf::new();
    for part in base.join(&*path).components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    *path = clean;
}

/// The error with what to do about it, as far as its words tell.
fn advise(error: toml::de::Error) -> anyhow::Error {
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
        other => other,
    }
}

fn apply(table: &mut toml::Table, text: &str) -> Result<()> {
    let Some((key, value)) = text.split_once('=') else {
        bail!("`--set {text}` has no `=`\nhint: write `--set ppo.lr=2e-6`");
    };
    let value = parse_value(value.trim());
    let mut parts: Vec<&str> = key.trim().split('.').collect();
    let last = parts.pop().filter(|last| !last.is_empty());
    let Some(last) = last else {
        bail!("`--set {text}` names no key\nhint: write `--set ppo.lr=2e-6`");
    };
    let mut here = table;
    for part in parts {
        let next = here
            .entry(part)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        here = match next {
            toml::Value::Table(inner) => inner,
            toml::Value::Array(_) => {
                bail!("`--set {text}`: `{part}` is a list; override it in the file instead")
            }
            _ => bail!("`--set {text}`: `{part}` is not a section"),
        };
    }
    merge(here, last, value);
    Ok(())
}

/// A table changes the keys that it has, and leaves the others; but settings and files belong to a
/// plugin, so another plugin begins with its own.
fn merge(table: &mut toml::Table, key: &str, value: toml::Value) {
    match (table.get_mut(key), value) {
        (Some(toml::Value::Table(old)), toml::Value::Table(new)) if !new.contains_key("plugin") => {
            new.into_iter()
                .for_each(|(key, value)| merge(old, &key, value));
        }
        (_, value) => {
            table.insert(key.to_owned(), value);
        }
    }
}

fn parse_value(text: &str) -> toml::Value {
    let parsed: Result<toml::Table, _> = toml::from_str(&format!("value = {text}"));
    parsed
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| toml::Value::String(text.to_string()))
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
