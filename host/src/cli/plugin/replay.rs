//! `attune plugin replay`: what another plugin would have said of a run's responses.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::subject::Subject;
use crate::cli;
use crate::config::{Config, PluginRef, setting};
use crate::experiment::parts;
use crate::golden::Role;
use crate::plugin::{self, TokenizerHost};
use crate::role::{CallContext, Group, Outcome, Sample, Trust};
use crate::run_dir::RunDir;
use crate::train::policy::Recorded;

mod table;

#[derive(Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The run directory
    run: PathBuf,
    /// The other plugin: a project's folder, a `.wasm` file, or a name
    #[arg(long)]
    plugin: String,
    /// Whose answers it is compared with, by its name in the run; the one of the same kind when there
    /// is but one
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
    /// Settings of the other plugin, such as `scale=5`, in place of the run's; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Files of the other plugin, such as `lexicon=words.txt`, in place of the run's; may be repeated
    #[arg(long = "asset", value_name = "NAME=FILE")]
    assets: Vec<String>,
    /// Begin with the other plugin's defaults. When left out, a plugin of the same name has the
    /// settings that the run gave it, and any plugin has the run's files that it asks for by name
    #[arg(long)]
    defaults: bool,
    /// How many of the largest changes are shown
    #[arg(long, default_value_t = 10)]
    show: usize,
    /// Print one JSON object a response
    #[arg(long)]
    json: bool,
}

/// A response with what was said of it then and what is said now.
struct Replayed<'a> {
    recorded: &'a Recorded,
    before: Option<f32>,
    now: Outcome<f32>,
}

impl Replayed<'_> {
    fn change(&self) -> f64 {
        let (before, now) = (
            self.before.unwrap_or(0.0),
            self.now.value().copied().unwrap_or(0.0),
        );
        f64::from(now) - f64::from(before)
    }

    fn said(&self) -> String {
        match &self.now {
            Outcome::Value(value) => format!("{value:.3}"),
            Outcome::NotApplicable => "nothing".into(),
            Outcome::Invalid(text) | Outcome::Error(text) => {
                text.lines().next().unwrap_or_default().into()
            }
        }
    }
}

pub(super) fn run(args: &ReplayArgs) -> Result<()> {
    let run_dir = RunDir::open(&args.run)?;
    let recorded = read(&run_dir)?;
    let config = cli::load(&run_dir.config(), &[])?;
    let subject = Subject::find(&args.plugin, None, None)?;
    let (name, theirs) = against(args, &config, &subject, &recorded)?;
    let given = given(
        args,
        &config,
        theirs.map(|theirs| (theirs, name.as_str())),
        &subject,
    )?;
    let role = load(&config, &given, &subject)?;
    let mut replayed = Vec::new();
    // A call is about one update, as it was in the run.
    for update in recorded.chunk_by(|a, b| a.update == b.update) {
        let now = ask(&role, update[0].context, update)?;
        replayed.extend(update.iter().zip(now).map(|(recorded, now)| Replayed {
            before: of(recorded, &name),
            recorded,
            now,
        }));
    }
    if args.json {
        for row in &replayed {
            println!("{}", table::as_json(row, &name, &subject));
        }
        return Ok(());
    }
    table::print(&replayed, &name, (&subject, &given), args.show);
    Ok(())
}

fn read(run_dir: &RunDir) -> Result<Vec<Recorded>> {
    let path = run_dir.rollouts();
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "`{}` has no recorded responses\nhint: a run keeps some where [run] record_rollouts is above 0",
            run_dir.root().display()
        )
    })?;
    let mut recorded = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let row: Recorded = serde_json::from_str(line)
            .with_context(|| format!("`{}` line {} cannot be read", path.display(), number + 1))?;
        recorded.push(row);
    }
    if recorded.is_empty() {
        bail!(
            "`{}` is empty\nhint: let the run make an update first",
            path.display()
        );
    }
    Ok(recorded)
}

/// The other plugin with its settings, which are those of `theirs` where the names are the same, and its
/// files, which are the run's by their names; and over them what the command line says.
fn given(
    args: &ReplayArgs,
    config: &Config,
    theirs: Option<(&PluginRef, &str)>,
    subject: &Subject,
) -> Result<PluginRef> {
    let mut given = PluginRef {
        plugin: subject.file.display().to_string(),
        trust: Trust::Sandboxed,
        weight: 1.0,
        settings: toml::Table::new(),
        assets: std::collections::BTreeMap::new(),
    };
    if !args.defaults {
        let own = theirs.filter(|(_, name)| *name == subject.about.name);
        given.settings = own.map_or_else(toml::Table::new, |(theirs, _)| theirs.settings.clone());
        for asset in &subject.about.assets {
            let mut all = theirs
                .iter()
                .map(|(theirs, _)| *theirs)
                .chain(config.plugins());
            if let Some(path) = all.find_map(|plugin| plugin.assets.get(&asset.name)) {
                given.assets.insert(asset.name.clone(), path.clone());
            }
        }
    }
    for one in &args.settings {
        let (key, value) = pair(one)?;
        let takes_text = plugin::takes_text(&subject.about.schema, &[key.to_owned()]);
        let value = setting(value, takes_text == Some(true));
        given.settings.insert(key.to_owned(), value);
    }
    for one in &args.assets {
        let (name, path) = pair(one)?;
        given.assets.insert(name.to_owned(), path.into());
    }
    Ok(given)
}

