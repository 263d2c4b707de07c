//! A label a line, as JSON, with everything: what is imported from here is what was exported.

use std::io::BufRead;

use anyhow::{Context, Result};

use super::{Written, for_lines};
use crate::label::Label;

pub(super) fn read(file: impl BufRead) -> Result<Vec<Label>> {
    let mut labels = Vec::new();
    for_lines(file, |number, text| {
        let about = || format!("line {number}");
        let label: Label = serde_json::from_str(text).with_context(about)?;
        label.check().with_context(about)?;
        labels.push(label);
        Ok(())
    })?;
    Ok(labels)
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
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
