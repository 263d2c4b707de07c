//! Checkpoints: everything that the next update depends on, written beside and renamed once.
//!
//! Random streams are derived from the seed and the update, so the counters are their state.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::disk::replace;
use crate::model::weights::write_tensors;
use crate::rl::adam::Adam;
use crate::rl::kl::KlController;
use crate::role::Identity;
use crate::train::rowcount::RowCount;

/// Format of the files; raised when they change.
pub(super) const FORMAT: u32 = 1;

/// The numbers of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Format of the files.
    pub format: u32,
    /// Updates that were made.
    pub updates: u64,
    /// Place in the stream of queries.
    pub cursor: u64,
    /// The row at which that is, where rows are read when they are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// What became of the rows up to there, file by file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowCount>,
    /// Optimizer steps that were made.
    pub optimizer_steps: u64,
    /// The KL coefficient, as the next update uses it.
    pub kl: KlController,
    /// Seconds of training before this checkpoint.
    pub elapsed_seconds: f64,
    /// Who played which role.
    pub plugins: Vec<Identity>,
    /// What else the run was begun with.
    pub inputs: Vec<Input>,
}

/// A file that a run reads, by what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// As the config leads to it.
    pub path: PathBuf,
    /// In hexadecimal.
    pub sha256: String,
}

impl State {
    /// A run that is about to begin.
    pub fn new(kl: KlController, plugins: Vec<Identity>, inputs: Vec<Input>) -> State {
        State {
            format: FORMAT,
            updates: 0,
            cursor: 0,
            row: None,
            rows: Vec::new(),
            optimizer_steps: 0,
            kl,
            elapsed_seconds: 0.0,
            plugins,
            inputs,
        }
    }
}

/// Tensors by name.
pub type Named = Vec<(String, Tensor)>;

/// Writes `update-NNNNNN` under `folder` and removes all but the newest `keep`.
pub fn save(
    folder: &Path,
    (updates, state): (u64, &impl Serialize),
    weights: &Named,
    optimizer: &[(String, &Tensor)],
    keep: usize,
) -> Result<PathBuf> {
    let about = || format!("cannot write a checkpoint into `{}`", folder.display());
    fs::create_dir_all(folder).with_context(about)?;
    let beside = tempfile::Builder::new()
        .prefix(".writing-")
        .tempdir_in(folder)
        .with_context(about)?;
    let optimizer: Named = optimizer
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
        .collect();
    write_tensors(&beside.path().join("weights.safetensors"), weights)?;
    write_tensors(&beside.path().join("optimizer.safetensors"), &optimizer)?;
    replace(
        &beside.path().join("state.json"),
        &serde_json::to_vec_pretty(state)?,
    )?;
    for entry in fs::read_dir(beside.path())? {
        fs::File::open(entry?.path())?.sync_all()?;
    }
    let place = folder.join(format!("update-{updates:06}"));
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(beside.path(), &place)
        .with_context(|| format!("cannot write checkpoint `{}`", place.display()))?;
    fs::File::open(folder)?.sync_all()?;
    // Renamed: there is nothing left for the guard to remove.
    let _ = beside.keep();
    let mut all = list(folder)?;
    all.truncate(all.len().saturating_sub(keep));
    for old in all {
        fs::remove_dir_all(old)?;
    }
    Ok(place)
}

/// The newest checkpoint under `folder`, if there is one.
pub fn latest(folder: &Path) -> Result<Option<PathBuf>> {
    Ok(list(folder)?.pop())
}

/// Reads the numbers of a checkpoint.
pub fn read_state<S: DeserializeOwned>(place: &Path) -> Result<S> {
    let path = place.join("state.json");
    let bytes = fs::read(&path).with_context(|| damaged(&path))?;
    let state: serde_json::Value =
        serde_json::from_slice(&bytes).with_context(|| damaged(&path))?;
    if state["format"] != FORMAT {
        bail!(
            "`{}` has format {}, this version reads {FORMAT}\nhint: go on with the version that wrote it",
            path.display(),
            state["format"]
        );
    }
    serde_json::from_value(state).with_context(|| damaged(&path))
}

/// Copies tensors of a checkpoint's file into `targets`, which must have the same names and shapes.
pub fn restore(place: &Path, file: &str, targets: &Named) -> Result<()> {
    let path = place.join(file);
    let stored = read_tensors(place, file)?;
    if stored.len() != targets.len() {
        bail!(
            "`{}` has {} tensors, the run has {}",
            path.display(),
            stored.len(),
            targets.len()
        );
    }
    let _guard = tch::no_grad_guard();
    for (name, target) in targets {
        let Some((_, source)) = stored.iter().find(|(stored_name, _)| stored_name == name) else {
            bail!("`{}` has no tensor `{name}`", path.display());
        };
        if source.size() != target.size() {
            bail!(
                "`{}`: `{name}` is {:?}, the run has {:?}",
                path.display(),
                source.size(),
                target.size()
            );
        }
        target.shallow_clone().copy_(source);
    }
    Ok(())
}

/// Puts the optimizer's state in a checkpoint back.
pub fn restore_optimizer(place: &Path, adam: &mut Adam, steps: u64) -> Result<()> {
    let stored = read_tensors(place, "optimizer.safetensors")?;
    let find = |name: &str| {
        let found = stored.iter().find(|(stored_name, _)| stored_name == name);
        found.map(|(_, tensor)| tensor.shallow_clone())
    };
    Ok(adam.restore(steps, find)?)
}

/// Reads the tensors of a checkpoint's file.
fn read_tensors(place: &Path, file: &str) -> Result<Named> {
    let path = place.join(file);
    Tensor::read_safetensors(&path).with_context(|| damaged(&path))
}

fn damaged(path: &Path) -> String {
    format!(
        "`{}` is damaged\nhint: remove its folder to go on from the checkpoint before it",
        path.display()
    )
}

/// All checkpoints, oldest first.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let number = name.strip_prefix("update-").unwrap_or_default();
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            all.push(path);
        } else if name.starts_with(".writing-") {
            // Left by a run that was killed while it wrote.
            fs::remove_dir_all(&path)?;
        }
    }
    all.sort();
    Ok(all)
}
