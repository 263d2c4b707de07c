//! What a project's `pyproject.toml` says of the plugin.
//! It knows the file's form; it knows nothing about how a component is made.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::script::{KINDS, check_name};

const FILE: &str = "pyproject.toml";
const EXAMPLE: &str = "[tool.attune]\nkind = \"shaper\"\nplugin = \"brevity:Brevity\"";

/// The plugin, as its project describes it.
#[derive(Debug, PartialEq, Hash)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    /// What it does, in a line.
    pub(super) summary: String,
    /// `task`, `labeler` or `shaper`.
    pub(super) kind: String,
    /// The module that holds the class, with dots.
    pub(super) module: String,
    pub(super) class: String,
}

#[derive(Deserialize)]
struct File {
    project: Option<Project>,
    tool: Option<Tools>,
}

#[derive(Deserialize)]
struct Project {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Tools {
    attune: Option<Attune>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attune {
    kind: String,
    plugin: String,
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
        let file: File = toml::from_str(text)?;
        let Some(project) = file.project else {
            bail!("there is no [project]\nhint: it needs a name and a version");
        };
        let Some(attune) = file.tool.and_then(|tool| tool.attune) else {
            bail!("there is no [tool.attune]\nhint: write\n{EXAMPLE}");
        };
        let name = project.name.unwrap_or_default();
        check_name("[project] name", &name)?;
        let version = project.version.unwrap_or_default();
        if version.is_empty() {
            bail!("[project] has no version\nhint: write `version = \"0.1.0\"`");
        }
        if !KINDS.contains(&attune.kind.as_str()) {
            bail!(
                "[tool.attune] kind is `{}`, not one of {}\nhint: write\n{EXAMPLE}",
                attune.kind,
                KINDS.join(", ")
            );
        }
        let word = |text: &str| {
            text.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        match attune.plugin.split_once(':') {
            Some((module, class)) if module.split('.').all(word) && word(class) => Ok(Self {
                name,
                version,
                summary: project.description,
                kind: attune.kind,
                module: module.to_owned(),
                class: class.to_owned(),
            }),
            _ => bail!(
                "[tool.attune] plugin is `{}`, not a module, a colon and a class\nhint: write\n{EXAMPLE}",
                attune.plugin
            ),
        }
    }

    /// Refuses a module that is not among the project's `modules`, or whose name is taken.
    pub(super) fn check<'a>(&self, modules: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
        let path = self.module.replace('.', "/");
        let places = [format!("{path}.py"), format!("{path}/__init__.py")];
        if !modules
            .clone()
            .any(|module| places.iter().any(|place| place == module))
        {
            bail!(
                "there is no module `{}` ({}) in the project\nhint: name the file of the plugin's class in \
                 [tool.attune] plugin",
                self.module,
                places[0]
            );
        }
        let taken = ["attune_sdk", "attune_world", "attune_entry"];
        for module in modules {
            let first = module.split(['/', '.']).next().unwrap_or_default();
            if taken.contains(&first) {
                bail!(
                    "the module `{module}` has a name that the SDK needs\nhint: name it otherwise"
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "[project]\nname = \"a-b\"\nversion = \"1.2.0\"\n";

    fn refused(text: &str) -> String {
        format!("{:#}", Manifest::parse(text).unwrap_err())
    }

    #[test]
    fn a_plugin_is_a_module_and_a_class() {
        let text =
            format!("{PROJECT}[tool.attune]\nkind = \"task\"\nplugin = \"pack.things:Thing\"");
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(
            (manifest.module.as_str(), manifest.class.as_str()),
            ("pack.things", "Thing")
        );
        assert!(
            manifest
                .check(["pack/things.py", "pack/__init__.py"].into_iter())
                .is_ok()
        );
        assert!(manifest.check(["things.py"].into_iter()).is_err());
        assert!(
            manifest
                .check(["pack/things.py", "attune_sdk.py"].into_iter())
                .is_err()
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, part) in [
            (PROJECT.to_owned(), "no [tool.attune]"),
            (
                "[tool.attune]\nkind = \"task\"\nplugin = \"a:A\"".to_owned(),
                "no [project]",
            ),
            (
                format!("{PROJECT}[tool.attune]\nkind = \"judge\"\nplugin = \"a:A\""),
                "`judge`",
            ),
            (
                format!("{PROJECT}[tool.attune]\nkind = \"task\"\nplugin = \"a.A\""),
                "`a.A`",
            ),
            (
                format!("{PROJECT}[tool.attune]\nkind = \"task\"\nplugin = \"a:A\"\nx = 1"),
                "`x`",
            ),
            (
                PROJECT.replace("a-b", "A_b") + "[tool.attune]\nkind = \"task\"\nplugin = \"a:A\"",
                "`A_b`",
            ),
        ] {
            assert!(refused(&text).contains(part), "{part}: {}", refused(&text));
        }
    }
}
