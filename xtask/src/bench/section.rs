//! A part of a Markdown file that a command writes, between two markers; the rest is a person's.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::stamp::write_atomically;

/// Puts `text` between `<!-- NAME:begin -->` and `<!-- NAME:end -->` of `file`.
pub(super) fn write(file: &Path, name: &str, text: &str) -> Result<()> {
    let old =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let new = replaced(&old, name, text).with_context(|| {
        format!(
            "{} has no section between `<!-- {name}:begin -->` and `<!-- {name}:end -->`",
            file.display()
        )
    })?;
    write_atomically(file, new.as_bytes())
}

fn replaced(old: &str, name: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- {name}:begin -->");
    let end = format!("<!-- {name}:end -->");
    let (before, rest) = old.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let old = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nz <!-- y:begin -->";
        let new = replaced(old, "x", "new\n").unwrap();
        assert_eq!(
            new,
            "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nz <!-- y:begin -->"
        );
        assert_eq!(replaced(old, "y", "new"), None);
    }
}
