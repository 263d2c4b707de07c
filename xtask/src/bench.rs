//! The `bench` verb: updates of Attune and of the peer, in turn, in processes that stay alive. It knows
//! who is compared and in which order; what the numbers mean is in `report`.

mod contender;
mod machine;
mod measurement;
mod report;
mod section;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::layout::Layout;
use crate::step::{capture, step};
use crate::{peer, setup};
use contender::{Contender, Server, attune};
use measurement::{Floor, Group, Measurement};

/// The update that is timed.
const RECIPE: &str = "examples/bench/update.toml";
/// Where numbers are kept, and which part of it is ours to write.
const RECORD: &str = "docs/benchmarks.md";
const SECTION: &str = "bench";
/// Memory that a group of contenders may need together, in GiB.
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

/// What all contenders of a benchmark share.
struct Setting<'a> {
    layout: &'a Layout,
    python: PathBuf,
    model: PathBuf,
    threads: usize,
    rounds: usize,
}

/// Sets up, times, prints, and records unless it was quick.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    setup::run(layout)?;
    setup::build_host(layout)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let setting = Setting {
        layout,
        python: peer::ensure(layout, options.python.as_deref())?,
        model: options.model.clone().unwrap_or_else(|| layout.model()),
        threads: options.threads.unwrap_or(cores),
        rounds: if options.quick {
            1
        } else {
            options.rounds.max(1)
        },
    };
    warn_about_memory();
    let mut rates = vec![floor(&setting, false)?.rate];
    let full = group(&setting, "full fine-tuning", &contender::FULL)?;
    rates.push(floor(&setting, false)?.rate);
    let top = group(&setting, "the top 10 blocks", &contender::TOP)?;
    let floors = [floor(&setting, false)?, floor(&setting, true)?];
    rates.extend(floors.iter().map(|floor| floor.rate));
    let rate = rates.into_iter().fold(0.0, f64::max);

    let versions = format!(
        "attune {}; {}",
        full.version(contender::OURS),
        full.version(contender::PEER)
    );
    let text = [
        machine::describe(layout, &versions, setting.threads),
        report::render(&full, &top, &floors, rate)?,
    ]
    .join("\n");
    println!("\n{text}");
    if !options.quick {
        let command = format!(
            "`cargo xtask bench --rounds {} --threads {}`",
            setting.rounds, setting.threads
        );
        section::write(
            &layout.root().join(RECORD),
            SECTION,
            &format!("Made by {command}.\n\n{text}"),
        )?;
        println!("recorded in {RECORD}");
    }
    Ok(())
}

/// Starts the contenders, lets each make a warm-up update and then `rounds` more, in turn.
fn group(setting: &Setting, title: &'static str, contenders: &[Contender]) -> Result<Group> {
    let headline = format!("{title}: {} rounds of {}", setting.rounds, contenders.len());
    step(&headline, || {
        let mut servers = Vec::new();
        for contender in contenders {
            servers.push(Server::start(contender, setting)?);
        }
        let mut rows: Vec<Vec<Measurement>> = contenders.iter().map(|_| Vec::new()).collect();
        for round in 0..=setting.rounds {
            for (server, row) in servers.iter_mut().zip(&mut rows) {
                let measured = server.round()?;
                let when = match round {
                    0 => "warm-up".to_owned(),
                    n => format!("round {n}/{}", setting.rounds),
                };
                println!(
                    "    {when:<10} {:<44} {:7.2} s (generate {:.2}, analyze {:.2}, train {:.2})",
                    server.label(),
                    measured.total,
                    measured.generate,
                    measured.analyze,
                    measured.train,
                );
                // The warm-up's peak counts, its times do not.
                if round > 0 {
                    row.push(measured);
                }
            }
        }
        Ok(Group::new(title, servers.iter().zip(rows)))
    })
}

/// Asks the host for the update's products and the best rate; cheap, so it is asked more than once.
fn floor(setting: &Setting, top: bool) -> Result<Floor> {
    let said = capture(attune(setting, top).arg("--floor"))?;
    let line = said.lines().last().context("attune bench said nothing")?;
    Floor::parse(line)
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
