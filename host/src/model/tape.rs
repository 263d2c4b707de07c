//! Blocks of the Llama families forward and backward by hand, in f32 on the CPU.
//!
//! Products and attention are libtorch's; what stands between them is one pass over memory each
//! where autograd would make five, and far less is kept: a block's inputs, its heads and its gate.
//! Knows one block after the other; knows nothing of vocabularies or losses.

use self::kernels::Heads;
use super::layout::Layout;
use super::memory::{numbers, rows, share, threads};
use super::transformer::{Block, KvCache, Linear, Mlp, Norm, Qkv, Transformer};
use crate::cpu::team;
use std::ops::Range;
use tch::{Device, Kind, Tensor};

mod kernels;
#[cfg(test)]
mod tests;

/// Rows whose share of a norm's gradient is summed up together: fixed, so that the sum does not
/// depend on how many threads there are.
const ROWS_PER_SUM: usize = 64;

/// Whether the blocks of `model` can be run by hand.
pub(super) fn fits(model: &Transformer) -> bool {
    let by_hand = |block: &Block| {
        matches!(
            (&block.qkv, &block.mlp),
            (Qkv::Apart(_), Mlp::SwiGlu { .. })
        ) && block.norm_1.bias.is_none()
    };
    model.device() == Device::Cpu
        && model.kind() == Kind::Float
        && model.frequencies.is_some()
        && model.blocks.iter().all(by_hand)
}

/// What a block's backward needs. Tokens of all rows stand one after the other: `[tokens, ..]`.
#[derive(Debug)]
struct Saved {
    /// `[tokens, hidden]`, and the norm's scales, `[tokens, 1]`.
    x: (Tensor, Tensor),
    /// Rotated queries `[tokens, heads * head_dim]`, rotated keys and values
    /// `[tokens, kv_heads * head_dim]`.
    heads: [Tensor; 3],
    /// `[batch, heads, len, head_dim]`, and its log-normalizers.
    attended: (Tensor, Tensor),
    /// Between attention and MLP; as `x`.
    middle: (Tensor, Tensor),
    /// `[tokens, mlp]` each.
    gate: Tensor,
    up: Tensor,
}

/// What the backward of a pass needs.
#[derive(Debug)]
pub(super) struct Tape {
    pass: Pass,
    saved: Vec<Saved>,
    from: usize,
    /// `[batch, len]` i64.
    ids: Tensor,
}

/// What all blocks of a pass share.
#[derive(Debug)]
struct Pass {
    batch: i64,
    len: i64,
    heads: i64,
    kv_heads: i64,
    dim: i64,
    /// Cosines and sines, `[tokens, head_dim / 2]` each.
    angles: [Tensor; 2],
    causal: bool,
    /// What is added to attention scores; as in [`Layout::mask`], but numbers.
    mask: Option<Tensor>,
}

/// Runs a range of blocks over `x` (`[batch, len, hidden]`, also the result) without gradients, by
/// hand where that is possible. An empty `cache` gets the keys and values of these blocks; its
/// length stays.
pub(super) fn run(
    model: &Transformer,
    x: &Tensor,
    layout: &Layout,
    range: Range<i64>,
    cache: Option<&mut KvCache>,
) -> Tensor {
    let _guard = tch::no_grad_guard();
    if fits(model) {
        return forward(model, x, layout, range, cache, false).0;
    }
    let x = x.shallow_clone();
    let Some(cache) = cache else {
        return model.run(x, layout, range.start, range.end, None);
    };
    let len = cache.len;
    let x = model.run(x, layout, range.start, range.end, Some(cache));
    cache.len = len;
    x
}

/// Runs a range of blocks by hand, as [`run`]; with `keep`, so that gradients can flow back.
pub(super) fn forward(
    model: &Transformer,
    x: &Tensor,
    layout: &Layout,
    range: Range<i64>,
    cache: Option<&mut KvCache>,
    keep: bool,
) -> (Tensor, Option<Tape>) {
    let _guard = tch::no_grad_guard();
    let (batch, len, hidden) = x.size3().expect("hidden states have three dimensions");
    let pass = Pass::new(model, layout, batch, len);
    let from = range.start as usize;
    let mut x = x.detach().reshape([-1, hidden]).contiguous();
    let mut saved = Vec::new();
    for (at, block) in model
        .blocks
        .iter()
        .enumerate()
        .take(range.end as usize)
        .skip(from)
    {
        let past = cache.as_ref().map(|cache| &cache.layers[at]);
        let (next, kept) = pass.forward(block, x, past);
        x = next;
        if keep {
            saved.push(kept);
        }
    }
    let tape = keep.then(|| Tape {
        pass,
        saved,
        from,
        ids: layout.ids.shallow_clone(),
    });
    (x.view([batch, len, hidden]), tape)
}

