//! `attune score`: a reward model's word on texts, or its record on labels.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::label::advised;
use crate::cli::report::print_report;
use crate::cli::warn;
use crate::experiment::examples::Reader;
use crate::experiment::parts::open_reward_model;
use crate::label::format::from_json;
use crate::model::device;
use crate::model::open;
use crate::model::reward::{Passages, Placement};
use crate::rl::preference::Form;
use crate::rows;
use crate::terminal::Line;
use crate::tokenizer::Tokenizer;
use crate::train::reward::report::Report;
use crate::train::reward::scores;

/// Tokens that go through the model at a time.
const TOKENS: usize = 2048;

#[derive(Args)]
pub(super) struct ScoreArgs {
    /// A reward model's folder, or the run directory of its training
    model: PathBuf,
    /// Rows with `response` or `responses` and, if there is one, `query`; printed with `rewards`
    ///
    /// JSON lines, a JSON array, CSV, TSV or Parquet; of a plain text, each line is a response.
    file: Option<PathBuf>,
    /// Score this text; may be repeated
    #[arg(long)]
    text: Vec<String>,
    /// What the texts of `--text` answer
    #[arg(long, default_value = "")]
    query: String,
    /// Report how well the model agrees with the labels of a store or file; may be repeated
    #[arg(long)]
    labels: Vec<PathBuf>,
    /// Leave out rows and labels that cannot be scored, and say how many
    #[arg(long)]
    skip_bad: bool,
    /// `auto`, `cpu`, `cuda` or `cuda:INDEX`
    #[arg(long, default_value = "auto")]
    device: String,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<Vec<String>>,
}

/// What a line is.
const LINES: &str = "a line is {\"query\": \"…\", \"response\": \"…\"}, with or without `query`, or has a list of \
                     `responses`; a file of labels is named by `--labels`";

impl Row {
    /// All texts to score.
    fn texts(&self) -> impl Iterator<Item = &String> {
        self.responses.iter().flatten().chain(&self.response)
    }
}

pub(super) fn run(args: &ScoreArgs) -> Result<()> {
    if args.file.is_none() && args.text.is_empty() && args.labels.is_empty() {
        bail!(
            "there is nothing to score\nhint: name a file of JSON lines, or use `--text TEXT` or \
             `--labels FILE`"
        );
    }
    let placement = Placement {
        device: device::resolve(&args.device)?,
        kind: tch::Kind::Float,
        trainable_layers: None,
    };
    let (model, folder) = open_reward_model(&args.model, placement)?;
    let tokenizer = Tokenizer::load(&folder)?;
    open::check_ids(&tokenizer, model.config(), &folder)?;
    warn(model.notes());
    let fit = Fit {
        tokenizer: &tokenizer,
        most: model.config().max_positions as usize,
    };
    let (mut rows, mut passages) = (Vec::new(), Vec::new());
    if !args.text.is_empty() {
        let row = Row {
            query: Some(args.query.clone()),
            response: None,
            responses: Some(args.text.clone()),
        };
        passages.push(fit.passages(&row).context("in the texts of `--text`")?);
        rows.push(row);
    }
    let mut left_out = None;
    if let Some(file) = &args.file {
        let read = Scorable::read(file, &fit)?;
        left_out = read.left_out(args.skip_bad)?;
        rows.extend(read.rows);
        passages.extend(read.passages);
    }
    let rewards = scores(&model, &passages, TOKENS);
    for (row, rewards) in rows.into_iter().zip(rewards) {
        let mut value = json!(row);
        let mean = |heads: &Vec<f64>| heads.iter().sum::<f64>() / heads.len() as f64;
        let means: Vec<f64> = rewards.iter().map(mean).collect();
        value["rewards"] = json!(means);
        if model.heads() > 1 {
            let spread = |(heads, mean): (&Vec<f64>, &f64)| {
                (heads.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / heads.len() as f64).sqrt()
            };
            value["spread"] = json!(rewards.iter().zip(&means).map(spread).collect::<Vec<f64>>());
        }
        println!("{value}");
    }
    if let Some(left_out) = left_out {
        eprintln!("warning: {left_out}");
    }
    if !args.labels.is_empty() {
        let reader = Reader {
            tokenizer: &tokenizer,
            model: model.config(),
            refuses_bad: (!args.skip_bad).then_some("leave such labels out by `--skip-bad`"),
        };
        let read = reader.read(&args.labels, 0)?;
        if read.bad > 0 {
            eprintln!(
                "warning: {} labels that the model cannot read were left out",
                read.bad
            );
        }
        print_report(&Report::of(
            &model,
            &read.examples,
            form_of(&args.model),
            TOKENS,
        ));
    }
    Ok(())
}

