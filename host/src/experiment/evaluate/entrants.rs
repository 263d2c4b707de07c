//! Who is compared, and what each answered: models by sampling, baselines by what stands in the query or what people
//! wrote.

use std::cell::OnceCell;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::baseline;
use super::bench::Bench;
use super::judges::Judge;
use super::kept::Kept;
use super::taught;
use super::weights::Weights;
use crate::config::Entry;
use crate::eval::frontier::best_of_bound;
use crate::model::policy::Policy;
use crate::train::answers::Reply;
use crate::train::observer::Observer;

/// Queries that are answered at a time, and kept.
const ROWS: usize = 32;

/// One of those who are compared, with its answers.
pub(super) struct Entrant {
    pub(super) name: String,
    /// Such as `model`, `best of 16 by valence` or `baseline lead`.
    pub(super) kind: String,
    /// SHA-256 of a model's files.
    pub(super) sha256: Option<String>,
    /// Labels that its reward was learned from, where it was trained against a reward model.
    pub(super) labels: Option<u64>,
    /// In the order of the queries; none where there is no answer.
    pub(super) replies: Vec<Option<Reply>>,
    /// The most that the best of several answers can diverge from the model, in nats.
    pub(super) kl_bound: Option<f64>,
}

/// Has the entries answer the queries, as far as that was not done before.
pub(super) fn answer(
    bench: &Bench,
    kept: &Kept,
    judges: &[Judge],
    observer: &mut dyn Observer,
) -> Result<Vec<Entrant>> {
    let digests = check(bench)?;
    note_seen(bench, observer);
    let entries = bench.compare.entry.iter().zip(digests);
    let answered = entries.map(|(entry, sha256)| {
        let found = match &sha256 {
            Some(sha256) => by_model(bench, kept, judges, (entry, sha256), observer),
            None => without_model(bench, kept, entry),
        };
        let (replies, kl_bound) = found.with_context(|| format!("entry `{}`", entry.name))?;
        Ok(Entrant {
            name: entry.name.clone(),
            kind: kind(entry),
            labels: labels_of(entry),
            sha256,
            replies,
            kl_bound,
        })
    });
    answered.collect()
}

/// Labels that the reward of an entry's policy was learned from.
fn labels_of(entry: &Entry) -> Option<u64> {
    let weights = Weights::at(entry.model.as_ref()?).ok()?;
    taught::labels(weights.place())
}

/// Says whose answers are to queries that it may have been trained on.
fn note_seen(bench: &Bench, observer: &mut dyn Observer) {
    let all = bench.config.eval.queries;
    for entry in &bench.compare.entry {
        let model = entry.model.as_ref().and_then(|at| Weights::at(at).ok());
        let seen = model.map_or(0, |weights| taught::seen(weights.place(), bench.config));
        if seen > 0 {
            observer.note(&format!(
                "{}: its run did not hold back {seen} of the {all} queries that are compared, and may have been trained \
                 on them; set eval.queries as that run did, or name data.held_out",
                entry.name
            ));
        }
    }
}

/// Looks at all entries before the first answers; the SHA-256 of each model.
pub(super) fn check(bench: &Bench) -> Result<Vec<Option<String>>> {
    let entries = bench.compare.entry.iter();
    entries
        .map(|entry| check_entry(bench, entry).with_context(|| format!("entry `{}`", entry.name)))
        .collect()
}

/// The same of one.
pub(super) fn check_entry(bench: &Bench, entry: &Entry) -> Result<Option<String>> {
    match &entry.model {
        Some(folder) => bench.check_model(folder).map(Some),
        None => baseline::check(bench, entry).map(|()| None),
    }
}

/// What an entry is, in a few words.
pub(super) fn kind(entry: &Entry) -> String {
    match (&entry.baseline, entry.best_of, &entry.by) {
        (Some(name), ..) => match entry.sentences {
            Some(count @ 2..) => format!("baseline {name}, {count} sentences"),
            _ => format!("baseline {name}"),
        },
        (None, Some(count), Some(by)) => format!("best of {count} by {by}"),
        (None, Some(count), None) => format!("best of {count}"),
        (None, None, _) => "model".to_owned(),
    }
}

type Answers = (Vec<Option<Reply>>, Option<f64>);

fn without_model(bench: &Bench, kept: &Kept, entry: &Entry) -> Result<Answers> {
    let texts = baseline::texts(bench, entry)?;
    let mut replies = Vec::new();
    for (queries, texts) in bench.queries.chunks(ROWS).zip(texts.chunks(ROWS)) {
        let mut key = bench.key(queries)?;
        key["texts"] = json!(texts);
        key["ends"] = baseline::ends(bench);
        replies.extend(kept.get("answers", &key, || baseline::replies(bench, queries, texts))?);
    }
    Ok((replies, None))
}

