//! Answers without a model: what a person wrote, sentences of the query, and what the task itself would answer.

use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::bench::Bench;
use crate::config::{Entry, Sft};
use crate::eval::extract;
use crate::experiment::sft::{Writer, end_of};
use crate::role::{CallContext, Query, Split};
use crate::seed;
use crate::train::answers::Reply;

/// Baselines that every task has.
const OWN: [&str; 3] = ["reference", "lead", "extract"];

fn name(entry: &Entry) -> &str {
    entry.baseline.as_deref().unwrap_or_default()
}

/// Refuses a baseline that nobody knows, or that has no answer to any query.
pub(super) fn check(bench: &Bench, entry: &Entry) -> Result<()> {
    let texts = texts(bench, entry)?;
    if texts.iter().any(|text| !text.trim().is_empty()) {
        return Ok(());
    }
    let all = texts.len();
    match name(entry) {
        "reference" => bail!(
            "none of {all} held-out queries has a reference\nhint: name the field of the rows that has it by the task's \
             settings, such as task.settings.reference_field, or leave the entry out"
        ),
        name => bail!(
            "baseline `{name}` has no answer to any of {all} held-out queries\nhint: leave the entry out, or look at what \
             the queries are by `attune plan`"
        ),
    }
}

/// The answer to each query; empty where there is none.
pub(super) fn texts(bench: &Bench, entry: &Entry) -> Result<Vec<String>> {
    let count = entry.sentences.unwrap_or(1) as usize;
    let root = bench.config.run.seed;
    let queries = bench.queries.iter();
    let drawn = |row: usize| seed::derive(root, "extract", row as u64);
    Ok(match name(entry) {
        "reference" => queries.map(|query| query.reference.clone()).collect(),
        "lead" => queries
            .map(|query| extract::lead(&query.text, count))
            .collect(),
        "extract" => queries
            .enumerate()
            .map(|(row, query)| extract::random(&query.text, count, drawn(row)))
            .collect(),
        name => of_task(bench, name)?,
    })
}

/// A baseline that the task names.
fn of_task(bench: &Bench, name: &str) -> Result<Vec<String>> {
    let context = CallContext {
        seed: seed::derive(bench.config.run.seed, "baselines", 0),
        update: 0,
        split: Split::Test,
    };
    let mut all = bench.task.baselines(context, &bench.queries)?;
    let Some(place) = all.iter().position(|baseline| baseline.name == name) else {
        let own: Vec<&str> = all.iter().map(|baseline| baseline.name.as_str()).collect();
        let own = match own.as_slice() {
            [] => "the task has none of its own".to_owned(),
            own => format!("the task's own are {}", own.join(", ")),
        };
        bail!(
            "there is no baseline `{name}`\nhint: every task has {}; {own}",
            OWN.join(", ")
        );
    };
    Ok(all.swap_remove(place).responses)
}

/// How answers begin and end, where the task asks for an end: as supervised learning writes them.
pub(super) fn ends(bench: &Bench) -> Value {
    let sft = settings(bench);
    json!([sft.begin_text, sft.end_text])
}

fn settings<'a>(bench: &'a Bench) -> &'a Sft {
    static USUAL: OnceLock<Sft> = OnceLock::new();
    let usual = USUAL.get_or_init(Sft::default);
    bench.config.sft.as_ref().unwrap_or(usual)
}

/// The texts as the task's responses: as many tokens, and ended by its rules.
pub(super) fn replies(
    bench: &Bench,
    queries: &[Query],
    texts: &[String],
) -> Result<Vec<Option<Reply>>> {
    let sft = settings(bench);
    let plain = Writer {
        sft,
        layout: bench.task.layout(),
        tokenizer: &bench.tokenizer,
        end: None,
    };
    let ending = Writer {
        end: end_of(sft, &bench.shape, &bench.tokenizer).ok(),
        ..plain
    };
    let rows = queries.iter().zip(texts);
    let rows: Vec<(&Query, &String)> = rows.filter(|(_, text)| !text.trim().is_empty()).collect();
    let asked: Vec<Query> = rows.iter().map(|(query, _)| (*query).clone()).collect();
    let (mut written, mut ended, mut cut) = (Vec::new(), Vec::new(), Vec::new());
    for (query, text) in rows {
        let (pair, is_cut) = plain.written(query, text.trim())?;
        written.push(pair.response);
        cut.push(is_cut);
        ended.push(ending.written(query, text.trim())?.0.response);
    }
    let answered = bench.answerer()?.written(&asked, &written, &ended)?;
    let mut answered = answered.into_iter().zip(cut);
    let place = |text: &String| match text.trim().is_empty() {
        true => Ok(None),
        false => {
            let (reply, cut) = answered.next().context("an answer for each text")?;
            Ok(Some(Reply { cut, ..reply }))
        }
    };
    texts.iter().map(place).collect()
}
