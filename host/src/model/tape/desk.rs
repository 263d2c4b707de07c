//! Where passes put what their backward needs. The memory is used again by the next pass: freed and
//! allocated anew it would end up in pieces, among other things, and the process would grow.

use super::kernels::Heads;
use std::cell::RefCell;
use tch::{Device, Kind, Tensor};

/// What the size of a [`Room`] depends on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) batch: i64,
    /// Tokens of each row.
    pub(super) len: i64,
    /// Those among them that the block answers for.
    pub(super) queries: i64,
    pub(super) heads: Heads,
    pub(super) hidden: i64,
    pub(super) inner: i64,
}

/// What a block's backward needs. Tokens of all rows of the batch stand one after the other:
/// `[tokens, ..]`, or `[queries, ..]` where the block may answer for fewer.
#[derive(Debug)]
pub(super) struct Room {
    shape: Shape,
    /// What the block begins with. `[tokens, hidden]`.
    pub(super) x: Tensor,
    /// Scales of the norms before attention, `[tokens, 1]`, and before the MLP, `[queries, 1]`.
    pub(super) scales: [Tensor; 2],
    /// Rotated queries `[queries, heads * head_dim]`, rotated keys and plain values
    /// `[tokens, kv_heads * head_dim]`.
    pub(super) heads: [Tensor; 3],
    /// `[queries, heads * head_dim]`.
    pub(super) attended: Tensor,
    /// Of attention, in logs. `[batch, heads, queries of a row]`.
    pub(super) normalizers: Tensor,
    /// Between attention and MLP. `[queries, hidden]`.
    pub(super) middle: Tensor,
    /// `[queries, inner]`.
    pub(super) gate: Tensor,
    /// `[queries, inner]`.
    pub(super) up: Tensor,
}

impl Room {
    /// Holds nothing yet.
    pub(super) fn new(shape: &Shape) -> Room {
        let Heads { queries, keys, dim } = shape.heads;
        let (wide, narrow) = ((queries * dim) as i64, (keys * dim) as i64);
        let new = |shape: &[i64]| Tensor::empty(shape, (Kind::Float, Device::Cpu));
        let by_token = |width| new(&[shape.batch * shape.len, width]);
        let by_query = |width| new(&[shape.batch * shape.queries, width]);
        Room {
            shape: shape.clone(),
            x: by_token(shape.hidden),
            scales: [by_token(1), by_query(1)],
            heads: [by_query(wide), by_token(narrow), by_token(narrow)],
            attended: by_query(wide),
            normalizers: new(&[shape.batch, queries as i64, shape.queries]),
            middle: by_query(shape.hidden),
            gate: by_query(shape.inner),
            up: by_query(shape.inner),
        }
    }
}

/// Rooms between two passes.
#[derive(Debug, Default)]
pub(in crate::model) struct Desk(RefCell<Vec<Room>>);

impl Desk {
    /// A room of each shape: those of an earlier pass, if they fit.
    pub(super) fn take(&self, shapes: &[Shape]) -> Vec<Room> {
        let rooms = self.0.take();
        if rooms.iter().map(|room| &room.shape).eq(shapes) {
            return rooms;
        }
        drop(rooms);
        shapes.iter().map(Room::new).collect()
    }

    /// Leaves rooms to the next pass.
    pub(super) fn leave(&self, rooms: Vec<Room>) {
        self.0.replace(rooms);
    }
}
