//! `attune score`: a reward model's word on texts, or its record on labels.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::label::advised;
use crate::cli::report::print_report;
use crate::cli::warn;
use crate::experiment::examples::Reader;
use crate::experiment::parts::open_reward_model;
use crate::label::format::for_json_lines;
use crate::model::device;
use crate::model::open;
use crate::model::reward::{Passages, Placement};
use crate::rl::preference::Form;
use crate::tokenizer::Tokenizer;
use crate::train::reward::report::Report;
use crate::train::reward::scores;

/// Tokens that go through the model at a time.
const TOKENS: usize = 2048;

#[derive(Args)]
pub(super) struct ScoreArgs {
    /// A reward model's folder, or the run directory of its training
    model: PathBuf,
    /// JSON lines with `response` or `responses` and, if there is one, `query`; printed with `rewards`
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
    let mut rows = Vec::new();
    if !args.text.is_empty() {
        rows.push(Row {
            query: Some(args.query.clone()),
            response: None,
            responses: Some(args.text.clone()),
        });
    }
    if let Some(file) = &args.file {
        rows.extend(read(file)?);
    }
    let most = model.config().max_positions as usize;
    let mut passages = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let query = tokenizer.encode(row.query.as_deref().unwrap_or_default());
        let responses = row.texts().map(|text| tokenizer.encode_after(&query, text));
        let responses = responses.collect();
        let row = Passages { query, responses };
        if row.query.is_empty() && row.responses.iter().any(Vec::is_empty) {
            bail!("text {} is empty\nhint: remove it", number + 1);
        }
        if row.span() > most {
            bail!(
                "text {} has {} tokens, more than the model's {most} positions\nhint: shorten it",
                number + 1,
                row.span()
            );
        }
        passages.push(row);
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
    if !args.labels.is_empty() {
        let reader = Reader {
            tokenizer: &tokenizer,
            model: model.config(),
            refuses_bad: Some(
                "score a file of `attune label export --format jsonl` without those lines",
            ),
        };
        let read = reader.read(&args.labels, 0)?;
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

/// The rows of a file.
fn read(file: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let read = for_json_lines(file, |_, row: Row| {
        if row.texts().next().is_none() {
            bail!("it has neither `response` nor `responses`");
        }
        rows.push(row);
        Ok(())
    });
    read.map_err(|error| advised(error, LINES))?;
    Ok(rows)
}
