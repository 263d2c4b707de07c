//! One block forward and backward.

use super::attention::{Attention, Order};
use super::desk::{Room, Shape};
use super::gradient;
use super::kernels::{self, Heads};
use crate::cpu::rows::Rows;
use crate::cpu::team;
use crate::model::layout::Layout;
use crate::model::memory::{numbers, rows, share, threads};
use crate::model::transformer::{Block, Linear, Mlp, Norm, Qkv, Transformer};
use tch::{Device, Kind, Tensor};

/// Rows whose share of a norm's gradient is summed up together: fixed, so that the sum does not
/// depend on how many threads there are.
const ROWS_PER_SUM: usize = 64;

/// What all blocks of a pass share.
#[derive(Debug)]
pub(super) struct Pass {
    batch: i64,
    len: i64,
    heads: Heads,
    attention: Attention,
    /// The tokens that all blocks but the last answer for.
    all: Queries,
    /// Those of the last block, when it does not answer for all.
    few: Option<Queries>,
}

/// Tokens for which a block answers: who attends. All tokens are attended to.
#[derive(Debug)]
struct Queries {
    /// In each row of the batch.
    len: i64,
    /// Which of all tokens they are, `[batch * len]` i64, when they are not all.
    picked: Option<Tensor>,
    /// Cosines and sines, `[batch * len, head_dim / 2]` each.
    angles: [Tensor; 2],
    /// Whether [`Layout::causal`] says it all.
    causal: bool,
    /// What is added to attention scores: 0 or minus infinity. `[batch or 1, 1, len, all]`.
    mask: Option<Tensor>,
}

impl Queries {
    fn order(&self) -> Order<'_> {
        Order {
            causal: self.causal,
            mask: self.mask.as_ref(),
        }
    }

    /// Rows of these tokens from rows of all, `[batch * len, ..]`.
    fn pick(&self, all: &Tensor) -> Tensor {
        match &self.picked {
            Some(picked) => all.index_select(0, picked),
            None => all.shallow_clone(),
        }
    }

    /// The backward of [`Queries::pick`].
    fn put(&self, few: Tensor, all: i64) -> Tensor {
        match &self.picked {
            Some(picked) => {
                let shape = [all, few.size()[1]];
                let mut zeros = Tensor::zeros(shape, (Kind::Float, Device::Cpu));
                zeros.index_add_(0, picked, &few)
            }
            None => few,
        }
    }
}

impl Pass {
    /// `wanted`: `[batch, count]` i64.
    pub(super) fn new(
        model: &Transformer,
        layout: &Layout,
        [batch, len]: [i64; 2],
        wanted: Option<&Tensor>,
    ) -> Pass {
        let c = &model.config;
        let frequencies = model.frequencies.as_ref().expect("rotary positions");
        let half = c.head_dim / 2;
        // In f64, as elsewhere: positions times frequencies lose digits in f32.
        let angles = layout.positions.unsqueeze(-1).to_kind(Kind::Double) * frequencies;
        let spread = |t: Tensor| {
            let t = t.to_kind(Kind::Float).expand([batch, len, half], false);
            t.reshape([batch * len, half]).contiguous()
        };
        let all = Queries {
            len,
            picked: None,
            angles: [spread(angles.cos()), spread(angles.sin())],
            causal: layout.causal && len > 1,
            mask: layout.mask.as_ref().map(additive),
        };
        let heads = Heads {
            queries: c.heads as usize,
            keys: c.kv_heads as usize,
            dim: c.head_dim as usize,
        };
        Pass {
            batch,
            len,
            heads,
            attention: Attention::new(heads, batch, &layout.runs),
            few: wanted.map(|wanted| few(&all, layout, wanted)),
            all,
        }
    }

    /// Sizes of the room of a block, perhaps the last.
    pub(super) fn shape(&self, model: &Transformer, last: bool) -> Shape {
        let Mlp::SwiGlu { up, .. } = &model.blocks[0].mlp else {
            unreachable!("checked by `fits`");
        };
        Shape {
            batch: self.batch,
            len: self.len,
            queries: self.queries(last).len,
            heads: self.heads,
            hidden: model.config.hidden,
            inner: up.weight.size()[0],
        }
    }

    fn queries(&self, last: bool) -> &Queries {
        self.few.as_ref().filter(|_| last).unwrap_or(&self.all)
    }

    /// Width of all heads.
    fn width(&self) -> i64 {
        (self.heads.queries * self.heads.dim) as i64
    }

    /// Each key head once for each of its query heads: `[tokens, heads * head_dim]`.
    fn spread(&self, narrow: &Tensor) -> Tensor {
        let Heads { queries, keys, dim } = self.heads;
        let [queries, keys, dim] = [queries, keys, dim].map(|count| count as i64);
        let heads = narrow.view([-1, keys, 1, dim]);
        let heads = heads.expand([-1, keys, queries / keys, dim], false);
        heads.reshape([-1, queries * dim])
    }

