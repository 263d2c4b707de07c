//! What another plugin says of a run's recorded responses, beside what was said of them then.

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::subject::Subject;
use crate::config::{Config, PluginRef, setting};
use crate::experiment::parts;
use crate::golden::Role;
use crate::plugin::{self, TokenizerHost};
use crate::role::{CallContext, Group, Outcome, Sample, Trust};
use crate::run_dir::RunDir;
use crate::train::policy::Recorded;

/// How the other plugin is set, and whose answers it is compared with.
pub(crate) struct Asked<'a> {
    /// The name in the run; the one of the same kind when there is but one.
    pub(crate) against: Option<&'a str>,
    /// Settings in place of the run's, each `KEY=VALUE`.
    pub(crate) settings: &'a [String],
    /// Files in place of the run's, each `NAME=FILE`.
    pub(crate) assets: &'a [String],
    /// Whether it begins with its own defaults in place of what the run gave.
    pub(crate) defaults: bool,
}

/// What came of a replay.
pub(crate) struct Replay<'a> {
    /// The name in the run of whose answers it is compared with.
    pub(crate) against: String,
    /// What the other plugin was given.
    pub(crate) given: PluginRef,
    /// All responses, in their order.
    pub(crate) rows: Vec<Replayed<'a>>,
}

/// A response with what was said of it then and what is said now.
pub(crate) struct Replayed<'a> {
    /// The response.
    pub(crate) recorded: &'a Recorded,
    /// What was said of it in the run.
    pub(crate) before: Option<f32>,
    /// What the other plugin says.
    pub(crate) now: Outcome<f32>,
}

impl Replayed<'_> {
    /// By how much the other plugin says more; nothing counts as 0.
    pub(crate) fn change(&self) -> f64 {
        let (before, now) = (
            self.before.unwrap_or(0.0),
            self.now.value().copied().unwrap_or(0.0),
        );
        f64::from(now) - f64::from(before)
    }

    /// What the other plugin says, for a person to read.
    pub(crate) fn said(&self) -> String {
        match &self.now {
            Outcome::Value(value) => format!("{value:.3}"),
            Outcome::NotApplicable(_) => "nothing".into(),
            Outcome::Invalid(text) | Outcome::Error(text) => {
                text.lines().next().unwrap_or_default().into()
            }
        }
    }
}

/// The recorded responses of a run.
pub(crate) fn read(run_dir: &RunDir) -> Result<Vec<Recorded>> {
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

/// Puts the responses to the other plugin.
pub(crate) fn replay<'a>(
    recorded: &'a [Recorded],
    config: &Config,
    subject: &Subject,
    asked: &Asked<'_>,
) -> Result<Replay<'a>> {
    let (against, theirs) = against(asked, config, subject, recorded)?;
    let theirs = theirs.map(|theirs| (theirs, against.as_str()));
    let given = given(asked, config, theirs, subject)?;
    let role = load(config, &given, subject)?;
    let mut rows = Vec::new();
    // A call is about one update, as it was in the run.
    for update in recorded.chunk_by(|a, b| a.update == b.update) {
        let now = ask(&role, update[0].context, update)?;
        rows.extend(update.iter().zip(now).map(|(recorded, now)| Replayed {
            before: of(recorded, &against),
            recorded,
            now,
        }));
    }
    Ok(Replay {
        against,
        given,
        rows,
    })
}

/// The other plugin with its settings, which are those of `theirs` where the names are the same, and its
/// files, which are the run's by their names; and over them what the command line says.
fn given(
    asked: &Asked<'_>,
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
    if !asked.defaults {
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
    for one in asked.settings {
        let (key, value) = pair(one)?;
        let takes_text = plugin::takes_text(&subject.about.schema, &[key.to_owned()]);
        let value = setting(value, takes_text == Some(true));
        given.settings.insert(key.to_owned(), value);
    }
    for one in asked.assets {
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
    asked: &Asked<'_>,
    config: &'a Config,
    subject: &Subject,
    recorded: &[Recorded],
) -> Result<(String, Option<&'a PluginRef>)> {
    let parts = recorded[0].parts.iter();
    let known: Vec<&str> = parts.map(|(name, _)| name.as_str()).collect();
    // Sources come first, then shapers, in the order of the config.
    let shapers = known.len().saturating_sub(config.shaper.len());
    let place = match asked.against {
        Some(name) => known
            .iter()
            .position(|known| *known == name)
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
                Outcome::NotApplicable(why) => Outcome::NotApplicable(why),
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
