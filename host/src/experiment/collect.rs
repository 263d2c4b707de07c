//! Collects the labels of a run: asks for comparisons as the schedule says, and has them answered by
//! the labeler or waits for people. What is asked depends on the run's seed, the update and the models
//! alone, so that a run that was killed asks the same again, and nothing is there twice.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::config::{Collect, Config};
use crate::digest;
use crate::label::room::{Beside, keep_hints};
use crate::label::store::Store;
use crate::label::{Comparison, Label, Passage, Source};
use crate::rl::collection::{Collection, Mode};
use crate::role::{Labeler, Query, Sample};
use crate::seed::{self, Stream};
use crate::train::collect::{Wanted, Writer, write};
use crate::train::observer::{Event, Observer};
use crate::train::policy::Gate;
use crate::train::reward::doubt;
use crate::train::rollout::Roller;
use crate::train::stream::QueryStream;

pub(super) mod judged;

/// Comparisons that are asked and answered at a time, all of them or none: people wait until these are written.
const AT_A_TIME: u64 = 32;
/// The most of them where a plugin answers: the more are written at a time, the less often the model goes on for the few whose
/// responses are invalid again and again.
const MOST: u64 = 128;
/// How often the store is looked at while people answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Who watches hears of labels so often, however long it takes to sample what is judged.
const NEWS: Duration = Duration::from_secs(30);

/// What a config says of collecting, in numbers.
pub(super) fn plan(collect: &Collect, config: &Config) -> Collection {
    let batch_size = config.ppo.batch_size.max(1);
    Collection {
        mode: match collect.mode.as_str() {
            "offline" => Mode::Offline,
            "batch" => Mode::Batch,
            _ => Mode::Online,
        },
        initial: collect.initial,
        total: collect.total,
        models: collect.models(),
        episodes: config.ppo.total_episodes.div_ceil(batch_size) * batch_size,
        validation_share: collect.validation_share,
    }
}

/// Queries with their responses, and how much models disagree on each.
type Chosen = (Vec<(Query, Vec<Sample>)>, Vec<Option<f64>>);

/// Collects labels between updates.
pub(super) struct Collector<'a> {
    pub(super) config: &'a Config,
    pub(super) collect: &'a Collect,
    pub(super) plan: Collection,
    pub(super) store: Store,
    /// Who answers, where it is a plugin.
    pub(super) labeler: Option<Box<dyn Labeler>>,
    /// Whose hints people are shown.
    pub(super) annotator: Option<Box<dyn Labeler>>,
    pub(super) queries: QueryStream,
    /// Begins the keys of all that this run asks.
    pub(super) run: String,
    /// SHA-256 of the run's config.
    pub(super) digest: String,
}

/// What begins the keys of a run, from the text of its config.
pub(super) fn key_of_run(text: &str) -> (String, String) {
    let digest = digest::of_bytes(text.as_bytes());
    (format!("run-{}/", &digest[..16]), digest)
}

/// Who writes each response of label `number`, in the order in which the judge sees them.
pub(super) fn writers(plan: &Collection, responses: usize, root: u64, number: u64) -> Vec<Writer> {
    if number < plan.initial || plan.mode == Mode::Offline {
        return vec![Writer::Reference; responses];
    }
    if !plan.is_validation(number) {
        return vec![Writer::Policy; responses];
    }
    let order = Stream::new(seed::derive(root, "collect-order", number)).permutation(responses);
    let writer = |place: usize| match place < responses / 2 {
        true => Writer::Reference,
        false => Writer::Policy,
    };
    order.into_iter().map(writer).collect()
}

