//! A label a line, as JSON, with everything: what is imported from here is what was exported.

use std::fs::File;
use std::io::BufReader;

use anyhow::{Context, Result};

use super::stream::{for_lines, parse};
use super::{Imported, Written, one_kind};
use crate::label::Label;

pub(super) fn read(file: File, into: &mut Imported) -> Result<()> {
    for_lines(BufReader::new(file), |number, text| {
        let label = parse(text).and_then(|label| into.push(label));
        label.with_context(|| format!("line {number}"))
    })
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    one_kind(labels)?;
    let mut written = Written {
        labels: labels.len(),
        ..Written::default()
    };
    for label in labels {
        serde_json::to_writer(&mut written.bytes, label)?;
        written.bytes.push(b'\n');
    }
    Ok(written)
}
