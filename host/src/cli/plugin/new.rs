//! `attune plugin new`: a project that builds and passes its tests as it is made.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::disk;
use crate::terminal::Word;

mod templates;

/// Longest name of a plugin: it becomes a file's and a metric's.
const MAX_NAME: usize = 64;

#[derive(Args)]
pub(in crate::cli) struct NewArgs {
    /// The plugin's name, in lower-case letters, digits and hyphens; the folder is named like it
    name: String,
    /// What it is to be
    #[arg(long, value_enum)]
    kind: Kind,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Lang::Rust)]
    lang: Lang,
    /// The folder to make it in
    #[arg(long = "in", value_name = "DIR", default_value_os_t = super::here())]
    parent: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Makes queries and says what a finished response is
    Task,
    /// Judges responses to a query
    Labeler,
    /// Adds terms to the reward
    Shaper,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// A crate
    Rust,
    /// A module
    Python,
    /// A module; `javascript` is understood as well
    #[value(alias = "javascript")]
    Js,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Task => "task",
            Kind::Labeler => "labeler",
            Kind::Shaper => "shaper",
        }
    }

    fn article(self) -> &'static str {
        match self {
            Kind::Task => "A task",
            Kind::Labeler => "A labeler",
            Kind::Shaper => "A reward shaper",
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Kind::Task => "Continues texts up to a full stop",
            Kind::Labeler => "Likes responses that have a word in them",
            Kind::Shaper => "Takes something off for each word too many",
        }
    }

    /// A command that uses the plugin in a run of an example.
    fn trial(self, name: &str) -> String {
        let plugin = format!("{{plugin=\"target/plugins/{name}.wasm\"}}");
        let set = match self {
            Kind::Task => format!("task={plugin}"),
            Kind::Labeler => format!("labeler={plugin}"),
            Kind::Shaper => format!("shaper=[{plugin}]"),
        };
        format!(
            "attune train policy EXPERIMENT.toml --set '{set}' \\\n    --set run.dir=runs/trial --set \
             ppo.total_episodes=32 --set ppo.batch_size=16"
        )
    }
}

pub(super) fn run(args: &NewArgs) -> Result<()> {
    check_name(&args.name, args.lang)?;
    let folder = args.parent.join(&args.name);
    if folder.exists() {
        bail!(
            "`{}` is there already\nhint: name another plugin, or another folder by --in",
            folder.display()
        );
    }
    if args.lang == Lang::Rust {
        attune_build::above::check(&folder)?;
    }
    let values = values(args);
    // Everything is filled in before anything is written.
    let files = templates::of(args.lang, args.kind, &values)?;
    for (name, text) in &files {
        let path = folder.join(name);
        disk::replace(&path, text.as_bytes())
            .context("the project could not be made\nhint: name another folder by --in")?;
    }
    attune_build::sdk::put_beside(&folder, templates::language(args.lang))?;
    println!(
        "made {}, {} in {}",
        folder.display(),
        args.kind.article().to_lowercase(),
        templates::language(args.lang).name()
    );
    for (name, _) in &files {
        println!("  {name}");
    }
    let shown = Word(folder.display());
    println!(
        "next:\n  attune plugin build {shown}\n  attune plugin test {shown}\n  attune plugin check {shown}"
    );
    Ok(())
}

fn check_name(name: &str, lang: Lang) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts || !name.chars().all(fits) || name.ends_with('-') || name.len() > MAX_NAME {
        bail!(
            "`{name}` cannot be a plugin's name\nhint: use lower-case letters, digits and hyphens, at most \
             {MAX_NAME}, beginning with a letter, such as `plain-words`"
        );
    }
    if let Some(what) = attune_build::names::taken(name, templates::language(lang)) {
        bail!(
            "`{name}` cannot be the name of a plugin in {}: it is that of {what}\nhint: add a word, such as \
             `{name}-terms`",
            templates::language(lang).name()
        );
    }
    Ok(())
}

/// What the templates' places are filled with.
fn values(args: &NewArgs) -> Vec<(&'static str, String)> {
    let kind = args.kind;
    vec![
        ("name", args.name.clone()),
        ("type", camel(&args.name)),
        ("module", args.name.replace('-', "_")),
        ("kind", kind.name().into()),
        ("article", kind.article().into()),
        ("summary", kind.summary().into()),
        ("try", kind.trial(&args.name)),
    ]
}

/// `plain-words` as `PlainWords`.
fn camel(name: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_types() {
        assert_eq!(camel("plain-words2"), "PlainWords2");
    }

    #[test]
    fn names_that_cargo_or_a_path_would_not_take_are_refused() {
        for name in [
            "",
            "A",
            "9a",
            "a_b",
            "a/b",
            "..",
            "a-",
            "é",
            &"a".repeat(65),
        ] {
            assert!(check_name(name, Lang::Rust).is_err(), "{name}");
        }
        assert!(check_name("plain-words", Lang::Rust).is_ok());
    }

    #[test]
    fn names_that_would_hide_what_the_project_needs_are_refused() {
        for name in [
            "attune-sdk",
            "serde",
            "self",
            "shaper",
            "plugin",
            "settings",
        ] {
            let said = check_name(name, Lang::Rust).unwrap_err().to_string();
            assert!(said.contains(name) && said.contains("hint: "), "{said}");
        }
        for name in ["attune-sdk", "class", "none", "random", "json", "shaper"] {
            assert!(check_name(name, Lang::Python).is_err(), "{name}");
        }
        for name in ["attune-sdk", "math", "shaper"] {
            assert!(check_name(name, Lang::Js).is_err(), "{name}");
        }
        for name in ["random", "class", "json", "length"] {
            assert!(check_name(name, Lang::Rust).is_ok(), "{name}");
            assert!(check_name(name, Lang::Js).is_ok(), "{name}");
        }
        assert!(check_name("length", Lang::Python).is_ok());
    }
}
