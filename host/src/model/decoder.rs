//! Grows responses token by token in f32 on the CPU, from the keys and values that libtorch's pass
//! over the contexts left. The rows of a batch share every read of the weights.

use self::kernels::{Matrix, Norm, Then, attend, gelu, multiply, swiglu};
use super::config::ModelConfig;
use super::generate::{Sampling, uniform};
use super::memory::{numbers, rotate, rows, threads};
use super::transformer::{self, KvCache, Linear, Mlp, Qkv, Transformer};
use crate::cpu::rows::Rows;
use crate::cpu::team::{self, Member};
use std::sync::atomic::{AtomicU32, Ordering};
use tch::{Device, Kind, Tensor};

mod kernels;
mod sampler;
#[cfg(test)]
mod tests;

/// A weight matrix `[outputs, inputs]` with its bias, in memory as the kernels read it.
struct Held(Tensor, Option<Tensor>);

impl Held {
    fn new(linear: &Linear) -> Held {
        let weight = if linear.input_first {
            linear.weight.tr()
        } else {
            linear.weight.shallow_clone()
        };
        Held(
            weight.detach().contiguous(),
            linear.bias.as_ref().map(Tensor::detach),
        )
    }

    fn view(&self) -> Matrix<'_> {
        Matrix {
            weight: numbers(&self.0),
            bias: self.1.as_ref().map(numbers),
            inputs: self.0.size()[1] as usize,
        }
    }
}

struct Block<'a> {
    norms: [Norm<'a>; 2],
    qkv: Vec<Matrix<'a>>,
    out: Matrix<'a>,
    /// Gate and up, or up alone.
    up: Vec<Matrix<'a>>,
    down: Matrix<'a>,
    /// Of this block; see [`KvCache`].
    keys: Rows,
    values: Rows,
}

struct HeldBlock<'a> {
    source: &'a transformer::Block,
    qkv: Vec<Held>,
    out: Held,
    up: Vec<Held>,
    down: Held,
}

impl<'a> HeldBlock<'a> {
    fn new(source: &'a transformer::Block) -> Self {
        let all = |linears: &[&Linear]| linears.iter().map(|l| Held::new(l)).collect();
        let (up, down) = match &source.mlp {
            Mlp::Gelu { up, down } => (all(&[up]), down),
            Mlp::SwiGlu { gate, up, down } => (all(&[gate, up]), down),
        };
        HeldBlock {
            source,
            qkv: match &source.qkv {
                Qkv::Fused(one) => all(&[one]),
                Qkv::Apart([q, k, v]) => all(&[q, k, v]),
            },
            out: Held::new(&source.out),
            up,
            down: Held::new(down),
        }
    }
}

/// What grows, and where everything is written; shapes are `[batch, ..]`.
struct Buffers {
    x: Rows,
    normed: Rows,
    qkv: Rows,
    attended: Rows,
    gate: Rows,
    up: Rows,
    logits: Rows,
}

/// A prompt that has been read: where the response begins.
pub(super) struct Start<'a> {
    /// Keys and values of the context, with room for the response.
    pub(super) cache: &'a KvCache,
    /// Trunk output of each row's last real token, before the final norm. `[batch, hidden]`.
    pub(super) last: &'a Tensor,
    /// Which context tokens are real, when some are pads. `[batch, context_len]` bool.
    pub(super) real: Option<&'a Tensor>,
    /// How many blocks never change, and what they made of the contexts,
    /// `[batch, context_len, hidden]`; asks for the same of the responses.
    pub(super) bottom: Option<(i64, &'a Tensor)>,
}

struct Decoder<'a> {
    config: &'a ModelConfig,
    embedding: &'a [f32],
    learned_positions: Option<&'a [f32]>,
    frequencies: Vec<f64>,
    blocks: Vec<Block<'a>>,
    final_norm: Norm<'a>,
    head: Matrix<'a>,
    buffers: Buffers,
    sampling: &'a Sampling,
    seed: u64,
    batch: usize,
    context_len: usize,
    capacity: usize,
    /// Real tokens of each context.
    counts: Vec<usize>,
    /// `[batch][capacity]`, when a context has pads.
    real: Option<Vec<Vec<bool>>>,
    /// `[response_len][batch]`
    tokens: Vec<AtomicU32>,
    /// Before which block hidden states are kept, and where: `[batch * capacity, hidden]`.
    bottom: Option<(usize, Rows)>,
}

