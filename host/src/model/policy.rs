//! The policy: a language model with a value head, of which all or the top blocks are trained.
//! Knows how to sample, analyze and gather gradients; knows nothing of the loss or the optimizer.

use super::config::ModelConfig;
use super::episodes::{Analysis, Episodes};
use super::generate::{self, Sampling};
use super::head::{self, Head, Scratch};
use super::layout::{Layout, pick};
use super::tape::{self, Desk, Span, Tape};
use super::transformer::Transformer;
use super::weights::{Weights, read_tensors, write_tensors};
use anyhow::{Context, Result, bail};
use std::path::Path;
use tch::{Device, Kind, Tensor};

const VALUE_FILE: &str = "value_head.safetensors";

/// A language model with a value head.
#[derive(Debug)]
pub struct Policy {
    weights: Weights,
    model: Transformer,
    /// `[1, hidden]` and `[1]`.
    value: (Tensor, Tensor),
    /// Blocks below this one are frozen; 0 when everything is trained.
    frozen: i64,
    trainable: Vec<(String, Tensor)>,
    desk: Desk,
    scratch: Scratch,
}

/// One forward through trunk and head, whose backward may follow.
#[derive(Debug)]
pub struct Pass {
    /// Final hidden states before each response token. `[batch * response_len, hidden]`.
    hidden: Tensor,
    /// `[batch * response_len]` i64.
    labels: Tensor,
    /// `[batch, response_len]`.
    values: Tensor,
    scores: head::Scores,
    /// What the trained blocks made, as a leaf, when they were run by hand.
    trunk: Option<(Tensor, Tape)>,
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
        let policy = Self::from_weights(&config, weights, trainable_layers)?;
        let file = dir.join(VALUE_FILE);
        if file.exists() {
            policy
                .load_state(&read_tensors(&file)?)
                .with_context(|| format!("in {}", file.display()))?;
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
        let top = trainable_layers.map_or(config.layers, |n| n as i64);
        if top < 1 || top > config.layers {
            bail!(
                "trainable_layers is {top}, must be 1 to {} for this model\nhint: leave it out to train everything",
                config.layers
            );
        }
        let model = Transformer::new(config, &weights);
        let options = (head::math_kind(model.kind()), model.device());
        let value = (
            Tensor::zeros([1, config.hidden], options),
            Tensor::zeros([1], options),
        );
        let frozen = config.layers - top;
        let mut trainable = Vec::new();
        for (name, tensor) in weights.iter() {
            if is_trainable(config, frozen, name) {
                trainable.push((name.clone(), tensor.set_requires_grad(true)));
            }
        }
        trainable.push(("v_head.weight".to_owned(), value.0.set_requires_grad(true)));
        trainable.push(("v_head.bias".to_owned(), value.1.set_requires_grad(true)));
        Ok(Self {
            weights,
            model,
            value,
            frozen,
            trainable,
            desk: Desk::default(),
            scratch: Scratch::default(),
        })
    }

    /// A frozen copy that shares the storage of what this policy never trains.
    #[must_use]
    pub fn reference(&self) -> Self {
        let config = self.config();
        let weights = self
            .weights
            .copy_where(|name| is_trainable(config, self.frozen, name));
        Self {
            model: Transformer::new(config, &weights),
            weights,
            value: (self.value.0.detach().copy(), self.value.1.detach().copy()),
            frozen: self.frozen,
            trainable: Vec::new(),
            desk: Desk::default(),
            scratch: Scratch::default(),
        }
    }

