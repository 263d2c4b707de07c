//! What a project's `package.json` says of the plugin.
//! It knows the file's form; it knows nothing about how a component is made.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::script::{KINDS, check_name};

const FILE: &str = "package.json";
const EXAMPLE: &str = "\"attune\": { \"kind\": \"shaper\", \"plugin\": \"brevity.js\" }";

/// The plugin, as its project describes it.
#[derive(Debug, PartialEq, Hash)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    /// What it does, in a line.
    pub(super) summary: String,
    /// `task`, `labeler` or `shaper`.
    pub(super) kind: String,
    /// The module whose default export is the plugin's class.
    pub(super) file: String,
}

#[derive(Deserialize)]
struct File {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    description: String,
    attune: Option<Attune>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attune {
    kind: String,
    plugin: String,
}

/// Whether the folder has a `package.json` that is a plugin's, and not that of some tool.
pub(crate) fn is_plugin(folder: &Path) -> bool {
    let text = std::fs::read_to_string(folder.join(FILE)).unwrap_or_default();
    let value: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    value.is_some_and(|value| value.get("attune").is_some())
}

impl Manifest {
    /// Reads the project's file.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        Self::parse(&text).with_context(|| format!("in `{}`", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let file: File = serde_json::from_str(text)?;
        let Some(attune) = file.attune else {
            bail!("there is no \"attune\"\nhint: write\n{EXAMPLE}");
        };
        let name = file.name.unwrap_or_default();
        check_name("\"name\"", &name)?;
        let version = file.version.unwrap_or_default();
        if version.is_empty() {
            bail!("there is no \"version\"\nhint: write `\"version\": \"0.1.0\"`");
        }
        if !KINDS.contains(&attune.kind.as_str()) {
            bail!(
                "\"attune\" has the kind `{}`, not one of {}\nhint: write\n{EXAMPLE}",
                attune.kind,
                KINDS.join(", ")
            );
        }
        Ok(Self {
            name,
            version,
            summary: file.description,
            kind: attune.kind,
            file: attune.plugin.trim_start_matches("./").to_owned(),
        })
    }

    /// Refuses a module that is not among the project's.
    pub(super) fn check(&self, modules: &BTreeMap<String, String>) -> Result<()> {
        if modules.contains_key(&self.file) {
            return Ok(());
        }
        bail!(
            "there is no module `{}` in the project\nhint: name the .js file of the plugin's class as \"plugin\" of \
             \"attune\" in {FILE}",
            self.file
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(attune: &str) -> String {
        format!(r#"{{"name": "a-b", "version": "1.2.0", "type": "module"{attune}}}"#)
    }

    #[test]
    fn a_plugin_is_a_module() {
        let text = project(r#", "attune": {"kind": "task", "plugin": "./lib/a.js"}"#);
        let manifest = Manifest::parse(&text).unwrap();
        let modules = |name: &str| BTreeMap::from([(name.to_owned(), String::new())]);
        assert!(manifest.check(&modules("lib/a.js")).is_ok());
        assert!(manifest.check(&modules("a.js")).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let good = project(r#", "attune": {"kind": "task", "plugin": "a.js"}"#);
        for (text, part) in [
            (project(""), "no \"attune\""),
            (good.replace("a-b", "A_b"), "`A_b`"),
            (good.replace("version", "versions"), "no \"version\""),
            (good.replace("task", "judge"), "`judge`"),
            (good.replace("kind", "kinds"), "`kinds`"),
        ] {
            let refused = format!("{:#}", Manifest::parse(&text).unwrap_err());
            assert!(refused.contains(part), "{part}: {refused}");
        }
    }
}