impl Tape {
    /// Adds the gradients of the blocks' parameters to theirs, given `dx`, that of what the blocks
    /// made (`[batch, len, hidden]`; it is overwritten), and of the embedding when the pass began
    /// with it.
    pub(super) fn backward(mut self, model: &Transformer, dx: Tensor) {
        let hidden = *dx
            .size()
            .last()
            .expect("hidden states have three dimensions");
        let _guard = tch::no_grad_guard();
        let mut dx = dx.reshape([-1, hidden]).contiguous();
        while let Some(saved) = self.saved.pop() {
            let block = &model.blocks[self.from + self.saved.len()];
            dx = self.pass.backward(block, saved, dx);
        }
        if self.from == 0 && model.embedding.requires_grad() {
            let ids = self.ids.reshape([-1]);
            let _ = gradient(&model.embedding).index_add_(0, &ids, &dx);
        }
    }
}

impl Pass {
    fn new(model: &Transformer, layout: &Layout, batch: i64, len: i64) -> Pass {
        let c = &model.config;
        let frequencies = model.frequencies.as_ref().expect("rotary positions");
        let half = c.head_dim / 2;
        // In f64, as elsewhere: positions times frequencies lose digits in f32.
        let angles = layout.positions.unsqueeze(-1).to_kind(Kind::Double) * frequencies;
        let spread = |t: Tensor| {
            let t = t.to_kind(Kind::Float).expand([batch, len, half], false);
            t.reshape([batch * len, half]).contiguous()
        };
        let mask = layout.mask.as_ref().map(|mask| {
            let zeros = Tensor::zeros(mask.size(), (Kind::Float, Device::Cpu));
            zeros.masked_fill(&mask.logical_not(), f64::NEG_INFINITY)
        });
        Pass {
            batch,
            len,
            heads: c.heads,
            kv_heads: c.kv_heads,
            dim: c.head_dim,
            angles: [spread(angles.cos()), spread(angles.sin())],
            causal: layout.causal && len > 1,
            mask,
        }
    }

    /// Tokens of all rows as attention takes them: `[batch, heads, len, head_dim]`.
    fn by_heads(&self, tokens: &Tensor) -> Tensor {
        tokens
            .view([self.batch, self.len, self.heads, self.dim])
            .transpose(1, 2)
    }

    /// And back: `[tokens, heads * head_dim]`.
    fn by_tokens(&self, heads: &Tensor) -> Tensor {
        let width = self.heads * self.dim;
        heads.transpose(1, 2).reshape([-1, width]).contiguous()
    }

    /// Each key head once for each of its query heads: `[tokens, heads * head_dim]`.
    fn spread(&self, narrow: &Tensor) -> Tensor {
        let group = self.heads / self.kv_heads;
        let heads = narrow.view([-1, self.kv_heads, 1, self.dim]);
        let heads = heads.expand([-1, self.kv_heads, group, self.dim], false);
        heads.reshape([-1, self.heads * self.dim])
    }

    fn heads(&self) -> Heads {
        Heads {
            queries: self.heads as usize,
            keys: self.kv_heads as usize,
            dim: self.dim as usize,
        }
    }

