//! The files that a run reads besides its plugins. A run goes on only with what it was begun with:
//! the same config over another model or other data would be another experiment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::config::Config;
use crate::digest;
use crate::train::checkpoint::Input;

/// Model, data and assets, by what is in them.
pub(super) fn read(config: &Config) -> Result<Vec<Input>> {
    let mut paths = model_files(&config.model.path)?;
    paths.push(config.data.train.clone());
    paths.extend(config.data.held_out.clone());
    let plugins = [Some(&config.task), config.labeler.as_ref()];
    for plugin in plugins.into_iter().flatten().chain(&config.shaper) {
        paths.extend(plugin.assets.values().cloned());
    }
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

/// Refuses to go on with a file that is not what it was.
pub(super) fn check(before: &[Input], now: &[Input]) -> Result<()> {
    let find = |inputs: &[Input], path: &Path| {
        let found = inputs.iter().find(|input| input.path == path);
        found.map_or("not there".to_owned(), |input| {
            format!("sha256 {}", input.sha256)
        })
    };
    for input in before.iter().chain(now) {
        let (old, new) = (find(before, &input.path), find(now, &input.path));
        if old != new {
            bail!(
                "`{}` has changed since the run began: it was {old}, now it is {new}\nhint: put the \
                 old file back, or start a new run directory",
                input.path.display()
            );
        }
    }
    Ok(())
}
