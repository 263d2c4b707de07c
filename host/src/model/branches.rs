//! Queries with several responses each, laid out so that a query is computed once: every row is
//! `query ++ response 0 ++ response 1 …`, where a response attends to the query and to itself, and
//! counts its positions from the query's end. Knows ids and masks; knows nothing of rewards.

use super::layout::Layout;
use tch::{Device, Kind, Tensor};

/// A query and its responses, as token ids; together with the query, no response is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passages {
    /// What was asked; may be empty.
    pub query: Vec<u32>,
    /// The answers.
    pub responses: Vec<Vec<u32>>,
}

impl Passages {
    /// Tokens in the row.
    #[must_use]
    pub fn len(&self) -> usize {
        self.query.len() + self.responses.iter().map(Vec::len).sum::<usize>()
    }

    /// Whether there is no token at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Positions that the longest response reaches.
    #[must_use]
    pub fn span(&self) -> usize {
        let longest = self.responses.iter().map(Vec::len).max();
        self.query.len() + longest.unwrap_or(0)
    }
}

/// A batch of rows, right-padded to the longest.
#[derive(Debug)]
pub(super) struct Branches {
    /// Of `[rows, len]` tokens.
    pub(super) layout: Layout,
    /// Where each response is read, `[rows, most]` i64; a row with fewer responses repeats its last.
    pub(super) ends: Tensor,
}

impl Branches {
    /// A response is read at its last token that is not `pad`.
    pub(super) fn new(rows: &[&Passages], pad: Option<i64>, device: Device) -> Branches {
        let len = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let most = rows.iter().map(|row| row.responses.len()).max();
        let (count, most) = (rows.len() as i64, most.unwrap_or(0));
        let [mut ids, mut positions] = [(); 2].map(|()| vec![0i64; rows.len() * len]);
        let mut ends = Vec::with_capacity(rows.len() * most);
        for (row, passages) in rows.iter().enumerate() {
            let here = row * len..(row + 1) * len;
            let (ids, positions) = (&mut ids[here.clone()], &mut positions[here]);
            let placed = place(passages, pad, ids, positions);
            let last = placed.last().copied().unwrap_or(0);
            ends.extend(placed);
            ends.resize((row + 1) * most, last);
        }
        let shape = [count, len as i64];
        let tensor = |values: &[i64]| Tensor::from_slice(values).to_device(device);
        // With one response a row is a text like any other: nobody looks at what pads its end.
        let plain = most <= 1;
        let mask = (!plain).then(|| mask(rows, len).to_device(device));
        Branches {
            layout: Layout {
                ids: tensor(&ids).view(shape),
                positions: if plain {
                    Tensor::arange(len as i64, (Kind::Int64, device)).unsqueeze(0)
                } else {
                    tensor(&positions).view(shape)
                },
                causal: plain,
                mask,
                real: None,
                source: None,
                runs: Vec::new(),
            },
            ends: tensor(&ends).view([count, most as i64]),
        }
    }
}

/// Writes one row's ids and positions; returns where each response is read: at the last token of
/// `query ++ response` that is no pad or, where there is no other, at the first.
fn place(
    passages: &Passages,
    pad: Option<i64>,
    ids: &mut [i64],
    positions: &mut [i64],
) -> Vec<i64> {
    let asked = passages.query.len();
    let real = |token: &u32| Some(i64::from(*token)) != pad;
    let mut at = 0;
    // Returns where the tokens begin, and where the last that is no pad stands.
    let mut put = |tokens: &[u32], from: usize| {
        let begin = at;
        for (place, token) in tokens.iter().enumerate() {
            ids[at] = i64::from(*token);
            positions[at] = (from + place) as i64;
            at += 1;
        }
        (
            begin,
            tokens.iter().rposition(real).map(|last| begin + last),
        )
    };
    let (_, end_of_query) = put(&passages.query, 0);
    let end = |response: &Vec<u32>| {
        let (begin, end) = put(response, asked);
        let first = if asked > 0 { 0 } else { begin };
        end.or(end_of_query).unwrap_or(first) as i64
    };
    passages.responses.iter().map(end).collect()
}

/// Who may attend to whom. `[rows, 1, len, len]` bool.
fn mask(rows: &[&Passages], len: usize) -> Tensor {
    let mut seen = vec![false; rows.len() * len * len];
    for (row, passages) in rows.iter().enumerate() {
        let seen = &mut seen[row * len * len..(row + 1) * len * len];
        let asked = passages.query.len();
        let mut allow = |from: usize, to: usize| {
            for token in from..to {
                seen[token * len..][..asked.min(token + 1)].fill(true);
                seen[token * len..][from..=token].fill(true);
            }
        };
        allow(0, asked);
        let mut from = asked;
        for response in &passages.responses {
            allow(from, from + response.len());
            from += response.len();
        }
        // A pad looks at itself: nobody looks at it, and a softmax over nothing is no number.
        (from..len).for_each(|pad| seen[pad * len + pad] = true);
    }
    let len = len as i64;
    Tensor::from_slice(&seen).view([rows.len() as i64, 1, len, len])
}
