//! GPT-2: learned positions, biases everywhere, matrices kept as `[in, out]`.
//!
//! Names, sizes and settings only; the tensors themselves are read elsewhere.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Builder, Layout, Plan, Sizes};

impl Builder<'_> {
    /// Plans `gpt2`.
    pub(super) fn gpt2(mut self) -> Result<Plan> {
        let sizes = self.sizes("gpt2")?;
        let width = sizes.width;
        ensure!(
            width.is_multiple_of(sizes.heads),
            "width {width} does not divide into {} heads",
            sizes.heads
        );
        let embedding = [width, sizes.vocab];
        self.add(
            "token_embd.weight".into(),
            "transformer.wte.weight".into(),
            &embedding,
            Layout::Plain,
        )?;
        let positions = [width, sizes.context];
        self.add(
            "position_embd.weight".into(),
            "transformer.wpe.weight".into(),
            &positions,
            Layout::Plain,
        )?;
        for layer in 0..sizes.layers {
            self.gpt2_block(layer, &sizes)?;
        }
        self.add_pair("output_norm", "transformer.ln_f", &[width])?;
        let tied = self.add_output(&sizes)?;
        let epsilon = self.epsilon("gpt2.attention.layer_norm_epsilon")?;
        let config = json!({
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": sizes.vocab,
            "n_embd": width,
            "n_inner": sizes.inner,
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

    fn gpt2_block(&mut self, layer: usize, sizes: &Sizes) -> Result<()> {
        let (width, inner) = (sizes.width, sizes.inner);
        for (source, target, dims) in [
            ("attn_norm", "ln_1", vec![width]),
            ("attn_qkv", "attn.c_attn", vec![width, 3 * width]),
            ("attn_output", "attn.c_proj", vec![width, width]),
            ("ffn_norm", "ln_2", vec![width]),
            ("ffn_up", "mlp.c_fc", vec![width, inner]),
            ("ffn_down", "mlp.c_proj", vec![inner, width]),
        ] {
            self.add_pair(
                &format!("blk.{layer}.{source}"),
                &format!("transformer.h.{layer}.{target}"),
                &dims,
            )?;
        }
        Ok(())
    }

    /// A weight, transposed if it is a matrix, and its bias.
    fn add_pair(&mut self, source: &str, target: &str, dims: &[usize]) -> Result<()> {
        let layout = if dims.len() == 2 {
            Layout::Transposed
        } else {
            Layout::Plain
        };
        self.add(
            format!("{source}.weight"),
            format!("{target}.weight"),
            dims,
            layout,
        )?;
        let outputs = &dims[dims.len() - 1..];
        self.add(
            format!("{source}.bias"),
            format!("{target}.bias"),
            outputs,
            Layout::Plain,
        )
    }
}
