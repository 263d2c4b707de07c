//! What was measured of the training of reward models. It reads the lines that contenders print; it
//! knows no targets.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Shape, Who};
use crate::bench::measurement::median;
use crate::bench::server::Round;

/// One optimizer step: its seconds, and what the process held at most so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) total: f64,
    pub(super) loss: f64,
    pub(super) peak_mib: f64,
}

impl Round for Step {
    fn parse(line: &Value) -> Result<Self> {
        let number = |key: &str| {
            line[key]
                .as_f64()
                .with_context(|| format!("no number `{key}` in {line}"))
        };
        Ok(Self {
            total: number("total")?,
            loss: number("loss")?,
            peak_mib: number("peak_mib")?,
        })
    }

    fn shown(&self) -> String {
        format!("{:7.2} s (loss {:.3})", self.total, self.loss)
    }
}

/// How many comparisons the peer takes at a time, and what it tried.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) at_a_time: usize,
    /// Sizes, the largest first, and the seconds of a step.
    tried: Vec<(usize, f64)>,
}

impl Choice {
    /// Reads what the peer says about it.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line).with_context(|| format!("in `{line}`"))?;
        let about = || format!("no choice in {value}");
        let tried = value["seconds"].as_object().with_context(about)?.iter();
        let mut tried = tried
            .map(|(size, seconds)| Some((size.parse().ok()?, seconds.as_f64()?)))
            .collect::<Option<Vec<(usize, f64)>>>()
            .with_context(about)?;
        tried.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let at_a_time = value["at_a_time"].as_u64().with_context(about)? as usize;
        Ok(Self { at_a_time, tried })
    }

    /// In a sentence.
    pub(super) fn describe(&self) -> String {
        let tried = self.tried.iter();
        let tried: Vec<String> = tried
            .map(|(size, seconds)| format!("{size} {seconds:.2} s"))
            .collect();
        format!(
            "The peer takes {} comparisons at a time, the fastest of what it tried: {} a step.",
            self.at_a_time,
            tried.join(", ")
        )
    }
}

/// What was measured of one contender.
pub(super) struct Row {
    pub(super) who: Who,
    pub(super) version: String,
    pub(super) steps: Vec<Step>,
}

impl Row {
    /// Seconds of a step.
    pub(super) fn seconds(&self) -> Result<f64> {
        median(self.steps.iter().map(|step| step.total).collect()).context("there are no steps")
    }

    /// The most that it ever held, warm-up included: peaks never fall.
    pub(super) fn peak(&self) -> Result<f64> {
        Ok(self.steps.last().context("there are no steps")?.peak_mib)
    }
}

/// Contenders whose steps on the same comparisons were interleaved.
pub(super) struct Compared {
    pub(super) shape: Shape,
    pub(super) rows: Vec<Row>,
}

impl Compared {
    /// What was measured of `who`.
    pub(super) fn row(&self, who: Who) -> Result<&Row> {
        let row = self.rows.iter().find(|row| row.who == who);
        row.with_context(|| format!("{} was not measured", who.label()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let line = serde_json::json!({"total": 1.5, "loss": 1.4, "peak_mib": 100.0});
        let step = Step::parse(&line).unwrap();
        assert_eq!(step.total, 1.5);
        let message = Step::parse(&serde_json::json!({"total": 1.5})).unwrap_err();
        assert!(message.to_string().contains("`loss`"), "{message}");
    }

    #[test]
    fn the_choice_names_what_was_tried() {
        let line = r#"{"at_a_time": 8, "seconds": {"16": 3.0, "32": 4.0, "8": 2.5}}"#;
        let choice = Choice::parse(line).unwrap();
        assert_eq!(
            choice.describe(),
            "The peer takes 8 comparisons at a time, the fastest of what it tried: 32 4.00 s, 16 3.00 s, \
             8 2.50 s a step."
        );
        assert!(Choice::parse(r#"{"seconds": {"a": 1.0}, "at_a_time": 8}"#).is_err());
    }
}
