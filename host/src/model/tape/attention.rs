//! Attention over rows of tokens that stand one after the other, forward and backward, by libtorch's kernel. Knows heads
//! and where rows begin; knows nothing of what is attended with.

use super::kernels::Heads;
use tch::Tensor;

/// Rows of one length, each of which attends to itself alone.
#[derive(Debug)]
struct Run {
    /// Which tokens they are: from where on, and how many; all where there is no other run.
    tokens: Option<(i64, i64)>,
    /// How many rows.
    rows: i64,
}

/// All rows of a pass.
#[derive(Debug)]
pub(super) struct Attention {
    heads: i64,
    dim: i64,
    runs: Vec<Run>,
}

/// Who attends to whom within a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// Each token to those before it.
    pub(super) causal: bool,
    /// What is added to scores. `[batch or 1, 1, queries of a row, tokens of a row]`.
    pub(super) mask: Option<&'a Tensor>,
}

impl Attention {
    /// `runs`: how many rows of which length, if their lengths differ; then there is no mask.
    pub(super) fn new(heads: Heads, batch: i64, runs: &[[i64; 2]]) -> Attention {
        let mut from = 0;
        let run = |&[rows, len]: &[i64; 2]| {
            let tokens = Some((from, rows * len));
            from += rows * len;
            Run { tokens, rows }
        };
        let mut runs: Vec<Run> = runs.iter().map(run).collect();
        if runs.is_empty() {
            runs.push(Run {
                tokens: None,
                rows: batch,
            });
        }
        Attention {
            heads: heads.queries as i64,
            dim: heads.dim as i64,
            runs,
        }
    }

    /// A run's part of `[tokens, heads * head_dim]`, as attention takes it: `[rows, heads, len, head_dim]`.
    fn by_heads(&self, run: &Run, all: &Tensor) -> Tensor {
        let own = match run.tokens {
            Some((from, count)) => all.narrow(0, from, count),
            None => all.shallow_clone(),
        };
        own.view([run.rows, -1, self.heads, self.dim])
            .transpose(1, 2)
    }

    /// And back.
    fn by_tokens(&self, heads: &Tensor) -> Tensor {
        let tokens = heads.transpose(1, 2).reshape([-1, self.heads * self.dim]);
        tokens.contiguous()
    }

    /// A run's part of the normalizers. `[rows, heads, len]`.
    fn normalizers(&self, run: &Run, all: &Tensor) -> Tensor {
        let flat = all.view([-1]);
        let own = match run.tokens {
            Some((from, count)) => flat.narrow(0, from * self.heads, count * self.heads),
            None => flat,
        };
        own.view([run.rows, self.heads, -1])
    }

    /// Writes what queries find, `attended`, and the logs of the sums that it was divided by, `normalizers`. Queries:
    /// `[queries, heads * head_dim]`, as `attended`; keys and values: `[tokens, heads * head_dim]`.
    pub(super) fn forward(
        &self,
        order: Order,
        [q, keys, values]: [&Tensor; 3],
        attended: &Tensor,
        normalizers: &Tensor,
    ) {
        for run in &self.runs {
            let cut = |all: &Tensor| self.by_heads(run, all);
            let (found, sums) = Tensor::internal_scaled_dot_product_flash_attention_for_cpu(
                &cut(q),
                &cut(keys),
                &cut(values),
                0.0,
                order.causal,
                order.mask,
                None,
            );
            cut(attended).copy_(&found);
            self.normalizers(run, normalizers).copy_(&sums);
        }
    }

    /// Gradients of queries, keys and values from that of `attended`, `back`; all as in [`Attention::forward`].
    pub(super) fn backward(
        &self,
        order: Order,
        back: &Tensor,
        [q, keys, values]: [&Tensor; 3],
        attended: &Tensor,
        normalizers: &Tensor,
    ) -> [Tensor; 3] {
        let [mut dq, mut dk, mut dv]: [Vec<Tensor>; 3] = Default::default();
        for run in &self.runs {
            let cut = |all: &Tensor| self.by_heads(run, all);
            let (a, b, c) = Tensor::internal_scaled_dot_product_flash_attention_for_cpu_backward(
                &cut(back),
                &cut(q),
                &cut(keys),
                &cut(values),
                &cut(attended),
                &self.normalizers(run, normalizers),
                0.0,
                order.causal,
                order.mask,
                None,
            );
            for (all, own) in [(&mut dq, a), (&mut dk, b), (&mut dv, c)] {
                all.push(self.by_tokens(&own));
            }
        }
        [dq, dk, dv].map(|mut parts| match parts.len() {
            1 => parts.remove(0),
            _ => Tensor::cat(&parts, 0),
        })
    }
}
