//! The shape of a model, read from and written to Hugging Face's `config.json`.
//! Knows which families there are and which parameters each has; holds no tensors.

use super::files::{lacks, read_json};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The architectures that the forward pass covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Learned positions, layer norm, tanh-gelu, biases everywhere, `[in, out]` weights.
    Gpt2,
    /// Rotary positions, RMS norm, SwiGLU, grouped key/value heads.
    Llama,
    /// Llama with biases on the query, key and value projections.
    Qwen2,
}

/// Llama 3's stretching of the slow rotary frequencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Llama3Scaling {
    /// Divisor of the slowest frequencies.
    pub factor: f64,
    /// Wavelengths above `original_positions / low` are divided by `factor`.
    pub low: f64,
    /// Wavelengths below `original_positions / high` are kept.
    pub high: f64,
    /// Context length of the original training.
    pub original_positions: f64,
}

/// Everything about a model but its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Architecture.
    pub family: Family,
    /// Rows of the embedding.
    pub vocab_size: i64,
    /// Width of the residual stream.
    pub hidden: i64,
    /// Number of blocks.
    pub layers: i64,
    /// Query heads.
    pub heads: i64,
    /// Key/value heads; divides `heads`.
    pub kv_heads: i64,
    /// Width of one head.
    pub head_dim: i64,
    /// Width inside the MLP.
    pub mlp: i64,
    /// Longest sequence.
    pub max_positions: i64,
    /// Epsilon of the norms.
    pub norm_eps: f64,
    /// Base of the rotary frequencies (unused by GPT-2).
    pub rope_theta: f64,
    /// Stretching of the rotary frequencies, if any.
    pub rope_scaling: Option<Llama3Scaling>,
    /// Whether the language-model head is the embedding.
    pub tied: bool,
    /// Biases on query, key and value projections (Qwen2; some Llamas).
    pub qkv_bias: bool,
    /// Bias on the attention's output projection (some Llamas).
    pub out_bias: bool,
    /// Begin- and end-of-text ids, kept so that a saved folder has them.
    pub special: Vec<(String, Value)>,
    /// The id that stands for "no token here": `vocab_size + 2`, outside the vocabulary, so
    /// that it can never be sampled.
    pub pad_id: i64,
}

const SPECIAL: [&str; 3] = ["bos_token_id", "eos_token_id", "pad_token_id"];

/// Typed reads with errors that name the key.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn present(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|v| !v.is_null())
    }

    fn int(&self, key: &str, default: Option<i64>) -> Result<i64> {
        let value = match (self.present(key), default) {
            (Some(v), _) => v
                .as_i64()
                .with_context(|| format!("config.json: `{key}` is {v}, not a whole number"))?,
            (None, Some(d)) => d,
            (None, None) => bail!("config.json: `{key}` is missing"),
        };
        if value <= 0 {
            bail!("config.json: `{key}` is {value}, must be above 0");
        }
        let most = largest(key);
        if value > most {
            bail!("config.json: `{key}` is {value}, must be at most {most}");
        }
        Ok(value)
    }

    fn positive(&self, key: &str, default: f64) -> Result<f64> {
        let value = self.float(key, default)?;
        if !(value > 0.0 && value.is_finite()) {
            bail!("config.json: `{key}` is {value}, must be a number above 0");
        }
        Ok(value)
    }

    fn float(&self, key: &str, default: f64) -> Result<f64> {
        match self.present(key) {
            Some(v) => v
                .as_f64()
                .with_context(|| format!("config.json: `{key}` is {v}, not a number")),
            None => Ok(default),
        }
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.present(key) {
            Some(v) => v
                .as_bool()
                .with_context(|| format!("config.json: `{key}` is {v}, not true or false")),
            None => Ok(default),
        }
    }

    /// Refuses values under which the forward pass here would compute something else.
    fn only(&self, key: &str, allowed: &[Value]) -> Result<()> {
        match self.present(key) {
            Some(v) if !allowed.contains(v) => bail!(
                "config.json: `{key}` is {v}, supported: {}",
                Value::from(allowed.to_vec())
            ),
            _ => Ok(()),
        }
    }
}

