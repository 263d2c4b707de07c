//! The reward model: a language model's trunk with a scalar head, read at a response's last token that is
//! no padding, which is where `transformers` reads a classifier.
//!
//! `r = gain (w h + b) + bias`; gain and bias are trained too, and set by normalization. There may
//! be several heads on one trunk; their mean is the reward, their spread says how sure it is. Knows how
//! to score and to gather gradients; knows nothing of labels, losses or optimizers.

use super::branches::Branches;
use super::config::ModelConfig;
use super::head::math_kind;
use super::names::drop_word_head;
use super::sampling::gaussian;
use super::tape;
use super::transformer::Transformer;
use super::trunk::Trunk;
use super::weights::{Weights, copy_named, read_folder};
use anyhow::Result;
use std::path::Path;
use tch::{Device, Kind, Tensor};

mod classifier;
#[cfg(test)]
mod tests;

pub use super::branches::Passages;

/// Which stream of random numbers the heads are drawn from.
const HEADS: u64 = 0x7265_7761_7264;

/// What turns a last hidden state into rewards; one row or number a head.
#[derive(Debug)]
struct Heads {
    /// `[heads, hidden]`.
    weight: Tensor,
    /// `[heads]`.
    bias: Tensor,
    /// What a raw reward is multiplied with. `[heads]`.
    gain: Tensor,
    /// What is added then. `[heads]`.
    shift: Tensor,
}

impl Heads {
    fn named(&self) -> [(&'static str, &Tensor); 4] {
        [
            ("score.weight", &self.weight),
            ("score.bias", &self.bias),
            ("score.gain", &self.gain),
            ("score.shift", &self.shift),
        ]
    }
}

/// Where and how a model is held.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// Where the weights are.
    pub device: Device,
    /// Their type.
    pub kind: Kind,
    /// How many top blocks are trained; `None` trains everything.
    pub trainable_layers: Option<usize>,
}

/// A trunk with scalar heads.
#[derive(Debug)]
pub struct RewardModel {
    trunk: Trunk,
    heads: Heads,
    /// The token that is passed over where it ends a text.
    pad: Option<i64>,
    /// Gain and bias of each head as training left them, where they were fixed anew after it.
    learned: Option<Vec<(f64, f64)>>,
    trainable: Vec<(String, Tensor)>,
}

impl RewardModel {
    /// A reward model over a language model's folder, with `heads` drawn anew: weights of deviation
    /// `1/sqrt(hidden + 1)`, biases 0, gains 1.
    ///
    /// # Errors
    /// The folder is incomplete or not supported, or `trainable_layers` exceeds the model.
    pub fn from_language_model(
        dir: &Path,
        placement: Placement,
        heads: usize,
        seed: u64,
    ) -> Result<Self> {
        // As if tied: the head for words is not read.
        let config = ModelConfig {
            tied: true,
            ..ModelConfig::load(dir)?
        };
        let mut found = read_folder(dir)?;
        drop_word_head(&config, &mut found);
        let Placement { device, kind, .. } = placement;
        let weights = Weights::from_folder(dir, &config, found, device, kind)?;
        Self::from_weights(&config, weights, placement.trainable_layers, heads, seed)
    }

    /// The same over given weights. Padding is the model's own or, as it is usual, the end of text.
    ///
    /// # Errors
    /// `trainable_layers` is 0 or exceeds the model.
    pub fn from_weights(
        config: &ModelConfig,
        weights: Weights,
        trainable_layers: Option<usize>,
        heads: usize,
        seed: u64,
    ) -> Result<Self> {
        let sigma = 1.0 / ((config.hidden + 1) as f64).sqrt();
        let count = heads as i64;
        let draws: Vec<f64> = (0..(count * config.hidden) as u64)
            .map(|k| sigma * gaussian(seed, HEADS, k))
            .collect();
        let zeros = Tensor::zeros([count], (Kind::Double, Device::Cpu));
        let heads = Heads {
            weight: Tensor::from_slice(&draws).view([count, config.hidden]),
            bias: zeros.shallow_clone(),
            gain: zeros.ones_like(),
            shift: zeros,
        };
        let pad = config.special_id("pad_token_id");
        let pad = pad.or_else(|| config.special_id("eos_token_id"));
        Self::assemble(config, weights, trainable_layers, heads, pad)
    }

