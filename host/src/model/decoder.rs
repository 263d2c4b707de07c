//! Grows responses token by token in f32 on the CPU, from the keys and values that libtorch's pass
//! over the contexts left. The rows of a batch share every read of the weights.

use self::held::{Block, Held, HeldBlock, norm, views};
use self::kernels::{Matrix, Norm};
use super::config::ModelConfig;
use super::episodes::Grown;
use super::memory::{numbers, rows, threads};
use super::sampling::Sampling;
use super::transformer::{KvCache, Transformer};
use crate::cpu::rows::Rows;
use crate::cpu::team;
use std::sync::atomic::{AtomicU32, Ordering};
use tch::{Device, Kind, Tensor};

mod attention;
mod held;
mod kernels;
mod sampler;
mod step;
#[cfg(test)]
mod tests;

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
    /// `[response_len][batch]`, the bits of f32.
    logprobs: Vec<AtomicU32>,
    /// Before which block hidden states are kept, and where: `[batch * capacity, hidden]`.
    bottom: Option<(usize, Rows)>,
}

/// Whether [`respond`] can do it.
#[must_use]
pub(super) fn fits(model: &Transformer) -> bool {
    model.device() == Device::Cpu && model.kind() == Kind::Float
}

/// Samples `len` tokens after each context. What the lowest blocks made of contexts and responses is kept where
/// it was asked for; the last token, which nothing follows, did not go through them and has zeros.
///
/// # Panics
/// The model does not [fit](fits).
pub(super) fn respond(
    model: &Transformer,
    start: &Start,
    len: usize,
    sampling: &Sampling,
    seed: u64,
) -> Grown {
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
    let inner = held.first().map_or(1, HeldBlock::inner);
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
    let head = Held::of(model.head(), None);
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
        tokens: zeros(len * batch),
        logprobs: zeros(len * batch),
        bottom: bottom.as_ref().map(|(blocks, all)| (*blocks, rows(all))),
    };
    team::run(threads(), |member| {
        decoder.run(member, len);
    });
    let loaded = |cells: &[AtomicU32]| -> Vec<u32> {
        let loaded = cells.iter().map(|cell| cell.load(Ordering::Relaxed));
        loaded.collect()
    };
    let tokens: Vec<i64> = loaded(&decoder.tokens).into_iter().map(i64::from).collect();
    let logprobs = loaded(&decoder.logprobs).into_iter().map(f32::from_bits);
    let by_rows = |steps: Tensor| steps.view([len as i64, batch as i64]).tr().contiguous();
    Grown {
        tokens: by_rows(Tensor::from_slice(&tokens)),
        logprobs: by_rows(Tensor::from_slice(&logprobs.collect::<Vec<f32>>())),
        bottom: bottom.map(|(_, all)| all),
    }
}

fn zeros(count: usize) -> Vec<AtomicU32> {
    (0..count).map(|_| AtomicU32::new(0)).collect()
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
