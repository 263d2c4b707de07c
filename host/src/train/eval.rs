//! Held-out queries answered by the original and by the trained policy, with the same draws.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::eval::copying::Copying;
use crate::eval::diversity::distinct;
use crate::eval::rouge::Rouge;
use crate::role::{CallContext, Query, Split};
use crate::seed;
use crate::train::evaluation::{Answer, Evaluation};
use crate::train::rollout::{Roller, Rollout};

/// Has the roller's policy answer `queries`.
pub fn evaluate(roller: &Roller, queries: &[Query]) -> Result<Evaluation> {
    let rollout = roller.roll(queries, 0, Split::Test)?;
    let kl = Vec::<f32>::try_from(rollout.sequence_kl().to_device(tch::Device::Cpu))?;
    let answers: Vec<Answer> = rollout
        .samples
        .iter()
        .enumerate()
        .map(|(row, sample)| Answer {
            query: sample.query.text.clone(),
            response: rollout.scores.finished[row].text.clone(),
            reference: sample.query.reference.clone(),
            score: rollout.scores.totals[row],
            kl: kl[row],
            ref_nll: -sample.ref_logprobs.iter().sum::<f32>() / sample.ref_logprobs.len() as f32,
        })
        .collect();
    let scores: Vec<f64> = answers
        .iter()
        .map(|answer| f64::from(answer.score))
        .collect();
    let score = mean(&scores);
    let variance = mean(
        &scores
            .iter()
            .map(|s| (s - score).powi(2))
            .collect::<Vec<_>>(),
    );
    let nll: Vec<f64> = answers
        .iter()
        .map(|answer| f64::from(answer.ref_nll))
        .collect();
    let valid: Vec<f64> = rollout
        .scores
        .valid
        .iter()
        .map(|&valid| f64::from(u8::from(valid)))
        .collect();
    let texts = answers.iter().map(|answer| answer.response.as_str());
    let texts: Vec<&str> = texts.collect();
    let distinct_n = |n| distinct(&texts, n).map_or(0.0, |share| share.value);
    Ok(Evaluation {
        score,
        score_std: variance.sqrt(),
        kl: mean(&kl.iter().map(|&kl| f64::from(kl)).collect::<Vec<_>>()),
        ref_perplexity: mean(&nll).exp(),
        distinct_1: distinct_n(1),
        distinct_2: distinct_n(2),
        valid: mean(&valid),
        task: task_metrics(roller, &rollout)?,
        measured: measures(roller, &rollout)?,
        overlap: overlap(&answers),
        answers,
    })
}

/// What the task itself measures of its responses, which it sees as they were sampled.
fn task_metrics(roller: &Roller, rollout: &Rollout) -> Result<BTreeMap<String, f64>> {
    let task = &roller.scorers.task;
    if task.metrics().is_empty() {
        return Ok(BTreeMap::new());
    }
    let context = CallContext {
        seed: seed::derive(roller.root_seed, "evaluate", 0),
        update: 0,
        split: Split::Test,
    };
    let rows = task.evaluate(context, &rollout.samples)?;
    let named = task.metrics().iter().enumerate().map(|(place, metric)| {
        let values = rows.iter().filter_map(|row| row.value()?.get(place));
        let values: Vec<f64> = values.map(|&value| f64::from(value)).collect();
        (metric.name.clone(), mean(&values))
    });
    Ok(named.collect())
}

/// What labelers that are no part of the reward say of the finished responses.
fn measures(roller: &Roller, rollout: &Rollout) -> Result<BTreeMap<String, f64>> {
    let context = CallContext {
        seed: seed::derive(roller.root_seed, "measure", 0),
        update: 0,
        split: Split::Test,
    };
    let measured = roller.scorers.measure(context, &rollout.scores.finished)?;
    Ok(measured.into_iter().collect())
}

/// How much answers say of what people wrote, and how much of it stands in the query.
fn overlap(answers: &[Answer]) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| !answer.reference.is_empty()) {
        let rouge = Rouge::of(&answer.response, &answer.reference, true);
        let copying = Copying::of(&answer.response, &answer.query);
        let found = [
            ("rouge1", Some(rouge.rouge1.f1)),
            ("rouge2", Some(rouge.rouge2.f1)),
            ("rougeL", Some(rouge.rouge_l.f1)),
            ("rougeLsum", Some(rouge.rouge_lsum.f1)),
            ("copied sentences", copying.sentence_share()),
            ("copied 4-grams", copying.ngram_share(4)),
            ("copied run", Some(copying.longest_run as f64)),
        ];
        for (name, value) in found {
            all.entry(name).or_default().extend(value);
        }
    }
    let means = all.into_iter().filter(|(_, values)| !values.is_empty());
    means
        .map(|(name, values)| (name.to_owned(), mean(&values)))
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
