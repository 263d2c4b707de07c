//! Named tensors of a model: read from and written to Hugging Face folders, or drawn at random.
//! Knows names, shapes and files; knows nothing of how the tensors are used.

use super::config::{Family, ModelConfig};
use super::memory::together;
use super::names;
use super::sampling::gaussian;
use crate::disk::{replace, replace_by};
use anyhow::{Context, Result, bail};
use safetensors::tensor::{Dtype, View, serialize_to_file};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

pub use super::files::{read_folder, read_tensors};

/// The parameters of a model, in the order of [`ModelConfig::parameters`].
#[derive(Debug)]
pub struct Weights {
    tensors: Vec<(String, Tensor)>,
    index: HashMap<String, usize>,
    notes: Vec<String>,
}

impl Weights {
    /// Checks `found` against what `config` asks for and brings it to `device` and `kind`.
    ///
    /// # Errors
    /// A tensor is missing, has another shape or type, is not finite, or is not known; the message names it.
    pub fn from_tensors(
        config: &ModelConfig,
        found: Vec<(String, Tensor)>,
        device: Device,
        kind: Kind,
    ) -> Result<Self> {
        let found = names::find(config, found)?;
        let mut tensors = Vec::with_capacity(found.tensors.len());
        for (name, tensor) in found.tensors {
            names::check_values(&name, &tensor)?;
            let tensor = tensor.to_device(device).to_kind(kind).contiguous();
            tensors.push((name, tensor));
        }
        Ok(Self {
            notes: found.notes,
            ..Self::indexed(together(tensors))
        })
    }

    /// The configuration of these weights: that which they were read by, with the head for words as they have it.
    #[must_use]
    pub fn described(&self, config: &ModelConfig) -> ModelConfig {
        ModelConfig {
            tied: self.find(names::WORD_HEAD).is_none(),
            ..config.clone()
        }
    }

    /// What a person should know of how they were read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn indexed(tensors: Vec<(String, Tensor)>) -> Self {
        let index = tensors
            .iter()
            .enumerate()
            .map(|(i, (n, _))| (n.clone(), i))
            .collect();
        Self {
            tensors,
            index,
            notes: Vec::new(),
        }
    }

    /// Reads `model.safetensors`, or all shards of `model.safetensors.index.json`.
    ///
    /// # Errors
    /// A file cannot be read, or a tensor is missing, unexpected or of another shape.
    pub fn load(dir: &Path, config: &ModelConfig, device: Device, kind: Kind) -> Result<Self> {
        let found = read_folder(dir)?;
        Self::from_folder(dir, config, found, device, kind)
    }

    /// [`Weights::from_tensors`] of what was found in a folder, which messages and notes name.
    ///
    /// # Errors
    /// As there.
    pub(super) fn from_folder(
        dir: &Path,
        config: &ModelConfig,
        found: Vec<(String, Tensor)>,
        device: Device,
        kind: Kind,
    ) -> Result<Self> {
        let weights = Self::from_tensors(config, found, device, kind);
        let weights = weights.with_context(|| format!("in the weights of `{}`", dir.display()))?;
        let notes = weights.notes.iter();
        let notes = notes.map(|note| format!("model `{}`: {note}", dir.display()));
        Ok(Self {
            notes: notes.collect(),
            ..weights
        })
    }

    /// Draws all parameters as GPT-2's initialisation does; the same seed gives the same bits.
    #[must_use]
    pub fn random(config: &ModelConfig, seed: u64, device: Device, kind: Kind) -> Self {
        let depth = (config.layers as f64).sqrt();
        let draw = |(number, (name, shape)): (usize, (String, Vec<i64>))| {
            let vector = shape.len() == 1;
            let fan_in = if config.family == Family::Gpt2 {
                shape[0]
            } else {
                shape[shape.len() - 1]
            };
            let sigma = match name.as_str() {
                n if n.ends_with("wpe.weight") => 0.01,
                n if n.ends_with("wte.weight")
                    || n.contains("embed_tokens")
                    || n.starts_with("lm_head") =>
                {
                    0.02
                }
                n if n.contains("c_proj") || n.contains("o_proj") || n.contains("down_proj") => {
                    1.0 / (fan_in as f64).sqrt() / depth
                }
                _ => 1.0 / (fan_in as f64).sqrt(),
            };
            let tensor = if vector {
                Tensor::full(
                    &shape,
                    if name.ends_with("bias") { 0.0 } else { 1.0 },
                    (Kind::Double, Device::Cpu),
                )
            } else {
                let count = shape.iter().product::<i64>() as u64;
                let values: Vec<f64> = (0..count)
                    .map(|k| sigma * gaussian(seed, number as u64, k))
                    .collect();
                Tensor::from_slice(&values).reshape(&shape)
            };
            (name, tensor.to_device(device).to_kind(kind))
        };
        Self::indexed(
            config
                .parameters()
                .into_iter()
                .enumerate()
                .map(draw)
                .collect(),
        )
    }

    /// The tensor under a name of [`ModelConfig::parameters`] (shared storage).
    pub fn get(&self, name: &str) -> Tensor {
        self.find(name)
            .expect("names come from the same configuration")
    }

    /// The tensor under a name, if the model has it (shared storage).
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Tensor> {
        self.index
            .get(name)
            .map(|i| self.tensors[*i].1.shallow_clone())
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = &(String, Tensor)> {
        self.tensors.iter()
    }

    /// The same weights, with those that `copied` names in storage of their own and the rest shared.
    #[must_use]
    pub fn copy_where(&self, copied: impl Fn(&str) -> bool) -> Self {
        let alike = self.tensors.iter().map(|(n, t)| (n.clone(), t.detach()));
        let (own, shared): (Vec<_>, Vec<_>) = alike.partition(|(name, _)| copied(name));
        let mut all: HashMap<String, Tensor> = shared.into_iter().collect();
        all.extend(together(own));
        let in_order = self.tensors.iter().map(|(name, _)| {
            let tensor = all.remove(name).expect("either shared or copied");
            (name.clone(), tensor)
        });
        Self::indexed(in_order.collect())
    }

    /// Writes `config.json` and `model.safetensors`, each beside and then renamed.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, dir: &Path, config: &ModelConfig) -> Result<()> {
        let dtype = dtype(self.tensors[0].1.kind());
        write_config(dir, &config.to_json(dtype))?;
        write_tensors(&dir.join("model.safetensors"), &self.tensors)
    }
}

