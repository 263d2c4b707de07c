//! The loop of collecting, learning a reward, and training against it: parts one after the other, each
//! done or going on where it stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::config::{Collect, Config, Reward};
use crate::eval::share::Share;
use crate::experiment::collect::{Collector, key_of_run, plan, writers};
use crate::experiment::policy::Part;
use crate::experiment::resume::open;
use crate::experiment::simulate::{keyed, own};
use crate::experiment::stage::{against, derived, steps, without_model};
use crate::experiment::{parts, people, reward};
use crate::label::store::Store;
use crate::label::{Answer, Label};
use crate::plugin::TokenizerHost;
use crate::rl::collection::Collection;
use crate::run_dir::{RunDir, replace};
use crate::seed;
use crate::train::checkpoint;
use crate::train::collect::Writer;
use crate::train::observer::{Event, Observer, Planned, Table};

/// What all parts have in common.
struct Loop<'a> {
    config: &'a Config,
    collect: &'a Collect,
    plan: Collection,
    updates: u64,
    store: PathBuf,
    run: String,
    digest: String,
}

/// When labels are due, and what learns from them.
pub(super) fn planned(config: &Config, collect: &Collect) -> Result<Vec<Planned>> {
    let plan = plan(collect, config);
    let updates = derived(config)?.updates;
    let takeovers = plan.takeovers(updates, config.ppo.batch_size).into_iter();
    let takeovers = takeovers.map(|(update, number)| Planned::Takeover {
        number,
        update,
        labels: plan.learned_by(number),
        steps: steps(config, plan.learned_by(number)),
    });
    let labels = Planned::Labels {
        first: plan.due(0),
        total: plan.due(plan.episodes),
        mode: collect.mode.clone(),
        by: collect.by.clone(),
    };
    Ok(std::iter::once(labels).chain(takeovers).collect())
}

/// Runs what is not done yet.
pub(super) fn run(
    config: &Config,
    collect: &Collect,
    run_dir: &RunDir,
    observer: &mut dyn Observer,
) -> Result<()> {
    // As it was begun: what may differ since then makes no other labels.
    let (run, digest) = key_of_run(&std::fs::read_to_string(run_dir.config())?);
    let here = Loop {
        config,
        collect,
        plan: plan(collect, config),
        updates: derived(config)?.updates,
        store: collect
            .store
            .clone()
            .unwrap_or_else(|| run_dir.root().join("labels.db")),
        run,
        digest,
    };
    here.check_store()?;
    let takeovers = here.plan.takeovers(here.updates, config.ppo.batch_size);
    // Before there is a model: the initial labels, from the reference.
    here.train(None, Some(0), observer)?;
    for (at, (_, number)) in takeovers.iter().enumerate() {
        let model = here.reward_model(*number, observer)?;
        let until = takeovers.get(at + 1).map(|(update, _)| *update);
        here.train(Some(&model), until, observer)?;
    }
    let table = here.table(&takeovers)?;
    replace(
        &run_dir.root().join("labels.md"),
        table.markdown().as_bytes(),
    )?;
    observer.event(&Event::Table(&table));
    Ok(())
}

