//! Contexts and what people wrote after them, as tokens that a model learns.

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::config::{Config, Sft};
use crate::experiment::parts::{check_length, load_task, model, train_queries, without_last};
use crate::model::config::ModelConfig;
use crate::model::policy::Demonstration;
use crate::plugin::TokenizerHost;
use crate::role::{Layout, Query, Task};
use crate::tokenizer::Tokenizer;
use crate::train::rowcount::RowCount;
use crate::train::stream::Queries;

/// What is learned, and what is never learned from.
pub(crate) struct Pairs {
    pub(crate) tokenizer: Arc<Tokenizer>,
    pub(crate) train: Vec<Demonstration>,
    pub(crate) validation: Vec<Demonstration>,
    /// What became of the rows of each file of data.
    pub(crate) counts: Vec<RowCount>,
    /// Queries whose row has no reference.
    pub(crate) without_reference: usize,
    /// References that are longer than the task's responses, and are learned as far as those go.
    pub(crate) cut: usize,
}

impl Pairs {
    /// The references of the rows to train on. Rows that a policy's evaluation holds back are held back here as well, so
    /// that the two can be compared.
    pub(crate) fn read(config: &Config, sft: &Sft) -> Result<Pairs> {
        let (shape, tokenizer) = model(&config.model.path)?;
        let host: Arc<dyn TokenizerHost> = tokenizer.clone();
        let task = load_task(config, host)?;
        check_length(task.layout(), &shape)?;
        let (queries, counts) = queries(config, sft, &task)?;
        let end = end_of(sft, &shape, &tokenizer)?;
        let writer = Writer {
            sft,
            layout: task.layout(),
            tokenizer: &tokenizer,
            end,
        };
        let all = queries.len();
        let written = queries.iter().filter(|query| !query.reference.is_empty());
        let written: Vec<(Demonstration, bool)> = written
            .map(|query| writer.pair(query))
            .collect::<Result<_>>()?;
        if written.is_empty() {
            bail!(
                "none of {all} queries has a reference to learn from\nhint: name the field of the rows that has it by the \
                 task's settings, such as task.settings.reference_field"
            );
        }
        let without_reference = all - written.len();
        let cut = written.iter().filter(|(_, cut)| *cut).count();
        let mut train: Vec<Demonstration> = written.into_iter().map(|(pair, _)| pair).collect();
        let validation = sft.validation as usize;
        if train.len() <= validation {
            bail!(
                "there are {} pairs, and [sft] validation holds back {validation}\nhint: lower sft.validation, or add rows",
                train.len()
            );
        }
        let validation = train.split_off(train.len() - validation);
        let wanted = sft.num_train as usize;
        if wanted > train.len() {
            bail!(
                "there are {} pairs to learn from, fewer than [sft] num_train {wanted}\nhint: lower sft.num_train, or add \
                 rows",
                train.len()
            );
        }
        if wanted > 0 {
            train.truncate(wanted);
        }
        Ok(Pairs {
            tokenizer,
            train,
            validation,
            counts,
            without_reference,
            cut,
        })
    }

    /// How many there are, for a person to read.
    pub(crate) fn described(&self) -> Vec<String> {
        let tokens: usize = self.train.iter().map(|pair| pair.response.len()).sum();
        let counts = self.counts.iter();
        let mut lines: Vec<String> = counts.map(|count| format!("rows: {count}")).collect();
        lines.push(format!(
            "pairs: {} to learn from, of {tokens} response tokens, {} for validation",
            self.train.len(),
            self.validation.len()
        ));
        if self.without_reference > 0 {
            lines.push(format!(
                "{} queries have no reference, and are left out",
                self.without_reference
            ));
        }
        if self.cut > 0 {
            lines.push(format!(
                "{} references are longer than the task's responses, and are learned as far as those go",
                self.cut
            ));
        }
        lines
    }
}

/// The queries to learn from; of data that memory should not hold, as many with a reference as are wanted.
fn queries(
    config: &Config,
    sft: &Sft,
    task: &Arc<dyn Task>,
) -> Result<(Vec<Query>, Vec<RowCount>)> {
    let (mut all, counts) = train_queries(config, task)?;
    if config.data()?.held_out.is_none() {
        all = without_last(all, config.eval.queries as usize)?.0;
    }
    match all {
        Queries::Held(queries) => Ok((queries, counts)),
        Queries::Streamed(_) if sft.num_train == 0 => bail!(
            "the rows are more than memory should hold, and [sft] num_train does not say how many are learned\nhint: set \
             sft.num_train; the first pairs of the files are taken, or all by data.stream = false"
        ),
        Queries::Streamed(streamed) => {
            let wanted = (sft.num_train + sft.validation) as usize;
            streamed.first(wanted, |query| !query.reference.is_empty())
        }
    }
}

/// What ends a response.
enum End {
    /// A token.
    Token(u32),
    /// A text.
    Text(String),
}

fn end_of(sft: &Sft, shape: &ModelConfig, tokenizer: &Tokenizer) -> Result<End> {
    if let Some(text) = &sft.end_text {
        return Ok(End::Text(text.clone()));
    }
    let id = shape.special_id("eos_token_id").context(
        "the model's config.json names no eos_token_id\nhint: say what ends a response by sft.end_text, such as \"\\n\"",
    )?;
    let known = u32::try_from(id)
        .ok()
        .filter(|id| (*id as usize) < tokenizer.id_bound());
    let id = known.with_context(|| {
        format!("the model's eos_token_id {id} is no token of its tokenizer\nhint: say what ends a response by sft.end_text")
    })?;
    Ok(End::Token(id))
}

/// From a query's reference to tokens.
struct Writer<'a> {
    sft: &'a Sft,
    layout: &'a Layout,
    tokenizer: &'a Tokenizer,
    end: End,
}

impl Writer<'_> {
    /// The pair, and whether its reference was cut to the length of the task's responses.
    fn pair(&self, query: &Query) -> Result<(Demonstration, bool)> {
        let Layout { prefix, suffix, .. } = self.layout;
        let context = [prefix.as_slice(), &query.tokens, suffix].concat();
        if context.is_empty() {
            bail!(
                "query {} has no tokens, and nothing stands before or after it\nhint: give the task a prefix or a suffix",
                query.id
            );
        }
        let reference = &query.reference;
        let begin = match &self.sft.begin_text {
            Some(text) => text.as_str(),
            None if self.is_apart(&context, reference) => "",
            None => " ",
        };
        let text = format!("{begin}{reference}");
        let mut response = self.tokenizer.encode_after(&context, &text);
        match &self.end {
            End::Token(id) => response.push(*id),
            End::Text(end) => {
                let before = [context.as_slice(), &response].concat();
                response.extend(self.tokenizer.encode_after(&before, end));
            }
        }
        let most = self.layout.response_len;
        let cut = response.len() > most;
        response.truncate(most);
        if response.is_empty() {
            bail!(
                "the reference of query {} has no tokens\nhint: leave its row out, or give responses an end by sft.end_text",
                query.id
            );
        }
        Ok((Demonstration { context, response }, cut))
    }

    /// Whether there is a space already between a context and what follows it.
    fn is_apart(&self, context: &[u32], reference: &str) -> bool {
        let text = self.tokenizer.decode(context);
        text.ends_with(char::is_whitespace) || reference.starts_with(char::is_whitespace)
    }
}
