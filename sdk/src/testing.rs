//! Runs plugins natively, without WebAssembly, through the same batch loop and packing as in a
//! run. It does not know the host.
//!
//! The tokenizer is a stand-in, one a thread: words by default, bytes after [`use_bytes`].

use std::cell::RefCell;

use crate::{
    Ending, Hint, Judgement, Labeler, Plugin, Problems, Query, RowResult, Shaped, Shaper, Task,
    bindings::{
        exports::attune::plugin::labeler_plugin::Groups,
        types::{CallContext, Error, Rollouts, Split},
    },
    column, labeler,
    log::Level,
    plugin::{self, Assets},
    shaper, task, tokenizer,
};

/// What answers `attune_sdk::tokenizer` in native tests.
pub trait Tokenizer {
    /// Token ids of `text`.
    fn encode(&mut self, text: &str) -> Vec<u32>;
    /// Text of `tokens`.
    fn decode(&mut self, tokens: &[u32]) -> String;
    /// How many ids there are.
    fn vocab_size(&mut self) -> u32;
}

/// A token is a word with the white space before it; ids count up from 0 as words appear.
#[derive(Default)]
struct Words(Vec<String>);

impl Tokenizer for Words {
    fn encode(&mut self, text: &str) -> Vec<u32> {
        let mut pieces: Vec<&str> = Vec::new();
        let mut start = 0;
        let mut in_word = false;
        for (at, character) in text.char_indices() {
            if character.is_whitespace() && in_word {
                pieces.push(&text[start..at]);
                start = at;
            }
            in_word = !character.is_whitespace();
        }
        pieces.extend(Some(&text[start..]).filter(|rest| !rest.is_empty()));
        let known = &mut self.0;
        let id = |piece: &str| match known.iter().position(|word| word == piece) {
            Some(id) => id as u32,
            None => {
                known.push(piece.to_owned());
                known.len() as u32 - 1
            }
        };
        pieces.into_iter().map(id).collect()
    }

    fn decode(&mut self, tokens: &[u32]) -> String {
        tokens
            .iter()
            .filter_map(|&token| self.0.get(token as usize))
            .map(String::as_str)
            .collect()
    }

    fn vocab_size(&mut self) -> u32 {
        self.0.len() as u32
    }
}

/// A token is a byte.
struct Bytes;

impl Tokenizer for Bytes {
    fn encode(&mut self, text: &str) -> Vec<u32> {
        text.bytes().map(u32::from).collect()
    }

    fn decode(&mut self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .filter_map(|&token| u8::try_from(token).ok())
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn vocab_size(&mut self) -> u32 {
        256
    }
}

thread_local! {
    static TOKENIZER: RefCell<Box<dyn Tokenizer>> = RefCell::new(Box::<Words>::default());
    static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

/// Installs a tokenizer for this thread.
pub fn use_tokenizer(tokenizer: impl Tokenizer + 'static) {
    TOKENIZER.set(Box::new(tokenizer));
}

/// One token a byte on this thread, so that ids are known.
pub fn use_bytes() {
    use_tokenizer(Bytes);
}

pub(crate) fn with_tokenizer<T>(ask: impl FnOnce(&mut dyn Tokenizer) -> T) -> T {
    TOKENIZER.with_borrow_mut(|tokenizer| ask(tokenizer.as_mut()))
}

pub(crate) fn keep_log(level: Level, message: &str) {
    LOG.with_borrow_mut(|log| log.push((level, message.to_owned())));
}

/// What this thread's plugins have logged; empties the log.
pub fn take_log() -> Vec<(Level, String)> {
    LOG.take()
}

/// Builds a plugin from settings as JSON text (`"{}"` for the defaults) and assets.
pub fn build<P: Plugin>(settings: &str, assets: &[(&str, &[u8])]) -> Result<P, Problems> {
    let assets = assets
        .iter()
        .map(|(name, data)| ((*name).to_owned(), data.to_vec()))
        .collect();
    plugin::build(settings, &Assets(assets))
}

/// The settings schema that users see.
pub fn schema<P: Plugin>() -> String {
    plugin::settings_schema::<P::Settings>()
}

/// Seed 1, update 0, training.
pub fn context() -> CallContext {
    CallContext {
        seed: 1,
        update: 0,
        split: Split::Train,
    }
}

/// Rollouts made of texts; every column is filled, whatever the plugin asks for.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    queries: Vec<String>,
    responses: Vec<String>,
    references: Vec<String>,
    response_tokens: Option<Vec<Vec<u32>>>,
    logprob: f32,
    ref_logprob: f32,
    score: Option<f32>,
}

impl Batch {
    /// Rows of (query, response); ids count from 0, log-probabilities are 0.
    pub fn of(rows: &[(&str, &str)]) -> Self {
        let column = |pick: fn(&(&str, &str)) -> String| rows.iter().map(pick).collect();
        Self {
            queries: column(|row| row.0.to_owned()),
            responses: column(|row| row.1.to_owned()),
            ..Self::default()
        }
    }

