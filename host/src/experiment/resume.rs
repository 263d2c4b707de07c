//! Directories of runs that begin or go on. A run goes on with the config that it was begun with, but for keys that
//! change no result, and with the files that it was begun with, wherever they are by now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::config::{Bond, Change, Config, bond, changes};
use crate::experiment::inputs;
use crate::experiment::parts::find_trusted;
use crate::run_dir::{RunDir, replace};
use crate::train::checkpoint::{self, Input};
use crate::train::course::CourseState;
use crate::train::observer::{Event, Observer};

/// The key that an extension raises.
const EPISODES: &str = "ppo.total_episodes";

/// What stood at each path of the config when the run was begun.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Held(BTreeMap<String, Place>);

#[derive(Debug, Serialize, Deserialize)]
struct Place {
    path: PathBuf,
    sha256: String,
}

/// A run's directory, and how it is gone on with.
pub(super) struct Opened {
    pub(super) run_dir: RunDir,
    /// Episodes before and now, where there are more now.
    pub(super) extended: Option<(u64, u64)>,
    /// What changed and changes last bits, in words.
    pub(super) rounding: Vec<String>,
}

impl Opened {
    fn new(run_dir: RunDir) -> Opened {
        Opened {
            run_dir,
            extended: None,
            rounding: Vec::new(),
        }
    }

    /// Says and records that results may have other last bits from here on.
    pub(super) fn tell_rounding(&self, observer: &mut dyn Observer) -> Result<()> {
        for change in &self.rounding {
            observer.alarm(&format!(
                "{change}: the last bits of what follows may be others than without that"
            ));
            let event = serde_json::json!({"event": "rounding changed", "change": change});
            self.run_dir.record(&event)?;
        }
        Ok(())
    }
}

/// The directory of a run that begins.
pub(super) fn begin(config: &Config, text: &str) -> Result<Opened> {
    let run_dir = RunDir::create(&config.run.dir, text)?;
    let held = held(&parsed(text)?, config)?;
    replace(&run_dir.held(), &serde_json::to_vec_pretty(&held)?)?;
    Ok(Opened::new(run_dir))
}

/// The directory of a run that goes on: what may not have changed has not.
///
/// `text`: the config as the directory keeps it; `of_plugins`: whether who calls compares the plugins.
pub(super) fn go_on(config: &Config, text: &str, of_plugins: bool) -> Result<Opened> {
    let run_dir = RunDir::resume(&config.run.dir)?;
    let before = begun_with(&run_dir)?;
    let now = parsed(text)?;
    let record: Held = match std::fs::read(run_dir.held()) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Held::default(),
    };
    let (mut extended, mut rounding) = (None, Vec::new());
    let mut problems = Vec::new();
    for change in changes(&before, &now)? {
        let may = match bond(&change.key) {
            Bond::Free => true,
            Bond::Rounding => {
                rounding.push(change.told());
                true
            }
            Bond::Place if change.key.ends_with(".plugin") => {
                of_plugins
                    || config.session.allow_changed_plugins
                    || is_same(&change, &record, config)
            }
            Bond::Place => is_same(&change, &record, config),
            Bond::Bound if change.key == EPISODES && config.session.extend => {
                let (old, new) = (before.ppo.total_episodes, now.ppo.total_episodes);
                extended = Some((old, new)).filter(|(old, new)| old < new);
                extended.is_some()
            }
            Bond::Bound => false,
        };
        if !may {
            problems.push(problem(&change));
        }
    }
    if !of_plugins && !config.session.allow_changed_plugins {
        same_plugins(&record, &now, config)?;
    }
    if !problems.is_empty() {
        bail!(
            "`{}` was begun with another config: {}\nhint: {}",
            config.run.dir.display(),
            problems.join("; "),
            hint(&problems, &before, &now)
        );
    }
    Ok(Opened {
        run_dir,
        extended,
        rounding,
    })
}

/// A directory, new or begun with the same config; one that has more episodes now is kept with them.
pub(super) fn open(config: &Config, text: &str) -> Result<Opened> {
    if config.run.dir.join("config.toml").is_file() {
        let opened = go_on(config, text, false)?;
        if opened.extended.is_some() {
            replace(&opened.run_dir.config(), text.as_bytes())?;
        }
        return Ok(opened);
    }
    begin(config, text)
}

