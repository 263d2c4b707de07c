//! The descriptions of Debian's packages, each with the line in which its maintainer says the same: real texts with real
//! summaries, in any number, from the archive that a Debian or Ubuntu system installs from. It knows apt and its files; it
//! changes nothing of the system, whose own lists stay as they are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use attune_build::tool::{capture_within, exists, write_atomically};

use super::sentiment::{model, temporary_in, write_config};
use crate::digest;

mod stanza;

use stanza::{Described, described};

/// The example's configs, with the paths that they have in a checkout.
const CONFIGS: [(&str, &str); 2] = [
    (
        "sft.toml",
        include_str!("../../../examples/tldr-packages/sft.toml"),
    ),
    (
        "small.toml",
        include_str!("../../../examples/tldr-packages/small.toml"),
    ),
];
const TRAIN: &str = "packages.train.jsonl";
const TEST: &str = "packages.test.jsonl";
/// One in so many groups of descriptions that begin alike is held out.
const HELD_OUT: u64 = 20;
/// Fewer would mean that an archive is not what it should be.
const FEWEST: usize = 1_000;
/// How long the archive may take.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Unpacks what apt has packed, however it did.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Puts model, pairs and configs into a folder.
pub(super) fn fetch(to: &Path, tell: &mut dyn FnMut(&str)) -> Result<()> {
    data(&to.join("data"), tell)?;
    model(&to.join("models"), tell)?;
    CONFIGS
        .into_iter()
        .try_for_each(|config| write_config(to, config, tell))
}

/// Has the pairs to learn from and those that are held out.
fn data(folder: &Path, tell: &mut dyn FnMut(&str)) -> Result<()> {
    if [TRAIN, TEST].iter().all(|name| folder.join(name).exists()) {
        tell(&format!(
            "package descriptions: there, {}",
            folder.display()
        ));
        return Ok(());
    }
    if !exists("apt-get") || !Path::new(HELPER).exists() {
        bail!(
            "package descriptions come from a Debian archive, and there is no apt-get here\nhint: fetch them on Debian or \
             Ubuntu, or in a container of one, and copy `{TRAIN}` and `{TEST}` to `{}`",
            folder.display()
        );
    }
    tell("package descriptions: fetching 11 MB");
    let temporary = temporary_in(folder)?;
    let lists = lists(temporary.path())?;
    let mut all: Vec<Described> = Vec::new();
    for list in &lists {
        let text = capture_within(Command::new(HELPER).arg("cat-file").arg(list), PATIENCE)?;
        all.extend(described(&text));
    }
    let (test, train) = split(all)?;
    // Last: where it is, the other is there too.
    for (name, rows) in [(TRAIN, train), (TEST, test)] {
        let lines: Vec<String> = rows.iter().map(Described::to_json_line).collect();
        let path = folder.join(name);
        write_atomically(&path, lines.concat().as_bytes())?;
        let sha256 = digest::of_file(&path)?;
        tell(&format!(
            "{}: {} pairs, SHA-256 {sha256}",
            path.display(),
            lines.len()
        ));
    }
    Ok(())
}

/// Has apt fetch descriptions from where the system installs packages from, and nothing else.
fn lists(folder: &Path) -> Result<Vec<PathBuf>> {
    let (lists, cache) = (folder.join("lists"), folder.join("cache"));
    for made in [&lists.join("partial"), &cache] {
        std::fs::create_dir_all(made)?;
    }
    let mut update = Command::new("apt-get");
    update.args(["update", "-q"]);
    for option in [
        format!("Dir::State::lists={}", lists.display()),
        format!("Dir::Cache={}", cache.display()),
        "Acquire::Languages=en".to_owned(),
        "Acquire::IndexTargets::deb::Packages::DefaultEnabled=false".to_owned(),
        // The folder is ours, and no other user may write there.
        "APT::Sandbox::User=".to_owned(),
        "APT::Update::Post-Invoke::=".to_owned(),
        "APT::Update::Post-Invoke-Success::=".to_owned(),
    ] {
        update.args(["-o", &option]);
    }
    let hint = "hint: does `apt-get update` work here? the archive must be reachable";
    capture_within(&mut update, PATIENCE).context(hint)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&lists)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("_i18n_Translation-en") {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!(
            "the archives have no English descriptions\nhint: is a Debian archive among apt's sources?"
        );
    }
    found.sort();
    Ok(found)
}

/// What is held out and what is learned from, each description once, in an order that no name decides. Packages of one
/// source begin alike, and are on one side together.
fn split(all: Vec<Described>) -> Result<(Vec<Described>, Vec<Described>)> {
    let mut keyed: Vec<(String, Described)> = Vec::new();
    for one in all {
        keyed.push((digest::of_bytes(one.beginning().as_bytes()), one));
    }
    keyed.sort_by(|(a, one), (b, other)| (a, &one.package).cmp(&(b, &other.package)));
    keyed.dedup_by(|(_, one), (_, other)| {
        one.description == other.description && one.summary == other.summary
    });
    if keyed.len() < FEWEST {
        bail!(
            "the archive has {} descriptions, expected {FEWEST} or more\nhint: is it a Debian archive?",
            keyed.len()
        );
    }
    let group = |key: &str| u64::from_str_radix(&key[..8], 16).unwrap_or_default();
    let (test, train): (Vec<_>, Vec<_>) = keyed
        .into_iter()
        .partition(|(key, _)| group(key) % HELD_OUT == 0);
    let without_key = |rows: Vec<(String, Described)>| rows.into_iter().map(|(_, row)| row);
    Ok((without_key(test).collect(), without_key(train).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::sentiment::here;
    use super::*;

    fn package(number: usize, end: &str) -> Described {
        Described {
            package: format!("p{number}{end}"),
            description: format!("Does the {}th thing.\n\nFor {end}.", number % 1200),
            summary: format!("thing {number}"),
        }
    }

    #[test]
    fn what_begins_alike_is_on_one_side() {
        let all: Vec<Described> = (0..1200)
            .flat_map(|number| ["", "-dev", "-doc"].map(|end| package(number, end)))
            .collect();
        let twice = [all.clone(), all].concat();
        let (test, train) = split(twice).unwrap();
        assert_eq!(test.len() + train.len(), 3600);
        assert!((90..300).contains(&test.len()), "{}", test.len());
        for row in &test {
            assert!(
                train
                    .iter()
                    .all(|other| other.beginning() != row.beginning())
            );
        }
        assert!(split(vec![package(1, "")]).is_err());
    }

    #[test]
    fn configs_name_what_lies_beside_them() {
        for (name, text) in CONFIGS {
            let config = here(text);
            assert!(
                !config.contains("..") && config.contains("\"data/packages.train.jsonl\""),
                "{name}: {config}"
            );
        }
    }
}
