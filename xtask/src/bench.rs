//! The `bench` verb: Attune and the peer, in turn, in processes that stay alive. It knows what the
//! comparisons have in common and what a caller chooses; what is compared is in `update`, `reward`, `sft`
//! and `plugins`.

mod contender;
mod machine;
mod measurement;
mod plugins;
mod report;
mod reward;
mod section;
mod server;
mod sft;
mod steps;
mod update;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::layout::Layout;
use crate::{peer, setup};

/// Where numbers are kept; each comparison has a section of its own.
const RECORD: &str = "docs/benchmarks.md";
/// Memory that contenders that stay alive together may need, in GiB.
const MEMORY_NEEDED: f64 = 20.0;

/// What a caller of `cargo xtask bench` chooses.
#[derive(Args)]
pub(crate) struct Options {
    /// One round after the warm-up, and nothing recorded
    #[arg(long)]
    quick: bool,
    /// Timed rounds; medians are over them
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Make this comparison only; the others' records stay as they are
    #[arg(long, value_enum, value_name = "WHICH")]
    only: Option<Part>,
    /// Train reward models on all comparisons instead of timing rounds of steps (hours)
    #[arg(long, conflicts_with_all = ["quick", "rounds"])]
    whole_job: bool,
    /// Threads of both; the machine's cores when left out
    #[arg(long)]
    threads: Option<usize>,
    /// A model in place of SmolLM2-135M
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// A Python that has scripts/requirements.txt, in place of one under .deps/peer
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
}

/// What can be compared.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// PPO updates
    Update,
    /// Optimizer steps of a reward model
    Reward,
    /// Optimizer steps of supervised fine-tuning
    Sft,
    /// Calls of the shipped plugins, in the sandbox and natively
    Plugins,
}

/// What all contenders of a benchmark share.
struct Setting<'a> {
    layout: &'a Layout,
    python: PathBuf,
    model: PathBuf,
    threads: usize,
    rounds: usize,
    /// Whether numbers are only looked at, and not kept.
    quick: bool,
}

impl Setting<'_> {
    /// Prints what a comparison found, with the machine, and keeps it in `section` unless it was quick.
    /// `how`: the options that were given.
    fn conclude(&self, section: &str, how: &str, versions: &str, found: &str) -> Result<()> {
        let machine = machine::describe(self.layout, versions, self.threads);
        println!("\n{machine}\n{found}");
        if !self.quick {
            let command = format!("`cargo xtask bench {how} --threads {}`", self.threads);
            section::write(
                &self.layout.root().join(RECORD),
                section,
                &format!("Made by {command}.\n\n{machine}\n{found}"),
            )?;
            println!("recorded in {RECORD}");
        }
        Ok(())
    }
}

/// Sets up, times, prints, and records unless it was quick.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    setup::run(layout)?;
    setup::build_host(layout)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let setting = Setting {
        layout,
        python: match options.only {
            // No peer has plugins.
            Some(Part::Plugins) => PathBuf::new(),
            _ => peer::ensure(layout, options.python.as_deref())?,
        },
        model: options.model.clone().unwrap_or_else(|| layout.model()),
        threads: options.threads.unwrap_or(cores),
        rounds: if options.quick {
            1
        } else {
            options.rounds.max(1)
        },
        quick: options.quick,
    };
    let wanted = |part| options.only.is_none_or(|only| only == part);
    if wanted(Part::Plugins) {
        crate::plugins::build_native(layout)?;
        plugins::run(&setting)?;
    }
    if options.only != Some(Part::Plugins) {
        warn_about_memory();
    }
    if wanted(Part::Update) {
        update::run(&setting)?;
    }
    if wanted(Part::Reward) {
        reward::run(&setting, options.whole_job)?;
    }
    if wanted(Part::Sft) {
        sft::run(&setting)?;
    }
    Ok(())
}

fn warn_about_memory() {
    match machine::available_gib() {
        Some(free) if free < MEMORY_NEEDED => println!(
            "warning: {free:.0} GiB of memory are free; the contenders may need {MEMORY_NEEDED:.0} together"
        ),
        _ => {}
    }
}

/// A path as a command's argument.
fn word(path: &Path) -> Result<&str> {
    match path.to_str() {
        Some(text) => Ok(text),
        None => bail!("{} is not valid UTF-8", path.display()),
    }
}
