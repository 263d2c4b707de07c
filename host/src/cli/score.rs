//! `attune score`: a reward model's word on texts, or its record on labels.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::cli::report::print_report;
use crate::cli::warn;
use crate::experiment::examples::Reader;
use crate::experiment::parts::open_reward_model;
use crate::experiment::scorable::{Fit, Row, Scorable, form_of};
use crate::model::device;
use crate::model::open;
use crate::model::reward::Placement;
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
    #[arg(long, default_value = "", requires = "text")]
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

/// The texts of the command line, which answer one query.
fn typed(args: &ScoreArgs, fit: &Fit<'_>) -> Result<Row> {
    let row = |texts: Vec<String>| Row {
        query: Some(args.query.clone()),
        response: None,
        responses: Some(texts),
    };
    let mut texts = args.text.clone();
    if args.skip_bad {
        texts.retain(|text| fit.passages(&row(vec![text.clone()])).is_ok());
    }
    match args.text.len() - texts.len() {
        0 => {}
        // The first of them says what is wrong.
        bad if texts.is_empty() => return Ok(row(args.text[..bad].to_vec())),
        bad => {
            eprintln!("warning: {bad} texts of `--text` that the model cannot read were left out")
        }
    }
    Ok(row(texts))
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
        let row = typed(args, &fit)?;
        passages.push(fit.passages(&row).context("in the texts of `--text`")?);
        rows.push(row);
    }
    let mut notes = Vec::new();
    if let Some(file) = &args.file {
        let read = Scorable::read(file, &fit)?;
        notes.extend(read.left_out(args.skip_bad)?);
        notes.extend(read.repeated());
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
    for note in &notes {
        eprintln!("warning: {note}");
    }
    if !args.labels.is_empty() {
        let reader = Reader {
            tokenizer: &tokenizer,
            model: model.config(),
            refuses_bad: (!args.skip_bad).then_some("leave such labels out by `--skip-bad`"),
            weights: None,
        };
        let read = reader.read(&args.labels, 0)?;
        if let Some(note) = read.left_out() {
            eprintln!("warning: {note}");
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
