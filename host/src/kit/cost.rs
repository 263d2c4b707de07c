//! What a plugin costs, by the call and by the row, on rows that are made up.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::subject::{Subject, read_cases};
use crate::golden::{self, Call, Case, Role};
use crate::run_dir::RunDir;
use crate::tokenizer::Tokenizer;

/// Timed calls are made for so long, and at least so many.
const PATIENCE: Duration = Duration::from_secs(2);
const FEWEST: usize = 5;
const MOST: usize = 200;
/// The smaller of the two batches of which the cost of a row is told from that of a call.
pub(crate) const PART: usize = 8;
/// Responses to a query, for a labeler.
const RESPONSES: usize = 4;
/// Tokens of a batch, all rows together: what is made up must fit into memory.
pub(crate) const MOST_TOKENS: usize = 1 << 22;

/// Seconds, each the median of several.
pub(crate) struct Cost {
    /// Loading, compiled before.
    pub(crate) load: f64,
    /// A call.
    pub(crate) call: f64,
    /// Of `call`, what does not grow with the rows.
    pub(crate) fixed: f64,
    /// Of `call`, what grows with the rows, for one.
    pub(crate) per_row: f64,
    /// How many calls `call` is the median of.
    pub(crate) calls: usize,
}

/// The call that is timed: the kind's own, on rows that are made up, with the settings and files of
/// the first golden case of that call.
pub(crate) fn case(subject: &Subject, num_rows: usize, tokens: usize) -> Result<Case> {
    let call = match subject.about.kind.as_str() {
        "task" => Call::Finish,
        "labeler" => Call::Judge,
        _ => Call::Shape,
    };
    let cases = if subject.cases.exists() {
        read_cases(&subject.cases)?
    } else {
        Vec::new()
    };
    let own = cases.into_iter().find(|case| case.call == call);
    let rows = match call {
        Call::Judge => groups(num_rows.div_ceil(RESPONSES), tokens),
        _ => responses(num_rows, tokens),
    };
    let mut case =
        golden::parse(&json!({"name": "bench", "call": call, "rows": rows}).to_string())?
            .pop()
            .context("there is no case")?;
    if let Some(own) = own {
        case.settings = own.settings;
        case.assets = own.assets;
    }
    Ok(case)
}

/// Why a plugin is not timed.
pub(crate) fn unfit(subject: &Subject) -> String {
    if subject.cases.exists() {
        let cases = subject.cases.display();
        return format!("it is given the settings and files of `{cases}`");
    }
    format!(
        "it has neither settings nor files: there are no golden cases at `{}`\nhint: name a file of golden \
         cases by --cases; the settings and files of the first are taken",
        subject.cases.display()
    )
}

const WORDS: [&str; 12] = [
    "the", "film", "was", "not", "good", "but", "we", "love", "its", "great", "ending", "again.",
];

/// A text of so many words, another for each number.
fn text(number: usize, words: usize) -> String {
    let word = |place: usize| WORDS[(number * 7 + place * place + place) % WORDS.len()];
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

fn responses(rows: usize, tokens: usize) -> Vec<Value> {
    let row = |number: usize| {
        let ids: Vec<usize> = (0..tokens)
            .map(|place| (number * 31 + place * 17) % 256)
            .collect();
        json!({
            "query": text(number + 1, tokens),
            "response": text(number, tokens),
            "tokens": ids,
            "logprobs": -1.5,
            "ref_logprobs": -1.25,
            "values": 0.5,
            "score": 0.25,
        })
    };
    (0..rows).map(row).collect()
}

fn groups(groups: usize, tokens: usize) -> Vec<Value> {
    let group = |number: usize| {
        let responses: Vec<String> = (0..RESPONSES)
            .map(|one| text(number * RESPONSES + one, tokens))
            .collect();
        json!({"query": text(number + 1, tokens), "responses": responses})
    };
    (0..groups).map(group).collect()
}

/// What loading and calls cost.
pub(crate) fn measure(subject: &Subject, case: &Case, tokenizer: &Arc<Tokenizer>) -> Result<Cost> {
    let mut loads = Vec::new();
    for _ in 0..FEWEST {
        let begun = Instant::now();
        drop(subject.load(case, tokenizer)?);
        loads.push(begun.elapsed().as_secs_f64());
    }
    let role = subject.load(case, tokenizer)?;
    let small = case.repeated(case.rows.len() / PART);
    let (some, _) = call(&role, &small, tokenizer)?;
    let (all, calls) = call(&role, case, tokenizer)?;
    let more = (case.rows.len() - small.rows.len()) as f64;
    let per_row = ((all - some) / more).max(0.0);
    Ok(Cost {
        load: median(&mut loads),
        call: all,
        fixed: (some - per_row * small.rows.len() as f64).max(0.0),
        per_row,
        calls,
    })
}

/// The median seconds of a call, and of how many.
fn call(role: &Role, case: &Case, tokenizer: &Arc<Tokenizer>) -> Result<(f64, usize)> {
    let question = golden::prepare(case, tokenizer.as_ref())?;
    let mut seconds = Vec::new();
    let begun = Instant::now();
    while seconds.len() < FEWEST || (begun.elapsed() < PATIENCE && seconds.len() < MOST) {
        let started = Instant::now();
        let answers = question.put(role)?;
        seconds.push(started.elapsed().as_secs_f64());
        if let Some(error) = answers {
            bail!(
                "the plugin fails on made-up rows: {error}\nhint: name a file of golden cases by --cases, whose settings and files fit"
            );
        }
    }
    let calls = seconds.len();
    Ok((median(&mut seconds), calls))
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// The median time of a run's updates.
pub(crate) fn update_seconds(run: &Path) -> Result<f64> {
    let metrics = RunDir::open(run)?.metrics();
    let about = || format!("cannot read `{}`", metrics.display());
    let text = std::fs::read_to_string(&metrics).with_context(about)?;
    let mut seconds = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).with_context(about)?;
        seconds.extend(line.get("time/update").and_then(Value::as_f64));
    }
    if seconds.is_empty() {
        bail!(
            "`{}` has no times of updates\nhint: name a run that made an update",
            metrics.display()
        );
    }
    Ok(median(&mut seconds))
}
