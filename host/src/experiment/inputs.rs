//! The files that a run reads besides its plugins. A run goes on only with what it was begun with:
//! the same config over another model or other data would be another experiment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::config::{Config, Reward};
use crate::digest;
use crate::label::Label;
use crate::label::store::is_store;
use crate::run_dir::REWARD_MODEL;
use crate::train::checkpoint::Input;

/// Model, data and assets, by what is in them.
pub(super) fn read(config: &Config) -> Result<Vec<Input>> {
    let mut paths = model_files(&config.model.path)?;
    paths.extend(of_queries(config));
    for score in &config.score {
        for folder in &score.reward_models {
            paths.extend(model_files(&reward_folder(folder))?);
        }
    }
    let plugins = config.labeler.iter().chain(&config.shaper);
    let plugins = plugins.chain(&config.eval.measure);
    paths.extend(plugins.flat_map(|plugin| plugin.assets.values().cloned()));
    digests(paths)
}

/// The same for supervised fine-tuning.
pub(super) fn of_sft(config: &Config) -> Result<Vec<Input>> {
    let mut paths = model_files(&config.model.path)?;
    paths.extend(of_queries(config));
    digests(paths)
}

/// The same for training a reward model.
pub(super) fn of_reward(config: &Config, reward: &Reward, start: &Path) -> Result<Vec<Input>> {
    let mut paths = model_files(start)?;
    if reward.normalize_samples > 0 {
        if config.model.path != start {
            paths.extend(model_files(&config.model.path)?);
        }
        paths.extend(of_queries(config));
    }
    let labels = [&reward.train, &reward.validation, &reward.test];
    let labels = labels.into_iter().flatten();
    paths.extend(labels.filter(|path| !is_store(path)).cloned());
    digests(paths)
}

/// Begins the name of what is no file.
const LABELS: &str = "labels of ";

/// Labels of a store, by what they say of what; not by when it was said, and not by the file, which changes
/// when others are added.
pub(super) fn of_labels(store: &str, labels: &[Label]) -> Result<Input> {
    let said: Vec<_> = labels
        .iter()
        .map(|label| (&label.comparison, &label.answer))
        .collect();
    Ok(Input {
        path: PathBuf::from(format!("{LABELS}{store}")),
        sha256: digest::of_bytes(&serde_json::to_vec(&said)?),
    })
}

/// Data and assets that queries are made from.
fn of_queries(config: &Config) -> Vec<PathBuf> {
    let data = config.data.iter();
    let rows = data.flat_map(|data| data.train.iter().chain(data.held_out.iter()).cloned());
    let assets = config.task.iter().flat_map(|task| task.assets.values());
    rows.chain(assets.cloned()).collect()
}

/// Where a reward model lies: in the folder itself, or in that of the run that made it.
pub(super) fn reward_folder(folder: &Path) -> PathBuf {
    let inside = folder.join(REWARD_MODEL);
    if inside.is_dir() {
        inside
    } else {
        folder.to_path_buf()
    }
}

fn digests(paths: Vec<PathBuf>) -> Result<Vec<Input>> {
    let input = |path: PathBuf| {
        let sha256 = digest::of_file(&path)?;
        Ok(Input { path, sha256 })
    };
    paths.into_iter().map(input).collect()
}

/// What of a model folder is read, in a fixed order.
fn model_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read model folder `{}`", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().unwrap_or_default();
        if path.is_file() && (ending == "json" || ending == "safetensors") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The hash of a file, or of what of a model's folder is read.
pub(super) fn digest_at(path: &Path) -> Result<String> {
    if !path.is_dir() {
        return digest::of_file(path);
    }
    let mut all = String::new();
    for file in model_files(&reward_folder(path))? {
        let name = file.file_name().unwrap_or_default();
        all += &format!("{} {}\n", digest::of_file(&file)?, name.display());
    }
    Ok(digest::of_bytes(all.as_bytes()))
}

/// Refuses to go on with a file that is not what it was. Files may lie elsewhere by now, and be called otherwise: a
/// file is known by what is in it, and the config says which is for what.
pub(super) fn check(before: &[Input], now: &[Input]) -> Result<()> {
    let is_labels = |input: &Input| input.path.to_string_lossy().starts_with(LABELS);
    let is_there = |input: &Input, among: &[Input]| {
        among
            .iter()
            .any(|other| is_labels(input) == is_labels(other) && input.sha256 == other.sha256)
    };
    let find = |inputs: &[Input], path: &Path| {
        let found = inputs.iter().find(|input| input.path == path);
        found.map_or("not there".to_owned(), |input| {
            format!("sha256 {}", input.sha256)
        })
    };
    let mut gone = before.iter().filter(|input| !is_there(input, now));
    let mut new = now.iter().filter(|input| !is_there(input, before));
    let Some(input) = gone.next().or_else(|| new.next()) else {
        return Ok(());
    };
    if is_labels(input) {
        bail!(
            "the {} are not those that this training began with: some were added, or answers were \
             corrected\nhint: remove the directory of this training, to begin it anew from the labels \
             as they are now",
            input.path.display()
        );
    }
    // The one whose place has other bytes, where there is one: another with the same bytes may have stood for it.
    let other = |one: &&Input| {
        let at = before.iter().find(|old| old.path == one.path);
        at.is_some_and(|old| old.sha256 != one.sha256)
    };
    let known = now.iter().find(other);
    if let (None, Some(new)) = (known, now.iter().find(|input| !is_there(input, before))) {
        bail!(
            "`{}` is none of the files that the run began with\nhint: name the file of then, or start a new run directory",
            new.path.display()
        );
    }
    let input = known.unwrap_or(input);
    let (old, new) = (find(before, &input.path), find(now, &input.path));
    bail!(
        "`{}` has changed since the run began: it was {old}, now it is {new}\nhint: put the \
         old file back, or start a new run directory",
        input.path.display()
    );
}
