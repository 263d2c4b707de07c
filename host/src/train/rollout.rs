//! One batch of experience: responses of the policy, what the reference thinks of them, and what
//! they are worth.

use std::panic::resume_unwind;
use std::time::Instant;

use anyhow::Result;
use tch::{Kind, Tensor};

use crate::model::episodes::Episodes;
use crate::model::policy::{Pass, Policy};
use crate::model::sampling::Sampling;
use crate::rl;
use crate::role::{CallContext, Layout, Query, Sample, Split};
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::queries::contexts;
use crate::train::score::{Scorers, Scores};

/// The models and rules that make a rollout.
pub struct Roller<'a> {
    /// The model that is trained.
    pub policy: &'a Policy,
    /// The frozen original.
    pub reference: &'a Policy,
    /// Turns tokens into text.
    pub tokenizer: &'a Tokenizer,
    /// Who scores.
    pub scorers: &'a Scorers,
    /// How responses are sampled.
    pub sampling: Sampling,
    /// Rows that are generated at a time.
    pub rows_at_a_time: i64,
    /// Rows that are analyzed at a time: as many as are trained on at a time, so that the last digits
    /// of a product, which depend on its size, are the same in both.
    pub analyzed_at_a_time: i64,
    /// Whether the policy's pass over a batch to learn from is kept: the first epoch would make the
    /// same again, when the batch goes through the model in one part.
    pub keep_pass: bool,
    /// The run's seed.
    pub root_seed: u64,
}

/// One batch of experience. Tensors are `f32` and stay on the model's device.
pub struct Rollout {
    /// Contexts and responses, as the model takes them.
    pub episodes: Episodes,
    /// `[batch, response_len]`, under the policy that sampled.
    pub logprobs: Tensor,
    /// `[batch, response_len]`, under the reference.
    pub ref_logprobs: Tensor,
    /// `[batch, response_len]`
    pub values: Tensor,
    /// The responses in plain data, uncut.
    pub samples: Vec<Sample>,
    /// What the scorers were called with.
    pub context: CallContext,
    /// What they are worth.
    pub scores: Scores,
    /// The policy's pass over all rows, when it was kept.
    pub pass: Option<Pass>,
    /// How long the models took.
    pub seconds: Seconds,
}

/// Wall-clock seconds of a rollout's two phases in the models.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seconds {
    /// Sampling the responses.
    pub generate: f64,
    /// Log-probabilities and values, of policy and reference.
    pub analyze: f64,
}

/// In the chain of the error of a rollout that was made but could not be scored: the rollout.
#[derive(Debug)]
pub struct Unscored(pub Vec<Sample>);

impl std::fmt::Display for Unscored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} responses could not be scored", self.0.len())
    }
}

