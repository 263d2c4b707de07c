//! What a comparison would do, before anything is sampled: also where a run is still to make what it compares.

use anyhow::{Context, Result};

use super::bench::Bench;
use super::entrants::{check_entry, kind};
use super::judges::Judge;
use super::weights::is_there;
use crate::config::{self, Config, Entry};
use crate::experiment::inputs::reward_folder;

/// What would be compared and judged, in lines for a person to read; nothing is sampled.
///
/// # Errors
/// The config, its data or its task cannot be used, or a model or judge that is there already cannot.
pub fn plan(config: &Config) -> Result<Vec<String>> {
    let bench = Bench::load(config)?;
    let queries = bench.queries.len();
    let rows = bench.counts.iter();
    let mut lines: Vec<String> = rows.map(|count| format!("rows: {count}")).collect();
    lines.push(format!(
        "{queries} held-out queries, {} with a reference; responses of {} tokens at temperature {}",
        bench.with_reference(),
        bench.task.layout().response_len,
        config.sampling.temperature
    ));
    let against = bench.compare.baseline();
    for (at, entry) in bench.compare.entry.iter().enumerate() {
        let about = || format!("entry `{}`", entry.name);
        let told = of_entry(&bench, entry).with_context(about)?;
        let role = match at == against {
            true => "; the others are measured against it",
            false => "",
        };
        lines.push(format!("entry {}: {told}{role}", entry.name));
    }
    let judges = bench.judges();
    for judge in &judges {
        let about = || format!("judge `{}`", judge.title());
        let told = of_judge(&bench, judge).with_context(about)?;
        lines.push(format!("judge {}: {told}", judge.title()));
    }
    if judges.is_empty() {
        lines.push("no judge: answers are measured, and none is called better".to_owned());
    }
    Ok(lines)
}

fn of_entry(bench: &Bench, entry: &Entry) -> Result<String> {
    let kind = kind(entry);
    let Some(path) = &entry.model else {
        check_entry(bench, entry)?;
        return Ok(kind);
    };
    let shown = path.display();
    if !is_there(path) {
        return Ok(format!("{kind} `{shown}`, which is not there yet"));
    }
    check_entry(bench, entry)?;
    let count = bench.queries.len() as u64 * entry.best_of.unwrap_or(1);
    Ok(format!(
        "{kind} `{shown}`, {count} answers to sample, less those that are kept"
    ))
}

fn of_judge(bench: &Bench, judge: &config::Judge) -> Result<String> {
    let (entries, queries) = (bench.compare.entry.len(), bench.queries.len());
    if let Some(folder) = &judge.reward_model
        && !reward_folder(folder).join("config.json").is_file()
    {
        let shown = folder.display();
        return Ok(format!("reward model `{shown}`, which is not there yet"));
    }
    let loaded = Judge::load(bench, judge)?;
    let work = match loaded.people() {
        Some(people) => format!("{} labels in `{}`", people.count(), people.path().display()),
        None if judge.labeler.is_some() => {
            let pairs = entries * (entries - 1) / 2;
            format!(
                "{} comparisons: {pairs} pairs of entries, in both seats",
                2 * pairs * queries
            )
        }
        None => format!("{} scores", entries * queries),
    };
    Ok(format!("{}, {work}", loaded.kind()))
}
