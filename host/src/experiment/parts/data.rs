//! From `[data]` to queries.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::config::{Config, Data, Files};
use crate::role::{Query, Split, Task};
use crate::rows::{self, Reading, Rows};
use crate::train::queries::{Made, Maker, hold_out};
use crate::train::rowcount::RowCount;
use crate::train::stream::Queries;
use crate::train::streamed::Streamed;

/// Files with more bytes than this together are read again where their rows are needed, unless the config says
/// otherwise; packed files with an eighth of that, which is about as much text.
const HELD_BYTES: u64 = 64 << 20;
const PACKED: [&str; 6] = ["gz", "gzip", "zst", "zstd", "parquet", "pq"];

/// Whether rows are read when they are needed.
fn streams(files: &Files, data: &Data) -> bool {
    let bytes = |path: &std::path::PathBuf| {
        let bytes = std::fs::metadata(path).map_or(0, |meta| meta.len());
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        match PACKED.contains(&ending.to_lowercase().as_str()) {
            true => bytes.saturating_mul(8),
            false => bytes,
        }
    };
    let all = files.iter().map(bytes).sum::<u64>();
    // A list of addresses says nothing of how long the stories are.
    data.stream
        .unwrap_or(all > HELD_BYTES || data.stories.is_some())
}

/// The rows of some files, with numbers of their own.
fn read(files: &Files, data: &Data, streams: bool) -> Result<Vec<Rows>> {
    let reading = Reading {
        passes_over: !data.strict,
        tells_each: false,
        streams,
    };
    let (mut all, mut first_id) = (Vec::new(), 0);
    for path in files.iter() {
        let mut rows = match &data.stories {
            Some(folder) => rows::stories::read(path, folder, reading)?,
            None => rows::read_as(path, reading)?,
        };
        check_readable(&rows)?;
        rows.first_id = first_id;
        first_id = rows.next_id();
        all.push(rows);
    }
    Ok(all)
}

/// Refuses a file most of whose rows cannot be read: it is not what it is taken for.
fn check_readable(rows: &Rows) -> Result<()> {
    let (good, bad) = (rows.len(), rows.bad.len());
    match rows.bad.first() {
        Some((place, said)) if bad >= good => bail!(
            "cannot read {bad} of {} rows, read as {}; the first: {}: {said}",
            good + bad,
            rows.form,
            rows.place_of(place)
        ),
        _ => Ok(()),
    }
}

/// Queries to train on, and what becomes of the rows of each file.
pub(crate) fn train_queries(
    config: &Config,
    task: &Arc<dyn Task>,
) -> Result<(Queries, Vec<RowCount>)> {
    let data = config.data()?;
    let maker = maker(config, task, Split::Train);
    let streams = streams(&data.train, data);
    let rows = match data.generate {
        0 => read(&data.train, data, streams)?,
        count => vec![Rows::numbered(usize::try_from(count)?)],
    };
    if !streams {
        let (queries, counts) = made(&rows, &maker)?;
        return Ok((Queries::Held(queries), counts));
    }
    let streamed = Streamed::new(rows, maker)?;
    let counts = streamed.sample()?;
    Ok((Queries::Streamed(streamed), counts))
}

fn maker(config: &Config, task: &Arc<dyn Task>, split: Split) -> Maker {
    Maker {
        task: Arc::clone(task),
        split,
        root_seed: config.run.seed,
        limits: config.plugins.clone(),
    }
}

fn made(rows: &[Rows], maker: &Maker) -> Result<(Vec<Query>, Vec<RowCount>)> {
    let (mut all, mut counts) = (Vec::new(), Vec::new());
    for rows in rows {
        let Made { queries, count } = maker.all(rows)?;
        all.extend(queries);
        counts.push(count);
    }
    Ok((all, counts))
}

/// Queries to train on, at least a batch of them, and held-out ones, as many as asked for.
pub(super) fn queries(
    config: &Config,
    task: &Arc<dyn Task>,
) -> Result<(Queries, Vec<Query>, Vec<RowCount>)> {
    let count = config.eval.queries as usize;
    let data = config.data()?;
    let (all, mut counts) = train_queries(config, task)?;
    let (train, held_out) = match data.held_out.is_none() {
        true => without_last(all, count)?,
        false => {
            let (held_out, more) = held_out(config, task, count)?;
            counts.extend(more);
            (all, held_out)
        }
    };
    let batch_size = config.ppo.batch_size;
    if (train.len() as u64) < batch_size {
        let what = match data.generate {
            0 => data.train.to_string(),
            _ => "data.generate".to_owned(),
        };
        bail!(
            "[ppo] batch_size {batch_size} is more than the {} queries to train on in {what}\nhint: \
             lower ppo.batch_size, or add rows",
            train.len(),
        );
    }
    Ok((train, held_out, counts))
}

/// Splits what is held out from what is trained on.
pub(crate) fn without_last(all: Queries, count: usize) -> Result<(Queries, Vec<Query>)> {
    Ok(match all {
        Queries::Held(queries) => {
            let (train, held_out) = hold_out(queries, count)?;
            (Queries::Held(train), held_out)
        }
        Queries::Streamed(mut streamed) => {
            let held_out = streamed.hold_out(count)?;
            (Queries::Streamed(streamed), held_out)
        }
    })
}

/// The queries that a policy's evaluation holds back, alone.
pub(crate) fn held_out_queries(
    config: &Config,
    task: &Arc<dyn Task>,
) -> Result<(Vec<Query>, Vec<RowCount>)> {
    let count = config.eval.queries as usize;
    if !config.data()?.held_out.is_none() {
        return held_out(config, task, count);
    }
    let (all, counts) = train_queries(config, task)?;
    Ok((without_last(all, count)?.1, counts))
}

/// The first queries of the files that are held out.
fn held_out(
    config: &Config,
    task: &Arc<dyn Task>,
    count: usize,
) -> Result<(Vec<Query>, Vec<RowCount>)> {
    let data = config.data()?;
    let files = &data.held_out;
    let maker = maker(config, task, Split::Test);
    let streams = streams(files, data);
    let rows = read(files, data, streams)?;
    let (mut queries, counts) = match streams {
        true => Streamed::new(rows, maker)?.first(count, |_| true)?,
        false => made(&rows, &maker)?,
    };
    if queries.len() < count {
        bail!(
            "{files} makes {} queries, fewer than [eval] queries {count}\nhint: lower eval.queries",
            queries.len()
        );
    }
    queries.truncate(count);
    Ok((queries, counts))
}
