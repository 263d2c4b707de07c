//! `attune label …`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};

use crate::cli::ConfigArgs;
use crate::digest;
use crate::label::Label;
use crate::label::format::{self, FORMATS, Format, Tally, advised};
use crate::label::stats::Stats;
use crate::label::store::{Added, Store};
use crate::run_dir::replace;
use crate::terminal::Line;

/// Prints one line, whatever is in the names and texts of others that it shows.
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::cli::write_to(
            std::io::stdout(),
            format_args!("{}\n", $crate::terminal::Line(format_args!($($argument)*))),
        )
    };
}

mod asked;
mod people;
mod stats;

#[derive(Subcommand)]
pub(super) enum LabelCommand {
    /// Put the labels of files into a store: all of a file or, when a row is wrong, none
    ///
    /// A label that is there already is not added again, whichever file it came from; so an import may be repeated, and
    /// a file that grew imported anew.
    Import {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write the labels of a store to a file, and say what the format cannot carry
    Export {
        /// The file, which must not be there yet
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        format: FormatArgs,
        /// Write those labels alone that have this; a file holds labels of one kind
        #[arg(long)]
        only: Option<Only>,
    },
    /// Print what runs ask that nobody has answered yet, a JSON line each
    Pending {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Answer what runs ask, by a file of JSON lines with `key`, `answer` and `labeler`
    ///
    /// `key` is of a line that `pending` printed; `answer` and `labeler` are as `docs/labels.md` shows them.
    Answer {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print all labels with their keys, a JSON line each, and what they were before they were corrected
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Change answers of people, by a file of JSON lines as `answer` takes them
    ///
    /// The latest answer counts from now on, the earlier ones stay in the store. A label is corrected by the
    /// person who gave it: edit the `answer` of lines that `list` printed.
    Correct {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Have a config's labeler judge responses of its model
    ///
    /// Asked for more later, it goes on where it was; `[collect]` says how many responses are compared, and
    /// how the labeler errs.
    Simulate {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        store: StoreArgs,
        /// How many labels the store should have of this config
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
        count: u64,
    },
    /// Count labels; show agreement, and whether judges prefer places or lengths
    Stats {
        #[command(flatten)]
        store: StoreArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    People(people::PeopleCommand),
}

#[derive(Args)]
pub(super) struct StoreArgs {
    /// The store, an SQLite file
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
}

#[derive(Args)]
pub(super) struct FormatArgs {
    /// How labels are written there; `docs/labels.md` shows each
    #[arg(long, value_parser = formats())]
    format: &'static Format,
}

/// What passages are given as.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Only {
    /// Characters
    Text,
    /// Token ids
    Tokens,
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let names = FORMATS
        .iter()
        .map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(names)
        .try_map(|name| Format::named(&name).context("there is no such format"))
}

pub(super) fn run(command: &LabelCommand) -> Result<()> {
    match command {
        LabelCommand::Import {
            files,
            store,
            format,
        } => import(files, &store.store, format.format),
        LabelCommand::Export {
            file,
            store,
            format,
            only,
        } => export(file, &store.store, format.format, *only),
        LabelCommand::Pending { store } => asked::pending(&store.store),
        LabelCommand::Answer { file, store } => asked::answer(file, &store.store),
        LabelCommand::List { store } => asked::list(&store.store),
        LabelCommand::Correct { file, store } => asked::correct(file, &store.store),
        LabelCommand::Simulate {
            config,
            store,
            count,
        } => asked::simulate(&config.file, &config.overrides, &store.store, *count),
        LabelCommand::Stats { store, json } => {
            let store = Store::read(&store.store)?;
            let labels: Vec<Label> = all(&store)?;
            let stats = Stats {
                corrected: store.corrected()?,
                ..Stats::of(&labels)
            };
            stats::print(&stats, *json)
        }
        LabelCommand::People(command) => people::run(command),
    }
}

fn import(files: &[PathBuf], store: &Path, format: &Format) -> Result<()> {
    // Read first: a file that is wrong leaves no store behind.
    let mut read = Vec::new();
    for file in files {
        // Read more than once: for what it is, for its rows, and for its hash.
        if file.is_dir() {
            let shown = Line(file.display());
            bail!("`{shown}` is a folder\nhint: name the files in it, such as {shown}/*.jsonl");
        }
        if file.exists() && !file.is_file() {
            bail!(
                "`{}` is no regular file\nhint: write what a pipe says to a file first, and import that",
                Line(file.display())
            );
        }
        let imported = format::read(file, format).map_err(|error| advised(error, ROWS))?;
        read.push((file, digest::of_file(file)?, imported));
    }
    let mut store = Store::create(store)?;
    for (file, digest, imported) in &read {
        let labels = &imported.labels;
        let Added { new, corrected } = store
            .import(labels, &imported.origins, digest)
            .with_context(|| format!("nothing of `{}` was imported", Line(file.display())))?;
        let corrected = match corrected {
            0 => String::new(),
            count => format!(", {count} corrected by their judges"),
        };
        println!(
            "{}: {} labels, {new} of them new{corrected}",
            file.display(),
            labels.len()
        );
        print_tally("not read", &imported.left);
        print_tally("note", &imported.noted);
        let identical = labels.iter().filter(|label| label.comparison.has_twins());
        let identical = identical.count();
        if identical > 0 {
            println!(
                "  note: two responses are the same, between which nothing can be learned ({identical})"
            );
        }
    }
    Ok(())
}

/// What to do about a row that cannot be read.
const ROWS: &str =
    "docs/labels.md shows what a row of each format is; mend the file, or leave the row out";

fn print_tally(title: &str, tally: &Tally) {
    for (what, count) in tally {
        println!("  {title}: {what} ({count})");
    }
}

fn export(file: &Path, store: &Path, format: &Format, only: Option<Only>) -> Result<()> {
    if file.exists() && !file.is_file() {
        bail!(
            "`{}` is no regular file\nhint: name a file that is not there yet",
            Line(file.display())
        );
    }
    if file.exists() {
        bail!(
            "`{}` is there already\nhint: remove it, or name another file",
            Line(file.display())
        );
    }
    let mut labels = all(&Store::read(store)?)?;
    let count = labels.len();
    labels.retain(|label| match only {
        None => true,
        Some(Only::Text) => label.comparison.has_texts(),
        Some(Only::Tokens) => label.comparison.has_tokens(),
    });
    let other = count - labels.len();
    let about = || format!("cannot write labels to `{}`", Line(file.display()));
    let written = format::write(&labels, format).with_context(about)?;
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
    print_tally("not in it", &written.lost);
    if other > 0 {
        println!("  not in it: labels that `--only` leaves out ({other})");
    }
    Ok(())
}

fn all(store: &Store) -> Result<Vec<Label>> {
    let labels = store.labels()?;
    Ok(labels.into_iter().map(|(_, label)| label).collect())
}
