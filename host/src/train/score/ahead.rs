//! What plugins say of responses while the models still read them: all that depends on text and tokens
//! alone. It is what they would say later, to the bit.

use std::time::Instant;

use anyhow::Result;

use super::Scorers;
use super::source::{Source, judgements};
use crate::role::{CallContext, Ending, Labeler, Outcome, Sample, Task};

/// Turns the tokens that are kept back into text.
pub type Decode<'a> = &'a (dyn Fn(&[u32], &[u32]) -> String + Sync);

/// The plugins that need no model's numbers. Other threads may call them.
pub struct Readers<'a> {
    task: Option<&'a dyn Task>,
    /// In the order of the sources; those that are no labelers have to wait.
    labelers: Vec<Option<&'a dyn Labeler>>,
}

/// What they said.
#[derive(Default)]
pub struct Ahead {
    /// The task's word on each response.
    pub(super) endings: Option<Result<Vec<Outcome<Ending>>>>,
    /// Each labeler's, in the order of the sources.
    pub(super) scores: Vec<Option<Result<Vec<Outcome<f32>>>>>,
    /// Seconds spent in plugins.
    pub(super) seconds: f64,
}

impl Scorers {
    /// Those who can read `samples` before the models have.
    #[must_use]
    pub fn readers(&self) -> Readers<'_> {
        let task = self.task.as_ref();
        let sources = self.sources.iter().map(|(source, _)| source);
        Readers {
            task: (!task.needs_models()).then_some(task),
            labelers: sources.map(Source::labeler).collect(),
        }
    }
}

impl Readers<'_> {
    /// Asks them about responses of which only tokens and text are known.
    #[must_use]
    pub fn read(
        &self,
        context: CallContext,
        mut samples: Vec<Sample>,
        decode: Decode<'_>,
    ) -> Ahead {
        let started = Instant::now();
        // Labelers see responses as the task ends them.
        let Some(task) = self.task else {
            return Ahead::default();
        };
        let endings = task.finish(context, &samples);
        let mut scores = Vec::new();
        if let Ok(endings) = &endings {
            for (sample, ending) in samples.iter_mut().zip(endings) {
                if let Outcome::Value(ending) = ending {
                    cut(sample, ending.kept, decode);
                }
            }
            let judged = |one: &dyn Labeler| judgements(one, context, &samples);
            scores.extend(self.labelers.iter().map(|one| one.map(judged)));
        }
        Ahead {
            endings: Some(endings.map_err(Into::into)),
            scores,
            seconds: started.elapsed().as_secs_f64(),
        }
    }
}

/// Leaves the first `kept` tokens of a response.
pub(super) fn cut(sample: &mut Sample, kept: usize, decode: Decode<'_>) {
    if kept >= sample.tokens.len() {
        return;
    }
    sample.tokens.truncate(kept);
    let columns = [
        &mut sample.logprobs,
        &mut sample.ref_logprobs,
        &mut sample.values,
    ];
    for column in columns {
        column.truncate(kept);
    }
    sample.text = decode(&sample.query.tokens, &sample.tokens);
}
