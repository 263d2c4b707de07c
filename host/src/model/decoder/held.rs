//! A model's weights as the kernels read them.

use super::kernels::{Matrix, Norm};
use crate::cpu::rows::Rows;
use crate::model::memory::{numbers, rows};
use crate::model::transformer::{self, KvCache, Linear, Mlp, Qkv};
use tch::Tensor;

/// A weight matrix `[outputs, inputs]` with its bias, in memory as the kernels read it.
pub(super) struct Held(Tensor, Option<Tensor>);

impl Held {
    fn new(linear: &Linear) -> Held {
        let weight = if linear.input_first {
            linear.weight.tr()
        } else {
            linear.weight.shallow_clone()
        };
        Held::of(&weight, linear.bias.as_ref())
    }

    /// `weight`: `[outputs, inputs]`.
    pub(super) fn of(weight: &Tensor, bias: Option<&Tensor>) -> Held {
        Held(weight.detach().contiguous(), bias.map(Tensor::detach))
    }

    pub(super) fn view(&self) -> Matrix<'_> {
        Matrix {
            weight: numbers(&self.0),
            bias: self.1.as_ref().map(numbers),
            inputs: self.0.size()[1] as usize,
        }
    }
}

/// A block's weights, and where its keys and values are.
pub(super) struct Block<'a> {
    pub(super) norms: [Norm<'a>; 2],
    pub(super) qkv: Vec<Matrix<'a>>,
    pub(super) out: Matrix<'a>,
    /// Gate and up, or up alone.
    pub(super) up: Vec<Matrix<'a>>,
    pub(super) down: Matrix<'a>,
    /// Of this block; see [`KvCache`].
    pub(super) keys: Rows,
    pub(super) values: Rows,
}

/// A block's weights, kept in memory while it is read.
pub(super) struct HeldBlock<'a> {
    source: &'a transformer::Block,
    qkv: Vec<Held>,
    out: Held,
    up: Vec<Held>,
    down: Held,
}

impl<'a> HeldBlock<'a> {
    pub(super) fn new(source: &'a transformer::Block) -> Self {
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

    /// Width between up and down.
    pub(super) fn inner(&self) -> i64 {
        self.up[0].0.size()[0]
    }
}

/// The blocks as the kernels read them.
pub(super) fn views<'a>(held: &'a [HeldBlock], cache: &KvCache) -> Vec<Block<'a>> {
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

/// A norm as the kernels read it.
pub(super) fn norm(norm: &transformer::Norm) -> Norm<'_> {
    Norm {
        weight: numbers(&norm.weight),
        bias: norm.bias.as_ref().map(numbers),
        eps: norm.eps,
    }
}
