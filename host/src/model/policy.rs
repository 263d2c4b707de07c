//! The policy: a language model with a value head, of which all or the top blocks are trained.
//! Knows how to sample, analyze and gather gradients; knows nothing of the loss or the optimizer.

use super::config::ModelConfig;
use super::episodes::Episodes;
use super::generate;
use super::head::{self, Scratch};
use super::layout::Layout;
use super::names::check_values;
use super::sampling::Sampling;
use super::tape;
use super::transformer::Transformer;
use super::trunk::Trunk;
use super::weights::{Weights, copy_named, read_tensors, write_tensors};
use anyhow::{Context, Result};
use std::path::Path;
use tch::{Device, Kind, Tensor};

mod learn;
mod supervised;

pub use learn::Pass;
pub use supervised::Demonstration;

const VALUE_FILE: &str = "value_head.safetensors";

/// A language model with a value head.
#[derive(Debug)]
pub struct Policy {
    trunk: Trunk,
    /// `[1, hidden]` and `[1]`.
    value: (Tensor, Tensor),
    trainable: Vec<(String, Tensor)>,
    scratch: Scratch,
}

impl Policy {
    /// Loads a Hugging Face folder, with `value_head.safetensors` where there is one (zeros
    /// otherwise). `trainable_layers`: how many top blocks are trained; `None` trains everything.
    ///
    /// # Errors
    /// The folder is incomplete or not supported, or `trainable_layers` exceeds the model.
    pub fn load(
        dir: &Path,
        device: Device,
        kind: Kind,
        trainable_layers: Option<usize>,
    ) -> Result<Self> {
        let config = ModelConfig::load(dir)?;
        let weights = Weights::load(dir, &config, device, kind)?;
        let config = weights.described(&config);
        let policy = Self::from_weights(&config, weights, trainable_layers)?;
        let file = dir.join(VALUE_FILE);
        if file.exists() {
            let state = read_tensors(&file)?;
            let mut values = state.iter();
            values
                .try_for_each(|(name, tensor)| check_values(name, tensor))
                .and_then(|()| policy.load_state(&state))
                .with_context(|| format!("in `{}`", file.display()))?;
        }
        Ok(policy)
    }

    /// A policy with random weights; the same seed gives the same bits.
    ///
    /// # Errors
    /// `trainable_layers` exceeds the model.
    pub fn random(
        config: &ModelConfig,
        seed: u64,
        device: Device,
        kind: Kind,
        trainable_layers: Option<usize>,
    ) -> Result<Self> {
        Self::from_weights(
            config,
            Weights::random(config, seed, device, kind),
            trainable_layers,
        )
    }

    /// A policy over given weights with a value head of zeros.
    ///
    /// # Errors
    /// `trainable_layers` is 0 or exceeds the model.
    pub fn from_weights(
        config: &ModelConfig,
        weights: Weights,
        trainable_layers: Option<usize>,
    ) -> Result<Self> {
        let (trunk, mut trainable) = Trunk::new(config, weights, trainable_layers)?;
        let options = (head::math_kind(trunk.model.kind()), trunk.model.device());
        let value = (
            Tensor::zeros([1, config.hidden], options),
            Tensor::zeros([1], options),
        );
        trainable.push(("v_head.weight".to_owned(), value.0.set_requires_grad(true)));
        trainable.push(("v_head.bias".to_owned(), value.1.set_requires_grad(true)));
        Ok(Self {
            trunk,
            value,
            trainable,
            scratch: Scratch::default(),
        })
    }

    /// A frozen copy that shares the storage of what this policy never trains.
    #[must_use]
    pub fn reference(&self) -> Self {
        Self {
            trunk: self.trunk.frozen_copy(&self.trainable),
            value: (self.value.0.detach().copy(), self.value.1.detach().copy()),
            trainable: Vec::new(),
            scratch: Scratch::default(),
        }
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

    /// Blocks below the ones that are trained.
    #[must_use]
    pub fn frozen_layers(&self) -> i64 {
        self.trunk.frozen
    }

    /// The trunk.
    #[must_use]
    pub fn model(&self) -> &Transformer {
        &self.trunk.model
    }

    /// Where the weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.model().device()
    }

    /// What is trained, by name, in a fixed order; the handles share storage with the policy.
    /// Checkpoints need no more of the policy than this.
    #[must_use]
    pub fn trainable(&self) -> Vec<(String, Tensor)> {
        self.trainable
            .iter()
            .map(|(n, t)| (n.clone(), t.shallow_clone()))
            .collect()
    }

    /// Allocates the gradients, which are zeros. Done before anything is sampled, they and the
    /// optimizer's moments lie side by side instead of among what each update needs for a moment.
    pub fn allocate_gradients(&self) {
        for (_, tensor) in &self.trainable {
            let _ = tape::gradient(tensor);
        }
    }

    /// Copies tensors of [`Policy::trainable`]'s names into the policy.
    ///
    /// # Errors
    /// A name is not trained here or a shape differs.
    pub fn load_state(&self, state: &[(String, Tensor)]) -> Result<()> {
        copy_named(state, &self.trainable)
    }

    /// Samples exactly `response_len` tokens after each context.
    /// `contexts`: `[batch, context_len]` i64; result `[batch, response_len]` i64.
    pub fn respond(
        &self,
        contexts: &Tensor,
        response_len: i64,
        sampling: &Sampling,
        seed: u64,
    ) -> Tensor {
        generate::respond(
            self.model(),
            &contexts.to_device(self.device()),
            response_len,
            sampling,
            seed,
        )
    }

    /// Samples responses as [`Policy::respond`] and joins them to their contexts as
    /// [`Policy::episodes`]; keeps what the sampler computed and, where it can, what the frozen blocks made on the way.
    #[must_use]
    pub fn roll_out(
        &self,
        contexts: &Tensor,
        response_len: i64,
        sampling: &Sampling,
        seed: u64,
    ) -> Episodes {
        let contexts = contexts.to_device(self.device());
        let grown = generate::respond_keeping(
            self.model(),
            &contexts,
            response_len,
            sampling,
            seed,
            self.frozen_layers(),
        );
        let sampled = Some(grown.logprobs);
        if grown.bottom.is_none() {
            return Episodes {
                sampled,
                ..self.episodes(&contexts, &grown.tokens)
            };
        }
        Episodes {
            tokens: Tensor::cat(&[&contexts, &grown.tokens], 1),
            context_len: contexts.size()[1],
            bottom: grown.bottom,
            sampled,
        }
    }

    /// Joins contexts (`[batch, context_len]`) and responses (`[batch, response_len]`), both i64,
    /// and runs the frozen blocks once.
    #[must_use]
    pub fn episodes(&self, contexts: &Tensor, responses: &Tensor) -> Episodes {
        let device = self.device();
        let tokens = Tensor::cat(
            &[contexts.to_device(device), responses.to_device(device)],
            1,
        );
        let bottom = (self.frozen_layers() > 0).then(|| {
            self.trunk
                .bottom(&Layout::new(&tokens, self.config().vocab_size))
        });
        Episodes {
            tokens,
            context_len: contexts.size()[1],
            bottom,
            sampled: None,
        }
    }

    /// Writes a Hugging Face folder and `value_head.safetensors` beside the weights.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        self.trunk.weights.save(dir, self.config())?;
        let head = [
            ("v_head.weight", &self.value.0),
            ("v_head.bias", &self.value.1),
        ];
        write_tensors(
            &dir.join(VALUE_FILE),
            &head.map(|(n, t)| (n.to_owned(), t.shallow_clone())),
        )
    }
}
