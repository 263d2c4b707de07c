//! Reward models as Hugging Face sequence classifiers with one label, which `transformers` and all
//! that builds on it score as we do.
//!
//! Their score is `w h`, without a constant, and ours has one. GPT-2's last norm has a bias, which takes
//! it. The Llama families' has none: what they get is one more block, whose MLP computes our reward
//! whole and writes it so large into one coordinate, beside a constant that is larger still, that the
//! last norm divides by a constant and leaves the reward, to the last digits of f32:
//!
//! ```text
//! MLP     silu(z) - silu(-z) = z = w h + c         with z's weights w, its bias c, and up = 1
//! x[0] += K,  x[1] += M z                          K² / width is then the norm's mean square
//! norm    x[1] sqrt(width) / K * weight[1] = z     with weight[1] = K / (M sqrt(width))
//! ```
//!
//! `reward_head.safetensors` beside it has the heads as they were trained, and what the trunk was.
//!
//! A classifier is read at the last token that is not `pad_token_id`, and so is ours. Without that key, it is
//! read at the last token, and refuses more than one row.

use super::{Heads, Placement, RewardModel};
use crate::model::config::{Family, ModelConfig};
use crate::model::files::read_json;
use crate::model::names::{check_values, drop_word_head, tail};
use crate::model::weights::{
    Weights, dtype, read_folder, read_tensors, write_config, write_tensors,
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::Path;
use tch::{Kind, Tensor};

/// Heads and last norm as they were trained.
const HEADS_FILE: &str = "reward_head.safetensors";
/// The last norm's name in that file.
const NORM: &str = "norm";
/// Gain and bias as training left them, in that file where they were fixed anew after it.
const LEARNED: [&str; 2] = ["learned.gain", "learned.shift"];
/// What drowns the residual stream; its square must stay a number of f32.
const CONSTANT: f64 = (1u64 << 55) as f64;
/// How large the reward is written beside it.
const FACTOR: f64 = (1u64 << 35) as f64;

impl RewardModel {
    /// Reads a folder that [`RewardModel::save`] wrote, or any classifier of a supported family with
    /// one label.
    ///
    /// # Errors
    /// The folder is incomplete, not supported, or no classifier with one label.
    pub fn load(dir: &Path, placement: Placement) -> Result<Self> {
        let about = || format!("`{}` is no reward model", dir.display());
        let mut json = read_json(&dir.join("config.json")).with_context(about)?;
        let mut found = read_folder(dir).with_context(about)?;
        let kept = dir.join(HEADS_FILE);
        let ours = kept.is_file().then(|| read_heads(&kept)).transpose();
        let ours = ours.with_context(about)?;
        if ours.is_some() {
            drop_extra_block(&mut json, &mut found).with_context(about)?;
        }
        let config = ModelConfig {
            tied: true,
            ..ModelConfig::from_json(&json).with_context(about)?
        };
        drop_word_head(&config, &mut found);
        let score = found
            .iter()
            .position(|(name, _)| tail(name) == "score.weight");
        let score = score.map(|at| found.swap_remove(at));
        let mut learned = None;
        let heads = match ours {
            Some(mut ours) => {
                learned = learned_scale(&ours);
                let norm = take(&mut ours, NORM)?;
                let name = format!("{}{}", config.root(), last_norm(&config));
                let here = found.iter_mut().find(|(found, _)| *found == name);
                here.with_context(|| format!("there is no `{name}`"))?.1 = norm;
                Heads {
                    weight: take(&mut ours, "score.weight")?,
                    bias: take(&mut ours, "score.bias")?,
                    gain: take(&mut ours, "score.gain")?,
                    shift: take(&mut ours, "score.shift")?,
                }
            }
            None => plain(score, &config).with_context(about)?,
        };
        let Placement { device, kind, .. } = placement;
        let weights =
            Weights::from_folder(dir, &config, found, device, kind).with_context(about)?;
        let pad = config.special_id("pad_token_id");
        let model = Self::assemble(&config, weights, placement.trainable_layers, heads, pad)?;
        Ok(Self { learned, ..model })
    }

    /// Writes `config.json`, `model.safetensors` and `reward_head.safetensors`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let config = self.config();
        let heads = &self.heads;
        // The mean of heads is a head.
        let weight = (&heads.weight * heads.gain.unsqueeze(1)).mean_dim(0i64, true, None::<Kind>);
        let shift = (&heads.bias * &heads.gain + &heads.shift).mean(None);
        let shift = shift.double_value(&[]);
        let detached = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.detach());
        let mut tensors: Vec<_> = self.trunk.weights.iter().map(detached).collect();
        let norm = format!("{}{}", config.root(), last_norm(config));
        let at = tensors.iter().position(|(name, _)| *name == norm);
        let at = at.context("every model has a last norm")?;
        let mut kept = vec![(NORM.to_owned(), tensors[at].1.shallow_clone())];
        let named = heads.named();
        kept.extend(named.map(|(name, tensor)| (name.to_owned(), tensor.detach())));
        if let Some(learned) = &self.learned {
            let (gains, shifts): (Vec<f64>, Vec<f64>) = learned.iter().copied().unzip();
            let [gain, shift] = LEARNED.map(str::to_owned);
            kept.push((gain, Tensor::from_slice(&gains)));
            kept.push((shift, Tensor::from_slice(&shifts)));
        }
        let kind = self.model().kind();
        let mut json = config.to_json(dtype(kind));
        let score = match config.family {
            Family::Gpt2 => {
                // The constant along w, of which w h then has the whole.
                let along = &weight * (shift / weight.square().sum(None).double_value(&[]));
                tensors[at].1 = &tensors[at].1 + along.squeeze_dim(0).to_kind(kind);
                weight.to_kind(kind)
            }
            Family::Llama | Family::Qwen2 => {
                json = as_llama(config, json);
                add_block(config, &mut tensors, at, (&weight.to_kind(kind), shift))
            }
        };
        tensors.push(("score.weight".to_owned(), score));
        json["architectures"] = json!([match config.family {
            Family::Gpt2 => "GPT2ForSequenceClassification",
            Family::Llama | Family::Qwen2 => "LlamaForSequenceClassification",
        }]);
        json["id2label"] = json!({"0": "reward"});
        json["label2id"] = json!({"reward": 0});
        if let Some(pad) = self.pad {
            json["pad_token_id"] = json!(pad);
        }
        write_config(dir, &json)?;
        write_tensors(&dir.join(HEADS_FILE), &kept)?;
        write_tensors(&dir.join("model.safetensors"), &tensors)
    }
}