    /// `x`: `[tokens, hidden]`, also the first result; `past`: where keys and values go, see
    /// [`KvCache`].
    fn forward(
        &self,
        block: &Block,
        x: Tensor,
        past: Option<&(Tensor, Tensor)>,
    ) -> (Tensor, Saved) {
        let (Qkv::Apart([q, k, v]), Mlp::SwiGlu { gate, up, down }) = (&block.qkv, &block.mlp)
        else {
            unreachable!("checked by `fits`");
        };
        let (normed, scales_1) = normalize(&block.norm_1, &x);
        let (q, k, v) = (q.apply(&normed), k.apply(&normed), v.apply(&normed));
        let (keys, values) = (q.empty_like(), q.empty_like());
        let angles = [rows(&self.angles[0]), rows(&self.angles[1])];
        let shape = self.heads();
        let [a, b, c, d, e] = [&q, &k, &v, &keys, &values].map(rows);
        // SAFETY: shapes are this pass's; each thread has its own rows.
        share(x.size()[0], |range| unsafe {
            kernels::turn(range, shape, angles, a, b, c, d, e);
        });
        if let Some((all_keys, all_values)) = past {
            for (all, new) in [(all_keys, &k), (all_values, &v)] {
                let new = new.view([self.batch, self.len, self.kv_heads, self.dim]);
                all.narrow(2, 0, self.len).copy_(&new.transpose(1, 2));
            }
        }
        let attended = Tensor::internal_scaled_dot_product_flash_attention_for_cpu(
            &self.by_heads(&q),
            &self.by_heads(&keys),
            &self.by_heads(&values),
            0.0,
            self.causal,
            self.mask.as_ref(),
            None,
        );
        let middle = add_product(&x, &self.by_tokens(&attended.0), &block.out);
        let (normed, scales_2) = normalize(&block.norm_2, &middle);
        let (gate, up) = (gate.apply(&normed), up.apply(&normed));
        let product = gate.empty_like();
        let [a, b, c] = [&gate, &up, &product].map(rows);
        // SAFETY: all have `gate`'s shape; each thread has its own rows.
        share(gate.size()[0], |range| unsafe {
            kernels::swiglu(range, a.stride, a, b, c);
        });
        let next = add_product(&middle, &product, down);
        let saved = Saved {
            x: (x, scales_1),
            heads: [q, k, v],
            attended,
            middle: (middle, scales_2),
            gate,
            up,
        };
        (next, saved)
    }

    /// From the gradient of a block's output to that of its input, `[tokens, hidden]`.
    fn backward(&self, block: &Block, saved: Saved, dx: Tensor) -> Tensor {
        let dx = mlp_back(block, &saved, dx);
        let Qkv::Apart(linears) = &block.qkv else {
            unreachable!("checked by `fits`");
        };
        learn(&block.out, &dx, &self.by_tokens(&saved.attended.0));
        let back = self.by_heads(&dx.matmul(&block.out.weight));
        let [q, k, v] = &saved.heads;
        let (keys, values) = (self.spread(k), self.spread(v));
        let [q, keys, values] = [q, &keys, &values].map(|t| self.by_heads(t));
        let (dq, dkeys, dvalues) =
            Tensor::internal_scaled_dot_product_flash_attention_for_cpu_backward(
                &back,
                &q,
                &keys,
                &values,
                &saved.attended.0,
                &saved.attended.1,
                0.0,
                self.causal,
                self.mask.as_ref(),
                None,
            );
        let [dq, dkeys, dvalues] = [dq, dkeys, dvalues].map(|t| self.by_tokens(&t));
        let narrow = [dq.size()[0], self.kv_heads * self.dim];
        let (dk, dv) = (
            dq.new_empty(narrow, (Kind::Float, Device::Cpu)),
            Tensor::empty(narrow, (Kind::Float, Device::Cpu)),
        );
        let angles = [rows(&self.angles[0]), rows(&self.angles[1])];
        let shape = self.heads();
        let [a, b, c, d, e] = [&dq, &dkeys, &dvalues, &dk, &dv].map(rows);
        // SAFETY: shapes are this pass's; each thread has its own rows.
        share(dq.size()[0], |range| unsafe {
            kernels::turn_back(range, shape, angles, a, b, c, d, e);
        });
        let (normed, _) = normalize(&block.norm_1, &saved.x.0);
        let mut back = dq.matmul(&linears[0].weight);
        for (linear, dy) in linears.iter().zip([&dq, &dk, &dv]) {
            learn(linear, dy, &normed);
        }
        let _ = back.addmm_(&dk, &linears[1].weight);
        let _ = back.addmm_(&dv, &linears[2].weight);
        normalize_back(&block.norm_1, &saved.x, &back, &dx);
        dx
    }
}

