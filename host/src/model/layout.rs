//! Where each token of a batch stands: pads in the middle of a row, positions that skip them,
//! and who may attend to whom. Knows ids and masks; knows nothing of weights.

use tch::{Device, Kind, Tensor};

/// Positions, masks and pad replacement of one batch of token rows.
#[derive(Debug)]
pub struct Layout {
    /// Ids to look up, pads replaced by 0. `[batch, len]` i64.
    pub ids: Tensor,
    /// Number of real tokens strictly before each one. `[batch, len]`, or `[1, len]` when no
    /// row has a pad. i64.
    pub positions: Tensor,
    /// Who may be attended to, when plain causal order does not say it.
    /// `[batch, 1, len, source_len]` bool.
    pub mask: Option<Tensor>,
    /// Whether plain causal order holds (several tokens, nothing before them, no pads).
    pub causal: bool,
    /// Which tokens are real, when some are not. `[batch, len]` bool.
    pub real: Option<Tensor>,
    /// For each position, the last real one at or before it, when some are pads.
    /// `[batch, len]` i64.
    pub source: Option<Tensor>,
    /// Of packed rows, how many there are of which length, one after the other; empty where rows are not packed.
    pub runs: Vec<[i64; 2]>,
}

impl Layout {
    /// Lays out `tokens` (`[batch, len]` i64); ids at or above `vocab_size` are pads.
    #[must_use]
    pub fn new(tokens: &Tensor, vocab_size: i64) -> Self {
        let (_, len) = tokens.size2().expect("token rows have two dimensions");
        let options = (Kind::Int64, tokens.device());
        let real = tokens.lt(vocab_size);
        if bool::try_from(real.all()).expect("a reduction to one element") {
            return Self {
                ids: tokens.shallow_clone(),
                positions: Tensor::arange(len, options).unsqueeze(0),
                mask: None,
                causal: true,
                real: None,
                source: None,
                runs: Vec::new(),
            };
        }
        let counts = real.to_kind(Kind::Int64);
        let positions = counts.cumsum(1, Kind::Int64) - &counts;
        let index = Tensor::arange(len, options);
        let source = (&index * &counts).cummax(1).0;
        // A pad may look at itself: nobody looks at it, and a row that begins with pads must
        // not have a softmax over nothing.
        let own = Tensor::eye(len, (Kind::Int64, tokens.device())).to_kind(Kind::Bool);
        let order = Tensor::ones([len, len], (Kind::Bool, tokens.device())).tril(0);
        let mask = real
            .unsqueeze(1)
            .logical_or(&own)
            .logical_and(&order)
            .unsqueeze(1);
        Self {
            ids: tokens.where_self(&real, &tokens.zeros_like()),
            positions,
            mask: Some(mask),
            causal: false,
            real: Some(real),
            source: Some(source),
            runs: Vec::new(),
        }
    }

    /// Lays out rows of token ids one after the other as a single row without pads, `[1, tokens]`, in which each attends
    /// to itself alone. Only blocks that are run by hand can tell such rows apart.
    #[must_use]
    pub fn packed<'a>(rows: impl Iterator<Item = &'a [i64]>, device: Device) -> Self {
        let (mut ids, mut positions) = (Vec::new(), Vec::new());
        let mut runs: Vec<[i64; 2]> = Vec::new();
        for row in rows {
            let len = row.len() as i64;
            ids.extend_from_slice(row);
            positions.extend(0..len);
            match runs.last_mut() {
                Some([count, of_len]) if *of_len == len => *count += 1,
                _ => runs.push([1, len]),
            }
        }
        let put = |numbers: &[i64]| Tensor::from_slice(numbers).to_device(device).unsqueeze(0);
        Self {
            ids: put(&ids),
            positions: put(&positions),
            mask: None,
            causal: true,
            real: None,
            source: None,
            runs,
        }
    }

    /// Where to look for what stands at `len` positions from `from` on: there, or at the last real
    /// position before, where a pad stands. `[batch, len]` i64.
    pub fn sources(&self, from: i64, len: i64) -> Tensor {
        let options = (Kind::Int64, self.ids.device());
        match &self.source {
            Some(source) => source.narrow(1, from, len),
            None => Tensor::arange_start(from, from + len, options)
                .expand([self.ids.size()[0], len], false),
        }
    }
}

/// What stands at the positions `at` of each row. `hidden`: `[batch, len, width]`; `at`:
/// `[batch, count]` i64; result `[batch, count, width]`.
pub(super) fn pick(hidden: &Tensor, at: &Tensor) -> Tensor {
    let (batch, count) = at.size2().expect("positions of each row");
    let width = hidden.size()[2];
    let index = at.unsqueeze(-1).expand([batch, count, width], false);
    hidden.gather(1, &index, false)
}
