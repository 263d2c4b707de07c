//! Models, runs and baselines on the same held-out queries: what each answers, what can be measured of that, and who
//! judges which to be better. What was answered or judged before is not done again.
//!
//! ```text
//! config ── bench: task, queries, reference ── entrants: answers ── measured: one entry's numbers ──┐
//!                                                  └── judges ── judged: scores, win rates, ratings ─┴─ tables, files
//! ```

use anyhow::{Context, Result};

use crate::config::Config;
use crate::run_dir::replace;
use crate::train::observer::{Event, Observer};

mod baseline;
mod bench;
mod entrants;
mod files;
mod judged;
mod judges;
mod kept;
mod measured;
mod numbers;
mod outlook;
mod people;
mod plot;
mod report;
mod tables;
mod taught;
#[cfg(test)]
mod tests;
mod weights;

use self::bench::Bench;
use self::entrants::Entrant;
use self::judged::Field;
use self::judges::Judge;
pub use self::outlook::plan;
use self::report::{Report, Sampling, VERSION};

/// Compares what the config's `[compare]` names, in the config's run directory.
///
/// # Errors
/// The config, its models, its data, its task or its judges cannot be used.
pub fn run(config: &Config, observer: &mut dyn Observer) -> Result<()> {
    let bench = Bench::load(config)?;
    let judges = judges::load(&bench)?;
    entrants::check(&bench)?;
    let kept = bench.kept()?;
    replace(&kept.config(), config.to_toml()?.as_bytes())?;
    let entrants = entrants::answer(&bench, &kept, &judges, observer)?;
    let columns: Vec<_> = entrants
        .iter()
        .map(|entrant| measured::columns(&bench, entrant))
        .collect();
    let against = bench.compare.baseline();
    let entries = entrants.iter().zip(&columns).enumerate();
    let entries: Vec<_> = entries
        .map(|(at, (entrant, own))| {
            let other = Some(&columns[against]).filter(|_| at != against);
            measured::report(&bench, entrant, own, other)
        })
        .collect();
    let field = Field {
        bench: &bench,
        kept: &kept,
        entrants: &entrants,
        columns: &columns,
        entries: &entries,
    };
    let mut judged = Vec::new();
    for judge in &judges {
        let report = field.judge(judge);
        judged.push(report.with_context(|| format!("judge `{}`", judge.title))?);
    }
    let report = Report {
        version: VERSION,
        attune: env!("CARGO_PKG_VERSION"),
        seed: config.run.seed,
        queries: bench.queries.len(),
        with_reference: bench.with_reference(),
        rows: bench.counts.clone(),
        task: bench.task.identity().clone(),
        reference_sha256: bench.model.clone(),
        sampling: Sampling {
            temperature: config.sampling.temperature,
            top_k: config.sampling.top_k,
            top_p: config.sampling.top_p,
            response_len: bench.task.layout().response_len,
        },
        against: entries[against].name.clone(),
        entries,
        pairs: measured::pairs(&bench, &entrants, &columns),
        judges: judged,
    };
    write(&bench, &entrants, &report, observer)?;
    ask(&bench, &entrants, &judges, observer)
}

/// Writes the results, whole files each, and tells them.
fn write(
    bench: &Bench,
    entrants: &[Entrant],
    report: &Report,
    observer: &mut dyn Observer,
) -> Result<()> {
    let dir = &bench.config.run.dir;
    let tables = tables::of(report);
    tables
        .iter()
        .for_each(|table| observer.event(&Event::Table(table)));
    for (name, file, bytes) in [
        ("answers", "answers.jsonl", files::answers(bench, entrants)?),
        ("numbers", "eval.csv", numbers::csv(report)),
        ("plot", "eval.svg", plot::draw(report)?.into_bytes()),
        ("tables", "eval.md", files::markdown(report, &tables)),
        // Last: where it is, all else is there too.
        ("results", "eval.json", serde_json::to_vec_pretty(report)?),
    ] {
        let path = &dir.join(file);
        replace(path, &bytes)?;
        observer.event(&Event::File { name, path });
    }
    Ok(())
}

/// Puts to people what they were not asked yet.
fn ask(
    bench: &Bench,
    entrants: &[Entrant],
    judges: &[Judge],
    observer: &mut dyn Observer,
) -> Result<()> {
    let replies: Vec<_> = entrants
        .iter()
        .map(|entrant| entrant.replies.as_slice())
        .collect();
    for people in judges.iter().filter_map(Judge::people) {
        if let Some(waiting @ 1..) = people.ask(bench, &replies)? {
            observer.note(&format!(
                "{waiting} comparisons wait for answers in `{}`: `attune label pending` prints them, `attune label \
                 answer` takes answers; then the same command once more counts them",
                people.path().display()
            ));
        }
    }
    Ok(())
}