impl Gate for Collector<'_> {
    fn pass(&mut self, update: u64, roller: &Roller, observer: &mut dyn Observer) -> Result<()> {
        let batch_size = self.config.ppo.batch_size;
        let due = self.plan.due(update * batch_size);
        let mut start = match update {
            0 => 0,
            later => self.plan.due((later - 1) * batch_size),
        };
        let answered = self.answered()?;
        if due > start && due > answered {
            observer.event(&Event::LabelsDue {
                update,
                due,
                there: answered,
            });
        }
        let most = match &self.labeler {
            Some(_) => MOST,
            None => AT_A_TIME,
        };
        let mut told = Instant::now();
        while start < due {
            // A few first: not many more are written than are wanted.
            let at_a_time = start.clamp(AT_A_TIME, most);
            let end = due.min(start + at_a_time);
            if end > answered {
                // What is sampled together is whole where more may be wanted later.
                let sampled = match self.plan.mode {
                    Mode::Offline => start..start + at_a_time,
                    Mode::Online | Mode::Batch => start..end,
                };
                self.round(sampled, end, update, roller)
                    .with_context(|| format!("labels {start} to {end} could not be collected"))?;
            }
            if end.is_multiple_of(2 * MOST) || told.elapsed() >= NEWS {
                told = Instant::now();
                observer.event(&Event::LabelsCollected { there: end, due });
            }
            start = end;
        }
        self.wait(due, observer)
    }
}