/// The parameter of the last norm that has to change for the constant.
fn last_norm(config: &ModelConfig) -> &'static str {
    match config.family {
        Family::Gpt2 => "ln_f.bias",
        Family::Llama | Family::Qwen2 => "norm.weight",
    }
}

fn take(tensors: &mut Vec<(String, Tensor)>, name: &str) -> Result<Tensor> {
    let at = tensors.iter().position(|(found, _)| found == name);
    let at = at.with_context(|| format!("{HEADS_FILE} has no `{name}`"))?;
    Ok(tensors.swap_remove(at).1)
}

fn learned_scale(ours: &[(String, Tensor)]) -> Option<Vec<(f64, f64)>> {
    let numbers = |name: &str| {
        let (_, tensor) = ours.iter().find(|(found, _)| found == name)?;
        Vec::<f64>::try_from(tensor.to_kind(Kind::Double)).ok()
    };
    let [gains, shifts] = LEARNED.map(numbers);
    Some(gains?.into_iter().zip(shifts?).collect())
}

/// What [`HEADS_FILE`] holds, all of it finite numbers.
fn read_heads(path: &Path) -> Result<Vec<(String, Tensor)>> {
    let tensors = read_tensors(path)?;
    for (name, tensor) in &tensors {
        check_values(name, tensor).with_context(|| format!("in `{}`", path.display()))?;
    }
    Ok(tensors)
}

/// The head of a classifier that somebody else made.
fn plain(score: Option<(String, Tensor)>, config: &ModelConfig) -> Result<Heads> {
    let Some((name, weight)) = score else {
        bail!(
            "it has no `score.weight`\nhint: `attune train reward` makes a reward model of a language \
             model"
        );
    };
    check_values(&name, &weight)?;
    if weight.size() != [1, config.hidden] {
        bail!(
            "its `score.weight` has shape {:?}, one label has [1, {}]\nhint: use a classifier with one \
             label",
            weight.size(),
            config.hidden
        );
    }
    let zero = Tensor::zeros([1], (Kind::Double, weight.device()));
    Ok(Heads {
        weight,
        bias: zero.shallow_clone(),
        gain: zero.ones_like(),
        shift: zero,
    })
}

