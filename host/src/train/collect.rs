//! Comparisons for a judge: responses of the policy and of the reference to the same query, cut and
//! valid as the task says.

use anyhow::{Result, bail};
use tch::Tensor;

use crate::model::policy::Policy;
use crate::model::sampling::Sampling;
use crate::role::{CallContext, Outcome, Query, Sample, Split};
use crate::seed;
use crate::train::queries::contexts;
use crate::train::rollout::Roller;

/// How often a response is sampled at most until the task calls it valid: of many thousand, some that are valid once in
/// five times are still invalid after fifty.
const ATTEMPTS: u64 = 1000;

/// Who wrote a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The original model.
    Reference,
    /// The policy, as it is now.
    Policy,
}

/// A comparison that is wanted: a query, and who writes each response.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is asked.
    pub query: Query,
    /// One for each response.
    pub writers: Vec<Writer>,
}

/// A response that is still to be written.
#[derive(Clone, Copy)]
struct Blank {
    comparison: usize,
    place: usize,
}

/// Writes all responses, `[wanted][place]`; those that the task calls invalid are written again.
///
/// # Errors
/// The task fails, or calls too many responses invalid.
pub fn write(
    roller: &Roller,
    wanted: &[Wanted],
    root: u64,
    update: u64,
) -> Result<Vec<Vec<Sample>>> {
    let mut written: Vec<Vec<Option<Sample>>> = wanted
        .iter()
        .map(|comparison| vec![None; comparison.writers.len()])
        .collect();
    let (mut round, mut attempts) = (0, 0);
    loop {
        let left = [Writer::Reference, Writer::Policy]
            .map(|writer| (writer, blanks(wanted, &written, writer)));
        if left.iter().all(|(_, blanks)| blanks.is_empty()) {
            let all = written
                .into_iter()
                .map(|row| row.into_iter().flatten().collect());
            return Ok(all.collect());
        }
        if attempts >= ATTEMPTS {
            bail!(
                "after {ATTEMPTS} attempts the task still calls some responses invalid\nhint: widen the task's rules \
                 for a response's end, or raise its response_len"
            )
        }
        let stream = seed::derive(root, "collect-round", round);
        let mut fewest = ATTEMPTS;
        for (writer, blanks) in left {
            let stream = seed::derive(stream, "collect-writer", writer as u64);
            let most = roller.rows_at_a_time.max(1) as usize;
            for (part, chunk) in blanks.chunks(most).enumerate() {
                let each = if round == 0 { 1 } else { most / chunk.len() };
                let chunk = repeated(chunk, each);
                let stream = seed::derive(stream, "collect-part", part as u64);
                let samples = respond(roller, wanted, &chunk, writer, stream)?;
                for (blank, sample) in chunk.iter().zip(finished(roller, samples, update)?) {
                    let place = &mut written[blank.comparison][blank.place];
                    *place = place.take().or(sample);
                }
                fewest = fewest.min(each as u64);
            }
        }
        (round, attempts) = (round + 1, attempts + fewest);
    }
}

/// Each blank so often, one attempt beside the other: a pass of the model over few rows takes nearly as long as over many,
/// a query is read once for all of its attempts, and the first that is valid counts, as it would in rounds of one.
fn repeated(blanks: &[Blank], attempts: usize) -> Vec<Blank> {
    let each = |blank: &Blank| std::iter::repeat_n(*blank, attempts);
    blanks.iter().flat_map(each).collect()
}

fn blanks(wanted: &[Wanted], written: &[Vec<Option<Sample>>], writer: Writer) -> Vec<Blank> {
    let mut blanks = Vec::new();
    for (comparison, (wanted, written)) in wanted.iter().zip(written).enumerate() {
        for (place, who) in wanted.writers.iter().enumerate() {
            if *who == writer && written[place].is_none() {
                blanks.push(Blank { comparison, place });
            }
        }
    }
    blanks
}

fn respond(
    roller: &Roller,
    wanted: &[Wanted],
    blanks: &[Blank],
    writer: Writer,
    stream: u64,
) -> Result<Vec<Sample>> {
    let policy: &Policy = match writer {
        Writer::Reference => roller.reference,
        Writer::Policy => roller.policy,
    };
    let layout = roller.scorers.task.layout();
    let query = |blank: &Blank| wanted[blank.comparison].query.clone();
    let queries: Vec<Query> = blanks.iter().map(query).collect();
    let context = contexts(&queries, layout, policy.config().pad_id, policy.device());
    let sampling = Sampling {
        first_row: 0,
        ..roller.sampling.clone()
    };
    let tokens: Tensor = policy.respond(&context, layout.response_len as i64, &sampling, stream);
    let rows = Vec::<Vec<i64>>::try_from(tokens.to_device(tch::Device::Cpu))?;
    let sample = |(number, (query, tokens)): (usize, (Query, Vec<i64>))| {
        let tokens: Vec<u32> = tokens.into_iter().map(|token| token as u32).collect();
        Sample {
            id: number as u64,
            text: roller.tokenizer.decode_after(&query.tokens, &tokens),
            query,
            tokens,
            ..Sample::default()
        }
    };
    Ok(queries
        .into_iter()
        .zip(rows)
        .enumerate()
        .map(sample)
        .collect())
}

/// The samples cut as the task says; none where it calls them invalid.
fn finished(roller: &Roller, samples: Vec<Sample>, update: u64) -> Result<Vec<Option<Sample>>> {
    let context = CallContext {
        seed: seed::derive(roller.root_seed, "collect-finish", update),
        update,
        split: Split::Train,
    };
    let endings = roller.scorers.task.finish(context, &samples)?;
    let mut all = Vec::new();
    for (mut sample, outcome) in samples.into_iter().zip(endings) {
        all.push(match outcome {
            Outcome::Value(ending) if !ending.valid => None,
            Outcome::Value(ending) => {
                if ending.kept < sample.tokens.len() {
                    sample.tokens.truncate(ending.kept);
                    let before = &sample.query.tokens;
                    sample.text = roller.tokenizer.decode_after(before, &sample.tokens);
                }
                Some(sample)
            }
            Outcome::NotApplicable(_) => Some(sample),
            Outcome::Invalid(text) | Outcome::Error(text) => bail!(
                "task `{}` failed on a response to be compared: {text}",
                roller.scorers.task.identity().name
            ),
        });
    }
    Ok(all)
}
