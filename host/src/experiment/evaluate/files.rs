//! The results as files besides `eval.json`: all numbers as CSV, the tables as Markdown, the answers side by side.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::bench::Bench;
use super::entrants::Entrant;
use super::report::{JudgeReport, Report};
use crate::eval::share::Mean;
use crate::train::observer::Table;

/// All answers, a JSON line for each query.
pub(super) fn answers(bench: &Bench, entrants: &[Entrant]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (row, query) in bench.queries.iter().enumerate() {
        let answers = entrants.iter().map(|entrant| {
            let text = entrant.replies[row].as_ref().map(|reply| &reply.text);
            (entrant.name.clone(), json!(text))
        });
        let line = json!({
            "query": query.text,
            "reference": query.reference,
            "answers": Value::Object(answers.collect::<Map<_, _>>()),
        });
        serde_json::to_writer(&mut lines, &line)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// The tables under their names.
pub(super) fn markdown(report: &Report, tables: &[Table]) -> Vec<u8> {
    let mut text = format!(
        "# {} entries on {} held-out queries\n",
        report.entries.len(),
        report.queries
    );
    for table in tables {
        text += &format!("\n## {}\n\n{}", table.name, table.markdown());
    }
    text.into_bytes()
}

/// Every number, a line each.
pub(super) fn csv(report: &Report) -> Vec<u8> {
    let mut lines = Lines::default();
    let against = report.against.as_str();
    for entry in &report.entries {
        let name = entry.name.as_str();
        let shares = entry
            .invalid
            .map(|invalid| ("invalid", Mean::from(invalid)));
        let measures = entry
            .measures
            .iter()
            .map(|(name, mean)| (name.as_str(), *mean));
        for (measure, mean) in measures.chain(shares) {
            lines.add([name, "", "", measure], &mean, None);
        }
        for (measure, paired) in &entry.paired {
            lines.add(
                [name, against, "", measure],
                &paired.difference,
                Some(paired.p),
            );
        }
    }
    for judge in &report.judges {
        lines.judge(judge, against);
    }
    lines.0.into_bytes()
}

/// Lines of a table of numbers.
struct Lines(String);

impl Default for Lines {
    fn default() -> Self {
        Lines("entry,against,judge,measure,value,low,high,n,p\n".to_owned())
    }
}

impl Lines {
    fn judge(&mut self, judge: &JudgeReport, against: &str) {
        let by = judge.name.as_str();
        for scored in &judge.scores {
            let entry = scored.entry.as_str();
            self.add([entry, "", by, "score"], &scored.score, None);
            if let Some(paired) = &scored.paired {
                let (difference, p) = (&paired.difference, Some(paired.p));
                self.add([entry, against, by, "score"], difference, p);
            }
        }
        for report in &judge.contests {
            let (pair, contest) = (
                [report.first.as_str(), report.second.as_str()],
                &report.contest,
            );
            let [first, second] = pair;
            let rates = [
                (
                    "win_rate",
                    Some(Mean::from(contest.win_rate)),
                    Some(contest.p),
                ),
                ("win_rate_bootstrap", Some(contest.bootstrap), None),
                (
                    "win_rate_equal_length",
                    contest.equal_length.map(Mean::from),
                    None,
                ),
            ];
            for (measure, mean, p) in rates {
                if let Some(mean) = mean {
                    self.add([first, second, by, measure], &mean, p);
                }
            }
        }
        for rated in &judge.ratings {
            let rating = &rated.rating;
            let mean = Mean {
                value: rating.value,
                low: rating.low,
                high: rating.high,
                count: rating.count,
            };
            self.add([&rated.entry, "", by, "rating"], &mean, None);
        }
    }

    fn add(&mut self, names: [&str; 4], mean: &Mean, p: Option<f64>) {
        let cells = names.map(quoted).join(",");
        let p = p.map_or(String::new(), |p| p.to_string());
        let Mean {
            value,
            low,
            high,
            count,
        } = mean;
        self.0 += &format!("{cells},{value},{low},{high},{count},{p}\n");
    }
}

/// A cell, in quotes where it must be.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