    fn assemble(
        config: &ModelConfig,
        weights: Weights,
        trainable_layers: Option<usize>,
        heads: Heads,
        pad: Option<i64>,
    ) -> Result<Self> {
        let (trunk, mut trainable) = Trunk::new(config, weights, trainable_layers)?;
        let (kind, device) = (math_kind(trunk.model.kind()), trunk.model.device());
        let own = |t: &Tensor| {
            let own = t.to_device(device).to_kind(kind).contiguous().detach();
            own.copy().set_requires_grad(true)
        };
        let heads = Heads {
            weight: own(&heads.weight),
            bias: own(&heads.bias),
            gain: own(&heads.gain),
            shift: own(&heads.shift),
        };
        trainable.extend(
            heads
                .named()
                .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())),
        );
        Ok(Self {
            trunk,
            heads,
            pad,
            learned: None,
            trainable,
        })
    }

    /// What a person should know of how the weights were read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        self.trunk.weights.notes()
    }

    /// Shape of the model.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.trunk.model.config
    }

    /// The trunk.
    #[must_use]
    pub fn model(&self) -> &Transformer {
        &self.trunk.model
    }

    /// How many heads there are.
    #[must_use]
    pub fn heads(&self) -> usize {
        self.heads.gain.size()[0] as usize
    }

    /// What is trained, by name, in a fixed order; the handles share storage with the model.
    #[must_use]
    pub fn trainable(&self) -> Vec<(String, Tensor)> {
        let shared = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.shallow_clone());
        self.trainable.iter().map(shared).collect()
    }

    /// Allocates the gradients, which are zeros, side by side.
    pub fn allocate_gradients(&self) {
        for (_, tensor) in &self.trainable {
            let _ = tape::gradient(tensor);
        }
    }

    /// Copies tensors of [`RewardModel::trainable`]'s names into the model.
    ///
    /// # Errors
    /// A name is not trained here or a shape differs.
    pub fn load_state(&self, state: &[(String, Tensor)]) -> Result<()> {
        copy_named(state, &self.trainable)
    }

    /// Gain and bias of each head.
    #[must_use]
    pub fn scale(&self) -> Vec<(f64, f64)> {
        let at = |t: &Tensor, head: usize| t.double_value(&[head as i64]);
        (0..self.heads())
            .map(|head| (at(&self.heads.gain, head), at(&self.heads.shift, head)))
            .collect()
    }

    /// Sets gain and bias of each head.
    pub fn set_scale(&self, scale: &[(f64, f64)]) {
        let _guard = tch::no_grad_guard();
        for (head, (gain, shift)) in scale.iter().enumerate() {
            let set = |t: &Tensor, value: f64| {
                let _ = t.get(head as i64).fill_(value);
            };
            set(&self.heads.gain, *gain);
            set(&self.heads.shift, *shift);
        }
    }

    /// Remembers gain and bias as they are, before they are fixed anew: they are on the scale of the
    /// labels that the model has learned from.
    pub fn keep_learned_scale(&mut self) {
        self.learned = Some(self.scale());
    }

    /// What each head's rewards are multiplied with, and what is added then, to be on the scale of the
    /// labels that the model has learned from.
    #[must_use]
    pub fn to_learned_scale(&self) -> Vec<(f64, f64)> {
        let now = self.scale();
        let learned = self.learned.as_ref().unwrap_or(&now);
        let pairs = now.iter().zip(learned);
        pairs
            .map(|((gain, shift), (learned, bias))| {
                let factor = learned / gain;
                (factor, bias - factor * shift)
            })
            .collect()
    }

    /// Rewards without gradients. Result `[rows, most responses, heads]`, f32 (f64 for f64 weights);
    /// a row with fewer responses repeats its last.
    pub fn score(&self, rows: &[&Passages]) -> Tensor {
        let _guard = tch::no_grad_guard();
        let branches = Branches::new(rows, self.pad, self.model().device());
        let passed = self
            .trunk
            .pass(None, &branches.layout, Some(&branches.ends), false);
        self.read(&passed.x)
    }

    /// Scores rows as [`RewardModel::score`], hands the rewards to `loss` as a leaf, and adds the
    /// gradients of the scalar that it returns to those of [`RewardModel::trainable`]. Returns that
    /// scalar.
    pub fn accumulate(
        &self,
        rows: &[&Passages],
        loss: &mut dyn FnMut(&Tensor) -> Tensor,
    ) -> Tensor {
        let branches = Branches::new(rows, self.pad, self.model().device());
        let (layout, ends) = (&branches.layout, &branches.ends);
        let bottom = (self.trunk.frozen > 0).then(|| self.trunk.bottom(layout));
        tch::with_grad(|| {
            let mut passed = self.trunk.pass(bottom.as_ref(), layout, Some(ends), true);
            let value = loss(&self.read(&passed.x));
            value.backward();
            self.trunk.backward(&mut passed);
            value.detach()
        })
    }

    /// From what the last block made at the responses' ends, `[rows, count, hidden]`, to rewards,
    /// `[rows, count, heads]`.
    fn read(&self, x: &Tensor) -> Tensor {
        let heads = &self.heads;
        let hidden = self.model().finish(x).to_kind(heads.weight.kind());
        hidden.linear(&heads.weight, Some(&heads.bias)) * &heads.gain + &heads.shift
    }
}