/// What `config.json` calls a type of numbers.
pub fn dtype(kind: Kind) -> &'static str {
    match kind {
        Kind::BFloat16 => "bfloat16",
        Kind::Half => "float16",
        Kind::Double => "float64",
        _ => "float32",
    }
}

/// Writes `config.json` into `dir`, which is made, beside and then renamed.
///
/// # Errors
/// It cannot be written.
pub fn write_config(dir: &Path, json: &serde_json::Value) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let text = serde_json::to_string_pretty(json)?;
    replace(&dir.join("config.json"), text.as_bytes())
}

/// Copies tensors into those of `targets` with the same names.
///
/// # Errors
/// A name is not there or a shape differs.
pub fn copy_named(state: &[(String, Tensor)], targets: &[(String, Tensor)]) -> Result<()> {
    let _guard = tch::no_grad_guard();
    for (name, tensor) in state {
        let found = targets.iter().find(|(n, _)| n == name);
        let (_, own) =
            found.with_context(|| format!("tensor `{name}` is not among the trained ones"))?;
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

/// A tensor as safetensors wants to see it.
struct Stored {
    tensor: Tensor,
    shape: Vec<usize>,
    dtype: Dtype,
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; self.data_len()];
        let tensor = self.tensor.detach().to_device(Device::Cpu).contiguous();
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * self.tensor.kind().elt_size_in_bytes()
    }
}

/// Writes a safetensors file beside `path`, then renames it.
///
/// # Errors
/// The file cannot be written, or a tensor's type has no name there.
pub fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    let mut views = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let dtype = match tensor.kind() {
            Kind::Double => Dtype::F64,
            Kind::Float => Dtype::F32,
            Kind::Half => Dtype::F16,
            Kind::BFloat16 => Dtype::BF16,
            Kind::Int64 => Dtype::I64,
            other => bail!("tensor `{name}` has type {other:?}, which is not written"),
        };
        let shape = tensor.size().iter().map(|d| *d as usize).collect();
        views.push((
            name,
            Stored {
                tensor: tensor.shallow_clone(),
                shape,
                dtype,
            },
        ));
    }
    // Older readers refuse a file that does not say which framework's layout it has.
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let size = views.iter().map(|(_, view)| view.data_len() as u64).sum();
    replace_by(path, size, |beside| {
        Ok(serialize_to_file(views, Some(about), beside)?)
    })
}