/// Whether [`respond`] can do it.
#[must_use]
pub(super) fn fits(model: &Transformer) -> bool {
    model.device() == Device::Cpu && model.kind() == Kind::Float
}

/// Samples `len` tokens after each context. Result `[batch, len]` i64, and, when it was asked for,
/// what the lowest blocks made of contexts and responses, `[batch, context_len + len, hidden]`; the
/// last token, which nothing follows, did not go through them and has zeros.
///
/// # Panics
/// The model does not [fit](fits).
pub(super) fn respond(
    model: &Transformer,
    start: &Start,
    len: usize,
    sampling: &Sampling,
    seed: u64,
) -> (Tensor, Option<Tensor>) {
    assert!(fits(model), "f32 on the CPU");
    let held: Vec<HeldBlock> = model.blocks.iter().map(HeldBlock::new).collect();
    let c = &model.config;
    let batch = start.last.size()[0] as usize;
    let x = start.last.to_kind(Kind::Float).contiguous();
    let mut memory: Vec<Vec<f32>> = Vec::new();
    let mut buffer = |width: i64| {
        let width = width as usize;
        memory.push(vec![0.0; batch * width]);
        let start = memory.last_mut().expect("just pushed").as_mut_ptr();
        Rows {
            start,
            stride: width,
        }
    };
    let inner = held.first().map_or(1, |block| block.up[0].0.size()[0]);
    let buffers = Buffers {
        x: buffer(c.hidden),
        normed: buffer(c.hidden),
        qkv: buffer((c.heads + 2 * c.kv_heads) * c.head_dim),
        attended: buffer(c.heads * c.head_dim),
        gate: buffer(inner),
        up: buffer(inner),
        logits: buffer(c.vocab_size),
    };
    for (row, values) in numbers(&x).chunks(c.hidden as usize).enumerate() {
        // SAFETY: the buffer was made with `batch` rows of `hidden` numbers, and is not shared yet.
        unsafe { buffers.x.row_mut(row, values.len()).copy_from_slice(values) };
    }
    let capacity = start.cache.capacity() as usize;
    let frequencies = model.frequencies.as_ref();
    let (counts, real) = real_tokens(start, batch, capacity);
    let head = Held(model.head().detach(), None);
    let bottom = start.bottom.map(|(blocks, contexts)| {
        let shape = [batch as i64, capacity as i64, c.hidden];
        let all = Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        all.narrow(1, 0, contexts.size()[1]).copy_(contexts);
        (blocks as usize, all)
    });
    let decoder = Decoder {
        config: c,
        embedding: numbers(&model.embedding),
        learned_positions: model.learned_positions.as_ref().map(numbers),
        frequencies: frequencies.map_or_else(Vec::new, |t| {
            Vec::try_from(t).expect("frequencies are one row of f64")
        }),
        blocks: views(&held, start.cache),
        final_norm: norm(&model.final_norm),
        head: head.view(),
        buffers,
        sampling,
        seed,
        batch,
        context_len: start.cache.len as usize,
        capacity,
        counts,
        real,
        tokens: (0..len * batch).map(|_| AtomicU32::new(0)).collect(),
        bottom: bottom.as_ref().map(|(blocks, all)| (*blocks, rows(all))),
    };
    team::run(threads(), |member| {
        decoder.run(member, len);
    });
    let tokens: Vec<i64> = decoder
        .tokens
        .iter()
        .map(|token| i64::from(token.load(Ordering::Relaxed)))
        .collect();
    let tokens = Tensor::from_slice(&tokens).view([len as i64, batch as i64]);
    (tokens.tr().contiguous(), bottom.map(|(_, all)| all))
}

/// How many context tokens of each row are real, and which of the cache's, when not all are.
fn real_tokens(
    start: &Start,
    batch: usize,
    capacity: usize,
) -> (Vec<usize>, Option<Vec<Vec<bool>>>) {
    let Some(real) = start.real else {
        return (vec![start.cache.len as usize; batch], None);
    };
    let mut rows = Vec::<Vec<bool>>::try_from(real).expect("a bool for each context token");
    let counts = rows
        .iter()
        .map(|row| row.iter().filter(|&&real| real).count())
        .collect();
    rows.iter_mut().for_each(|row| row.resize(capacity, true));
    (counts, Some(rows))
}

