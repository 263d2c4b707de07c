//! Blocks of the Llama families forward and backward by hand, in f32 on the CPU.
//!
//! Products and attention are libtorch's; what stands between them is one pass over memory each
//! where autograd would make five, and far less is kept: a block's inputs, its heads and its gate.
//! Knows one block after the other; knows nothing of vocabularies or losses.

pub(super) use self::desk::Desk;
use self::desk::{Room, Shape};
use self::kernels::Heads;
use super::layout::Layout;
use super::memory::{numbers, rows, share, threads};
use super::transformer::{Block, KvCache, Linear, Mlp, Norm, Qkv, Transformer};
use crate::cpu::team;
use std::ops::Range;
use tch::{Device, Kind, Tensor};

mod desk;
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

/// What the backward of a pass needs.
#[derive(Debug)]
pub(super) struct Tape {
    pass: Pass,
    rooms: Vec<Room>,
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
        return forward(model, x, layout, range, cache, None).0;
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

/// Runs a range of blocks by hand, as [`run`]; with a desk to `keep` things on, gradients can flow
/// back.
pub(super) fn forward(
    model: &Transformer,
    x: &Tensor,
    layout: &Layout,
    range: Range<i64>,
    cache: Option<&mut KvCache>,
    keep: Option<&Desk>,
) -> (Tensor, Option<Tape>) {
    let _guard = tch::no_grad_guard();
    let (batch, len, hidden) = x.size3().expect("hidden states have three dimensions");
    let pass = Pass::new(model, layout, batch, len);
    let from = range.start as usize;
    let blocks = &model.blocks[from..range.end as usize];
    let x = x.detach().reshape([-1, hidden]);
    if blocks.is_empty() {
        return (x.view([batch, len, hidden]), None);
    }
    // Without a backward all blocks use one room.
    let shape = pass.shape(model);
    let mut rooms = match keep {
        Some(desk) => desk.take(&shape, blocks.len()),
        None => vec![Room::new(&shape)],
    };
    let count = rooms.len();
    rooms[0].x.copy_(&x);
    let out = x.empty_like();
    for (at, block) in blocks.iter().enumerate() {
        let past = cache.as_ref().map(|cache| &cache.layers[from + at]);
        let next = if at + 1 < blocks.len() {
            rooms[(at + 1) % count].x.shallow_clone()
        } else {
            out.shallow_clone()
        };
        pass.forward(block, &rooms[at % count], &next, past);
    }
    let tape = keep.map(|_| Tape {
        pass,
        rooms,
        from,
        ids: layout.ids.shallow_clone(),
    });
    (out.view([batch, len, hidden]), tape)
}

impl Tape {
    /// Adds the gradients of the blocks' parameters to theirs, given `dx`, that of what the blocks
    /// made (`[batch, len, hidden]`; it is overwritten), and of the embedding when the pass began
    /// with it. Leaves the desk to the next pass.
    pub(super) fn backward(self, model: &Transformer, dx: Tensor, desk: &Desk) {
        let hidden = *dx
            .size()
            .last()
            .expect("hidden states have three dimensions");
        let _guard = tch::no_grad_guard();
        let mut dx = dx.reshape([-1, hidden]).contiguous();
        for (block, room) in model.blocks[self.from..].iter().zip(&self.rooms).rev() {
            dx = self.pass.backward(block, room, dx);
        }
        desk.leave(self.rooms);
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

    fn shape(&self, model: &Transformer) -> Shape {
        let Mlp::SwiGlu { up, .. } = &model.blocks[0].mlp else {
            unreachable!("checked by `fits`");
        };
        Shape {
            batch: self.batch,
            len: self.len,
            heads: self.heads,
            kv_heads: self.kv_heads,
            dim: self.dim,
            hidden: model.config.hidden,
            inner: up.weight.size()[0],
        }
    }

    /// From `room.x` to `next`, `[tokens, hidden]`, which may be the same; `past`: where keys and
    /// values go, see [`KvCache`].
    fn forward(&self, block: &Block, room: &Room, next: &Tensor, past: Option<&(Tensor, Tensor)>) {
        let (Qkv::Apart(linears), Mlp::SwiGlu { gate, up, down }) = (&block.qkv, &block.mlp) else {
            unreachable!("checked by `fits`");
        };
        let normed = room.x.empty_like();
        normalize(&block.norm_1, &room.x, &normed, &room.scales[0]);
        let [q, k, v] = &room.heads;
        for (linear, out) in linears.iter().zip(&room.heads) {
            project(&normed, linear, out);
        }
        let (keys, values) = (q.empty_like(), q.empty_like());
        let angles = [rows(&self.angles[0]), rows(&self.angles[1])];
        let shape = self.heads();
        let [a, b, c, d, e] = [q, k, v, &keys, &values].map(rows);
        // SAFETY: shapes are this pass's; each thread has its own rows.
        share(normed.size()[0], |range| unsafe {
            kernels::turn(range, shape, angles, a, b, c, d, e);
        });
        if let Some((all_keys, all_values)) = past {
            for (all, new) in [(all_keys, k), (all_values, v)] {
                let new = new.view([self.batch, self.len, self.kv_heads, self.dim]);
                all.narrow(2, 0, self.len).copy_(&new.transpose(1, 2));
            }
        }
        let (attended, normalizers) = Tensor::internal_scaled_dot_product_flash_attention_for_cpu(
            &self.by_heads(q),
            &self.by_heads(&keys),
            &self.by_heads(&values),
            0.0,
            self.causal,
            self.mask.as_ref(),
            None,
        );
        self.by_heads(&room.attended).copy_(&attended);
        room.normalizers.shallow_clone().copy_(&normalizers);
        add_product(&room.x, &room.attended, &block.out, &room.middle);
        normalize(&block.norm_2, &room.middle, &normed, &room.scales[1]);
        project(&normed, gate, &room.gate);
        project(&normed, up, &room.up);
        let product = room.gate.empty_like();
        let [a, b, c] = [&room.gate, &room.up, &product].map(rows);
        // SAFETY: all have `gate`'s shape; each thread has its own rows.
        share(product.size()[0], |range| unsafe {
            kernels::swiglu(range, a.stride, a, b, c);
        });
        add_product(&room.middle, &product, down, next);
    }

    /// From the gradient of a block's output to that of its input, `[tokens, hidden]`.
    fn backward(&self, block: &Block, room: &Room, dx: Tensor) -> Tensor {
        let dx = mlp_back(block, room, dx);
        let Qkv::Apart(linears) = &block.qkv else {
            unreachable!("checked by `fits`");
        };
        learn(&block.out, &dx, &room.attended);
        let back = self.by_heads(&dx.matmul(&block.out.weight));
        let [q, k, v] = &room.heads;
        let (keys, values) = (self.spread(k), self.spread(v));
        let [q, keys, values] = [q, &keys, &values].map(|t| self.by_heads(t));
        let (dq, dkeys, dvalues) =
            Tensor::internal_scaled_dot_product_flash_attention_for_cpu_backward(
                &back,
                &q,
                &keys,
                &values,
                &self.by_heads(&room.attended),
                &room.normalizers,
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
        let normed = room.x.empty_like();
        normalize(&block.norm_1, &room.x, &normed, &room.scales[0]);
        let mut back = dq.matmul(&linears[0].weight);
        for (linear, dy) in linears.iter().zip([&dq, &dk, &dv]) {
            learn(linear, dy, &normed);
        }
        let _ = back.addmm_(&dk, &linears[1].weight);
        let _ = back.addmm_(&dv, &linears[2].weight);
        normalize_back(&block.norm_1, &room.x, &room.scales[0], &back, &dx);
        dx
    }
}

/// The MLP's part of a block's backward; `dx` becomes the gradient of what the MLP began with.
fn mlp_back(block: &Block, room: &Room, dx: Tensor) -> Tensor {
    let Mlp::SwiGlu { gate, up, down } = &block.mlp else {
        unreachable!("checked by `fits`");
    };
    let product = dx.matmul(&down.weight);
    let [a, b, c] = [&room.gate, &room.up, &product].map(rows);
    // SAFETY: all have `gate`'s shape; each thread has its own rows.
    share(product.size()[0], |range| unsafe {
        kernels::swiglu_back(range, a.stride, a, b, c);
    });
    learn(down, &dx, &product);
    let normed = dx.empty_like();
    normalize(&block.norm_2, &room.middle, &normed, &room.scales[1]);
    learn(gate, &room.gate, &normed);
    learn(up, &room.up, &normed);
    let mut back = room.gate.matmul(&gate.weight);
    let _ = back.addmm_(&room.up, &up.weight);
    normalize_back(&block.norm_2, &room.middle, &room.scales[1], &back, &dx);
    dx
}

/// `out = x * linear`; `x`: `[tokens, inputs]`; `out`: `[tokens, outputs]`.
fn project(x: &Tensor, linear: &Linear, out: &Tensor) {
    let _ = x.linear_out(out, &linear.weight, linear.bias.as_ref());
}

/// `out = x + input * linear`; `x`, `out`: `[tokens, outputs]`.
fn add_product(x: &Tensor, input: &Tensor, linear: &Linear, out: &Tensor) {
    let mut sum = x.addmm_out(out, input, &linear.weight.tr());
    if let Some(bias) = &linear.bias {
        let _ = sum.g_add_(bias);
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
    // There is no other way to give a tensor a gradient; this one allocates nothing else.
    tch::with_grad(|| {
        let one = parameter.view([-1]).narrow(0, 0, 1);
        one.sum(parameter.kind()).backward();
    });
    parameter.grad().zero_()
}

/// Normalized rows, into `y`, and the scales that made them. `x`, `y`: `[tokens, hidden]`; `scales`:
/// `[tokens, 1]`.
fn normalize(norm: &Norm, x: &Tensor, y: &Tensor, scales: &Tensor) {
    let (weight, eps) = (numbers(&norm.weight), norm.eps as f32);
    let [a, b, c] = [x, y, scales].map(rows);
    // SAFETY: `y` is as `x`, `scales` has one number a row; each thread has its own rows.
    share(x.size()[0], |range| unsafe {
        kernels::normalize(range, a, weight, eps, b, c);
    });
}

/// Adds to `dx` what comes back through a norm, and to its weight's gradient.
fn normalize_back(norm: &Norm, x: &Tensor, scales: &Tensor, dy: &Tensor, dx: &Tensor) {
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
