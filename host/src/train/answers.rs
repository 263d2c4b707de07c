//! Answers to held-out queries as a comparison keeps them: sampled by a model, or written without one, and ended by the
//! task. Does not know who judges them.

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::model::episodes::Episodes;
use crate::model::policy::{Demonstration, Policy};
use crate::model::sampling::Sampling;
use crate::role::{CallContext, Layout, Outcome, Query, Sample, Split, Task};
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::queries::contexts;

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Token ids, as far as the task says that the answer goes.
    pub tokens: Vec<u32>,
    /// Their text.
    pub text: String,
    /// How many tokens there were before the task ended it.
    pub whole: usize,
    /// Why the task says that it breaks its rules; absent where it obeys them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// Sum of the log-ratios of the model and the reference over all tokens, at the sampling temperature, in nats; absent
    /// where no model wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl: Option<f64>,
    /// Mean entropy of the distributions that the tokens were drawn from, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// Negative log-likelihood of the kept tokens under the reference, at temperature 1, in nats; absent where there are
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nll: Option<f64>,
    /// Whether it was longer than the task's responses may be, before it was written down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// Who makes answers, ends them and looks at them.
pub struct Answerer<'a> {
    /// Says where answers end.
    pub task: &'a dyn Task,
    /// Turns tokens into text.
    pub tokenizer: &'a Tokenizer,
    /// What models are compared with for divergence and perplexity.
    pub reference: &'a Policy,
    /// How answers are drawn.
    pub sampling: Sampling,
    /// What all draws follow from.
    pub root_seed: u64,
}