fn by_model(
    bench: &Bench,
    kept: &Kept,
    judges: &[Judge],
    (entry, sha256): (&Entry, &String),
    observer: &mut dyn Observer,
) -> Result<Answers> {
    let folder = entry.model.as_ref().context("a model has a folder")?;
    let sampler = Sampler {
        bench,
        kept,
        name: &entry.name,
        sha256,
        own: OnceCell::new(),
        load: &|| Weights::at(folder)?.load(bench.config),
    };
    let Some(count) = entry.best_of else {
        let replies = sampler.sample(0, observer)?;
        return Ok((replies.into_iter().map(Some).collect(), None));
    };
    let is_named = |judge: &&Judge| match &entry.by {
        Some(name) => judge.title == *name,
        None => judge.scores_alone(),
    };
    let judge = judges.iter().find(is_named);
    let judge = judge.context("there is no judge that gives scores\nhint: name one by `by`")?;
    let mut best: Vec<Option<(f64, Reply)>> = vec![None; bench.queries.len()];
    for draw in 0..count {
        let replies: Vec<Option<Reply>> = sampler
            .sample(draw, observer)?
            .into_iter()
            .map(Some)
            .collect();
        let scored = judge.scores(bench, kept, &replies)?;
        note_failed(entry, judge, draw, scored.failed, observer);
        let scores = scored.values.with_context(|| {
            format!(
                "judge `{}` compares and gives no scores\nhint: best_of takes one that scores",
                judge.title
            )
        })?;
        for (place, (reply, score)) in best.iter_mut().zip(replies.into_iter().zip(scores)) {
            let score = score.unwrap_or(f64::NEG_INFINITY);
            let is_better = place.as_ref().is_none_or(|(before, _)| score > *before);
            if let (Some(reply), true) = (reply, is_better) {
                *place = Some((score, reply));
            }
        }
    }
    let chosen = best.into_iter().map(|best| {
        let (_, reply) = best?;
        // Its log-ratio is that of a sample, and not of the best of several.
        Some(Reply { kl: None, ..reply })
    });
    // The bound is of the divergence from the model that was sampled.
    let bound = (*sha256 == bench.model).then(|| best_of_bound(count));
    Ok((chosen.collect(), bound))
}

/// Says of how many answers a judge gave no score because it failed: they are chosen where there are no others.
fn note_failed(
    entry: &Entry,
    judge: &Judge,
    draw: u64,
    failed: usize,
    observer: &mut dyn Observer,
) {
    if failed > 0 {
        observer.note(&format!(
            "{}: judge `{}` failed on {failed} answers of draw {}, which are the last to be chosen",
            entry.name,
            judge.title,
            draw + 1
        ));
    }
}

/// A model that answers all queries, part by part; loaded when there is a part that was not answered before.
struct Sampler<'a> {
    bench: &'a Bench<'a>,
    kept: &'a Kept,
    name: &'a str,
    sha256: &'a str,
    own: OnceCell<Policy>,
    load: &'a dyn Fn() -> Result<Policy>,
}

impl Sampler<'_> {
    fn sample(&self, draw: u64, observer: &mut dyn Observer) -> Result<Vec<Reply>> {
        let all = self.bench.queries.len();
        let (mut replies, mut made) = (Vec::with_capacity(all), 0);
        for (number, queries) in self.bench.queries.chunks(ROWS).enumerate() {
            let first = number * ROWS;
            let key = self.key(queries, first, draw)?;
            let is_new = !self.kept.has("answers", &key);
            let part: Vec<Reply> = self.kept.get("answers", &key, || {
                let answerer = self.bench.answerer()?;
                answerer.sample(self.policy()?, queries, first as u64, draw)
            })?;
            if part.len() != queries.len() {
                bail!(
                    "an answer is missing in what was kept\nhint: remove the folder `comparison` of the run directory"
                );
            }
            replies.extend(part);
            if is_new {
                made += queries.len();
                if replies.len() < all {
                    observer.note(&format!(
                        "{}: {} of {all} answers",
                        self.name,
                        replies.len()
                    ));
                }
            }
        }
        let which = match draw {
            0 => String::new(),
            draw => format!(", draw {}", draw + 1),
        };
        observer.note(&format!(
            "{}: {made} answers sampled, {} kept from before{which}",
            self.name,
            all - made
        ));
        Ok(replies)
    }

    fn key(&self, queries: &[crate::role::Query], first: usize, draw: u64) -> Result<Value> {
        let sampling = &self.bench.config.sampling;
        let mut key = self.bench.key(queries)?;
        key["model"] = json!(self.sha256);
        key["sampling"] = json!([sampling.temperature, sampling.top_k, sampling.top_p]);
        key["place"] = json!([first, draw]);
        Ok(key)
    }

    fn policy(&self) -> Result<&Policy> {
        // The reference is there anyway.
        if self.sha256 == self.bench.model {
            return self.bench.reference();
        }
        if self.own.get().is_none() {
            let _ = self.own.set((self.load)()?);
        }
        self.own.get().context("the model is loaded")
    }
}
