//! Llama and Qwen2: rotary positions, gated feed-forward, grouped key-value heads.
//!
//! Names, sizes and settings only; the tensors themselves are read elsewhere.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Builder, Layout, Plan, Sizes};

/// The heads of one attention layer.
struct Heads {
    queries: usize,
    keys: usize,
    size: usize,
}

impl Builder<'_> {
    /// Plans `arch`, which is `llama` or `qwen2`.
    pub(super) fn rotary(mut self, arch: &'static str) -> Result<Plan> {
        let sizes = self.sizes(arch)?;
        let heads = self.heads(arch, &sizes)?;
        self.refuse_scaling(arch)?;
        let embedding = [sizes.width, sizes.vocab];
        self.add(
            "token_embd.weight".into(),
            "model.embed_tokens.weight".into(),
            &embedding,
            Layout::Plain,
        )?;
        for layer in 0..sizes.layers {
            self.rotary_block(arch, layer, &sizes, &heads)?;
        }
        let norm = [sizes.width];
        self.add(
            "output_norm.weight".into(),
            "model.norm.weight".into(),
            &norm,
            Layout::Plain,
        )?;
        let tied = self.add_output(&sizes)?;
        let config = self.rotary_config(arch, &sizes, &heads, tied)?;
        self.finish(arch, &sizes, config)
    }

    fn rotary_config(&self, arch: &str, sizes: &Sizes, heads: &Heads, tied: bool) -> Result<Value> {
        let epsilon = self.epsilon(&format!("{arch}.attention.layer_norm_rms_epsilon"))?;
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
            "num_attention_heads": heads.queries,
            "num_key_value_heads": heads.keys,
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
            config["head_dim"] = heads.size.into();
            config["attention_bias"] = false.into();
            config["mlp_bias"] = false.into();
        } else {
            config["use_sliding_window"] = false.into();
        }
        Ok(config)
    }

    fn heads(&self, arch: &str, sizes: &Sizes) -> Result<Heads> {
        let key = format!("{arch}.attention.head_count_kv");
        let keys = match self.file.uint(&key)? {
            Some(_) => self.positive(&key)?,
            None => sizes.heads,
        };
        let size = self.head_dim(arch, sizes, keys)?;
        Ok(Heads {
            queries: sizes.heads,
            keys,
            size,
        })
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
        heads: &Heads,
    ) -> Result<()> {
        let (width, inner) = (sizes.width, sizes.inner);
        let (q, kv) = (heads.queries * heads.size, heads.keys * heads.size);
        // llama.cpp rotates neighbours for llama (and so permutes), halves for qwen2 (and does not).
        let layout = |source: &str| match (arch, source) {
            ("llama", "attn_q.weight") => Layout::RopeRows {
                heads: heads.queries,
            },
            ("llama", "attn_k.weight") => Layout::RopeRows { heads: heads.keys },
            _ => Layout::Plain,
        };
        let matrices = [
            ("attn_norm.weight", "input_layernorm.weight", vec![width]),
            ("attn_q.weight", "self_attn.q_proj.weight", vec![width, q]),
            ("attn_k.weight", "self_attn.k_proj.weight", vec![width, kv]),
            ("attn_v.weight", "self_attn.v_proj.weight", vec![width, kv]),
            (
                "attn_output.weight",
                "self_attn.o_proj.weight",
                vec![q, width],
            ),
            (
                "ffn_norm.weight",
                "post_attention_layernorm.weight",
                vec![width],
            ),
            (
                "ffn_gate.weight",
                "mlp.gate_proj.weight",
                vec![width, inner],
            ),
            ("ffn_up.weight", "mlp.up_proj.weight", vec![width, inner]),
            (
                "ffn_down.weight",
                "mlp.down_proj.weight",
                vec![inner, width],
            ),
        ];
        let biases = [
            ("attn_q.bias", "self_attn.q_proj.bias", vec![q]),
            ("attn_k.bias", "self_attn.k_proj.bias", vec![kv]),
            ("attn_v.bias", "self_attn.v_proj.bias", vec![kv]),
        ];
        let biases = biases.into_iter().filter(|_| arch == "qwen2");
        for (source, target, dims) in matrices.into_iter().chain(biases) {
            let (from, to) = (
                format!("blk.{layer}.{source}"),
                format!("model.layers.{layer}.{target}"),
            );
            self.add(from, to, &dims, layout(source))?;
        }
        Ok(())
    }
}
