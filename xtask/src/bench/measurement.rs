//! What was measured: updates, groups of contenders whose updates were interleaved, medians. It reads the
//! lines that contenders print; it knows no targets.

use anyhow::{Context, Result};
use serde_json::Value;

use super::contender::Contender;
use super::server::Round;

/// One update: seconds of its phases, and what the process held at most so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measurement {
    pub(super) generate: f64,
    pub(super) analyze: f64,
    pub(super) score: f64,
    pub(super) train: f64,
    pub(super) total: f64,
    pub(super) peak_mib: f64,
    pub(super) tokens_per_second: f64,
    /// Share of the update that plugins took; none of the peer's.
    pub(super) plugin_share: f64,
}

impl Round for Measurement {
    fn parse(line: &Value) -> Result<Self> {
        let number = |key: &str| {
            line[key]
                .as_f64()
                .with_context(|| format!("no number `{key}` in {line}"))
        };
        Ok(Self {
            generate: number("generate")?,
            analyze: number("analyze")?,
            score: number("score")?,
            train: number("train")?,
            total: number("total")?,
            peak_mib: number("peak_mib")?,
            tokens_per_second: number("tokens_per_second")?,
            plugin_share: line["plugin_share"].as_f64().unwrap_or(0.0),
        })
    }

    fn shown(&self) -> String {
        format!(
            "{:7.2} s (generate {:.2}, analyze {:.2}, train {:.2})",
            self.total, self.generate, self.analyze, self.train
        )
    }
}

/// The products that an update needs, in floating-point operations, and the best rate seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floor {
    pub(super) generate: f64,
    pub(super) analyze: f64,
    pub(super) train: f64,
    /// Operations a second.
    pub(super) rate: f64,
}

impl Floor {
    /// Reads the line of `attune bench --floor`.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line).with_context(|| format!("in `{line}`"))?;
        let operations = |key: &str| {
            value["operations"][key]
                .as_f64()
                .with_context(|| format!("no operations of `{key}` in {value}"))
        };
        Ok(Self {
            generate: operations("generate")?,
            analyze: operations("analyze")?,
            train: operations("train")?,
            rate: value["rate"].as_f64().context("no rate")?,
        })
    }
}

/// What was measured of one contender.
pub(super) struct Row {
    pub(super) contender: Contender,
    pub(super) version: String,
    pub(super) rounds: Vec<Measurement>,
}

/// Contenders whose updates were interleaved.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row>,
}

impl Group {
    /// What a contender said that it is.
    pub(super) fn version(&self, contender: Contender) -> &str {
        self.row(contender).map_or("?", |row| &row.version)
    }

    fn row(&self, contender: Contender) -> Option<&Row> {
        self.rows.iter().find(|row| row.contender == contender)
    }

    /// The median over a contender's rounds.
    pub(super) fn median(&self, contender: Contender, of: fn(&Measurement) -> f64) -> Result<f64> {
        let row = self.row(contender);
        let row = row.with_context(|| format!("{} was not measured", contender.label()))?;
        median(row.rounds.iter().map(of).collect()).context("there are no rounds")
    }

    /// The most that a contender ever held, warm-up included: peaks never fall.
    pub(super) fn peak(&self, contender: Contender) -> Result<f64> {
        let last = self.row(contender).and_then(|row| row.rounds.last());
        Ok(last.context("there are no rounds")?.peak_mib)
    }
}

/// The middle of `values`; of an even count, between the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(match values.len() % 2 {
        0 => f64::midpoint(values[middle - 1], upper),
        _ => upper,
    })
}

/// The least and the most of `values`.
pub(super) fn range(values: impl Iterator<Item = f64> + Clone) -> String {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    format!("{least:.2} to {:.2}", values.fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians_of_even_counts_lie_between() {
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }
}
