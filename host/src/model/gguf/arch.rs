//! What the supported architectures call their tensors and settings, in GGUF and in Hugging Face.
//!
//! Here is what they share; `rotary` and `gpt2` hold the rest. Decides and checks; reads no tensor bytes and writes nothing.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::reader::GgufFile;

mod gpt2;
mod rotary;

/// How the stored rows become the rows that `transformers` expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As they are.
    Plain,
    /// llama.cpp interleaves the two halves that rotary embedding pairs, head by head.
    RopeRows {
        /// Heads among the rows.
        heads: usize,
    },
    /// GPT-2 in `transformers` keeps its matrices as `[in, out]`.
    Transposed,
}

/// One tensor to write.
#[derive(Debug)]
pub(super) struct Planned {
    /// Its name in the GGUF file.
    pub(super) source: String,
    /// Its name in `model.safetensors`.
    pub(super) target: String,
    pub(super) layout: Layout,
}

/// Everything about a model but its weights.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) architecture: &'static str,
    pub(super) layers: usize,
    pub(super) vocab_size: usize,
    pub(super) config: Value,
    pub(super) tensors: Vec<Planned>,
}

/// What to do about a file without a tensor that its architecture has.
const LACKING: &str = "hint: the file holds no whole model of its architecture; fetch the model's GGUF file again, or one \
    that somebody else made";

/// Refuses files of the format that hold something else than a model.
fn check_whole_model(file: &GgufFile) -> Result<()> {
    let kind = file.text("general.type")?.unwrap_or("model");
    let lora = |name: &String| name.ends_with(".lora_a") || name.ends_with(".lora_b");
    if kind == "adapter" || file.tensors.keys().any(lora) {
        bail!(
            "it is an adapter alone (LoRA), which is no whole model\nhint: merge it into the model that it was made for, \
             which llama.cpp's tool does by `llama-export-lora -m MODEL.gguf --lora ADAPTER.gguf -o merged.gguf`, and \
             import that"
        );
    }
    if ["mmproj", "imatrix"].contains(&kind) {
        bail!(
            "it says that it holds `{kind}` (general.type), which is no language model\nhint: import the GGUF file of the \
             language model itself"
        );
    }
    if file.tensors.is_empty() {
        bail!(
            "it has no tensors: a vocabulary alone, or settings\nhint: import the GGUF file of the language model itself"
        );
    }
    Ok(())
}

/// Reads the settings, and checks that the file holds exactly the tensors they call for.
pub(super) fn plan(file: &GgufFile) -> Result<Plan> {
    check_whole_model(file)?;
    let name = file.text("general.architecture")?.context(
        "metadata general.architecture is missing\nhint: it says which model the file holds; fetch a file that llama.cpp's \
         converter wrote",
    )?;
    let builder = Builder {
        file,
        tensors: Vec::new(),
    };
    let plan = match name {
        "llama" => builder.rotary("llama")?,
        "qwen2" => builder.rotary("qwen2")?,
        "gpt2" => builder.gpt2()?,
        other => bail!("architecture {other:?} is not supported\nhint: llama, qwen2 and gpt2 are"),
    };
    for tensor in file.tensors.keys() {
        ensure!(
            plan.tensors.iter().any(|planned| &planned.source == tensor)
                || is_tied_copy(file, tensor, &plan),
            "tensor {tensor} is not part of a {name} model that can be imported"
        );
    }
    Ok(plan)
}

fn is_tied_copy(file: &GgufFile, tensor: &str, plan: &Plan) -> bool {
    tensor == "output.weight" && plan.config["tie_word_embeddings"] == true && tied(file)
}

/// Whether the output matrix is the embedding: absent, or stored twice.
fn tied(file: &GgufFile) -> bool {
    match (
        file.tensors.get("output.weight"),
        file.tensors.get("token_embd.weight"),
    ) {
        (Some(output), Some(input)) => {
            output.kind == input.kind && file.bytes(output) == file.bytes(input)
        }
        _ => true,
    }
}

/// Settings that every architecture has.
struct Sizes {
    layers: usize,
    width: usize,
    heads: usize,
    context: usize,
    inner: usize,
    vocab: usize,
}

struct Builder<'a> {
    file: &'a GgufFile,
    tensors: Vec<Planned>,
}

impl Builder<'_> {
    fn positive(&self, key: &str) -> Result<usize> {
        let value = self
            .file
            .uint(key)?
            .with_context(|| format!("metadata {key} is missing"))?;
        ensure!(
            (1..=1 << 24).contains(&value),
            "metadata {key}: {value} is not between 1 and 16777216"
        );
        Ok(value)
    }

    fn sizes(&self, arch: &str) -> Result<Sizes> {
        let embedding = self
            .file
            .tensors
            .get("token_embd.weight")
            .with_context(|| format!("tensor token_embd.weight is missing\n{LACKING}"))?;
        let sizes = Sizes {
            layers: self.positive(&format!("{arch}.block_count"))?,
            width: self.positive(&format!("{arch}.embedding_length"))?,
            heads: self.positive(&format!("{arch}.attention.head_count"))?,
            context: self.positive(&format!("{arch}.context_length"))?,
            inner: self.positive(&format!("{arch}.feed_forward_length"))?,
            vocab: *embedding
                .dims
                .get(1)
                .context("tensor token_embd.weight is not a matrix")?,
        };
        // Also keeps an absurd count from being looped over.
        ensure!(
            sizes.layers <= self.file.tensors.len(),
            "metadata {arch}.block_count: {} blocks, but the file has {} tensors",
            sizes.layers,
            self.file.tensors.len()
        );
        Ok(sizes)
    }

    /// Plans a tensor after checking its sizes, innermost first.
    fn add(
        &mut self,
        source: String,
        target: String,
        dims: &[usize],
        layout: Layout,
    ) -> Result<()> {
        let tensor = self
            .file
            .tensors
            .get(&source)
            .with_context(|| format!("tensor {source} is missing\n{LACKING}"))?;
        ensure!(
            tensor.dims == dims,
            "tensor {source}: sizes {:?} (innermost first), expected {dims:?}",
            tensor.dims
        );
        self.tensors.push(Planned {
            source,
            target,
            layout,
        });
        Ok(())
    }

    fn add_output(&mut self, sizes: &Sizes) -> Result<bool> {
        let tied = tied(self.file);
        if !tied {
            let dims = [sizes.width, sizes.vocab];
            self.add(
                "output.weight".into(),
                "lm_head.weight".into(),
                &dims,
                Layout::Plain,
            )?;
        }
        Ok(tied)
    }

    fn special(&self, config: &mut Value, vocab: usize) -> Result<()> {
        for (key, field) in [
            ("bos", "bos_token_id"),
            ("eos", "eos_token_id"),
            ("padding", "pad_token_id"),
        ] {
            let key = format!("tokenizer.ggml.{key}_token_id");
            if let Some(id) = self.file.uint(&key)? {
                ensure!(
                    id < vocab,
                    "metadata {key}: {id} is outside the vocabulary of {vocab}"
                );
                config[field] = id.into();
            }
        }
        Ok(())
    }

    fn epsilon(&self, key: &str) -> Result<f64> {
        self.file
            .float(key)?
            .with_context(|| format!("metadata {key} is missing"))
    }

    fn finish(self, architecture: &'static str, sizes: &Sizes, mut config: Value) -> Result<Plan> {
        self.special(&mut config, sizes.vocab)?;
        Ok(Plan {
            architecture,
            layers: sizes.layers,
            vocab_size: sizes.vocab,
            config,
            tensors: self.tensors,
        })
    }
}