impl Loop<'_> {
    /// Trains the policy up to `until` and collects the labels that are due on the way and then.
    fn train(
        &self,
        model: Option<&Path>,
        until: Option<u64>,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let part = against(self.config, model.unwrap_or(Path::new("")));
        if self.is_done(&part, until)? {
            return Ok(());
        }
        let plan = part.plan()?;
        let mut kept = self.config.clone();
        kept.run.dir = part.run.dir.clone();
        let part = if model.is_some() {
            part
        } else {
            without_model(self.config)
        };
        let resume = part.run.dir.join("config.toml").is_file();
        let mut collector = self.collector()?;
        let part = Part {
            plan,
            text: kept.to_toml()?,
            begun_with: self.config,
            resume,
            until,
            same_judge: false,
            config: &part,
        };
        part.train(&mut collector, observer)
    }

    /// Whether a part has nothing left to do.
    fn is_done(&self, part: &Config, until: Option<u64>) -> Result<bool> {
        let Some(until) = until else {
            return Ok(part.run.dir.join("eval/after.json").is_file());
        };
        let latest = checkpoint::latest(&part.run.dir.join("checkpoints"))?;
        let updates = match &latest {
            Some(place) => checkpoint::read_state::<checkpoint::State>(place)?.updates,
            None => 0,
        };
        let due = self.plan.due(until * self.config.ppo.batch_size);
        Ok(updates >= until && self.labels()?.len() as u64 >= due)
    }

    /// Refuses to go on when labels that this run has had are gone.
    fn check_store(&self) -> Result<()> {
        let latest = checkpoint::latest(&self.config.run.dir.join("policy/checkpoints"))?;
        let Some(place) = latest else {
            return Ok(());
        };
        let updates = checkpoint::read_state::<checkpoint::State>(&place)?.updates;
        // Those that are due now may not have been asked for yet.
        let before = updates.saturating_sub(1);
        let need = self.plan.due(before * self.config.ppo.batch_size);
        let have = self.labels()?.len() as u64;
        if have < need {
            bail!(
                "the store `{}` has {have} labels of this run, which had {need} before update {updates}\n\
                 hint: put the store back, or start a new run directory",
                self.store.display()
            );
        }
        Ok(())
    }

    fn collector(&self) -> Result<Collector<'_>> {
        let config = self.config;
        let (_, tokenizer) = parts::model(&config.model.path)?;
        let host: Arc<dyn TokenizerHost> = tokenizer;
        let task = parts::load_task(config, host)?;
        let data = config.data()?;
        let (queries, _) = parts::train_queries(config, &task)?;
        let mut store = Store::create(&self.store)?;
        let labeler = match self.collect.by_people() {
            true => None,
            false => Some(parts::load_judge(config)?.0),
        };
        let annotator = people::annotator(config, self.collect, &mut store)?;
        Ok(Collector {
            config,
            collect: self.collect,
            plan: self.plan,
            store,
            labeler,
            annotator,
            // Not the order in which the policy meets them.
            queries: queries.shuffled(seed::derive(data.shuffle_seed, "collect", 0)),
            run: self.run.clone(),
            digest: self.digest.clone(),
        })
    }

    /// The run's own labels by their numbers.
    fn labels(&self) -> Result<Vec<Label>> {
        if !self.store.is_file() {
            return Ok(Vec::new());
        }
        own(&Store::read(&self.store)?, &self.run)
    }

    /// Trains a reward model, if it is not there, on as many labels as are its own.
    fn reward_model(&self, number: u64, observer: &mut dyn Observer) -> Result<PathBuf> {
        let mut part = self.config.clone();
        part.run.dir = self.config.run.dir.join(format!("reward-{number:02}"));
        let run_dir = open(&part, &part.to_toml()?)?.run_dir;
        if run_dir.report().is_file() {
            return Ok(part.run.dir);
        }
        let mut own = match self.store.is_file() {
            true => keyed(&Store::read(&self.store)?, &self.run)?,
            false => Vec::new(),
        };
        let wanted = self.plan.learned_by(number) as usize;
        if own.len() < wanted {
            bail!(
                "reward model {number} learns from {wanted} labels, and the store `{}` has {} of this \
                 run\nhint: put the store back, or start a new run directory",
                self.store.display(),
                own.len()
            );
        }
        own.truncate(wanted);
        observer.note(&format!(
            "reward model {number}: {} labels of this run",
            own.len()
        ));
        let default = Reward::default();
        let reward = part.reward.as_ref().unwrap_or(&default);
        let own: Vec<Label> = match self.collect.by_people() {
            false => own.into_iter().map(|(_, label)| label).collect(),
            true => {
                let (learned, said) = people::learned(&self.store, &run_dir, own, &reward.weights)?;
                said.iter().for_each(|said| observer.note(said));
                learned
            }
        };
        reward::train_in(&part, reward, &own, &run_dir, true, observer)
            .with_context(|| format!("in `{}`", part.run.dir.display()))?;
        Ok(part.run.dir)
    }

    /// Labels, reward models and how often the judge preferred the policy, part by part.
    fn table(&self, takeovers: &[(u64, u64)]) -> Result<Table> {
        let labels = self.labels()?;
        let mut table = Table::new(
            "labels",
            &[
                "reward model",
                "from update",
                "labels learned from",
                "win rate of the policy",
                "95 % interval",
                "comparisons",
            ],
        );
        for (at, (update, number)) in takeovers.iter().enumerate() {
            let due = |update: u64| self.plan.due(update * self.config.ppo.batch_size) as usize;
            let end = takeovers
                .get(at + 1)
                .map_or(self.updates, |(update, _)| *update);
            let won = self.wins(&labels, due(*update)..due(end));
            let (rate, interval) = match won.count {
                0 => ("–".to_owned(), "–".to_owned()),
                _ => (
                    format!("{:.1} %", 100.0 * won.value),
                    format!("{:.1}–{:.1}", 100.0 * won.low, 100.0 * won.high),
                ),
            };
            let counts = [*number, *update, self.plan.learned_by(*number)];
            let mut row: Vec<String> = counts.iter().map(u64::to_string).collect();
            row.extend([rate, interval, won.count.to_string()]);
            table.rows.push(row);
        }
        table.caption = format!("{} labels in `{}`.", labels.len(), self.store.display());
        Ok(table)
    }

    /// How often a response of the policy was the best, where it met the reference.
    fn wins(&self, labels: &[Label], numbers: std::ops::Range<usize>) -> Share {
        let (mut wins, mut count) = (0.0, 0);
        for number in numbers {
            let Some(label) = labels.get(number) else {
                continue;
            };
            let number = number as u64;
            if !self.plan.is_validation(number) {
                continue;
            }
            let root = self.config.run.seed;
            let writers = writers(&self.plan, self.collect.responses, root, number);
            let best: Vec<usize> = match &label.answer {
                Answer::Best(place) => vec![*place],
                Answer::Tie(places) => places.clone(),
                Answer::Ranking(groups) => groups.first().cloned().unwrap_or_default(),
                _ => continue,
            };
            let own = best
                .iter()
                .filter(|&&place| writers[place] == Writer::Policy)
                .count();
            wins += own as f64 / best.len() as f64;
            count += 1;
        }
        Share::of(wins, count)
    }
}
