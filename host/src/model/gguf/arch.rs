//! What the supported architectures call their tensors and settings, in GGUF and in Hugging Face.
//!
//! Decides and checks; reads no tensor bytes and writes nothing.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::reader::GgufFile;

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

/// Reads the settings, and checks that the file holds exactly the tensors they call for.
pub(super) fn plan(file: &GgufFile) -> Result<Plan> {
    let name = file
        .text("general.architecture")?
        .context("metadata general.architecture is missing")?;
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
            .context("tensor token_embd.weight is missing")?;
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
            .with_context(|| format!("tensor {source} is missing"))?;
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

    fn rotary(mut self, arch: &'static str) -> Result<Plan> {
        let sizes = self.sizes(arch)?;
        let kv_heads = match self.file.uint(&format!("{arch}.attention.head_count_kv"))? {
            Some(_) => self.positive(&format!("{arch}.attention.head_count_kv"))?,
            None => sizes.heads,
        };
        let head_dim = self.head_dim(arch, &sizes, kv_heads)?;
        self.refuse_scaling(arch)?;
        self.add(
            "token_embd.weight".into(),
            "model.embed_tokens.weight".into(),
            &[sizes.width, sizes.vocab],
            Layout::Plain,
        )?;
        for layer in 0..sizes.layers {
            self.rotary_block(arch, layer, &sizes, kv_heads, head_dim)?;
        }
        self.add(
            "output_norm.weight".into(),
            "model.norm.weight".into(),
            &[sizes.width],
            Layout::Plain,
        )?;
        let tied = self.add_output(&sizes)?;
        let key = format!("{arch}.attention.layer_norm_rms_epsilon");
        let epsilon = self
            .file
            .float(&key)?
            .with_context(|| format!("metadata {key} is missing"))?;
        let theta = self
            .file
            .float(&format!("{arch}.rope.freq_base"))?
            .unwrap_or(10_000.0);
        let mut config = json!({
            "architectures": [if arch == "llama" { "LlamaForCausalLM" } else { "Qwen2ForCausalLM" }],
            "model_type": arch,
            "vocab_size": sizes.vocab,
            "hidden_size": sizes.width,
            "intermediate_size": sizes.inner,
            "num_hidden_layers": sizes.layers,
            "num_attention_heads": sizes.heads,
            "num_key_value_heads": kv_heads,
            "hidden_act": "silu",
            "max_position_embeddings": sizes.context,
            "rms_norm_eps": epsilon,
            "rope_theta": theta,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "tie_word_embeddings": tied,
            "use_cache": true
        });
        if arch == "llama" {
            config["head_dim"] = head_dim.into();
            config["attention_bias"] = false.into();
            config["mlp_bias"] = false.into();
        } else {
            config["use_sliding_window"] = false.into();
        }
        self.finish(arch, &sizes, config)
    }

    fn head_dim(&self, arch: &str, sizes: &Sizes, kv_heads: usize) -> Result<usize> {
        let (heads, width) = (sizes.heads, sizes.width);
        let head_dim = match self.file.uint(&format!("{arch}.attention.key_length"))? {
            Some(dim) => dim,
            None => width / heads,
        };
        // Qwen2 in `transformers` has no head size of its own.
        ensure!(
            head_dim > 0 && head_dim <= width && (width == heads * head_dim || arch == "llama"),
            "width {width} does not divide into {heads} heads of {head_dim}"
        );
        ensure!(
            head_dim.is_multiple_of(2),
            "head size {head_dim} is odd, rotary embedding needs pairs"
        );
        ensure!(
            heads.is_multiple_of(kv_heads),
            "{heads} heads do not divide into {kv_heads} key-value heads"
        );
        if let Some(rotated) = self.file.uint(&format!("{arch}.rope.dimension_count"))? {
            ensure!(
                rotated == head_dim,
                "metadata {arch}.rope.dimension_count: {rotated}, only the head size {head_dim} is supported"
            );
        }
        Ok(head_dim)
    }

    /// Scaled rotary embedding would load and then be silently wrong.
    fn refuse_scaling(&self, arch: &str) -> Result<()> {
        let key = format!("{arch}.rope.scaling.type");
        if let Some(kind) = self.file.text(&key)? {
            ensure!(
                kind == "none",
                "metadata {key}: {kind:?} is not supported, only \"none\""
            );
        }
        ensure!(
            !self.file.tensors.contains_key("rope_freqs.weight"),
            "tensor rope_freqs.weight: scaled rotary embedding is not supported"
        );
        Ok(())
    }

    fn rotary_block(
        &mut self,
        arch: &str,
        layer: usize,
        sizes: &Sizes,
        kv_heads: usize,
        head_dim: usize,
    ) -> Result<()> {
        let (width, inner) = (sizes.width, sizes.inner);
        let (q, kv) = (sizes.heads * head_dim, kv_heads * head_dim);
        // llama.cpp rotates neighbours for llama (and so permutes), halves for qwen2 (and does not).
        let (q_rows, k_rows) = match arch {
            "llama" => (
                Layout::RopeRows { heads: sizes.heads },
                Layout::RopeRows { heads: kv_heads },
            ),
            _ => (Layout::Plain, Layout::Plain),
        };
        let matrices = [
            (
                "attn_norm.weight",
                "input_layernorm.weight",
                vec![width],
                Layout::Plain,
            ),
            (
                "attn_q.weight",
                "self_attn.q_proj.weight",
                vec![width, q],
                q_rows,
            ),
            (
                "attn_k.weight",
                "self_attn.k_proj.weight",
                vec![width, kv],
                k_rows,
            ),
            (
                "attn_v.weight",
                "self_attn.v_proj.weight",
                vec![width, kv],
                Layout::Plain,
            ),
            (
                "attn_output.weight",
                "self_attn.o_proj.weight",
                vec![q, width],
                Layout::Plain,
            ),
            (
                "ffn_norm.weight",
                "post_attention_layernorm.weight",
                vec![width],
                Layout::Plain,
            ),
            (
                "ffn_gate.weight",
                "mlp.gate_proj.weight",
                vec![width, inner],
                Layout::Plain,
            ),
            (
                "ffn_up.weight",
                "mlp.up_proj.weight",
                vec![width, inner],
                Layout::Plain,
            ),
            (
                "ffn_down.weight",
                "mlp.down_proj.weight",
                vec![inner, width],
                Layout::Plain,
            ),
        ];
        let biases = [
            (
                "attn_q.bias",
                "self_attn.q_proj.bias",
                vec![q],
                Layout::Plain,
            ),
            (
                "attn_k.bias",
                "self_attn.k_proj.bias",
                vec![kv],
                Layout::Plain,
            ),
            (
                "attn_v.bias",
                "self_attn.v_proj.bias",
                vec![kv],
                Layout::Plain,
            ),
        ];
        let biases = biases.into_iter().filter(|_| arch == "qwen2");
        for (source, target, dims, layout) in matrices.into_iter().chain(biases) {
            self.add(
                format!("blk.{layer}.{source}"),
                format!("model.layers.{layer}.{target}"),
                &dims,
                layout,
            )?;
        }
        Ok(())
    }

    fn gpt2(mut self) -> Result<Plan> {
        let sizes = self.sizes("gpt2")?;
        let (width, inner) = (sizes.width, sizes.inner);
        ensure!(
            width.is_multiple_of(sizes.heads),
            "width {width} does not divide into {} heads",
            sizes.heads
        );
        self.add(
            "token_embd.weight".into(),
            "transformer.wte.weight".into(),
            &[width, sizes.vocab],
            Layout::Plain,
        )?;
        self.add(
            "position_embd.weight".into(),
            "transformer.wpe.weight".into(),
            &[width, sizes.context],
            Layout::Plain,
        )?;
        for layer in 0..sizes.layers {
            for (source, target, dims) in [
                ("attn_norm", "ln_1", vec![width]),
                ("attn_qkv", "attn.c_attn", vec![width, 3 * width]),
                ("attn_output", "attn.c_proj", vec![width, width]),
                ("ffn_norm", "ln_2", vec![width]),
                ("ffn_up", "mlp.c_fc", vec![width, inner]),
                ("ffn_down", "mlp.c_proj", vec![inner, width]),
            ] {
                let layout = if dims.len() == 2 {
                    Layout::Transposed
                } else {
                    Layout::Plain
                };
                let (source, target) = (
                    format!("blk.{layer}.{source}"),
                    format!("transformer.h.{layer}.{target}"),
                );
                self.add(
                    format!("{source}.weight"),
                    format!("{target}.weight"),
                    &dims,
                    layout,
                )?;
                self.add(
                    format!("{source}.bias"),
                    format!("{target}.bias"),
                    &dims[dims.len() - 1..],
                    Layout::Plain,
                )?;
            }
        }
        for part in ["weight", "bias"] {
            self.add(
                format!("output_norm.{part}"),
                format!("transformer.ln_f.{part}"),
                &[width],
                Layout::Plain,
            )?;
        }
        let tied = self.add_output(&sizes)?;
        let key = "gpt2.attention.layer_norm_epsilon";
        let epsilon = self
            .file
            .float(key)?
            .with_context(|| format!("metadata {key} is missing"))?;
        let config = json!({
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": sizes.vocab,
            "n_embd": width,
            "n_inner": inner,
            "n_layer": sizes.layers,
            "n_head": sizes.heads,
            "n_positions": sizes.context,
            "n_ctx": sizes.context,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": epsilon,
            "initializer_range": 0.02,
            "tie_word_embeddings": tied,
            "use_cache": true
        });
        self.finish("gpt2", &sizes, config)
    }
}
