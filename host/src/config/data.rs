//! The section `[data]`: which rows queries are made from.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Config;

/// The rows that queries are made from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Rows to train on: JSON lines, a JSON array, CSV, TSV, Parquet, or a text with a row a line. A file, a list of
    /// files, or a pattern such as `part-*.jsonl`, whose files are read in the order of their names.
    #[serde(default, skip_serializing_if = "Files::is_none")]
    pub train: Files,
    /// Rows that are never trained on, for the table at the end; absent to hold back the last
    /// `eval.queries` queries of `train`.
    #[serde(default, skip_serializing_if = "Files::is_none")]
    pub held_out: Files,
    /// The folder with the stories of CNN/DM, where `train` and `held_out` are lists of their addresses.
    pub stories: Option<PathBuf>,
    /// In place of `train`: so many rows `{"row": 0}`, `{"row": 1}` and so on, for a task that needs no more; 0 for none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub generate: u64,
    /// Whether a row that cannot be read stops everything; otherwise it is left out and counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whether rows are read again from the file whenever they are needed, so that a file of any size needs little
    /// memory; absent for yes where the files are larger than memory should hold. The order is another one then.
    pub stream: Option<bool>,
    /// Shuffles the rows; the order is the same in every pass.
    #[serde(default)]
    pub shuffle_seed: u64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// No file, a file, or several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Files(pub Vec<PathBuf>);

impl Files {
    /// Whether no file is named.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Files {
    type Target = Vec<PathBuf>;

    fn deref(&self) -> &Vec<PathBuf> {
        &self.0
    }
}

impl fmt::Display for Files {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [] => to.write_str("no file"),
            [one] => write!(to, "`{}`", one.display()),
            [first, more @ ..] => write!(to, "`{}` and {} more", first.display(), more.len()),
        }
    }
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => one.serialize(to),
            all => all.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Files, D::Error> {
        struct Paths;
        impl<'de> Visitor<'de> for Paths {
            type Value = Files;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a path in quotes, or a list of paths")
            }

            fn visit_str<E>(self, path: &str) -> Result<Files, E> {
                Ok(Files(vec![path.into()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut paths: A) -> Result<Files, A::Error> {
                let mut files = Files::default();
                while let Some(path) = paths.next_element()? {
                    files.0.push(path);
                }
                Ok(files)
            }
        }
        from.deserialize_any(Paths)
    }
}

impl Config {
    /// Puts the files that a pattern means in its place.
    ///
    /// # Errors
    /// A pattern is none, or there is no such file.
    pub(super) fn find_files(&mut self) -> Result<()> {
        if let Some(data) = &mut self.data {
            data.train.find().context("in data.train")?;
            data.held_out.find().context("in data.held_out")?;
        }
        Ok(())
    }
}

impl Files {
    fn find(&mut self) -> Result<()> {
        let mut found = Vec::new();
        for path in &self.0 {
            match is_pattern(path) {
                true => found.extend(meant_by(path)?),
                false => found.push(path.clone()),
            }
        }
        self.0 = found;
        Ok(())
    }
}

/// Whether a path is a pattern, and not a file with such letters in its name.
fn is_pattern(path: &Path) -> bool {
    let is = |text: &str| text.contains(['*', '?', '[']) && glob::Pattern::new(text).is_ok();
    path.to_str().is_some_and(is) && !path.exists()
}

fn meant_by(pattern: &Path) -> Result<Vec<PathBuf>> {
    let shown = pattern.display();
    let text = pattern.to_str().unwrap_or_default();
    let found = glob::glob(text).with_context(|| {
        format!("`{shown}` is no pattern\nhint: `*` stands for any letters, `?` for one, `[ab]` for one of these")
    })?;
    let mut files = Vec::new();
    for file in found {
        let file = file.with_context(|| format!("cannot look for `{shown}`"))?;
        if file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        bail!(
            "no file is called like `{shown}`\nhint: name files that are there; a pattern may be `rows/*.jsonl`"
        );
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_files_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.jsonl", "a.jsonl", "c.txt", "odd[1].csv"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.jsonl")).unwrap();
        let find = |name: &str| {
            let mut files = Files(vec![folder.path().join(name)]);
            let found = files.find();
            let names = files
                .0
                .iter()
                .map(|path| path.file_name().unwrap().to_owned());
            found.map(|()| names.collect::<Vec<_>>())
        };
        assert_eq!(find("*.jsonl").unwrap(), ["a.jsonl", "b.jsonl"]);
        assert_eq!(find("odd[1].csv").unwrap(), ["odd[1].csv"]);
        assert_eq!(find("none.csv").unwrap(), ["none.csv"]);
        let message = format!("{:#}", find("*.csv.gz").unwrap_err());
        assert!(message.contains("no file is called like"), "{message}");
        assert_eq!(find("[x").unwrap(), ["[x"]);
    }

    #[test]
    fn a_file_is_written_as_it_was_and_several_as_a_list() {
        let data = |text: &str| toml::from_str::<Data>(text).unwrap();
        let one = data("train = 'a.jsonl'");
        assert_eq!(
            toml::to_string(&one).unwrap(),
            "train = \"a.jsonl\"\nshuffle_seed = 0\n"
        );
        let two = data("train = ['a.jsonl', 'b.csv']");
        assert_eq!(two.train.len(), 2);
        assert_eq!(data(&toml::to_string(&two).unwrap()), two);
        assert!(toml::from_str::<Data>("train = 3").is_err());
    }
}
