//! The results as files besides `eval.json`: the tables as Markdown, the answers side by side.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::bench::Bench;
use super::entrants::Entrant;
use super::report::Report;
use super::tables;
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

/// The tables under their names, and those that are too long for a terminal.
pub(super) fn markdown(report: &Report, tables: &[Table]) -> Vec<u8> {
    let mut text = format!(
        "# {} entries on {} held-out queries\n",
        report.entries.len(),
        report.queries
    );
    for table in tables.iter().chain(&tables::more(report)) {
        text += &format!("\n## {}\n\n{}", table.name, table.markdown());
    }
    text.into_bytes()
}
