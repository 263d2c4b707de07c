//! The one forward pass of all families: norms, attention, MLP. Knows weights and layouts;
//! knows nothing of vocabulary heads, sampling or losses.

use super::config::{Family, ModelConfig};
use super::layout::{Layout, pick};
use super::weights::Weights;
use tch::{Device, Kind, Tensor};

/// A layer norm (with bias) or an RMS norm (without).
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) eps: f64,
}

impl Norm {
    /// `x`: `[.., width]`, also the result. libtorch does the arithmetic of half types in f32.
    fn apply(&self, x: &Tensor) -> Tensor {
        let shape = self.weight.size();
        match &self.bias {
            Some(bias) => x.layer_norm(shape, Some(&self.weight), Some(bias), self.eps, false),
            None => x.rms_norm(shape, Some(&self.weight), self.eps),
        }
    }
}

/// A projection; GPT-2 stores `[in, out]`, all others `[out, in]`.
#[derive(Debug)]
pub(super) struct Linear {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) input_first: bool,
}

impl Linear {
    /// `x`: `[.., in]` to `[.., out]`.
    pub(super) fn apply(&self, x: &Tensor) -> Tensor {
        if self.input_first {
            x.linear(&self.weight.tr(), self.bias.as_ref())
        } else {
            x.linear(&self.weight, self.bias.as_ref())
        }
    }
}

#[derive(Debug)]
pub(super) enum Qkv {
    Fused(Linear),
    Apart([Linear; 3]),
}

#[derive(Debug)]
pub(super) enum Mlp {
    Gelu {
        up: Linear,
        down: Linear,
    },
    SwiGlu {
        gate: Linear,
        up: Linear,
        down: Linear,
    },
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) norm_1: Norm,
    pub(super) qkv: Qkv,
    pub(super) out: Linear,
    pub(super) norm_2: Norm,
    pub(super) mlp: Mlp,
}

/// Keys and values of what came before, one pair per block, allocated once.
#[derive(Debug)]
pub struct KvCache {
    /// `[batch, kv_heads, capacity, head_dim]` each.
    pub(super) layers: Vec<(Tensor, Tensor)>,
    /// Tokens held so far.
    pub len: i64,
}

impl KvCache {
    /// An empty cache for `batch` rows of `capacity` tokens.
    #[must_use]
    pub fn new(model: &Transformer, batch: i64, capacity: i64) -> Self {
        let c = &model.config;
        let shape = [batch, c.kv_heads, capacity, c.head_dim];
        let options = (model.kind(), model.device());
        let pair = |_| (Tensor::empty(shape, options), Tensor::empty(shape, options));
        Self {
            layers: (0..c.layers).map(pair).collect(),
            len: 0,
        }
    }

    /// What is held of other rows: of row `rows[i]` for row `i`. `rows`: `[new_batch]` i64.
    pub(super) fn for_rows(self, rows: &Tensor) -> Self {
        let layers = self.layers.into_iter();
        let layers =
            layers.map(|(keys, values)| (keys.index_select(0, rows), values.index_select(0, rows)));
        Self {
            layers: layers.collect(),
            len: self.len,
        }
    }

    /// Tokens that there is room for.
    #[must_use]
    pub fn capacity(&self) -> i64 {
        self.layers.first().map_or(0, |(keys, _)| keys.size()[2])
    }
}

/// The trunk: embedding, blocks, final norm.
#[derive(Debug)]
pub struct Transformer {
    /// Shape of the model.
    pub config: ModelConfig,
    pub(super) embedding: Tensor,
    head: Tensor,
    pub(super) learned_positions: Option<Tensor>,
    /// Rotary frequencies `[head_dim / 2]`, f64.
    pub(super) frequencies: Option<Tensor>,
    pub(super) blocks: Vec<Block>,
    pub(super) final_norm: Norm,
}

/// Cosines and sines of the rotary angles, `[batch or 1, 1, len, head_dim]`.
type Rotation = Option<(Tensor, Tensor)>;

impl Transformer {
    /// Wires `weights` up; the tensors are shared, not copied.
    #[must_use]
    pub fn new(config: &ModelConfig, weights: &Weights) -> Self {
        let c = config.clone();
        let gpt2 = c.family == Family::Gpt2;
        let root = c.root();
        let embedding = weights.get(&format!(
            "{root}{}.weight",
            if gpt2 { "wte" } else { "embed_tokens" }
        ));
        let frequencies =
            (!gpt2).then(|| Tensor::from_slice(&frequencies(&c)).to_device(embedding.device()));
        Self {
            head: if c.tied {
                embedding.shallow_clone()
            } else {
                weights.get("lm_head.weight")
            },
            embedding,
            learned_positions: gpt2.then(|| weights.get(&format!("{root}wpe.weight"))),
            frequencies,
            blocks: (0..c.layers)
                .map(|layer| Block::new(&c, weights, layer))
                .collect(),
            final_norm: norm(
                &c,
                weights,
                &format!("{root}{}", if gpt2 { "ln_f" } else { "norm" }),
            ),
            config: c,
        }
    }

