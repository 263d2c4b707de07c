//! Where the texts of an experiment are other texts once they are tokens.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::config::Config;
use crate::experiment::examples::labels;
use crate::experiment::parts;
use crate::experiment::reward::start;
use crate::rows;
use crate::tokenizer::Tokenizer;
use crate::train::joins::{Joins, halves, measure};

/// What the policy's tokenizer makes of the rows of data.
pub(crate) fn of_rows(config: &Config, tokenizer: &Tokenizer) -> Result<Option<String>> {
    let data = config.data()?;
    let rows = rows::read(&data.train)?.rows;
    let read = |(number, row): &(u64, String)| Some((number + 1, serde_json::from_str(row).ok()?));
    let rows: Vec<(u64, Value)> = rows.iter().filter_map(read).collect();
    let texts = rows.iter().map(|(number, row)| (*number, halves(row)));
    Ok(told(&data.train, "row", &measure(tokenizer, texts)))
}

/// What the reward model's tokenizer makes of the labels that it learns from.
pub(crate) fn of_labels(config: &Config) -> Result<Vec<String>> {
    let Some(reward) = &config.reward else {
        return Ok(Vec::new());
    };
    let (_, tokenizer) = parts::model(start(config, reward))?;
    let mut lines = Vec::new();
    for path in &reward.train {
        let labels = labels(path)?;
        let texts = labels.iter().map(|label| {
            let query = label.comparison.query.text.as_deref().unwrap_or_default();
            let responses = label.comparison.responses.iter();
            let responses = responses.filter_map(|response| response.text.as_deref());
            responses.map(|text| (query, text)).collect()
        });
        lines.extend(told(path, "label", &measure(&tokenizer, (1..).zip(texts))));
    }
    Ok(lines)
}

/// How many are others, and how the first is.
fn told(path: &Path, row: &str, joins: &Joins) -> Option<String> {
    let (number, text, read) = joins.first.as_ref()?;
    Some(format!(
        "{} of {} {row}s of `{}` are other texts once they are tokens: {row} {number} says {text:?}, and the \
         model reads {read:?}",
        joins.changed,
        joins.rows,
        path.display()
    ))
}
