//! Where a model that answers comes from: a model folder, a run, whose policy is meant, or a checkpoint of a run, which
//! has what was trained of the model that the run began with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config::{Config, model_in};
use crate::digest;
use crate::experiment::inputs::digest_at;
use crate::experiment::parts::kind_of;
use crate::experiment::resume::begun_with;
use crate::model::device;
use crate::model::open::of_folder;
use crate::model::policy::Policy;
use crate::run_dir::RunDir;
use crate::train::checkpoint::restore;

/// What a checkpoint has of a policy.
const FILE: &str = "weights.safetensors";

/// A model that is not loaded yet.
pub(super) struct Weights {
    /// The model's folder, with shape and tokenizer.
    pub(super) folder: PathBuf,
    /// The checkpoint over it, and how many top blocks it has.
    checkpoint: Option<(PathBuf, Option<usize>)>,
}

/// Whether something answers there already, or a run is still to make it.
pub(super) fn is_there(path: &Path) -> bool {
    is_checkpoint(path) || model_in(path).is_some()
}

fn is_checkpoint(path: &Path) -> bool {
    path.join(FILE).is_file() && path.join("state.json").is_file()
}

impl Weights {
    /// What a config's path leads to.
    pub(super) fn at(path: &Path) -> Result<Weights> {
        let run = path.parent().and_then(Path::parent);
        let Some(run) = run.filter(|_| is_checkpoint(path)) else {
            let found = model_in(path);
            return Ok(Weights {
                folder: found.unwrap_or_else(|| path.to_path_buf()),
                checkpoint: None,
            });
        };
        let begun = RunDir::open(run).and_then(|run| begun_with(&run));
        let begun = begun.with_context(|| {
            format!(
                "`{}` is a checkpoint, and its run is not around it\nhint: name a checkpoint where its run left it",
                path.display()
            )
        })?;
        Ok(Weights {
            folder: begun.model.path,
            checkpoint: Some((path.to_path_buf(), begun.model.trainable_layers)),
        })
    }

    /// Where what was trained lies.
    pub(super) fn place(&self) -> &Path {
        let checkpoint = self.checkpoint.as_ref();
        checkpoint.map_or(&self.folder, |(place, _)| place)
    }

    /// SHA-256 of all that the model is made of.
    pub(super) fn digest(&self) -> Result<String> {
        let folder = digest_at(&self.folder)?;
        let Some((place, _)) = &self.checkpoint else {
            return Ok(folder);
        };
        let own = digest::of_file(&place.join(FILE))?;
        Ok(digest::of_parts(&[folder.as_bytes(), own.as_bytes()]))
    }

    /// The model.
    pub(super) fn load(&self, config: &Config) -> Result<Policy> {
        let device = device::resolve(&config.run.device)?;
        let layers = self.checkpoint.as_ref().and_then(|(_, layers)| *layers);
        let policy = Policy::load(&self.folder, device, kind_of(config), layers);
        let policy = policy.map_err(|error| of_folder(error, &self.folder))?;
        if let Some((place, _)) = &self.checkpoint {
            restore(place, FILE, &policy.trainable()).with_context(|| {
                format!(
                    "`{}` is no checkpoint of a policy\nhint: name one of `attune train policy` or `attune train sft`",
                    place.display()
                )
            })?;
        }
        Ok(policy)
    }
}