impl Collector<'_> {
    /// Labels of this run that are there.
    fn answered(&self) -> Result<u64> {
        Ok(self.store.labels_under(&self.run)?.len() as u64)
    }

    fn key(&self, number: u64) -> String {
        format!("{}{number:08}", self.run)
    }

    /// Asks for the comparisons of one round before `end` and, where a plugin answers, has them answered.
    fn round(
        &mut self,
        sampled: std::ops::Range<u64>,
        end: u64,
        update: u64,
        roller: &Roller,
    ) -> Result<()> {
        let numbers = sampled.start..end;
        let (mut asked, doubts) = self.comparisons(sampled, update, roller)?;
        asked.truncate((end - numbers.start) as usize);
        let comparisons = self.named(numbers.clone(), &asked, update);
        if self.collect.by == "people" {
            self.keep_beside(numbers.clone(), &asked, doubts, update)?;
        }
        self.store.ask(
            comparisons
                .iter()
                .map(|(key, comparison)| (key.clone(), comparison)),
        )?;
        let Some(labeler) = &self.labeler else {
            return Ok(());
        };
        let labels = judged::judge(
            labeler.as_ref(),
            self.config,
            self.collect,
            numbers,
            &asked,
            update,
        )?;
        let labels: Vec<(String, Label)> = comparisons
            .into_iter()
            .zip(labels)
            .map(|((key, comparison), (answer, labeler))| {
                let label = Label {
                    comparison,
                    answer,
                    labeler,
                    time: now(),
                };
                (key, label)
            })
            .collect();
        self.store
            .add(labels.iter().map(|(key, label)| (key.clone(), label)))?;
        Ok(())
    }

    /// Comparisons as the store has them, by their keys.
    fn named(
        &self,
        numbers: std::ops::Range<u64>,
        asked: &[(Query, Vec<Sample>)],
        update: u64,
    ) -> Vec<(String, Comparison)> {
        let source = Source {
            checkpoint: match update {
                0 => "reference".to_owned(),
                update => format!("policy/update-{update:06}"),
            },
            config: self.digest.clone(),
        };
        let passage = |tokens: &[u32], text: &str| Passage {
            text: Some(text.to_owned()),
            tokens: Some(tokens.to_vec()),
        };
        let named = numbers.zip(asked).map(|(number, (query, samples))| {
            let comparison = Comparison {
                query: passage(&query.tokens, &query.text),
                responses: samples
                    .iter()
                    .map(|s| passage(&s.tokens, &s.text))
                    .collect(),
                source: Some(source.clone()),
            };
            (self.key(number), comparison)
        });
        named.collect()
    }

    /// Keeps what people are to see beside the responses, and how much models disagree on them: before they are asked,
    /// so that whoever is shown them is shown all of it.
    fn keep_beside(
        &mut self,
        numbers: std::ops::Range<u64>,
        asked: &[(Query, Vec<Sample>)],
        doubts: Vec<Option<f64>>,
        update: u64,
    ) -> Result<()> {
        let hints = match &self.annotator {
            None => vec![Vec::new(); asked.len()],
            Some(annotator) => {
                let groups = judged::groups(numbers.clone(), asked);
                let seed = seed::derive(self.config.run.seed, "collect-annotate", numbers.start);
                judged::annotate(annotator.as_ref(), seed, update, &groups)?
            }
        };
        let beside = hints.into_iter().zip(doubts);
        let beside = beside.map(|(hints, doubt)| Beside { hints, doubt });
        let keyed = numbers.map(|number| self.key(number)).zip(beside);
        let keyed: Vec<(String, Beside)> = keyed.collect();
        keep_hints(&mut self.store, &keyed)
    }

    /// Where label `number` begins in the stream of queries. Those before the first model take a place each, and the
    /// same ones however later ones are chosen.
    fn place(&self, number: u64) -> u64 {
        let one_each = match self.collect.choose.as_str() {
            "disagreement" => number.min(self.collect.initial),
            _ => number,
        };
        one_each + (number - one_each) * self.collect.candidates
    }

    /// Queries with their responses, chosen as the config says; and how much the models disagree on each, where they
    /// were asked.
    fn comparisons(
        &self,
        numbers: std::ops::Range<u64>,
        update: u64,
        roller: &Roller,
    ) -> Result<Chosen> {
        let root = self.config.run.seed;
        // At first there is no model to disagree with itself.
        let models = roller.scorers.models();
        let choosy = self.collect.choose == "disagreement" && !models.is_empty();
        let candidates = if choosy { self.collect.candidates } else { 1 };
        let mut wanted = Vec::new();
        for number in numbers.clone() {
            let writers = writers(&self.plan, self.collect.responses, root, number);
            let first = self.place(number);
            for query in self.queries.batch(first, candidates as usize)? {
                wanted.push(Wanted {
                    query,
                    writers: writers.clone(),
                });
            }
        }
        let stream = seed::derive(root, "collect", numbers.start);
        let written = write(roller, &wanted, stream, update)?;
        let mut all: Vec<(Query, Vec<Sample>)> = wanted
            .into_iter()
            .map(|wanted| wanted.query)
            .zip(written)
            .collect();
        if !choosy {
            let doubts = vec![None; all.len()];
            return Ok((all, doubts));
        }
        let doubts = doubt(
            models,
            all.iter()
                .map(|(query, samples)| (query, samples.as_slice())),
        );
        let (mut chosen, mut kept) = (Vec::new(), Vec::new());
        for doubts in doubts.chunks(candidates as usize) {
            let most =
                (0..doubts.len()).max_by(|&a, &b| doubts[a].total_cmp(&doubts[b]).then(b.cmp(&a)));
            let mut group: Vec<_> = all.drain(..doubts.len()).collect();
            let most = most.unwrap_or(0);
            kept.push(doubts.get(most).copied());
            chosen.push(group.swap_remove(most));
        }
        Ok((chosen, kept))
    }

    /// Waits until the first `due` labels are there. What a killed run asked in a later update is asked
    /// again then, and is nothing to wait for now.
    fn wait(&self, due: u64, observer: &mut dyn Observer) -> Result<()> {
        let mut told = false;
        let end = self.key(due);
        loop {
            let mut pending = self.store.pending(&self.run)?;
            pending.retain(|(key, _)| *key < end);
            let left = pending.len();
            if left == 0 {
                return Ok(());
            }
            if !std::mem::replace(&mut told, true) {
                observer.event(&Event::LabelsAwaited {
                    left: left as u64,
                    store: self.store.path(),
                });
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Milliseconds since 1970, where the clock is right.
pub(crate) fn now() -> Option<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}
