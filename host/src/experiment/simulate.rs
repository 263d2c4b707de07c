//! A labeler plays people: it judges responses of the original model, and its verdicts are kept as
//! labels.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::config::{Collect, Config, Kl, Ppo};
use crate::experiment::collect::{Collector, key_of_run, plan};
use crate::experiment::parts;
use crate::label::Label;
use crate::label::store::Store;
use crate::seed;
use crate::train::observer::Observer;
use crate::train::options::UpdateOptions;
use crate::train::policy::Gate;

/// The first `count` labels of a config, of which the store is given those that it lacks. How many
/// responses each compares, and how the labeler errs, is said by `[collect]`. Labels are kept under keys that follow
/// from `begun`: the config as the run was begun with, which may have been moved since.
pub(crate) fn simulated(
    config: &Config,
    begun: &Config,
    path: &Path,
    count: u64,
    observer: &mut dyn Observer,
) -> Result<Vec<Label>> {
    let collect = Collect {
        by: "labeler".into(),
        mode: "offline".into(),
        initial: count,
        total: count,
        reward_models: None,
        ..config.collect.clone().unwrap_or_default()
    };
    let asking = |config: &Config| Config {
        collect: Some(collect.clone()),
        people: None,
        study: None,
        // Comparisons are made before there is a reward, and without one.
        score: Vec::new(),
        shaper: Vec::new(),
        ..config.clone()
    };
    let config = asking(config);
    config.collect()?;
    let (run, digest) = key_of_run(&origin(&asking(begun), &collect).to_toml()?);
    // Nothing is written where all of them are there.
    if path.is_file() {
        let there = own(&Store::read(path)?, &run)?;
        if there.len() as u64 >= count {
            return Ok(there.into_iter().take(count as usize).collect());
        }
    }
    let derived = config.plan()?;
    let mut parts = parts::load(&config)?;
    // Made when all else is there: a store that is left empty would look like one with labels.
    let store = Store::create(path)?;
    let queries = parts.take_train();
    let micro = parts.micro_batch(&config, &derived);
    let options = UpdateOptions::new(&config, &derived, micro);
    let shuffle = seed::derive(config.data()?.shuffle_seed, "collect", 0);
    let mut collector = Collector {
        config: &config,
        collect: &collect,
        plan: plan(&collect, &config),
        store,
        labeler: Some(parts::load_judge(&config)?.0),
        annotator: None,
        queries: queries.shuffled(shuffle),
        run: run.clone(),
        digest,
    };
    let roller = parts.roller(&parts.policy, &config, &derived, &options);
    collector.pass(0, &roller, observer)?;
    own(&collector.store, &run)
}

/// What labels depend on. Not how many are wanted: asked for more, the first are the same. Nor where they go
/// and what is learned from them: other settings of that need no other labels.
fn origin(config: &Config, collect: &Collect) -> Config {
    let mut origin = config.clone();
    origin.run.dir = PathBuf::new();
    origin.ppo = Ppo {
        batch_size: config.ppo.batch_size,
        ..Ppo::default()
    };
    origin.kl = Kl::default();
    (origin.reward, origin.compare) = (None, None);
    origin.score.clear();
    origin.shaper.clear();
    origin.collect = Some(Collect {
        responses: collect.responses,
        noise: collect.noise.clone(),
        ..Collect::default()
    });
    origin
}

/// The labels of a run by their numbers.
pub(crate) fn own(store: &Store, run: &str) -> Result<Vec<Label>> {
    let labels = keyed(store, run)?;
    Ok(labels.into_iter().map(|(_, label)| label).collect())
}

/// The same with their keys.
pub(super) fn keyed(store: &Store, run: &str) -> Result<Vec<(String, Label)>> {
    let mut labels = store.labels_under(run)?;
    labels.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(labels)
}
