//! Rows of a file that a reward model scores: what each says, and which cannot be scored.

use std::path::Path;

use anyhow::{Error, Result, bail};
use serde::{Deserialize, Serialize};

use crate::label::format::{advised, from_json, is_doubled};
use crate::model::reward::Passages;
use crate::rl::preference::Form;
use crate::rows;
use crate::terminal::Line;
use crate::tokenizer::Tokenizer;

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) responses: Option<Vec<String>>,
}

/// What a line is.
const LINES: &str = "a line is {\"query\": \"…\", \"response\": \"…\"}, with or without `query`, or has a list of \
                     `responses`; a file of labels is named by `--labels`";

impl Row {
    /// All texts to score.
    fn texts(&self) -> impl Iterator<Item = &String> {
        self.responses.iter().flatten().chain(&self.response)
    }

    /// Whether every text says its query first, which the model then reads twice.
    fn repeats_query(&self) -> bool {
        is_doubled(self.query.as_deref().unwrap_or_default(), self.texts())
    }
}

/// The loss that a run trained its reward model by; the original's where the folder does not say.
pub(crate) fn form_of(folder: &Path) -> Form {
    let text = std::fs::read_to_string(folder.join("config.toml")).unwrap_or_default();
    let config: toml::Table = text.parse().unwrap_or_default();
    let loss = config.get("reward").and_then(|reward| reward.get("loss"));
    match loss.and_then(toml::Value::as_str) {
        Some("pairwise") => Form::Pairwise,
        _ => Form::Softmax,
    }
}

/// What a model can read.
pub(crate) struct Fit<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    /// Positions of the model.
    pub(crate) most: usize,
}

impl Fit<'_> {
    /// The tokens of a row, or why it cannot be scored.
    pub(crate) fn passages(&self, row: &Row) -> Result<Passages> {
        if row.texts().next().is_none() {
            bail!("it has neither `response` nor `responses`\nhint: {LINES}");
        }
        if row.response.is_some() && row.responses.is_some() {
            bail!(
                "it has both `response` and `responses`\nhint: write all of them into `responses`"
            );
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
pub(crate) struct Scorable {
    pub(crate) rows: Vec<Row>,
    pub(crate) passages: Vec<Passages>,
    /// The file, as a message shows it.
    file: String,
    /// Rows whose responses begin with their query.
    repeats: usize,
    /// What is wrong with the others.
    bad: Vec<Error>,
}

impl Scorable {
    pub(crate) fn read(file: &Path, fit: &Fit<'_>) -> Result<Scorable> {
        let (good, bad) = rows::read_good(file)?.sort_out(|json| {
            let row = row_of(json)?;
            Ok((fit.passages(&row)?, row))
        });
        let repeats = good.iter().filter(|(_, row)| row.repeats_query()).count();
        let (passages, rows) = good.into_iter().unzip();
        Ok(Scorable {
            rows,
            passages,
            file: Line(file.display()).to_string(),
            repeats,
            bad,
        })
    }

    /// What to say of responses that begin with their query.
    pub(crate) fn repeated(&self) -> Option<String> {
        (self.repeats > 0).then(|| {
            format!(
                "in {} of {} rows of `{}` the responses begin with the query, which is read twice so; leave it out of \
                 the responses, or leave `query` out",
                self.repeats,
                self.rows.len(),
                self.file
            )
        })
    }

    /// What to say of rows that are left out, if some are and may be.
    pub(crate) fn left_out(&self, skip: bool) -> Result<Option<String>> {
        let (good, bad) = (self.rows.len(), self.bad.len());
        let Some(first) = self.bad.first() else {
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
            true => "no row is left to score; mend them",
            false => "mend the row, or leave such rows out by `--skip-bad`",
        };
        bail!("cannot score {said}{more}\nhint: {hint}{advice}")
    }
}

/// What an error says, and the lines of its advice.
pub(crate) fn in_words(error: &Error) -> (String, String) {
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