/// What no model exceeds: larger numbers are mistakes, and would only be found when memory ends.
fn largest(key: &str) -> i64 {
    match key {
        "n_layer" | "num_hidden_layers" => 10_000,
        "vocab_size" => 1 << 26,
        "n_positions" | "max_position_embeddings" | "original_max_position_embeddings" => 1 << 31,
        _ => 1 << 20,
    }
}

impl ModelConfig {
    /// Reads `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// The file cannot be read, lacks a key, or asks for what is not supported.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        if !path.is_file() {
            bail!(lacks(dir, "config.json"));
        }
        let value = read_json(&path)?;
        Self::from_json(&value).map_err(|error| {
            let has_own = error.to_string().contains("\nhint: ");
            let about = format!("in `{}`", path.display());
            match has_own {
                true => error.context(about),
                false => error.context(format!(
                    "{about}\nhint: use the config.json that came with the weights"
                )),
            }
        })
    }

    /// Parses the content of a `config.json`.
    ///
    /// # Errors
    /// A key is missing or has an unsupported value; the message names it.
    pub fn from_json(value: &Value) -> Result<Self> {
        let map = value.as_object().context("config.json is not an object")?;
        let fields = Fields(map);
        if let Some(how) = fields.present("quantization_config") {
            let method = how.get("quant_method").and_then(Value::as_str);
            bail!(
                "config.json: the weights are quantized (`quantization_config`, {})\nhint: use the model as it was \
                 before, in f32, f16 or bf16",
                method.unwrap_or("by an unknown method")
            );
        }
        let config = match map.get("model_type").and_then(Value::as_str) {
            Some("gpt2") => Self::gpt2(&fields)?,
            Some("llama") => Self::rotary(&fields, Family::Llama)?,
            Some("qwen2") => Self::rotary(&fields, Family::Qwen2)?,
            Some(other) => bail!(
                "config.json: model_type `{other}` is not supported\nhint: supported are gpt2, llama and qwen2"
            ),
            None => bail!(
                "config.json has no `model_type`\nhint: use the config.json that came with the weights; supported are \
                 gpt2, llama and qwen2"
            ),
        };
        if config.heads % config.kv_heads != 0 {
            bail!(
                "config.json: {} key/value heads do not divide {} heads",
                config.kv_heads,
                config.heads
            );
        }
        Ok(config)
    }

    fn gpt2(f: &Fields) -> Result<Self> {
        f.only("activation_function", &[json!("gelu_new")])?;
        f.only("scale_attn_weights", &[json!(true)])?;
        f.only("scale_attn_by_inverse_layer_idx", &[json!(false)])?;
        f.only("add_cross_attention", &[json!(false)])?;
        let (hidden, heads) = (f.int("n_embd", None)?, f.int("n_head", None)?);
        if hidden % heads != 0 {
            bail!("config.json: n_head {heads} does not divide n_embd {hidden}");
        }
        let vocab_size = f.int("vocab_size", None)?;
        Ok(Self {
            family: Family::Gpt2,
            vocab_size,
            hidden,
            layers: f.int("n_layer", None)?,
            heads,
            kv_heads: heads,
            head_dim: hidden / heads,
            mlp: f.int("n_inner", Some(4 * hidden))?,
            max_positions: f.int("n_positions", Some(1024))?,
            norm_eps: f.positive("layer_norm_epsilon", 1e-5)?,
            rope_theta: 0.0,
            rope_scaling: None,
            tied: f.flag("tie_word_embeddings", true)?,
            qkv_bias: true,
            out_bias: true,
            special: special(f),
            pad_id: vocab_size + 2,
        })
    }

    fn rotary(f: &Fields, family: Family) -> Result<Self> {
        f.only("hidden_act", &[json!("silu")])?;
        f.only("mlp_bias", &[json!(false)])?;
        f.only("use_sliding_window", &[json!(false)])?;
        if let Some(types) = f.present("layer_types").and_then(Value::as_array)
            && let Some(other) = types.iter().find(|t| **t != json!("full_attention"))
        {
            bail!("config.json: layer type {other} is not supported, only \"full_attention\"");
        }
        let (hidden, heads) = (
            f.int("hidden_size", None)?,
            f.int("num_attention_heads", None)?,
        );
        let vocab_size = f.int("vocab_size", None)?;
        let bias = f.flag("attention_bias", false)?;
        let (rope_theta, rope_scaling) = rope(f)?;
        Ok(Self {
            family,
            vocab_size,
            hidden,
            layers: f.int("num_hidden_layers", None)?,
            heads,
            kv_heads: f.int("num_key_value_heads", Some(heads))?,
            head_dim: f.int("head_dim", Some(hidden / heads))?,
            mlp: f.int("intermediate_size", None)?,
            max_positions: f.int("max_position_embeddings", Some(2048))?,
            norm_eps: f.positive("rms_norm_eps", 1e-6)?,
            rope_theta,
            rope_scaling,
            tied: f.flag("tie_word_embeddings", false)?,
            qkv_bias: bias || family == Family::Qwen2,
            out_bias: bias && family == Family::Llama,
            special: special(f),
            pad_id: vocab_size + 2,
        })
    }

    /// The id of a special token by its key; the first, where there are several.
    #[must_use]
    pub fn special_id(&self, key: &str) -> Option<i64> {
        let (_, value) = self.special.iter().find(|(known, _)| known == key)?;
        value.as_i64().or_else(|| value.get(0)?.as_i64())
    }

    /// The content of a `config.json` that `transformers` loads as a causal language model.
    #[must_use]
    pub fn to_json(&self, dtype: &str) -> Value {
        let mut out = match self.family {
            Family::Gpt2 => json!({
                "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
                "n_embd": self.hidden, "n_head": self.heads, "n_layer": self.layers,
                "n_inner": self.mlp, "n_positions": self.max_positions, "n_ctx": self.max_positions,
                "layer_norm_epsilon": self.norm_eps, "activation_function": "gelu_new",
            }),
            Family::Llama | Family::Qwen2 => self.rotary_json(),
        };
        out["vocab_size"] = json!(self.vocab_size);
        out["tie_word_embeddings"] = json!(self.tied);
        out["torch_dtype"] = json!(dtype);
        for (key, value) in &self.special {
            out[key] = value.clone();
        }
        out
    }

    fn rotary_json(&self) -> Value {
        let (kind, class) = match self.family {
            Family::Qwen2 => ("qwen2", "Qwen2ForCausalLM"),
            _ => ("llama", "LlamaForCausalLM"),
        };
        let mut out = json!({
            "model_type": kind, "architectures": [class],
            "hidden_size": self.hidden, "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads, "head_dim": self.head_dim,
            "num_hidden_layers": self.layers, "intermediate_size": self.mlp,
            "max_position_embeddings": self.max_positions, "rms_norm_eps": self.norm_eps,
            "hidden_act": "silu", "rope_theta": self.rope_theta,
        });
        if self.family == Family::Llama {
            out["attention_bias"] = json!(self.qkv_bias);
        }
        if let Some(s) = self.rope_scaling {
            out["rope_scaling"] = json!({
                "rope_type": "llama3", "factor": s.factor, "low_freq_factor": s.low,
                "high_freq_factor": s.high,
                "original_max_position_embeddings": s.original_positions as i64,
            });
        }
        out
    }

    /// Names and shapes of all parameters under Hugging Face's names, in a fixed order.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Vec<i64>)> {
        let mut out = Vec::new();
        let gpt2 = self.family == Family::Gpt2;
        let root = self.root();
        out.push((self.embedding(), vec![self.vocab_size, self.hidden]));
        if gpt2 {
            out.push((
                format!("{root}wpe.weight"),
                vec![self.max_positions, self.hidden],
            ));
        }
        for layer in 0..self.layers {
            let prefix = self.block_prefix(layer);
            let block = if gpt2 {
                self.gpt2_block()
            } else {
                self.rotary_block()
            };
            out.extend(
                block
                    .into_iter()
                    .map(|(name, shape)| (format!("{prefix}{name}"), shape)),
            );
        }
        if gpt2 {
            out.push((format!("{root}ln_f.weight"), vec![self.hidden]));
            out.push((format!("{root}ln_f.bias"), vec![self.hidden]));
        } else {
            out.push((format!("{root}norm.weight"), vec![self.hidden]));
        }
        if !self.tied {
            out.push(("lm_head.weight".into(), vec![self.vocab_size, self.hidden]));
        }
        out
    }

    /// Name of the embedding.
    #[must_use]
    pub fn embedding(&self) -> String {
        let name = match self.family {
            Family::Gpt2 => "wte",
            Family::Llama | Family::Qwen2 => "embed_tokens",
        };
        format!("{}{name}.weight", self.root())
    }

    /// What stands before the names of the trunk's parameters.
    #[must_use]
    pub fn root(&self) -> &'static str {
        match self.family {
            Family::Gpt2 => "transformer.",
            Family::Llama | Family::Qwen2 => "model.",
        }
    }

    /// What stands before the names of one block's parameters.
    #[must_use]
    pub fn block_prefix(&self, layer: i64) -> String {
        match self.family {
            Family::Gpt2 => format!("transformer.h.{layer}."),
            Family::Llama | Family::Qwen2 => format!("model.layers.{layer}."),
        }
    }

    fn gpt2_block(&self) -> Vec<(&'static str, Vec<i64>)> {
        let (h, m) = (self.hidden, self.mlp);
        vec![
            ("ln_1.weight", vec![h]),
            ("ln_1.bias", vec![h]),
            ("attn.c_attn.weight", vec![h, 3 * h]),
            ("attn.c_attn.bias", vec![3 * h]),
            ("attn.c_proj.weight", vec![h, h]),
            ("attn.c_proj.bias", vec![h]),
            ("ln_2.weight", vec![h]),
            ("ln_2.bias", vec![h]),
            ("mlp.c_fc.weight", vec![h, m]),
            ("mlp.c_fc.bias", vec![m]),
            ("mlp.c_proj.weight", vec![m, h]),
            ("mlp.c_proj.bias", vec![h]),
        ]
    }

    fn rotary_block(&self) -> Vec<(&'static str, Vec<i64>)> {
        let (h, m) = (self.hidden, self.mlp);
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let mut out = vec![
            ("input_layernorm.weight", vec![h]),
            ("self_attn.q_proj.weight", vec![q, h]),
            ("self_attn.k_proj.weight", vec![kv, h]),
            ("self_attn.v_proj.weight", vec![kv, h]),
        ];
        if self.qkv_bias {
            out.push(("self_attn.q_proj.bias", vec![q]));
            out.push(("self_attn.k_proj.bias", vec![kv]));
            out.push(("self_attn.v_proj.bias", vec![kv]));
        }
        out.push(("self_attn.o_proj.weight", vec![h, q]));
        if self.out_bias {
            out.push(("self_attn.o_proj.bias", vec![h]));
        }
        out.push(("post_attention_layernorm.weight", vec![h]));
        out.push(("mlp.gate_proj.weight", vec![m, h]));
        out.push(("mlp.up_proj.weight", vec![m, h]));
        out.push(("mlp.down_proj.weight", vec![h, m]));
        out
    }
}