    /// Where the weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.embedding.device()
    }

    /// Number type of the weights.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.embedding.kind()
    }

    /// The language-model head `[vocab, hidden]`; the embedding itself when tied.
    pub fn head(&self) -> &Tensor {
        &self.head
    }

    /// Embeds a batch. Result `[batch, len, hidden]`.
    pub fn embed(&self, layout: &Layout) -> Tensor {
        let x = Tensor::embedding(&self.embedding, &layout.ids, -1, false, false);
        match &self.learned_positions {
            Some(table) => x + Tensor::embedding(table, &layout.positions, -1, false, false),
            None => x,
        }
    }

    /// Runs blocks `from..to` over `x` (`[batch, len, hidden]`, also the result).
    pub fn run(
        &self,
        x: Tensor,
        layout: &Layout,
        from: i64,
        to: i64,
        mut cache: Option<&mut KvCache>,
    ) -> Tensor {
        assert!(
            layout.runs.is_empty(),
            "rows were packed for blocks by hand"
        );
        let rotation = self.rotation(layout);
        let mut x = x;
        for (i, block) in self
            .blocks
            .iter()
            .enumerate()
            .take(to as usize)
            .skip(from as usize)
        {
            let past = cache.as_deref_mut().map(|c| (&mut c.layers[i], c.len));
            x = &x
                + block.attend(
                    &self.config,
                    &block.norm_1.apply(&x),
                    layout,
                    &rotation,
                    past,
                );
            x = &x + block.mlp.apply(&block.norm_2.apply(&x));
        }
        if let Some(cache) = cache {
            cache.len += layout.ids.size()[1];
        }
        x
    }

    /// The final norm. `x`: `[.., hidden]`, also the result.
    pub fn finish(&self, x: &Tensor) -> Tensor {
        self.final_norm.apply(x)
    }

    /// Final hidden states of whole rows, those of pads replaced by the last real one's.
    /// `tokens`: `[batch, len]` i64; result `[batch, len, hidden]`.
    pub fn hidden(&self, tokens: &Tensor) -> Tensor {
        let layout = Layout::new(tokens, self.config.vocab_size);
        let x = self.run(self.embed(&layout), &layout, 0, self.config.layers, None);
        self.finish(&pick(&x, &layout.sources(0, x.size()[1])))
    }

    /// Logits of hidden states. `hidden`: `[.., hidden]`; result `[.., vocab]`.
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        hidden.linear(&self.head, None::<&Tensor>)
    }

    fn rotation(&self, layout: &Layout) -> Rotation {
        let frequencies = self.frequencies.as_ref()?;
        // Angles in f64: positions times frequencies lose digits in f32 in long contexts.
        let angles = layout.positions.unsqueeze(-1).to_kind(Kind::Double) * frequencies;
        let angles = Tensor::cat(&[&angles, &angles], -1).unsqueeze(1);
        Some((
            angles.cos().to_kind(self.kind()),
            angles.sin().to_kind(self.kind()),
        ))
    }
}

/// Rotary frequencies of half a head, slow ones stretched where the config says so.
fn frequencies(c: &ModelConfig) -> Vec<f64> {
    let plain = (0..c.head_dim / 2).map(|i| c.rope_theta.powf(-2.0 * i as f64 / c.head_dim as f64));
    let Some(s) = c.rope_scaling else {
        return plain.collect();
    };
    plain
        .map(|f| {
            let turns = s.original_positions * f / (2.0 * std::f64::consts::PI);
            let keep = ((turns - s.low) / (s.high - s.low)).clamp(0.0, 1.0);
            (1.0 - keep) * f / s.factor + keep * f
        })
        .collect()
}

fn norm(c: &ModelConfig, weights: &Weights, name: &str) -> Norm {
    let bias = (c.family == Family::Gpt2).then(|| weights.get(&format!("{name}.bias")));
    Norm {
        weight: weights.get(&format!("{name}.weight")),
        bias,
        eps: c.norm_eps,
    }
}

fn linear(c: &ModelConfig, weights: &Weights, name: &str) -> Linear {
    Linear {
        weight: weights.get(&format!("{name}.weight")),
        bias: weights.find(&format!("{name}.bias")),
        input_first: c.family == Family::Gpt2,
    }
}