fn views<'a>(held: &'a [HeldBlock], cache: &KvCache) -> Vec<Block<'a>> {
    held.iter()
        .zip(&cache.layers)
        .map(|(block, (keys, values))| Block {
            norms: [norm(&block.source.norm_1), norm(&block.source.norm_2)],
            qkv: block.qkv.iter().map(Held::view).collect(),
            out: block.out.view(),
            up: block.up.iter().map(Held::view).collect(),
            down: block.down.view(),
            keys: rows(keys),
            values: rows(values),
        })
        .collect()
}

fn norm(norm: &transformer::Norm) -> Norm<'_> {
    Norm {
        weight: numbers(&norm.weight),
        bias: norm.bias.as_ref().map(numbers),
        eps: norm.eps,
    }
}

impl Decoder<'_> {
    /// The program of each member of the team.
    fn run(&self, member: &mut Member, len: usize) {
        let mut scores = vec![0.0; self.capacity];
        let mut angles = [
            vec![0.0; self.frequencies.len()],
            vec![0.0; self.frequencies.len()],
        ];
        for t in 0..len {
            self.draw(member, t);
            if t + 1 == len {
                return;
            }
            self.embed(member, t);
            for (at, block) in self.blocks.iter().enumerate() {
                self.keep(member, at, t);
                self.attention(member, block, t, &mut scores, &mut angles);
                self.mlp(member, block);
            }
        }
    }

    /// Keeps what the lowest blocks made. No meeting is needed: `x` is not written before the next.
    fn keep(&self, member: &Member, block: usize, t: usize) {
        let Some((_, kept)) = self.bottom.filter(|(blocks, _)| *blocks == block) else {
            return;
        };
        let width = self.config.hidden as usize;
        for row in member.share(self.batch, 1) {
            let at = row * self.capacity + self.context_len + t;
            // SAFETY: each row is one member's.
            unsafe {
                let x = self.buffers.x.row(row, width);
                kept.row_mut(at, width).copy_from_slice(x);
            }
        }
    }

    /// Final norm, head and draw; ends with a meeting.
    fn draw(&self, member: &mut Member, t: usize) {
        let Buffers { normed, logits, .. } = self.buffers;
        self.normalize(member, &self.final_norm);
        self.product(member, self.head, normed, logits, Then::Write);
        member.meet();
        for row in member.share(self.batch, 1) {
            // SAFETY: each row is one member's until the next meeting.
            let logits = unsafe { logits.row_mut(row, self.config.vocab_size as usize) };
            let filtered = !(self.sampling.skip_first && t == 0);
            if filtered {
                sampler::filter(logits, self.sampling);
            }
            let roll = uniform(self.seed, self.sampling.first_row + row as u64, t as u64);
            let token = sampler::draw(logits, self.sampling.temperature, roll);
            self.tokens[t * self.batch + row].store(token as u32, Ordering::Relaxed);
        }
        member.meet();
    }

    /// The hidden state of each row's newest token; ends with a meeting.
    fn embed(&self, member: &mut Member, t: usize) {
        let width = self.config.hidden as usize;
        for row in member.share(self.batch, 1) {
            let token = self.tokens[t * self.batch + row].load(Ordering::Relaxed) as usize;
            // SAFETY: each row is one member's until the next meeting.
            let x = unsafe { self.buffers.x.row_mut(row, width) };
            x.copy_from_slice(&self.embedding[token * width..(token + 1) * width]);
            if let Some(table) = self.learned_positions {
                let at = (self.counts[row] + t) * width;
                x.iter_mut()
                    .zip(&table[at..at + width])
                    .for_each(|(x, p)| *x += p);
            }
        }
        member.meet();
    }

    /// Normalizes `x` into `normed`; ends with a meeting.
    fn normalize(&self, member: &mut Member, norm: &Norm) {
        let width = self.config.hidden as usize;
        for row in member.share(self.batch, 1) {
            // SAFETY: `x` is only read until the next meeting, and each row of `normed` is one
            // member's.
            unsafe {
                norm.apply(
                    self.buffers.x.row(row, width),
                    self.buffers.normed.row_mut(row, width),
                );
            }
        }
        member.meet();
    }

    /// This member's columns of a product; the caller meets.
    fn product(&self, member: &Member, matrix: Matrix, from: Rows, to: Rows, then: Then) {
        let outputs = member.share(matrix.outputs(), 16);
        // SAFETY: the buffers were made for this model's shapes; each column is one member's, and
        // `from` is not written until the next meeting.
        unsafe { multiply(matrix, outputs, from, to, self.batch, then) };
    }

    /// Attention of one block with what is before it; ends with a meeting.
    fn attention(
        &self,
        member: &mut Member,
        block: &Block,
        t: usize,
        scores: &mut [f32],
        angles: &mut [Vec<f32>; 2],
    ) {
        let Buffers {
            x,
            normed,
            qkv,
            attended,
            ..
        } = self.buffers;
        self.normalize(member, &block.norms[0]);
        let mut column = 0;
        for &matrix in &block.qkv {
            self.product(member, matrix, normed, shifted(qkv, column), Then::Write);
            column += matrix.outputs();
        }
        member.meet();
        let kv_heads = self.config.kv_heads as usize;
        for item in member.share(self.batch * kv_heads, 1) {
            let (row, kv_head) = (item / kv_heads, item % kv_heads);
            self.attend_group(block, row, kv_head, t, scores, angles);
        }
        member.meet();
        self.product(member, block.out, attended, x, Then::Add);
        member.meet();
    }

    /// Writes the newest key and value of one group of heads and attends for each of them.
    fn attend_group(
        &self,
        block: &Block,
        row: usize,
        kv_head: usize,
        t: usize,
        scores: &mut [f32],
        [cos, sin]: &mut [Vec<f32>; 2],
    ) {
        let c = self.config;
        let (dim, heads, kv_heads) = (c.head_dim as usize, c.heads as usize, c.kv_heads as usize);
        let position = (self.counts[row] + t) as f64;
        for ((cos, sin), frequency) in cos.iter_mut().zip(sin.iter_mut()).zip(&self.frequencies) {
            let (s, c) = (position * frequency).sin_cos();
            (*cos, *sin) = (c as f32, s as f32);
        }
        let at = self.context_len + t;
        let cached = (row * kv_heads + kv_head) * self.capacity;
        let width = (heads + 2 * kv_heads) * dim;
        // SAFETY: this row and group of heads is one member's until the next meeting, in the cache
        // and in all buffers.
        unsafe {
            let all = shifted(self.buffers.qkv, 0)
                .row(row, width)
                .as_ptr()
                .cast_mut();
            let part = |head: usize| std::slice::from_raw_parts_mut(all.add(head * dim), dim);
            let key = part(heads + kv_head);
            if !self.frequencies.is_empty() {
                rotate(key, cos, sin, 1.0);
            }
            block.keys.row_mut(cached + at, dim).copy_from_slice(key);
            let value = part(heads + kv_heads + kv_head);
            block
                .values
                .row_mut(cached + at, dim)
                .copy_from_slice(value);
            let keys = block.keys.row(cached, (at + 1) * dim);
            let values = block.values.row(cached, (at + 1) * dim);
            let real = self.real.as_ref().map(|real| &real[row][..=at]);
            let group = heads / kv_heads;
            for head in kv_head * group..(kv_head + 1) * group {
                let q = part(head);
                if !self.frequencies.is_empty() {
                    rotate(q, cos, sin, 1.0);
                }
                let out = shifted(self.buffers.attended, head * dim).row_mut(row, dim);
                attend(q, keys, values, real, &mut scores[..=at], out);
            }
        }
    }

    /// The MLP of one block; ends with a meeting.
    fn mlp(&self, member: &mut Member, block: &Block) {
        let Buffers {
            x,
            normed,
            gate,
            up,
            ..
        } = self.buffers;
        self.normalize(member, &block.norms[1]);
        let inner = block.up[0].outputs();
        for (&matrix, to) in block.up.iter().zip([gate, up]) {
            self.product(member, matrix, normed, to, Then::Write);
        }
        let mine = member.share(inner, 16);
        for row in 0..self.batch {
            // SAFETY: these columns are the ones that this member has just written.
            unsafe {
                let gate = shifted(gate, mine.start).row_mut(row, mine.len());
                match block.up.len() {
                    1 => gelu(gate),
                    _ => swiglu(gate, shifted(up, mine.start).row(row, mine.len())),
                }
            }
        }
        member.meet();
        self.product(member, block.down, gate, x, Then::Add);
        member.meet();
    }
}

/// The same rows, from column `column` on.
fn shifted(rows: Rows, column: usize) -> Rows {
    Rows {
        // SAFETY: columns are within a row of the buffer.
        start: unsafe { rows.start.add(column) },
        stride: rows.stride,
    }
}