fn special(f: &Fields) -> Vec<(String, Value)> {
    let kept = SPECIAL
        .iter()
        .filter_map(|key| Some((*key, f.present(key)?)));
    kept.map(|(key, value)| (key.to_owned(), value.clone()))
        .collect()
}

/// Rotary base and scaling; newer files keep both in `rope_parameters`, older ones apart.
fn rope(f: &Fields) -> Result<(f64, Option<Llama3Scaling>)> {
    let nested = f
        .present("rope_parameters")
        .or_else(|| f.present("rope_scaling"));
    let theta = f.positive("rope_theta", 10_000.0)?;
    let Some(nested) = nested else {
        return Ok((theta, None));
    };
    let map = nested
        .as_object()
        .context("config.json: rope scaling is not an object")?;
    let n = Fields(map);
    let theta = n.positive("rope_theta", theta)?;
    let kind = n.present("rope_type").or_else(|| n.present("type"));
    let scaling = match kind.and_then(Value::as_str).unwrap_or("default") {
        "default" => None,
        "llama3" => Some(Llama3Scaling {
            factor: n.positive("factor", 8.0)?,
            low: n.positive("low_freq_factor", 1.0)?,
            high: n.positive("high_freq_factor", 4.0)?,
            original_positions: n.int("original_max_position_embeddings", None)? as f64,
        }),
        other => bail!(
            "config.json: rope_type `{other}` is not supported\nhint: supported are default and llama3"
        ),
    };
    Ok((theta, scaling))
}
