//! Weights in several files that no index lists: by their names, `model-00001-of-00003.safetensors` and so on. Tools
//! differ in what stands before the numbers, and in how many digits those have. Knows names alone.

use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::path::Path;

/// What stands before the numbers where transformers wrote the files.
const USUAL: &str = "model";

/// A name of one of several files.
#[derive(Clone, Copy)]
struct Part<'a> {
    name: &'a str,
    /// What stands before the numbers.
    stem: &'a str,
    /// The numbers as they are written.
    number: &'a str,
    count: &'a str,
    /// The numbers.
    at: usize,
    of: usize,
}

impl<'a> Part<'a> {
    /// An adapter's is none: it is no whole model.
    fn of_name(name: &'a str) -> Option<Self> {
        let (rest, count) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
        let (stem, number) = rest.rsplit_once('-')?;
        let part = Part {
            name,
            stem,
            number,
            count,
            at: whole(number)?,
            of: whole(count).filter(|count| (1..10_000).contains(count))?,
        };
        (part.at <= part.of && !stem.starts_with("adapter")).then_some(part)
    }

    /// The name of the file with another number, as this one is written.
    fn sibling(&self, at: usize) -> String {
        let Part { stem, count, .. } = self;
        format!(
            "{stem}-{at:0width$}-of-{count}.safetensors",
            width = self.number.len()
        )
    }
}

fn whole(digits: &str) -> Option<usize> {
    let only = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| only)
}

/// All parts of the weights in order, also those that are not there, where one of them is; else none.
///
/// # Errors
/// There are parts of several.
pub(super) fn numbered(dir: &Path, names: &[String]) -> Result<Vec<String>> {
    let mut parts: Vec<Part<'_>> = names
        .iter()
        .filter_map(|name| Part::of_name(name))
        .collect();
    if parts.iter().any(|part| part.stem == USUAL) {
        parts.retain(|part| part.stem == USUAL);
    }
    let Some(first) = parts.first().copied() else {
        return Ok(Vec::new());
    };
    let of_another = |part: &&Part<'_>| (part.stem, part.of) != (first.stem, first.of);
    if let Some(other) = parts.iter().find(of_another) {
        bail!(
            "`{}` has files of weights that were cut up in two ways: `{}` and `{}`\nhint: leave those of one there, and \
             move the others away",
            dir.display(),
            first.name,
            other.name
        );
    }
    let numbers: BTreeSet<usize> = parts.iter().map(|part| part.at).collect();
    // Some tools count from 0.
    let begin = usize::from(!numbers.contains(&0));
    let name = |at: usize| {
        let there = parts.iter().find(|part| part.at == at);
        there.map_or_else(|| first.sibling(at), |part| part.name.to_owned())
    };
    Ok((begin..begin + first.of).map(name).collect())
}

#[cfg(test)]
mod tests;
