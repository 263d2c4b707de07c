//! Where the texts of an experiment are other texts once they are tokens.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::config::Config;
use crate::experiment::examples::labels;
use crate::experiment::parts::{self, Parts};
use crate::experiment::reward::start;
use crate::rows::{self, Rows};
use crate::train::joins::{Joins, MOST, halves, measure};
use crate::train::stream::Queries;

/// What the policy's tokenizer makes of the rows of each file of data, or of the first of many.
pub(crate) fn of_rows(config: &Config, parts: &Parts) -> Result<Vec<String>> {
    let data = config.data()?;
    let mut lines = Vec::new();
    let mut tell = |rows: &Rows| -> Result<()> {
        let (mut numbers, mut values) = (Vec::new(), Vec::new());
        for at in 0..rows.len().min(MOST) {
            numbers.push(rows.number(at));
            values.push(serde_json::from_str::<Value>(&rows.get(at)?.1)?);
        }
        let texts = numbers.into_iter().zip(values.iter().map(halves));
        lines.extend(told(&rows.path, "row", &measure(&parts.tokenizer, texts)));
        Ok(())
    };
    match &parts.train {
        Queries::Streamed(streamed) => streamed.rows.iter().try_for_each(&mut tell)?,
        Queries::Held(_) => {
            for path in data.train.iter() {
                tell(&rows::read_good(path)?)?;
            }
        }
    }
    Ok(lines)
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