impl Block {
    fn new(c: &ModelConfig, weights: &Weights, layer: i64) -> Self {
        let prefix = c.block_prefix(layer);
        let lin = |name: &str| linear(c, weights, &format!("{prefix}{name}"));
        let nrm = |name: &str| norm(c, weights, &format!("{prefix}{name}"));
        if c.family == Family::Gpt2 {
            return Self {
                norm_1: nrm("ln_1"),
                qkv: Qkv::Fused(lin("attn.c_attn")),
                out: lin("attn.c_proj"),
                norm_2: nrm("ln_2"),
                mlp: Mlp::Gelu {
                    up: lin("mlp.c_fc"),
                    down: lin("mlp.c_proj"),
                },
            };
        }
        Self {
            norm_1: nrm("input_layernorm"),
            qkv: Qkv::Apart(["q", "k", "v"].map(|n| lin(&format!("self_attn.{n}_proj")))),
            out: lin("self_attn.o_proj"),
            norm_2: nrm("post_attention_layernorm"),
            mlp: Mlp::SwiGlu {
                gate: lin("mlp.gate_proj"),
                up: lin("mlp.up_proj"),
                down: lin("mlp.down_proj"),
            },
        }
    }

    /// Self-attention. `x`: `[batch, len, hidden]`, also the result.
    fn attend(
        &self,
        c: &ModelConfig,
        x: &Tensor,
        layout: &Layout,
        rotation: &Rotation,
        past: Option<(&mut (Tensor, Tensor), i64)>,
    ) -> Tensor {
        let (b, s, _) = x.size3().expect("hidden states have three dimensions");
        let parts: Vec<Tensor> = match &self.qkv {
            Qkv::Fused(all) => all.apply(x).chunk(3, -1),
            Qkv::Apart(each) => each.iter().map(|l| l.apply(x)).collect(),
        };
        let split = |t: &Tensor, heads| t.reshape([b, s, heads, c.head_dim]).transpose(1, 2);
        let mut q = split(&parts[0], c.heads);
        let (mut k, mut v) = (split(&parts[1], c.kv_heads), split(&parts[2], c.kv_heads));
        if let Some(rotation) = rotation {
            q = rotate(&q, rotation);
            k = rotate(&k, rotation);
        }
        if let Some(((keys, values), len)) = past {
            keys.narrow(2, len, s).copy_(&k);
            values.narrow(2, len, s).copy_(&v);
            k = keys.narrow(2, 0, len + s);
            v = values.narrow(2, 0, len + s);
        }
        let y = attention(&q, &k, &v, layout);
        self.out
            .apply(&y.transpose(1, 2).reshape([b, s, c.heads * c.head_dim]))
    }
}

/// `q`: `[batch, heads, len, dim]`; `k`, `v`: `[batch, kv_heads, source_len, dim]`; result as `q`.
fn attention(q: &Tensor, k: &Tensor, v: &Tensor, layout: &Layout) -> Tensor {
    let (b, heads, s, d) = q.size4().expect("queries have four dimensions");
    let (_, kv_heads, total, _) = k.size4().expect("keys have four dimensions");
    let group = heads / kv_heads;
    let sdpa = |q: &Tensor, k: &Tensor, v: &Tensor| {
        let causal = layout.causal && s > 1;
        Tensor::scaled_dot_product_attention(
            q,
            k,
            v,
            layout.mask.as_ref(),
            0.0,
            causal,
            None,
            false,
        )
    };
    if group == 1 {
        return sdpa(q, k, v);
    }
    if s == 1 {
        // One query: the heads of a group become its rows, so nothing is repeated.
        return sdpa(&q.reshape([b, kv_heads, group, d]), k, v).reshape([b, heads, 1, d]);
    }
    // libtorch's fused CPU kernel knows no groups; its unfused path costs more than this copy.
    let spread = |t: &Tensor| {
        t.unsqueeze(2)
            .expand([b, kv_heads, group, total, d], false)
            .reshape([b, heads, total, d])
    };
    sdpa(q, &spread(k), &spread(v))
}

/// Rotates pairs `(i, i + dim/2)`. `x`: `[batch, heads, len, dim]`, also the result.
fn rotate(x: &Tensor, (cos, sin): &(Tensor, Tensor)) -> Tensor {
    let halves = x.chunk(2, -1);
    let turned = Tensor::cat(&[halves[1].neg(), halves[0].shallow_clone()], -1);
    x * cos + turned * sin
}

impl Mlp {
    /// `x`: `[.., hidden]`, also the result.
    fn apply(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Gelu { up, down } => down.apply(&up.apply(x).gelu("tanh")),
            Self::SwiGlu { gate, up, down } => down.apply(&(gate.apply(x).silu() * up.apply(x))),
        }
    }
}
