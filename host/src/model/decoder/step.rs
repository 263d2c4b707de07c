//! What each member of the team does for one token of every row.

use super::attention::attend;
use super::held::Block;
use super::kernels::{Matrix, Norm, Then, gelu, multiply, swiglu};
use super::{Buffers, Decoder, sampler};
use crate::cpu::rows::Rows;
use crate::cpu::team::Member;
use crate::model::memory::rotate;
use crate::model::sampling::uniform;
use std::sync::atomic::Ordering;

impl Decoder<'_> {
    /// The program of each member of the team.
    pub(super) fn run(&self, member: &mut Member, len: usize) {
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
            let roll = uniform(self.seed, self.sampling.first_row + row as u64, t as u64);
            let drawn = sampler::draw(logits, self.sampling, filtered, roll);
            let at = t * self.batch + row;
            self.tokens[at].store(drawn.token as u32, Ordering::Relaxed);
            self.logprobs[at].store(drawn.logprob.to_bits(), Ordering::Relaxed);
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
