//! Blocks of the Llama families forward and backward by hand, in f32 on the CPU.
//!
//! Products and attention are libtorch's; what stands between them is one pass over memory each
//! where autograd would make five, and far less is kept: a block's inputs, its heads and its gate.
//! Knows one block after the other; knows nothing of vocabularies or losses.

use self::block::Pass;
pub(super) use self::desk::Desk;
use self::desk::Room;
use super::layout::{Layout, pick};
use super::transformer::{Block, KvCache, Mlp, Qkv, Transformer};
use std::ops::Range;
use tch::{Device, Kind, Tensor};

mod attention;
mod block;
mod desk;
mod kernels;
#[cfg(test)]
mod tests;

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
    blocks: Range<usize>,
    /// `[batch, len]` i64.
    ids: Tensor,
}

/// What a pass is asked for.
#[derive(Debug, Clone)]
pub(super) struct Span<'a> {
    /// Which blocks are run.
    pub(super) blocks: Range<i64>,
    /// At which positions somebody looks at what they make, `[batch, count]` i64; everywhere when
    /// absent. The last block does not work for the others.
    pub(super) wanted: Option<&'a Tensor>,
}

/// Runs blocks over `x` (`[batch, len, hidden]`) without gradients, by hand where that is possible;
/// result `[batch, len or count, hidden]`. An empty `cache` gets the keys and values of these blocks;
/// its length stays.
pub(super) fn run(
    model: &Transformer,
    x: &Tensor,
    layout: &Layout,
    span: &Span,
    cache: Option<&mut KvCache>,
) -> Tensor {
    let _guard = tch::no_grad_guard();
    if fits(model) {
        return forward(model, x, layout, span, cache, None).0;
    }
    let (x, Range { start, end }) = (x.shallow_clone(), span.blocks.clone());
    let x = match cache {
        None => model.run(x, layout, start, end, None),
        Some(cache) => {
            let len = cache.len;
            let x = model.run(x, layout, start, end, Some(cache));
            cache.len = len;
            x
        }
    };
    span.wanted.map_or(x.shallow_clone(), |at| pick(&x, at))
}

/// Runs blocks by hand, as [`run`]; with a desk to `keep` things on, gradients can flow back.
pub(super) fn forward(
    model: &Transformer,
    x: &Tensor,
    layout: &Layout,
    span: &Span,
    cache: Option<&mut KvCache>,
    keep: Option<&Desk>,
) -> (Tensor, Option<Tape>) {
    let _guard = tch::no_grad_guard();
    let (batch, len, hidden) = x.size3().expect("hidden states have three dimensions");
    let range = span.blocks.start as usize..span.blocks.end as usize;
    let blocks = &model.blocks[range.clone()];
    if blocks.is_empty() {
        let x = span.wanted.map_or(x.shallow_clone(), |at| pick(x, at));
        return (x.detach(), None);
    }
    let pass = Pass::new(model, layout, [batch, len], span.wanted);
    let mut shapes: Vec<_> = (1..=blocks.len())
        .map(|number| pass.shape(model, number == blocks.len()))
        .collect();
    let rooms = match keep {
        Some(desk) => desk.take(&shapes),
        None => {
            // Without a backward, blocks of one shape use one room.
            shapes.dedup();
            shapes.iter().map(Room::new).collect()
        }
    };
    let room = |at: usize| {
        let last = at + 1 == blocks.len();
        &rooms[match keep {
            Some(_) => at,
            None if last => rooms.len() - 1,
            None => 0,
        }]
    };
    let mut first = room(0).x.shallow_clone();
    first.copy_(&x.detach().reshape([-1, hidden]));
    let out = room(blocks.len() - 1).middle.empty_like();
    for (at, block) in blocks.iter().enumerate() {
        let past = cache.as_ref().map(|cache| &cache.layers[range.start + at]);
        let last = at + 1 == blocks.len();
        let next = if last { &out } else { &room(at + 1).x };
        pass.forward(block, room(at), next, past, last);
    }
    let tape = keep.map(|_| Tape {
        pass,
        rooms,
        blocks: range,
        ids: layout.ids.shallow_clone(),
    });
    (out.view([batch, -1, hidden]), tape)
}

impl Tape {
    /// Adds the gradients of the blocks' parameters to theirs, given `dx`, that of what the blocks
    /// made (it is overwritten), and of the embedding when the pass began with it. Leaves the desk to
    /// the next pass.
    pub(super) fn backward(self, model: &Transformer, dx: Tensor, desk: &Desk) {
        let _guard = tch::no_grad_guard();
        let mut dx = dx.reshape([-1, model.config.hidden]).contiguous();
        let (blocks, count) = (&model.blocks[self.blocks.clone()], self.blocks.len());
        for (at, (block, room)) in blocks.iter().zip(&self.rooms).enumerate().rev() {
            dx = self.pass.backward(block, room, dx, at + 1 == count);
        }
        desk.leave(self.rooms);
        if self.blocks.start == 0 && model.embedding.requires_grad() {
            let ids = self.ids.reshape([-1]);
            let _ = gradient(&model.embedding).index_add_(0, &ids, &dx);
        }
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
