//! Where passes put what their backward needs. The memory is used again by the next pass: freed and
//! allocated anew it would end up in pieces, among other things, and the process would grow.

use std::cell::RefCell;
use tch::{Device, Kind, Tensor};

/// What the size of a [`Room`] depends on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) batch: i64,
    pub(super) len: i64,
    pub(super) heads: i64,
    pub(super) kv_heads: i64,
    pub(super) dim: i64,
    pub(super) hidden: i64,
    pub(super) inner: i64,
}

/// What a block's backward needs. Tokens of all rows stand one after the other: `[tokens, ..]`.
#[derive(Debug)]
pub(super) struct Room {
    shape: Shape,
    /// What the block begins with. `[tokens, hidden]`.
    pub(super) x: Tensor,
    /// Scales of the norms before attention and before the MLP. `[tokens, 1]` each.
    pub(super) scales: [Tensor; 2],
    /// Rotated queries `[tokens, heads * head_dim]`, rotated keys and plain values
    /// `[tokens, kv_heads * head_dim]`.
    pub(super) heads: [Tensor; 3],
    /// `[tokens, heads * head_dim]`.
    pub(super) attended: Tensor,
    /// Of attention, in logs. `[batch, heads, len]`.
    pub(super) normalizers: Tensor,
    /// Between attention and MLP. `[tokens, hidden]`.
    pub(super) middle: Tensor,
    /// `[tokens, inner]`.
    pub(super) gate: Tensor,
    /// `[tokens, inner]`.
    pub(super) up: Tensor,
}

impl Room {
    /// Holds nothing yet.
    pub(super) fn new(shape: &Shape) -> Room {
        let tokens = shape.batch * shape.len;
        let (wide, narrow) = (shape.heads * shape.dim, shape.kv_heads * shape.dim);
        let new = |shape: &[i64]| Tensor::empty(shape, (Kind::Float, Device::Cpu));
        let by_token = |width| new(&[tokens, width]);
        Room {
            shape: shape.clone(),
            x: by_token(shape.hidden),
            scales: [by_token(1), by_token(1)],
            heads: [by_token(wide), by_token(narrow), by_token(narrow)],
            attended: by_token(wide),
            normalizers: new(&[shape.batch, shape.heads, shape.len]),
            middle: by_token(shape.hidden),
            gate: by_token(shape.inner),
            up: by_token(shape.inner),
        }
    }
}

/// Rooms between two passes.
#[derive(Debug, Default)]
pub(in crate::model) struct Desk(RefCell<Vec<Room>>);

impl Desk {
    /// `count` rooms of a shape: those of an earlier pass, if they fit.
    pub(super) fn take(&self, shape: &Shape, count: usize) -> Vec<Room> {
        let rooms = self.0.take();
        if rooms.len() == count && rooms.iter().all(|room| room.shape == *shape) {
            return rooms;
        }
        drop(rooms);
        (0..count).map(|_| Room::new(shape)).collect()
    }

    /// Leaves rooms to the next pass.
    pub(super) fn leave(&self, rooms: Vec<Room>) {
        self.0.replace(rooms);
    }
}