    /// Shape of the model.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.model.config
    }

    /// Blocks below the ones that are trained.
    #[must_use]
    pub fn frozen_layers(&self) -> i64 {
        self.frozen
    }

    /// The trunk.
    #[must_use]
    pub fn model(&self) -> &Transformer {
        &self.model
    }

    /// Where the weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.model.device()
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
        let _guard = tch::no_grad_guard();
        for (name, tensor) in state {
            let (_, own) = self
                .trainable
                .iter()
                .find(|(n, _)| n == name)
                .with_context(|| format!("tensor `{name}` is not among the trained ones"))?;
            if own.size() != tensor.size() {
                bail!(
                    "tensor `{name}` has shape {:?}, the model has {:?}",
                    tensor.size(),
                    own.size()
                );
            }
            own.shallow_clone().copy_(tensor);
        }
        Ok(())
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
            &self.model,
            &contexts.to_device(self.device()),
            response_len,
            sampling,
            seed,
        )
    }

    /// Samples responses as [`Policy::respond`] and joins them to their contexts as
    /// [`Policy::episodes`]; where it can, it keeps what the frozen blocks made on the way.
    #[must_use]
    pub fn roll_out(
        &self,
        contexts: &Tensor,
        response_len: i64,
        sampling: &Sampling,
        seed: u64,
    ) -> Episodes {
        let contexts = contexts.to_device(self.device());
        let (responses, bottom) = generate::respond_keeping(
            &self.model,
            &contexts,
            response_len,
            sampling,
            seed,
            self.frozen,
        );
        if bottom.is_none() {
            return self.episodes(&contexts, &responses);
        }
        Episodes {
            tokens: Tensor::cat(&[&contexts, &responses], 1),
            context_len: contexts.size()[1],
            bottom,
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
        let bottom = (self.frozen > 0).then(|| {
            let _guard = tch::no_grad_guard();
            let layout = Layout::new(&tokens, self.config().vocab_size);
            let start = self.model.embed(&layout);
            let span = Span {
                blocks: 0..self.frozen,
                wanted: None,
            };
            tape::run(&self.model, &start, &layout, &span, None)
        });
        Episodes {
            tokens,
            context_len: contexts.size()[1],
            bottom,
        }
    }

    /// Scores responses without gradients.
    #[must_use]
    pub fn analyze(&self, episodes: &Episodes, temperature: f64) -> Analysis {
        let _guard = tch::no_grad_guard();
        let pass = self.forward(episodes, temperature, false);
        let shape = pass.values.size();
        Analysis {
            logprobs: pass.scores.logprobs.reshape(&shape),
            entropy: pass.scores.entropy.reshape(&shape),
            values: pass.values,
        }
    }

    /// As [`Policy::analyze`]; keeps what [`Policy::accumulate_kept`] needs, where that is possible.
    #[must_use]
    pub fn analyze_keeping(
        &self,
        episodes: &Episodes,
        temperature: f64,
    ) -> (Analysis, Option<Pass>) {
        if !tape::fits(&self.model) {
            return (self.analyze(episodes, temperature), None);
        }
        let pass = tch::with_grad(|| self.forward(episodes, temperature, true));
        let shape = pass.values.size();
        let analysis = Analysis {
            logprobs: pass.scores.logprobs.reshape(&shape),
            entropy: pass.scores.entropy.reshape(&shape),
            values: pass.values.detach(),
        };
        (analysis, Some(pass))
    }

    /// Scores responses, hands the scores to `loss` as leaves, and adds the gradients of the
    /// scalar that it returns to `.grad()` of [`Policy::trainable`]. Returns that scalar.
    pub fn accumulate(
        &self,
        episodes: &Episodes,
        temperature: f64,
        loss: &mut dyn FnMut(&Analysis) -> Tensor,
    ) -> Tensor {
        let pass = tch::with_grad(|| self.forward(episodes, temperature, true));
        self.accumulate_kept(pass, temperature, loss)
    }

    /// As [`Policy::accumulate`] with a forward pass that was made before, by these parameters and at
    /// this temperature.
    pub fn accumulate_kept(
        &self,
        mut pass: Pass,
        temperature: f64,
        loss: &mut dyn FnMut(&Analysis) -> Tensor,
    ) -> Tensor {
        tch::with_grad(|| {
            let shape = pass.values.size();
            let leaf = |t: &Tensor| t.detach().reshape(&shape).set_requires_grad(true);
            let analysis = Analysis {
                logprobs: leaf(&pass.scores.logprobs),
                values: leaf(&pass.values),
                entropy: leaf(&pass.scores.entropy),
            };
            let value = loss(&analysis);
            if value.requires_grad() {
                value.backward();
                self.backward(&pass, &analysis, temperature);
                if let Some((leaf, tape)) = pass.trunk.take() {
                    tape.backward(&self.model, leaf.grad(), &self.desk);
                }
            }
            value.detach()
        })
    }

    /// From the leaves' gradients to the parameters': the head by hand, the trunk by autograd of
    /// a scalar whose gradient is the one wanted.
    fn backward(&self, pass: &Pass, analysis: &Analysis, temperature: f64) {
        let gradient = |t: &Tensor| Some(t.grad()).filter(Tensor::defined);
        let flat = |t: Tensor| t.reshape([-1]);
        let (logprobs, entropy) = (gradient(&analysis.logprobs), gradient(&analysis.entropy));
        let mut scalars = Vec::new();
        if logprobs.is_some() || entropy.is_some() {
            let upstream = head::Upstream {
                logprobs: logprobs.map_or_else(|| pass.scores.logprobs.zeros_like(), flat),
                entropy: entropy.map(flat),
            };
            let head = self.head(temperature);
            let hidden = pass.hidden.detach();
            let learns = head.weight.requires_grad();
            let mut d_weight = learns.then(|| tape::gradient(head.weight));
            let (labels, scores) = (&pass.labels, &pass.scores);
            let d = head.backward(&hidden, labels, scores, &upstream, d_weight.as_mut());
            scalars.push((&pass.hidden * d).sum(math(&pass.hidden)));
        }
        if let Some(values) = gradient(&analysis.values) {
            scalars.push((&pass.values * values).sum(math(&pass.values)));
        }
        if let Some(total) = scalars.into_iter().reduce(|a, b| a + b) {
            total.backward();
        }
    }

    fn head(&self, temperature: f64) -> Head<'_> {
        Head {
            weight: self.model.head(),
            temperature,
            scratch: &self.scratch,
        }
    }

    /// `learn`: keep what the backward needs.
    fn forward(&self, episodes: &Episodes, temperature: f64, learn: bool) -> Pass {
        let layout = Layout::new(&episodes.tokens, self.config().vocab_size);
        let len = episodes.response_len();
        // The token at p is judged by the state before it, so what is wanted starts one early.
        let wanted = layout.sources(episodes.context_len - 1, len);
        let (x, trunk) = self.trunk(episodes, &layout, &wanted, learn);
        let hidden = self.model.finish(&x);
        let values = hidden
            .to_kind(self.value.0.kind())
            .linear(&self.value.0, Some(&self.value.1))
            .squeeze_dim(2);
        let hidden = hidden.reshape([-1, self.config().hidden]);
        let labels = layout
            .ids
            .narrow(1, episodes.context_len, len)
            .reshape([-1]);
        let scores = self.head(temperature).forward(&hidden, &labels);
        Pass {
            hidden,
            labels,
            values,
            scores,
            trunk,
        }
    }

    /// From tokens, or from what the frozen blocks made of them, to what the last block makes at the
    /// positions `wanted`, `[batch, count]` i64. Result `[batch, count, hidden]`.
    fn trunk(
        &self,
        episodes: &Episodes,
        layout: &Layout,
        wanted: &Tensor,
        learn: bool,
    ) -> (Tensor, Option<(Tensor, Tape)>) {
        let from = episodes.bottom.as_ref().map_or(0, |_| self.frozen);
        let span = Span {
            blocks: from..self.config().layers,
            wanted: Some(wanted),
        };
        let start = || match &episodes.bottom {
            Some(bottom) => bottom.shallow_clone(),
            None => self.model.embed(layout),
        };
        if !learn {
            let x = tape::run(&self.model, &start(), layout, &span, None);
            return (x, None);
        }
        if !tape::fits(&self.model) {
            let x = self.model.run(start(), layout, from, span.blocks.end, None);
            return (pick(&x, wanted), None);
        }
        let start = tch::no_grad(start);
        let (x, tape) = tape::forward(&self.model, &start, layout, &span, None, Some(&self.desk));
        let x = x.set_requires_grad(true);
        let trunk = tape.map(|tape| (x.shallow_clone(), tape));
        (x, trunk)
    }

    /// Writes a Hugging Face folder and `value_head.safetensors` beside the weights.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        self.weights.save(dir, self.config())?;
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

fn math(t: &Tensor) -> Kind {
    head::math_kind(t.kind())
}

/// With frozen blocks, only the blocks above them and the final norm are trained.
fn is_trainable(config: &ModelConfig, frozen: i64, name: &str) -> bool {
    if frozen == 0 {
        return true;
    }
    let tail = name.strip_prefix(config.root()).unwrap_or(name);
    tail.starts_with("ln_f.")
        || tail.starts_with("norm.")
        || (frozen..config.layers).any(|layer| name.starts_with(&config.block_prefix(layer)))
}