/// The MLP's part of a block's backward; `dx` becomes the gradient of what the MLP began with.
fn mlp_back(block: &Block, saved: &Saved, dx: Tensor) -> Tensor {
    let Mlp::SwiGlu { gate, up, down } = &block.mlp else {
        unreachable!("checked by `fits`");
    };
    let product = dx.matmul(&down.weight);
    let [a, b, c] = [&saved.gate, &saved.up, &product].map(rows);
    // SAFETY: all have `gate`'s shape; each thread has its own rows.
    share(product.size()[0], |range| unsafe {
        kernels::swiglu_back(range, a.stride, a, b, c);
    });
    learn(down, &dx, &product);
    let (normed, _) = normalize(&block.norm_2, &saved.middle.0);
    learn(gate, &saved.gate, &normed);
    learn(up, &saved.up, &normed);
    let mut back = saved.gate.matmul(&gate.weight);
    let _ = back.addmm_(&saved.up, &up.weight);
    normalize_back(&block.norm_2, &saved.middle, &back, &dx);
    dx
}

/// `x + input * linear`; `x`: `[tokens, outputs]`.
fn add_product(x: &Tensor, input: &Tensor, linear: &Linear) -> Tensor {
    let sum = x.addmm(input, &linear.weight.tr());
    match &linear.bias {
        Some(bias) => sum + bias,
        None => sum,
    }
}

/// Adds what one use of a projection says of its parameters. `dy`: `[tokens, outputs]`; `x`:
/// `[tokens, inputs]`.
fn learn(linear: &Linear, dy: &Tensor, x: &Tensor) {
    if !linear.weight.requires_grad() {
        return;
    }
    let _ = gradient(&linear.weight).addmm_(&dy.tr(), x);
    if let Some(bias) = &linear.bias {
        let _ = gradient(bias).g_add_(&dy.sum_dim_intlist(0, false, Kind::Float));
    }
}

/// The tensor in which a parameter's gradient is summed up.
pub(super) fn gradient(parameter: &Tensor) -> Tensor {
    let held = parameter.grad();
    if held.defined() {
        return held;
    }
    // There is no other way to give a tensor a gradient.
    tch::with_grad(|| {
        let zeros = parameter.zeros_like();
        (parameter * zeros).sum(parameter.kind()).backward();
    });
    let mut held = parameter.grad();
    // Whatever the parameter was, even not a number.
    held.zero_()
}

/// Normalized rows and the scales that made them. `x`: `[tokens, hidden]`.
fn normalize(norm: &Norm, x: &Tensor) -> (Tensor, Tensor) {
    let y = x.empty_like();
    let scales = Tensor::empty([x.size()[0], 1], (Kind::Float, Device::Cpu));
    let (weight, eps) = (numbers(&norm.weight), norm.eps as f32);
    let [a, b, c] = [x, &y, &scales].map(rows);
    // SAFETY: `y` is as `x`, `scales` has one number a row; each thread has its own rows.
    share(x.size()[0], |range| unsafe {
        kernels::normalize(range, a, weight, eps, b, c);
    });
    (y, scales)
}

/// Adds to `dx` what comes back through a norm, and to its weight's gradient.
fn normalize_back(norm: &Norm, (x, scales): &(Tensor, Tensor), dy: &Tensor, dx: &Tensor) {
    let weight = numbers(&norm.weight);
    let count = x.size()[0] as usize;
    let sums = count.div_ceil(ROWS_PER_SUM);
    let mut partial = vec![0.0f32; sums * weight.len()];
    let partials = crate::cpu::rows::Rows {
        start: partial.as_mut_ptr(),
        stride: weight.len(),
    };
    let [a, b, c, d] = [x, scales, dy, dx].map(rows);
    team::run(threads(), |member| {
        for at in member.share(sums, 1) {
            let range = at * ROWS_PER_SUM..((at + 1) * ROWS_PER_SUM).min(count);
            // SAFETY: all are as `x`; each thread has its own rows and sums.
            unsafe {
                let sum = partials.row_mut(at, weight.len());
                kernels::normalize_back(range, a, weight, b, c, d, sum);
            }
        }
    });
    if norm.weight.requires_grad() {
        let partial = Tensor::from_slice(&partial).view([sums as i64, -1]);
        let _ = gradient(&norm.weight).g_add_(&partial.sum_dim_intlist(0, false, Kind::Float));
    }
}