/// Where a training by epochs stands: at the last checkpoint, which is returned too, or where it begins.
pub(super) fn last(
    run_dir: &RunDir,
    fresh: CourseState,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<(CourseState, Option<PathBuf>)> {
    let place = match resume {
        true => checkpoint::latest(&run_dir.checkpoints())?,
        false => None,
    };
    let Some(place) = place else {
        return Ok((fresh, None));
    };
    let stored: CourseState = checkpoint::read_state(&place)?;
    inputs::check(&stored.inputs, &fresh.inputs)?;
    let (done, checkpoint) = (stored.steps, place.as_path());
    observer.event(&Event::Resumed { done, checkpoint });
    Ok((stored, Some(place)))
}

/// Refuses to call a training done whose files are others by now than those that it learned from.
pub(super) fn still_the_same(run_dir: &RunDir, now: &[Input]) -> Result<()> {
    let Some(place) = checkpoint::latest(&run_dir.checkpoints())? else {
        return Ok(());
    };
    let stored: CourseState = checkpoint::read_state(&place)?;
    inputs::check(&stored.inputs, now)
}

/// The config that a run was begun with.
pub(super) fn begun_with(run_dir: &RunDir) -> Result<Config> {
    let kept = run_dir.config();
    let text = std::fs::read_to_string(&kept)
        .with_context(|| format!("cannot read `{}`", kept.display()))?;
    parsed(&text).with_context(|| {
        format!(
            "`{}` is no config of this version\nhint: go on with the version that began the run",
            kept.display()
        )
    })
}

fn parsed(text: &str) -> Result<Config> {
    toml::from_str(text).context("the config that is kept cannot be read")
}

fn problem(change: &Change) -> String {
    match bond(&change.key) {
        Bond::Place if change.before.is_some() && change.now.is_some() => {
            format!("{}, where something else is", change.told())
        }
        _ => change.told(),
    }
}

fn hint(problems: &[String], before: &Config, now: &Config) -> String {
    let (old, new) = (before.ppo.total_episodes, now.ppo.total_episodes);
    if problems.len() == 1 && problems[0].contains(EPISODES) {
        return match old < new {
            true => "`--extend` goes on with more episodes".to_owned(),
            false => {
                format!("a run cannot have fewer episodes afterwards; leave {EPISODES} at {old}")
            }
        };
    }
    "resume with the config as it was, or start a new run directory by `--set run.dir=…`".to_owned()
}

/// Whether a path that was moved or is reached otherwise leads to what it led to.
fn is_same(change: &Change, record: &Held, config: &Config) -> bool {
    let text = |value: &Option<toml::Value>| value.as_ref()?.as_str().map(str::to_owned);
    let (Some(before), Some(now)) = (text(&change.before), text(&change.now)) else {
        return false;
    };
    let is_plugin = change.key.ends_with(".plugin");
    let now = if is_plugin {
        plugin_file(&now, config)
    } else {
        Some(PathBuf::from(now))
    };
    let Some(now) = now else {
        return false;
    };
    if let (Ok(before), Ok(now)) = (Path::new(&before).canonicalize(), now.canonicalize())
        && before == now
    {
        return true;
    }
    let held = record.0.get(&change.key);
    held.is_some_and(|held| inputs::digest_at(&now).is_ok_and(|digest| digest == held.sha256))
}

/// Refuses plugins that lie where they lay and are not what they were.
fn same_plugins(record: &Held, now: &Config, config: &Config) -> Result<()> {
    for (key, name) in plugins(now)? {
        let held = record.0.get(&key);
        let file = plugin_file(&name, config);
        let (Some(held), Some(file)) = (held, file) else {
            continue;
        };
        let sha256 = inputs::digest_at(&file)?;
        if sha256 != held.sha256 {
            bail!(
                "plugin `{name}` ({key}) is not the one that `{}` was begun with: it had sha256 {}, now it has {sha256}\n\
                 hint: put the old one back, start a new run directory, or go on with this one by --allow-changed-plugins",
                config.run.dir.display(),
                held.sha256
            );
        }
    }
    Ok(())
}

fn plugin_file(name: &str, config: &Config) -> Option<PathBuf> {
    let named = config.plugins().find(|plugin| plugin.plugin == name)?;
    find_trusted(name, named.trust, config.session.sandboxed_only).ok()
}

/// What stands at each path now. What is not there yet is none.
fn held(kept: &Config, config: &Config) -> Result<Held> {
    let mut places: Vec<(String, PathBuf)> = kept.paths();
    places.retain(|(key, _)| bond(key) == Bond::Place && !key.ends_with(".plugin"));
    for (key, name) in plugins(kept)? {
        places.extend(plugin_file(&name, config).map(|path| (key, path)));
    }
    let mut held = Held::default();
    for (key, path) in places {
        if path.exists() {
            let sha256 = inputs::digest_at(&path)?;
            held.0.insert(key, Place { path, sha256 });
        }
    }
    Ok(held)
}

/// The names or paths of plugins by their keys.
fn plugins(config: &Config) -> Result<Vec<(String, String)>> {
    // Against a config without any, all plugins are changes.
    let mut none = config.clone();
    (none.task, none.labeler) = (None, None);
    none.shaper.clear();
    none.eval.measure.clear();
    let all = changes(&none, config)?.into_iter();
    let all = all.filter(|change| change.key.ends_with(".plugin"));
    Ok(all
        .filter_map(|change| Some((change.key, change.now?.as_str()?.to_owned())))
        .collect())
}