    /// From `room.x` to `next`, what the block makes of the tokens that it answers for, which may be
    /// the same; `past`: where keys and values go, see [`KvCache`](super::KvCache).
    pub(super) fn forward(
        &self,
        block: &Block,
        room: &Room,
        next: &Tensor,
        past: Option<&(Tensor, Tensor)>,
        last: bool,
    ) {
        let (Qkv::Apart(linears), Mlp::SwiGlu { gate, up, down }) = (&block.qkv, &block.mlp) else {
            unreachable!("checked by `fits`");
        };
        let queries = self.queries(last);
        let normed = room.x.empty_like();
        normalize(&block.norm_1, &room.x, &normed, &room.scales[0]);
        let [q, k, v] = &room.heads;
        project(&queries.pick(&normed), &linears[0], q);
        project(&normed, &linears[1], k);
        project(&normed, &linears[2], v);
        let [keys, values] = self.turn(queries, &room.heads);
        if let Some((all_keys, all_values)) = past {
            for (all, new) in [(all_keys, k), (all_values, v)] {
                let (heads, dim) = (self.heads.keys as i64, self.heads.dim as i64);
                let new = new.view([self.batch, self.len, heads, dim]);
                all.narrow(2, 0, self.len).copy_(&new.transpose(1, 2));
            }
        }
        let (order, heads) = (queries.order(), [q, &keys, &values]);
        let attention = &self.attention;
        attention.forward(order, heads, &room.attended, &room.normalizers);
        let x = queries.pick(&room.x);
        add_product(&x, &room.attended, &block.out, &room.middle);
        let normed = room.middle.empty_like();
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

    /// Rotates queries and keys in place; returns keys and values once for each query head,
    /// `[tokens, heads * head_dim]` each.
    fn turn(&self, queries: &Queries, [q, k, v]: &[Tensor; 3]) -> [Tensor; 2] {
        let new = || Tensor::empty([k.size()[0], self.width()], (Kind::Float, Device::Cpu));
        let (keys, values) = (new(), new());
        let (few, all) = (
            queries.angles.each_ref().map(rows),
            self.all.angles.each_ref().map(rows),
        );
        let [a, b, c, d, e] = [q, k, v, &keys, &values].map(rows);
        let heads = self.heads;
        // SAFETY: shapes are this pass's; each thread has its own rows.
        share(q.size()[0], |range| unsafe {
            kernels::turn(range, heads, few, 1.0, a);
        });
        // SAFETY: as above.
        share(k.size()[0], |range| unsafe {
            kernels::spread(range, heads, all, b, c, d, e);
        });
        [keys, values]
    }

    /// From the gradient of what a block made to that of its input, `[tokens, hidden]`.
    pub(super) fn backward(&self, block: &Block, room: &Room, dx: Tensor, last: bool) -> Tensor {
        let dx = mlp_back(block, room, dx);
        let Qkv::Apart(linears) = &block.qkv else {
            unreachable!("checked by `fits`");
        };
        let queries = self.queries(last);
        learn(&block.out, &dx, &room.attended);
        let back = dx.matmul(&block.out.weight);
        let [dq, dk, dv] = self.attention_back(queries, room, &back);
        let normed = room.x.empty_like();
        normalize(&block.norm_1, &room.x, &normed, &room.scales[0]);
        learn(&linears[0], &dq, &queries.pick(&normed));
        learn(&linears[1], &dk, &normed);
        learn(&linears[2], &dv, &normed);
        let all = normed.size()[0];
        let mut back = queries.put(dq.matmul(&linears[0].weight), all);
        let _ = back.addmm_(&dk, &linears[1].weight);
        let _ = back.addmm_(&dv, &linears[2].weight);
        let dx = queries.put(dx, all);
        normalize_back(&block.norm_1, &room.x, &room.scales[0], &back, &dx);
        dx
    }

    /// Gradients of queries, keys and values before their rotation, from that of what attention
    /// made; all as in [`Room::heads`].
    fn attention_back(&self, queries: &Queries, room: &Room, back: &Tensor) -> [Tensor; 3] {
        let [q, k, v] = &room.heads;
        let (keys, values) = (self.spread(k), self.spread(v));
        let heads = [q, &keys, &values];
        let (attended, normalizers) = (&room.attended, &room.normalizers);
        let order = queries.order();
        let attention = &self.attention;
        let [dq, dkeys, dvalues] = attention.backward(order, back, heads, attended, normalizers);
        let (dk, dv) = (k.empty_like(), v.empty_like());
        let (few, all) = (
            queries.angles.each_ref().map(rows),
            self.all.angles.each_ref().map(rows),
        );
        let [a, b, c, d, e] = [&dq, &dkeys, &dvalues, &dk, &dv].map(rows);
        let heads = self.heads;
        // SAFETY: shapes are this pass's; each thread has its own rows.
        share(dq.size()[0], |range| unsafe {
            kernels::turn(range, heads, few, -1.0, a);
        });
        // SAFETY: as above.
        share(dk.size()[0], |range| unsafe {
            kernels::spread_back(range, heads, all, b, c, d, e);
        });
        [dq, dk, dv]
    }
}

/// As in [`Layout::mask`], but numbers.
fn additive(mask: &Tensor) -> Tensor {
    let zeros = Tensor::zeros(mask.size(), (Kind::Float, Device::Cpu));
    zeros.masked_fill(&mask.logical_not(), f64::NEG_INFINITY)
}

/// The tokens at the positions `wanted`, `[batch, count]` i64, of each row.
fn few(all: &Queries, layout: &Layout, wanted: &Tensor) -> Queries {
    let (batch, count) = wanted.size2().expect("positions of each row");
    let options = (Kind::Int64, Device::Cpu);
    let starts = Tensor::arange(batch, options).unsqueeze(1) * all.len;
    let picked = (wanted + starts).reshape([-1]);
    let order = || {
        let ones = Tensor::ones([all.len, all.len], (Kind::Bool, Device::Cpu));
        ones.tril(0).view([1, 1, all.len, all.len])
    };
    let mask = layout
        .mask
        .as_ref()
        .map_or_else(order, Tensor::shallow_clone);
    let index = wanted.reshape([batch, 1, count, 1]);
    let mask = mask.expand([batch, 1, all.len, all.len], false).gather(
        2,
        &index.expand([batch, 1, count, all.len], false),
        false,
    );
    Queries {
        len: count,
        angles: all.angles.each_ref().map(|t| t.index_select(0, &picked)),
        picked: Some(picked),
        causal: false,
        mask: Some(additive(&mask)),
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
    let partials = Rows {
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
