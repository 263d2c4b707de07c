//! `attune label …`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::digest;
use crate::label::Label;
use crate::label::format::{self, Format};
use crate::label::stats::Stats;
use crate::label::store::Store;
use crate::run_dir::replace;

#[derive(Subcommand)]
pub(super) enum LabelCommand {
    /// Put the labels of files into a store: all of a file or, when a row is wrong, none
    ///
    /// A file that was imported before adds nothing, so an import may be repeated.
    Import {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        store: StoreArgs,
        /// How they are written
        #[arg(long)]
        format: FormatName,
    },
    /// Write the labels of a store to a file, and say what the format cannot carry
    Export {
        /// The file, which must not be there yet
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
        /// How to write it
        #[arg(long)]
        format: FormatName,
    },
    /// Count labels; show agreement, and whether judges prefer places or lengths
    Stats {
        #[command(flatten)]
        store: StoreArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct StoreArgs {
    /// The store, an SQLite file
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum FormatName {
    /// A label a line, with everything; Attune's own
    Jsonl,
    /// Token ids, as lm-human-preferences has them
    Original,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Format {
        match name {
            FormatName::Jsonl => Format::Lines,
            FormatName::Original => Format::Original,
        }
    }
}

pub(super) fn run(command: &LabelCommand) -> Result<()> {
    match command {
        LabelCommand::Import {
            files,
            store,
            format,
        } => import(files, &store.store, (*format).into()),
        LabelCommand::Export {
            file,
            store,
            format,
        } => export(file, &store.store, (*format).into()),
        LabelCommand::Stats { store, json } => stats(&store.store, *json),
    }
}

fn import(files: &[PathBuf], store: &Path, format: Format) -> Result<()> {
    // Read first: a file that is wrong leaves no store behind.
    let mut read = Vec::new();
    for file in files {
        let labels = format::read(file, format)?;
        read.push((file, digest::of_file(file)?, labels));
    }
    let mut store = Store::create(store)?;
    for (file, digest, labels) in &read {
        let keyed = |(row, label): (usize, _)| (format!("{digest}:{row}"), label);
        let new = store
            .add(labels.iter().enumerate().map(keyed))
            .with_context(|| format!("nothing of `{}` was imported", file.display()))?;
        println!(
            "{}: {} labels, {new} of them new",
            file.display(),
            labels.len()
        );
    }
    Ok(())
}

fn export(file: &Path, store: &Path, format: Format) -> Result<()> {
    if file.exists() {
        bail!(
            "`{}` is there already\nhint: remove it, or name another file",
            file.display()
        );
    }
    let labels = all(store)?;
    let written = format::write(&labels, format)?;
    if written.labels == 0 {
        let why: Vec<&str> = written.lost.keys().map(String::as_str).collect();
        bail!(
            "none of the {} labels fits the format ({})\nhint: `--format jsonl` carries everything",
            labels.len(),
            why.join(", ")
        );
    }
    replace(file, &written.bytes)?;
    println!("{}: {} labels", file.display(), written.labels);
    for (what, count) in &written.lost {
        println!("  not in it: {what} ({count} labels)");
    }
    Ok(())
}

fn all(store: &Path) -> Result<Vec<Label>> {
    let labels = Store::open(store)?.labels()?;
    Ok(labels.into_iter().map(|(_, label)| label).collect())
}

fn stats(store: &Path, json: bool) -> Result<()> {
    let stats = Stats::of(&all(store)?);
    if json {
        println!("{}", serde_json::to_string_pretty(&stats)?);
        return Ok(());
    }
    println!("labels          {}", stats.labels);
    println!("comparisons     {}", stats.comparisons);
    for (title, counts) in [("kind", &stats.kinds), ("labeler", &stats.labelers)] {
        println!("\n{title:<28} labels");
        for (name, count) in counts {
            println!("{name:<28} {count:>6}");
        }
    }
    println!("");
    for (count, places) in &stats.places {
        let all: usize = places.iter().sum();
        let shares: Vec<String> = places
            .iter()
            .map(|here| format!("{:.1} %", 100.0 * *here as f64 / all as f64))
            .collect();
        println!("best of {count}, by place   {}", shares.join("  "));
    }
    if stats.longest.1 > 0 {
        let (best, of) = stats.longest;
        println!(
            "the longest was the best in {best} of {of} ({:.1} %; {:.1} % by chance)",
            100.0 * best as f64 / of as f64,
            100.0 * stats.longest_by_chance / of as f64
        );
    }
    println!(
        "repeated by the same judge {}, contradicted by the same judge {}",
        stats.duplicates, stats.contradictions
    );
    match stats.alpha {
        Some(alpha) => println!(
            "Krippendorff's alpha {alpha:.3} over {} comparisons with several judges",
            stats.shared
        ),
        None => println!("agreement unknown: no two judges chose differently among the same"),
    }
    if let Some(rate) = stats.per_minute {
        println!("{rate:.1} labels a minute");
    }
    Ok(())
}
