//! From `[[score]]` to the sources of a reward.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::folder::{check_reading, kind_of};
use crate::config::Config;
use crate::experiment::inputs::reward_folder;
use crate::model::device;
use crate::model::open;
use crate::model::reward::{Placement, RewardModel};
use crate::role::{Labeler, Task};
use crate::tokenizer::Tokenizer;
use crate::train::score::{Linear, Source};

/// What the reward is made of: what `[[score]]` says, or else the labeler.
pub(super) fn sources(
    config: &Config,
    labeler: Option<Box<dyn Labeler>>,
    task: &dyn Task,
    tokenizer: &Tokenizer,
) -> Result<Vec<(Source, Linear)>> {
    let Some(weight) = config.labeler.as_ref().map(|labeler| labeler.weight) else {
        return scores(config, None, task, tokenizer);
    };
    match labeler {
        Some(labeler) if config.score.is_empty() => {
            let linear = Linear {
                offset: 0.0,
                weight,
            };
            Ok(vec![(Source::Labeler(labeler), linear)])
        }
        labeler => scores(config, labeler, task, tokenizer),
    }
}

fn scores(
    config: &Config,
    mut labeler: Option<Box<dyn Labeler>>,
    task: &dyn Task,
    tokenizer: &Tokenizer,
) -> Result<Vec<(Source, Linear)>> {
    let mut sources = Vec::new();
    for (number, score) in config.score.iter().enumerate() {
        let about = || format!("in [[score]] {}", number + 1);
        let source = if score.labeler {
            let labeler = labeler
                .take()
                .context("the labeler is named twice\nhint: once is enough");
            Source::Labeler(labeler.with_context(about)?)
        } else if let Some(name) = &score.metric {
            let known = task.metrics();
            let place = known.iter().position(|metric| metric.name == *name);
            let names: Vec<&str> = known.iter().map(|metric| metric.name.as_str()).collect();
            let place = place.with_context(|| {
                format!(
                    "the task has no metric `{name}`\nhint: it has {}",
                    names.join(", ")
                )
            });
            Source::Metric {
                name: name.clone(),
                place: place.with_context(about)?,
            }
        } else {
            let mut models = Vec::new();
            for folder in &score.reward_models {
                let model = reward_model(config, folder, tokenizer).with_context(about)?;
                check_reading(task.layout(), model.config(), folder).with_context(about)?;
                models.push(model);
            }
            let heads: usize = models.iter().map(RewardModel::heads).sum();
            if score.caution != 0.0 && heads < 2 {
                bail!(
                    "[[score]] {}: has caution, and its one reward model has one head, which never disagrees\n\
                     hint: name several reward models or one of several heads, or leave caution out",
                    number + 1
                );
            }
            Source::Models {
                models,
                caution: score.caution,
            }
        };
        let linear = Linear {
            offset: score.offset,
            weight: score.weight,
        };
        sources.push((source, linear));
    }
    Ok(sources)
}

/// A reward model that reads the policy's tokens.
pub(crate) fn reward_model(
    config: &Config,
    folder: &Path,
    tokenizer: &Tokenizer,
) -> Result<RewardModel> {
    let placement = Placement {
        device: device::resolve(&config.run.device)?,
        kind: kind_of(config),
        trainable_layers: Some(1),
    };
    let (model, folder) = open_reward_model(folder, placement)?;
    let own = Tokenizer::load(&folder)?;
    open::check_ids(&own, model.config(), &folder)?;
    let owners = ["the policy", &format!("`{}`", folder.display())];
    let hint = "train the reward model from a language model with the policy's tokenizer";
    open::check_same(tokenizer, &own, owners, hint)?;
    Ok(model)
}

/// Opens the folder of a reward model, or of the run that made it.
pub(crate) fn open_reward_model(
    folder: &Path,
    placement: Placement,
) -> Result<(RewardModel, PathBuf)> {
    let folder = reward_folder(folder);
    if !folder.join("config.json").is_file() {
        bail!(
            "there is no reward model in `{}`\nhint: `attune train reward FILE` makes one",
            folder.display()
        );
    }
    Ok((RewardModel::load(&folder, placement)?, folder))
}
