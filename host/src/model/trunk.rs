//! The trunk of a model that learns: which blocks are trained, and the pass through them whose
//! backward may follow. Knows nothing of what is made of the last hidden states.

use super::config::ModelConfig;
use super::layout::{Layout, pick};
use super::tape::{self, Desk, Span, Tape};
use super::transformer::Transformer;
use super::weights::Weights;
use anyhow::{Result, bail};
use tch::Tensor;

/// A transformer of which all or the top blocks are trained.
#[derive(Debug)]
pub(super) struct Trunk {
    pub(super) weights: Weights,
    pub(super) model: Transformer,
    /// Blocks below this one are frozen; 0 when everything is trained.
    pub(super) frozen: i64,
    desk: Desk,
}

/// What a pass through the trained blocks made, and the way back.
#[derive(Debug)]
pub(super) struct Passed {
    /// What the last block makes at the wanted positions, `[batch, count, hidden]`, or everywhere.
    pub(super) x: Tensor,
    /// When the blocks were run by hand, `x` is a leaf, and this takes its gradient further.
    tape: Option<Tape>,
}

impl Trunk {
    /// A trunk over `weights`, and those of them that are trained, by name and in their order.
    /// `trainable_layers`: how many top blocks are trained; `None` trains everything.
    ///
    /// # Errors
    /// `trainable_layers` is 0 or exceeds the model.
    pub(super) fn new(
        config: &ModelConfig,
        weights: Weights,
        trainable_layers: Option<usize>,
    ) -> Result<(Self, Vec<(String, Tensor)>)> {
        let top = trainable_layers.map_or(config.layers, |n| n.try_into().unwrap_or(i64::MAX));
        if top < 1 || top > config.layers {
            bail!(
                "trainable_layers is {top}, must be 1 to {} for this model\nhint: leave it out to train everything",
                config.layers
            );
        }
        let frozen = config.layers - top;
        let trained = weights
            .iter()
            .filter(|(name, _)| trainable_layers.is_none() || is_at_the_top(config, frozen, name));
        let trained = trained.map(|(name, tensor)| (name.clone(), tensor.set_requires_grad(true)));
        let trained = trained.collect();
        let trunk = Self {
            model: Transformer::new(config, &weights),
            weights,
            frozen,
            desk: Desk::default(),
        };
        Ok((trunk, trained))
    }

    /// A frozen copy that shares the storage of all but what `trained` names.
    pub(super) fn frozen_copy(&self, trained: &[(String, Tensor)]) -> Self {
        let own = |name: &str| trained.iter().any(|(trained, _)| trained == name);
        let weights = self.weights.copy_where(own);
        Self {
            model: Transformer::new(&self.model.config, &weights),
            weights,
            frozen: self.frozen,
            desk: Desk::default(),
        }
    }

    /// What the frozen blocks make of tokens. `[batch, len, hidden]`.
    pub(super) fn bottom(&self, layout: &Layout) -> Tensor {
        let _guard = tch::no_grad_guard();
        let span = Span {
            blocks: 0..self.frozen,
            wanted: None,
        };
        tape::run(&self.model, &self.model.embed(layout), layout, &span, None)
    }

    /// From tokens, or from what the frozen blocks made of them (`bottom`, `[batch, len, hidden]`), to
    /// what the last block makes at the positions `wanted`, `[batch, count]` i64, or everywhere. `learn`: keep
    /// what the backward needs.
    pub(super) fn pass(
        &self,
        bottom: Option<&Tensor>,
        layout: &Layout,
        wanted: Option<&Tensor>,
        learn: bool,
    ) -> Passed {
        let from = bottom.map_or(0, |_| self.frozen);
        let span = Span {
            blocks: from..self.model.config.layers,
            wanted,
        };
        let start = || bottom.map_or_else(|| self.model.embed(layout), Tensor::shallow_clone);
        if !learn {
            let x = tape::run(&self.model, &start(), layout, &span, None);
            return Passed { x, tape: None };
        }
        if !self.by_hand() {
            let x = self.model.run(start(), layout, from, span.blocks.end, None);
            let x = wanted.map_or(x.shallow_clone(), |at| pick(&x, at));
            return Passed { x, tape: None };
        }
        let start = tch::no_grad(start);
        let (x, tape) = tape::forward(&self.model, &start, layout, &span, None, Some(&self.desk));
        let x = x.set_requires_grad(true);
        Passed { x, tape }
    }

    /// Whether blocks are run by hand, so that a pass can be kept apart from autograd's graph.
    pub(super) fn by_hand(&self) -> bool {
        tape::fits(&self.model)
    }

    /// Adds up the gradients of the blocks' parameters, once autograd has brought the gradient to
    /// [`Passed::x`].
    pub(super) fn backward(&self, passed: &mut Passed) {
        if let Some(tape) = passed.tape.take() {
            tape.backward(&self.model, passed.x.grad(), &self.desk);
        }
    }
}

/// Whether a parameter is of the blocks above the frozen ones or of the final norm.
fn is_at_the_top(config: &ModelConfig, frozen: i64, name: &str) -> bool {
    let tail = name.strip_prefix(config.root()).unwrap_or(name);
    tail.starts_with("ln_f.")
        || tail.starts_with("norm.")
        || (frozen..config.layers).any(|layer| name.starts_with(&config.block_prefix(layer)))
}