impl Answerer<'_> {
    /// The policy's answers, drawn as a run's own evaluation draws them. `first_row` is the number of the first query among
    /// all, so that queries may be answered in parts; `draw` is the number of the answer where each query has several.
    ///
    /// # Errors
    /// The task fails.
    pub fn sample(
        &self,
        policy: &Policy,
        queries: &[Query],
        first_row: u64,
        draw: u64,
    ) -> Result<Vec<Reply>> {
        let layout = self.task.layout();
        let sampling = Sampling {
            first_row,
            ..self.sampling.clone()
        };
        let seed = seed::derive(self.root_seed, "sample-test", draw);
        let context = contexts(queries, layout, policy.config().pad_id, policy.device());
        let episodes = policy.roll_out(&context, layout.response_len as i64, &sampling, seed);
        let own = policy.analyze(&episodes, sampling.temperature);
        // What frozen blocks of the policy made is not what the reference's would make.
        let plain = Episodes {
            tokens: episodes.tokens.shallow_clone(),
            context_len: episodes.context_len,
            bottom: None,
            sampled: None,
        };
        let other = self.reference.analyze(&plain, sampling.temperature);
        let kl = (&own.logprobs - &other.logprobs).sum_dim_intlist(1, false, Kind::Double);
        let entropy = own.entropy.mean_dim(1, false, Kind::Double);
        let len = episodes.response_len();
        let tokens = episodes.tokens.narrow(1, episodes.context_len, len);
        let tokens = Vec::<Vec<i64>>::try_from(tokens.to_device(Device::Cpu))?;
        let [logprobs, ref_logprobs, values] =
            [&own.logprobs, &other.logprobs, &own.values].map(columns);
        let (logprobs, ref_logprobs, values) = (logprobs?, ref_logprobs?, values?);
        let samples = queries.iter().zip(tokens).enumerate();
        let samples = samples.map(|(row, (query, tokens))| {
            let tokens: Vec<u32> = tokens.into_iter().map(|token| token as u32).collect();
            Sample {
                logprobs: logprobs[row].clone(),
                ref_logprobs: ref_logprobs[row].clone(),
                values: values[row].clone(),
                ..self.plain(first_row + row as u64, query, tokens)
            }
        });
        let mut replies = self.end(samples.collect())?;
        let (kl, entropy) = (numbers(&kl)?, numbers(&entropy)?);
        for (row, reply) in replies.iter_mut().enumerate() {
            (reply.kl, reply.entropy) = (finite(kl[row]), finite(entropy[row]));
        }
        self.look_at(queries, &mut replies);
        Ok(replies)
    }

    /// Answers that no model wrote, of which `written` has the tokens; `ended` has them with what ends a response, for
    /// tasks that ask for an end.
    ///
    /// # Errors
    /// The task fails.
    pub fn written(
        &self,
        queries: &[Query],
        written: &[Vec<u32>],
        ended: &[Vec<u32>],
    ) -> Result<Vec<Reply>> {
        let samples = |tokens: &[Vec<u32>]| {
            let rows = queries.iter().zip(tokens).enumerate();
            let samples =
                rows.map(|(row, (query, tokens))| self.plain(row as u64, query, tokens.clone()));
            samples.collect::<Vec<_>>()
        };
        let mut replies = self.end(samples(written))?;
        for (reply, other) in replies.iter_mut().zip(self.end(samples(ended))?) {
            if reply.invalid.is_some() && other.invalid.is_none() {
                *reply = other;
            }
        }
        self.look_at(queries, &mut replies);
        Ok(replies)
    }

    fn plain(&self, id: u64, query: &Query, tokens: Vec<u32>) -> Sample {
        Sample {
            id,
            query: query.clone(),
            text: self.tokenizer.decode_after(&query.tokens, &tokens),
            tokens,
            ..Sample::default()
        }
    }

    /// Has the task say where each ends.
    fn end(&self, samples: Vec<Sample>) -> Result<Vec<Reply>> {
        let context = CallContext {
            seed: seed::derive(self.root_seed, "score", 0),
            update: 0,
            split: Split::Test,
        };
        let endings = self.task.finish(context, &samples)?;
        let rows = samples.into_iter().zip(endings);
        rows.map(|(sample, ending)| self.ended(sample, ending))
            .collect()
    }

    fn ended(&self, sample: Sample, ending: Outcome<crate::role::Ending>) -> Result<Reply> {
        let Sample {
            query,
            mut tokens,
            mut text,
            ..
        } = sample;
        let whole = tokens.len();
        let mut invalid = None;
        match ending {
            Outcome::Value(ending) => {
                if ending.kept < whole {
                    tokens.truncate(ending.kept);
                    text = self.tokenizer.decode_after(&query.tokens, &tokens);
                }
                if !ending.valid {
                    // The contract gives no reason: what can be seen is where it ends.
                    let kept = tokens.len();
                    invalid = Some(match kept == whole {
                        true => format!("no end, penalty {}", ending.penalty),
                        false => format!("ends early, penalty {}", ending.penalty),
                    });
                }
            }
            Outcome::NotApplicable(_) => {}
            Outcome::Invalid(said) => invalid = Some(said),
            Outcome::Error(said) => {
                return Err(anyhow!(
                    "task `{}` failed on an answer to query {}: {said}\nhint: mend the plugin",
                    self.task.identity().name,
                    query.id
                ));
            }
        }
        Ok(Reply {
            tokens,
            text,
            whole,
            invalid,
            ..Reply::default()
        })
    }

    /// Asks the reference how likely the kept tokens are.
    fn look_at(&self, queries: &[Query], replies: &mut [Reply]) {
        let Layout { prefix, suffix, .. } = self.task.layout();
        let pairs: Vec<Demonstration> = queries
            .iter()
            .zip(replies.iter())
            .map(|(query, reply)| Demonstration {
                context: [prefix.as_slice(), &query.tokens, suffix].concat(),
                response: reply.tokens.clone(),
            })
            .collect();
        let said: Vec<&Demonstration> = pairs
            .iter()
            .filter(|pair| !pair.response.is_empty())
            .collect();
        if said.is_empty() {
            return;
        }
        let likely = self.reference.log_likelihoods(&said);
        let said = replies.iter_mut().filter(|reply| !reply.tokens.is_empty());
        for (reply, likely) in said.zip(likely) {
            reply.nll = finite(-likely);
        }
    }
}

/// What is no number of a model gone astray is none.
fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// `[batch, response_len]`
fn columns(tensor: &Tensor) -> Result<Vec<Vec<f32>>> {
    Ok(Vec::try_from(
        tensor.to_device(Device::Cpu).to_kind(Kind::Float),
    )?)
}

/// `[batch]`
fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(Vec::try_from(tensor.to_device(Device::Cpu))?)
}
