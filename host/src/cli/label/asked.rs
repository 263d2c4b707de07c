//! What runs ask, answered by whoever reads it: `attune label pending`, `answer` and `simulate`.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::cli::collect::{Collector, key_of_run, now, plan};
use crate::cli::parts;
use crate::cli::progress::Progress;
use crate::cli::train::micro_batch;
use crate::config::{Collect, Config};
use crate::label::store::Store;
use crate::label::{Answer, Comparison, Label, Labeler};
use crate::seed;
use crate::train::policy::Gate;
use crate::train::queries::QueryStream;
use crate::train::update::UpdateOptions;

/// A line of what is asked.
#[derive(Serialize)]
struct Asked<'a> {
    key: &'a str,
    comparison: &'a Comparison,
}

/// A line of answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    key: String,
    answer: Answer,
    labeler: Labeler,
    time: Option<i64>,
}

/// Prints what was asked and has no answer.
pub(super) fn pending(store: &Path) -> Result<()> {
    for (key, comparison) in Store::open(store)?.pending("")? {
        let line = Asked {
            key: &key,
            comparison: &comparison,
        };
        println!("{}", serde_json::to_string(&line)?);
    }
    Ok(())
}

/// Keeps all answers of a file, or none.
pub(super) fn answer(file: &Path, store: &Path) -> Result<()> {
    let mut store = Store::open(store)?;
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "cannot read `{}`\nhint: name a file of JSON lines",
            file.display()
        )
    })?;
    let mut labels = Vec::new();
    let lines = text.lines().enumerate();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let about = || format!("line {} of `{}`", number + 1, file.display());
        let said: Said = serde_json::from_str(line)
            .context("it is no answer\nhint: write {\"key\": …, \"answer\": {\"best\": 0}, \"labeler\": {\"person\": …}}")
            .with_context(about)?;
        let label = Label {
            comparison: store.asked(&said.key).with_context(about)?,
            answer: said.answer,
            labeler: said.labeler,
            time: said.time.or_else(now),
        };
        label.check().with_context(about)?;
        labels.push((said.key, label));
    }
    let new = store
        .add(labels.iter().map(|(key, label)| (key.clone(), label)))
        .with_context(|| format!("nothing of `{}` was kept", file.display()))?;
    println!(
        "{}: {} answers, {new} of them new",
        file.display(),
        labels.len()
    );
    Ok(())
}

/// Has the config's labeler judge responses of the config's model, until the store has `count` labels.
pub(super) fn simulate(file: &Path, overrides: &[String], path: &Path, count: u64) -> Result<()> {
    let config = Config::load(file, overrides)?;
    let collect = Collect {
        by: "labeler".into(),
        mode: "offline".into(),
        initial: count,
        total: count,
        ..config.collect.clone().unwrap_or_default()
    };
    let about = || format!("in config `{}`", file.display());
    let config = Config {
        collect: Some(collect.clone()),
        ..config
    };
    config.collect().with_context(about)?;
    let derived = config.plan().with_context(about)?;
    let mut parts = parts::load(&config)?;
    let queries = std::mem::take(&mut parts.train);
    let micro = micro_batch(&config, &derived, &parts);
    let options = UpdateOptions::new(&config, &derived, micro);
    // Not of how many are wanted: asked for more, the first are the same.
    let text = Config {
        collect: None,
        ..config.clone()
    };
    let (run, digest) = key_of_run(&text.to_toml()?);
    let shuffle = seed::derive(config.data()?.shuffle_seed, "collect", 0);
    let mut collector = Collector {
        config: &config,
        collect: &collect,
        plan: plan(&collect, &config),
        store: Store::create(path)?,
        labeler: Some(parts::load_judge(&config)?.0),
        queries: QueryStream::new(queries, shuffle),
        run,
        digest,
    };
    let roller = parts.roller(&parts.policy, &config, &derived, &options);
    collector.pass(0, &roller, &mut Progress::new())?;
    println!("{}: {count} labels of this config", path.display());
    Ok(())
}