/// The loss that a run trained its reward model by; the original's where the folder does not say.
fn form_of(folder: &Path) -> Form {
    let text = std::fs::read_to_string(folder.join("config.toml")).unwrap_or_default();
    let config: toml::Table = text.parse().unwrap_or_default();
    let loss = config.get("reward").and_then(|reward| reward.get("loss"));
    match loss.and_then(toml::Value::as_str) {
        Some("pairwise") => Form::Pairwise,
        _ => Form::Softmax,
    }
}

/// What a model can read.
struct Fit<'a> {
    tokenizer: &'a Tokenizer,
    /// Positions of the model.
    most: usize,
}

impl Fit<'_> {
    /// The tokens of a row, or why it cannot be scored.
    fn passages(&self, row: &Row) -> Result<Passages> {
        if row.texts().next().is_none() {
            bail!("it has neither `response` nor `responses`\nhint: {LINES}");
        }
        let query = self
            .tokenizer
            .encode(row.query.as_deref().unwrap_or_default());
        let mut responses = Vec::new();
        let several = row.texts().count() > 1;
        for (number, text) in row.texts().enumerate() {
            let tokens = self.tokenizer.encode_after(&query, text);
            let which = match several {
                true => format!("response {number}, counted from 0,"),
                false => "the response".to_owned(),
            };
            if query.is_empty() && tokens.is_empty() {
                bail!("{which} is empty, and so is the query\nhint: remove it, or give it a query");
            }
            let len = query.len() + tokens.len();
            if len > self.most {
                bail!(
                    "query and {which} make {len} tokens, more than the model's {} positions\nhint: shorten them",
                    self.most
                );
            }
            responses.push(tokens);
        }
        let row = Passages { query, responses };
        if row.span() > self.most {
            bail!(
                "the row has {} tokens, more than the model's {} positions\nhint: shorten it",
                row.span(),
                self.most
            );
        }
        Ok(row)
    }
}

/// The rows of a file, and those that cannot be scored.
struct Scorable {
    rows: Vec<Row>,
    passages: Vec<Passages>,
    /// The file, as a message shows it.
    file: String,
    /// By the numbers that people count rows by, with their places.
    bad: Vec<(u64, Error)>,
}

impl Scorable {
    fn read(file: &Path, fit: &Fit<'_>) -> Result<Scorable> {
        let mut read = rows::read_good(file)?;
        let mut all = Scorable {
            rows: Vec::new(),
            passages: Vec::new(),
            file: Line(file.display()).to_string(),
            bad: std::mem::take(&mut read.bad),
        };
        for (at, (_, json)) in read.rows.iter().enumerate() {
            let row = row_of(json).and_then(|row| Ok((fit.passages(&row)?, row)));
            match row {
                Ok((passages, row)) => {
                    all.passages.push(passages);
                    all.rows.push(row);
                }
                Err(error) => all.bad.push((read.number(at), error)),
            }
        }
        all.bad.sort_by_key(|(place, _)| *place);
        let placed = all.bad.into_iter();
        let placed = placed.map(|(place, error)| (place, error.context(read.place_of(place))));
        all.bad = placed.collect();
        Ok(all)
    }

    /// What to say of rows that are left out, if some are and may be.
    fn left_out(&self, skip: bool) -> Result<Option<String>> {
        let (good, bad) = (self.rows.len(), self.bad.len());
        let Some((_, first)) = self.bad.first() else {
            return Ok(None);
        };
        let all = good + bad;
        let file = &self.file;
        let (said, advice) = in_words(first);
        if skip && good > 0 {
            return Ok(Some(format!(
                "{bad} of {all} rows of `{file}` were left out; the first: {said}"
            )));
        }
        let more = match bad - 1 {
            0 => String::new(),
            more => format!("; {more} more of its {all} rows cannot either"),
        };
        let hint = match skip {
            true => "no row is left",
            false => "mend the row, or leave such rows out by `--skip-bad`",
        };
        bail!("cannot score {said}{more}\nhint: {hint}{advice}")
    }
}

/// What an error says, and the lines of its advice.
fn in_words(error: &Error) -> (String, String) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let lines = causes.iter().flat_map(|cause| cause.lines());
    let (advice, said): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("hint: "));
    let advice = advice.iter().map(|line| format!("\n{line}"));
    (said.join(": "), advice.collect())
}

/// A row of a file; a text alone is a response.
fn row_of(json: &str) -> Result<Row> {
    if let Ok(text) = serde_json::from_str::<String>(json) {
        return Ok(Row {
            query: None,
            response: Some(text),
            responses: None,
        });
    }
    from_json(json).map_err(|error| advised(error, LINES))
}