/// Loads it under the run's limits.
fn load(config: &Config, given: &PluginRef, subject: &Subject) -> Result<Role> {
    let (_, tokenizer) = parts::model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer;
    let spec = parts::spec(given, config)?;
    let loaded = match subject.about.kind.as_str() {
        "labeler" => plugin::load_labeler(&spec, host).map(Role::Labeler),
        "shaper" => plugin::load_shaper(&spec, host).map(Role::Shaper),
        kind => bail!(
            "`{}` is a {kind}, and replay is about scores\nhint: name a labeler or a shaper",
            subject.about.name
        ),
    };
    loaded.context("with the run's settings, over which --set, --asset and --defaults go")
}

fn pair(text: &str) -> Result<(&str, &str)> {
    text.split_once('=')
        .with_context(|| format!("`{text}` is not NAME=VALUE\nhint: write, for one, `scale=5`"))
}

/// The name under which the run recorded what is compared with, and what the run's config says of it.
fn against<'a>(
    args: &ReplayArgs,
    config: &'a Config,
    subject: &Subject,
    recorded: &[Recorded],
) -> Result<(String, Option<&'a PluginRef>)> {
    let parts = recorded[0].parts.iter();
    let known: Vec<&str> = parts.map(|(name, _)| name.as_str()).collect();
    // Sources come first, then shapers, in the order of the config.
    let shapers = known.len().saturating_sub(config.shaper.len());
    let place = match &args.against {
        Some(name) => known
            .iter()
            .position(|known| known == name)
            .with_context(|| {
                format!(
                    "the run has no scores of `{name}`\nhint: it has those of {}",
                    known.join(", ")
                )
            })?,
        None => alike(&known, shapers, subject)?,
    };
    let theirs = match place.checked_sub(shapers) {
        Some(shaper) => config.shaper.get(shaper),
        None => config.labeler.as_ref(),
    };
    Ok((known[place].to_owned(), theirs))
}

/// The place of the plugin of the same name, else of the only one of the same kind.
fn alike(known: &[&str], shapers: usize, subject: &Subject) -> Result<usize> {
    let own = subject.about.name.as_str();
    if let Some(place) = known.iter().position(|name| *name == own) {
        return Ok(place);
    }
    let alike = if subject.about.kind == "shaper" {
        shapers..known.len()
    } else {
        0..shapers
    };
    if alike.len() == 1 {
        return Ok(alike.start);
    }
    bail!(
        "the run has scores of {}\nhint: say by --against with which to compare",
        if known.is_empty() {
            "nobody".into()
        } else {
            known.join(", ")
        }
    )
}

fn of(recorded: &Recorded, name: &str) -> Option<f32> {
    recorded
        .parts
        .iter()
        .find(|(known, _)| known == name)
        .and_then(|(_, value)| *value)
}

/// What the role says of one update's responses: a labeler's score, the sum of a shaper's terms.
fn ask(role: &Role, context: CallContext, rows: &[Recorded]) -> Result<Vec<Outcome<f32>>> {
    let samples: Vec<Sample> = rows.iter().map(|row| row.sample.clone()).collect();
    Ok(match role {
        Role::Shaper(shaper) => {
            let outcomes = shaper.shape(context, &samples)?;
            outcomes
                .into_iter()
                .map(|outcome| outcome.map(|shaped| shaped.sum()))
                .collect()
        }
        Role::Labeler(labeler) => {
            let group = |sample: &Sample| Group {
                id: sample.id,
                query: sample.query.clone(),
                responses: vec![sample.text.clone()],
            };
            let groups: Vec<Group> = samples.iter().map(group).collect();
            let score = |outcome: Outcome<crate::role::Judgement>| match outcome {
                Outcome::Value(judgement) => judgement.scores.first().map_or_else(
                    || Outcome::Error("gives no scores".into()),
                    |score| Outcome::Value(*score),
                ),
                Outcome::NotApplicable => Outcome::NotApplicable,
                Outcome::Invalid(text) => Outcome::Invalid(text),
                Outcome::Error(text) => Outcome::Error(text),
            };
            labeler
                .judge(context, &groups)?
                .into_iter()
                .map(score)
                .collect()
        }
        Role::Task(_) => bail!("a task gives no scores"),
    })
}