impl<'a> Roller<'a> {
    /// The same with another policy, which is not trained.
    #[must_use]
    pub fn of(&self, policy: &'a Policy) -> Roller<'a> {
        Roller {
            policy,
            sampling: self.sampling.clone(),
            keep_pass: false,
            ..*self
        }
    }

    /// Answers `queries` and scores the answers.
    pub fn roll(&self, queries: &[Query], update: u64, split: Split) -> Result<Rollout> {
        let clock = Instant::now();
        let episodes = self.respond(queries, update, split);
        let generate = clock.elapsed().as_secs_f64();
        let mut samples = self.read(queries, update, &episodes)?;
        let context = CallContext {
            seed: seed::derive(self.root_seed, "score", update),
            update,
            split,
        };
        let decode = |before: &[u32], tokens: &[u32]| self.tokenizer.decode_after(before, tokens);
        let (readers, bare) = (self.scorers.readers(), samples.clone());
        // What plugins can say of text and tokens, they say while the models read.
        let (ahead, analyzed) = std::thread::scope(|scope| {
            let reading = scope.spawn(|| readers.read(context, bare, &decode));
            let analyzed = self.analyze(&episodes, split);
            (reading.join(), analyzed)
        });
        let ahead = ahead.unwrap_or_else(|panic| resume_unwind(panic));
        let seconds = Seconds {
            generate,
            analyze: analyzed.seconds,
        };
        fill(&mut samples, &analyzed)?;
        let scores = match self.scorers.score(context, samples.clone(), ahead, &decode) {
            Ok(scores) => scores,
            Err(error) => return Err(error.context(Unscored(samples))),
        };
        let Analyzed {
            logprobs,
            ref_logprobs,
            values,
            pass,
            ..
        } = analyzed;
        Ok(Rollout {
            episodes,
            logprobs,
            ref_logprobs,
            values,
            samples,
            context,
            scores,
            pass,
            seconds,
        })
    }

    /// What policy and reference say of the responses.
    fn analyze(&self, episodes: &Episodes, split: Split) -> Analyzed {
        let clock = Instant::now();
        let temperature = self.sampling.temperature;
        // First, so that nothing that is kept for the update is in the way yet.
        let (ref_logprobs, _) = in_parts(episodes, self.analyzed_at_a_time, |part| {
            let analysis = self.reference.analyze(part, temperature);
            (analysis.logprobs, analysis.values)
        });
        let at_once = episodes.tokens.size()[0] <= self.analyzed_at_a_time;
        let (logprobs, values, pass) = if self.keep_pass && at_once && split == Split::Train {
            let (analysis, pass) = self.policy.analyze_keeping(episodes, temperature);
            (analysis.logprobs, analysis.values, pass)
        } else {
            let (logprobs, values) = in_parts(episodes, self.analyzed_at_a_time, |part| {
                let analysis = self.policy.analyze(part, temperature);
                (analysis.logprobs, analysis.values)
            });
            (logprobs, values, None)
        };
        Analyzed {
            logprobs,
            ref_logprobs,
            values,
            pass,
            seconds: clock.elapsed().as_secs_f64(),
        }
    }

    fn respond(&self, queries: &[Query], update: u64, split: Split) -> Episodes {
        let layout = self.scorers.task.layout();
        let context = contexts(
            queries,
            layout,
            self.policy.config().pad_id,
            self.policy.device(),
        );
        let purpose = match split {
            Split::Train => "sample",
            Split::Validation => "sample-validation",
            Split::Test => "sample-test",
        };
        let seed = seed::derive(self.root_seed, purpose, update);
        let rows = queries.len() as i64;
        let mut parts = Vec::new();
        let mut start = 0;
        while start < rows {
            let count = self.rows_at_a_time.min(rows - start);
            // Rows draw from streams of their own, so the split changes no sample.
            let sampling = Sampling {
                first_row: start as u64,
                ..self.sampling.clone()
            };
            let part = context.narrow(0, start, count);
            let len = layout.response_len as i64;
            parts.push(self.policy.roll_out(&part, len, &sampling, seed));
            start += count;
        }
        Episodes::join(&parts)
    }

    /// The responses' tokens and text; no model has looked at them yet.
    fn read(&self, queries: &[Query], update: u64, episodes: &Episodes) -> Result<Vec<Sample>> {
        let len = episodes.response_len();
        let tokens = rows_of(&episodes.tokens.narrow(1, episodes.context_len, len))?;
        let samples = (0..).zip(queries).zip(tokens);
        let sample = |((row, query), tokens): ((u64, &Query), Vec<i64>)| {
            let tokens: Vec<u32> = tokens.into_iter().map(|token| token as u32).collect();
            Sample {
                id: update * queries.len() as u64 + row,
                query: query.clone(),
                text: self.tokenizer.decode_after(&query.tokens, &tokens),
                tokens,
                ..Sample::default()
            }
        };
        Ok(samples.map(sample).collect())
    }
}

/// Puts what the models say into the samples.
fn fill(samples: &mut [Sample], analyzed: &Analyzed) -> Result<()> {
    let columns = [&analyzed.logprobs, &analyzed.ref_logprobs, &analyzed.values];
    let [logprobs, ref_logprobs, values] = columns.map(rows_of_f32);
    let columns = logprobs?.into_iter().zip(ref_logprobs?).zip(values?);
    for (sample, ((logprobs, ref_logprobs), values)) in samples.iter_mut().zip(columns) {
        sample.logprobs = logprobs;
        sample.ref_logprobs = ref_logprobs;
        sample.values = values;
    }
    Ok(())
}

/// What the models say of a rollout's responses, `[batch, response_len]` each.
struct Analyzed {
    logprobs: Tensor,
    ref_logprobs: Tensor,
    values: Tensor,
    /// The policy's pass, if it was kept.
    pass: Option<Pass>,
    /// How long it took.
    seconds: f64,
}

impl Rollout {
    /// The kept pass, if no row is to be left out.
    pub fn take_pass(&mut self) -> Option<Pass> {
        let pass = self.pass.take();
        pass.filter(|_| self.scores.keep.iter().all(|&keep| keep))
    }