    /// Rows of response tokens, with texts decoded from them.
    pub fn of_tokens(rows: &[&[u32]]) -> Self {
        Self {
            queries: vec![String::new(); rows.len()],
            responses: rows
                .iter()
                .map(|tokens| tokenizer::decode(tokens))
                .collect(),
            response_tokens: Some(rows.iter().map(|tokens| tokens.to_vec()).collect()),
            ..Self::default()
        }
    }

    /// The same reference text for every row.
    #[must_use]
    pub fn reference(mut self, text: &str) -> Self {
        self.references = vec![text.to_owned(); self.queries.len()];
        self
    }

    /// The same log-probabilities for every token.
    #[must_use]
    pub fn logprobs(mut self, policy: f32, reference: f32) -> Self {
        (self.logprob, self.ref_logprob) = (policy, reference);
        self
    }

    /// The same score for every row.
    #[must_use]
    pub fn score(mut self, score: f32) -> Self {
        self.score = Some(score);
        self
    }

    fn rollouts(&self) -> Rollouts {
        let encode = |texts: &[String]| {
            texts
                .iter()
                .map(|text| tokenizer::encode(text))
                .collect::<Vec<_>>()
        };
        let response_tokens = self
            .response_tokens
            .clone()
            .unwrap_or_else(|| encode(&self.responses));
        let tokens = response_tokens.iter().map(Vec::len).sum();
        let empty = vec![String::new(); self.queries.len()];
        Rollouts {
            ids: (0..self.queries.len() as u64).collect(),
            query_text: column::text_column(&self.queries),
            query_tokens: column::token_column(encode(&self.queries)),
            response_text: column::text_column(&self.responses),
            response_tokens: column::token_column(response_tokens),
            reference_text: column::text_column(if self.references.is_empty() {
                &empty
            } else {
                &self.references
            }),
            logprobs: column::f32_buf(std::iter::repeat_n(self.logprob, tokens)),
            ref_logprobs: column::f32_buf(std::iter::repeat_n(self.ref_logprob, tokens)),
            values: column::f32_buf(std::iter::repeat_n(0.0, tokens)),
            score: vec![self.score.unwrap_or(f32::NAN); self.queries.len()],
            metadata: column::text_column(&empty),
        }
    }
}

fn unwrapped<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("the whole call failed: {error:?}"))
}

/// What a shaper says of each row; panics if the whole call fails.
pub fn shape<S: Shaper>(shaper: &S, batch: &Batch) -> Vec<RowResult<Shaped>> {
    unwrapped(shaper::rows(shaper, context(), &batch.rollouts())).1
}

/// The queries of data rows (JSON texts); panics if the whole call fails.
pub fn queries<T: Task>(task: &T, rows: &[&str]) -> Vec<RowResult<Query>> {
    let ids: Vec<u64> = (0..rows.len() as u64).collect();
    unwrapped(task::queries(
        task,
        context(),
        &ids,
        &column::text_column(rows),
    ))
    .1
}

/// Where each response ends; panics if the whole call fails.
pub fn finish<T: Task>(task: &T, batch: &Batch) -> Vec<RowResult<Ending>> {
    unwrapped(task::finish(task, context(), &batch.rollouts())).1
}

/// The task's metrics of each row; panics if the whole call fails.
pub fn evaluate<T: Task>(task: &T, batch: &Batch) -> Vec<RowResult<Vec<f32>>> {
    unwrapped(task::evaluate(task, context(), &batch.rollouts())).1
}

/// (name, answers) of each baseline; panics if the whole call fails.
pub fn baselines<T: Task>(task: &T, batch: &Batch) -> Vec<(String, Vec<u8>)> {
    let packed = unwrapped(task::baselines(task, context(), &batch.rollouts()));
    packed
        .into_iter()
        .map(|baseline| (baseline.name, baseline.responses.data))
        .collect()
}

fn groups(rows: &[(&str, &[&str])]) -> Groups {
    let responses: Vec<&str> = rows.iter().flat_map(|row| row.1).copied().collect();
    let empty = vec![""; rows.len()];
    let mut end = 0;
    Groups {
        ids: (0..rows.len() as u64).collect(),
        query_text: column::text_column(rows.iter().map(|row| row.0)),
        reference_text: column::text_column(&empty),
        metadata: column::text_column(&empty),
        response_text: column::text_column(&responses),
        group_ends: rows
            .iter()
            .map(|row| {
                end += row.1.len() as u32;
                end
            })
            .collect(),
    }
}

/// What a labeler says of each (query, responses); panics if the whole call fails.
pub fn judge<L: Labeler>(labeler: &L, rows: &[(&str, &[&str])]) -> Vec<RowResult<Judgement>> {
    unwrapped(labeler::rows(labeler, context(), &groups(rows))).1
}

/// The hints for one group; panics if the whole call fails.
pub fn annotate<L: Labeler>(labeler: &L, query: &str, responses: &[&str]) -> Vec<Hint> {
    let packed = unwrapped(labeler::hints(
        labeler,
        context(),
        &groups(&[(query, responses)]),
    ));
    packed
        .into_iter()
        .map(|hint| Hint {
            response: hint.response as usize,
            span: hint.start as usize..hint.end as usize,
            note: hint.note,
        })
        .collect()
}