/// The description of a Llama with one block more and biases in its MLPs. Qwen2 is a Llama with biases
/// on queries, keys and values.
fn as_llama(config: &ModelConfig, mut json: Value) -> Value {
    json["model_type"] = json!("llama");
    json["num_hidden_layers"] = json!(config.layers + 1);
    json["mlp_bias"] = json!(true);
    json["attention_bias"] = json!(config.qkv_bias);
    json
}

/// Adds the block that computes the reward `w h + shift`; returns the classifier's own weight,
/// `[1, hidden]`. `at`: where the last norm is among `tensors`; `weight`: `[1, hidden]`.
fn add_block(
    config: &ModelConfig,
    tensors: &mut Vec<(String, Tensor)>,
    at: usize,
    (weight, shift): (&Tensor, f64),
) -> Tensor {
    let options = (weight.kind(), weight.device());
    let (hidden, inner) = (config.hidden, config.mlp);
    let zeros = |shape: &[i64]| Tensor::zeros(shape, options);
    for layer in 0..config.layers {
        let prefix = config.block_prefix(layer);
        for (part, len) in [("gate", inner), ("up", inner), ("down", hidden)] {
            let name = format!("{prefix}mlp.{part}_proj.bias");
            tensors.push((name, zeros(&[len])));
        }
        if config.qkv_bias && !config.out_bias {
            tensors.push((format!("{prefix}self_attn.o_proj.bias"), zeros(&[hidden])));
        }
    }
    let prefix = config.block_prefix(config.layers);
    let like = config.block_prefix(0);
    // Attention that adds nothing, and an MLP that begins with nothing.
    let shapes: Vec<_> = tensors
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(&like)?.to_owned(), tensor.size())))
        .collect();
    for (name, shape) in shapes {
        let tensor = zeros(&shape);
        let set = |place: &[i64], value: f64| {
            let mut there = tensor.shallow_clone();
            for at in place {
                there = there.get(*at);
            }
            let _ = there.fill_(value);
        };
        match name.as_str() {
            "post_attention_layernorm.weight" => tensor.shallow_clone().copy_(&tensors[at].1),
            "mlp.gate_proj.weight" => {
                tensor.get(0).copy_(&weight.get(0));
                tensor.get(1).copy_(&weight.get(0).neg());
            }
            "mlp.gate_proj.bias" => {
                set(&[0], shift);
                set(&[1], -shift);
            }
            "mlp.up_proj.bias" => {
                set(&[0], 1.0);
                set(&[1], 1.0);
            }
            "mlp.down_proj.weight" => {
                set(&[1, 0], FACTOR);
                set(&[1, 1], -FACTOR);
            }
            "mlp.down_proj.bias" => set(&[0], CONSTANT),
            _ => {}
        }
        tensors.push((format!("{prefix}{name}"), tensor));
    }
    let norm = zeros(&[hidden]);
    let undo = CONSTANT / FACTOR / (hidden as f64).sqrt();
    let _ = norm.get(1).fill_(undo);
    tensors[at].1 = norm;
    let score = zeros(&[1, hidden]);
    let _ = score.get(0).get(1).fill_(1.0);
    score
}

/// Undoes what [`add_block`] and [`as_llama`] did, but for the last norm.
fn drop_extra_block(json: &mut Value, tensors: &mut Vec<(String, Tensor)>) -> Result<()> {
    if json["model_type"] == "gpt2" {
        return Ok(());
    }
    let layers = json["num_hidden_layers"]
        .as_i64()
        .filter(|count| *count > 1);
    let layers = layers.context("config.json: `num_hidden_layers` is not above 1")? - 1;
    json["num_hidden_layers"] = json!(layers);
    json["mlp_bias"] = json!(false);
    let prefix = format!("model.layers.{layers}.");
    let added = |name: &str| {
        name.starts_with(&prefix) || (name.contains(".mlp.") && name.ends_with(".bias"))
    };
    tensors.retain(|(name, _)| !added(name));
    Ok(())
}

#[cfg(test)]
mod tests;