    /// Rewards: the KL penalty of every token, the shapers' per-token rewards, and the score at the
    /// last token, as the original has it.
    ///
    /// Returns `[batch, response_len]`.
    pub fn rewards(&self, kl_coef: f64) -> Tensor {
        let scores = Tensor::from_slice(&self.scores.totals).to_device(self.logprobs.device());
        let rewards = rl::kl::rewards(&self.logprobs, &self.ref_logprobs, &scores, kl_coef);
        let per_token: Vec<f32> = self.scores.per_token.concat();
        rewards
            + Tensor::from_slice(&per_token)
                .view_as(&self.logprobs)
                .to_device(self.logprobs.device())
    }

    /// Sum over tokens of the log-ratio of policy and reference; `[batch]`, in nats.
    pub fn sequence_kl(&self) -> Tensor {
        (&self.logprobs - &self.ref_logprobs).sum_dim_intlist(1, false, Kind::Float)
    }

    /// The rows that may be learned from.
    pub fn kept(&self, layout: &Layout) -> Rollout {
        let rows: Vec<i64> = (0..self.scores.keep.len())
            .filter(|&row| self.scores.keep[row])
            .map(|row| row as i64)
            .collect();
        let index = Tensor::from_slice(&rows).to_device(self.logprobs.device());
        let pick = |row: &i64| *row as usize;
        let scores = &self.scores;
        debug_assert_eq!(self.logprobs.size()[1], layout.response_len as i64);
        Rollout {
            episodes: self.episodes.index(&index),
            pass: None,
            logprobs: self.logprobs.index_select(0, &index),
            ref_logprobs: self.ref_logprobs.index_select(0, &index),
            values: self.values.index_select(0, &index),
            samples: rows
                .iter()
                .map(|row| self.samples[pick(row)].clone())
                .collect(),
            context: self.context,
            scores: Scores {
                totals: rows.iter().map(|row| scores.totals[pick(row)]).collect(),
                per_token: rows
                    .iter()
                    .map(|row| scores.per_token[pick(row)].clone())
                    .collect(),
                valid: rows.iter().map(|row| scores.valid[pick(row)]).collect(),
                keep: vec![true; rows.len()],
                parts: scores
                    .parts
                    .iter()
                    .map(|(name, values)| {
                        (
                            name.clone(),
                            rows.iter().map(|row| values[pick(row)]).collect(),
                        )
                    })
                    .collect(),
                errors: rows
                    .iter()
                    .map(|row| scores.errors[pick(row)].clone())
                    .collect(),
                finished: rows
                    .iter()
                    .map(|row| scores.finished[pick(row)].clone())
                    .collect(),
                metrics: scores.metrics.clone(),
                plugin_seconds: scores.plugin_seconds,
                model_seconds: scores.model_seconds,
            },
            seconds: self.seconds,
        }
    }
}

/// Analyzes a few rows at a time, so that activations never pile up.
fn in_parts(
    episodes: &Episodes,
    rows_at_a_time: i64,
    analyze: impl Fn(&Episodes) -> (Tensor, Tensor),
) -> (Tensor, Tensor) {
    let rows = episodes.tokens.size()[0];
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    let mut start = 0;
    while start < rows {
        let count = rows_at_a_time.min(rows - start);
        let (first, second) = analyze(&episodes.rows(start, count));
        firsts.push(first);
        seconds.push(second);
        start += count;
    }
    (Tensor::cat(&firsts, 0), Tensor::cat(&seconds, 0))
}

fn rows_of(tensor: &Tensor) -> Result<Vec<Vec<i64>>> {
    Ok(Vec::<Vec<i64>>::try_from(
        tensor.to_device(tch::Device::Cpu),
    )?)
}

fn rows_of_f32(tensor: &Tensor) -> Result<Vec<Vec<f32>>> {
    Ok(Vec::<Vec<f32>>::try_from(
        tensor.to_device(tch::Device::Cpu).to_kind(Kind::Float),
    )?)
}
