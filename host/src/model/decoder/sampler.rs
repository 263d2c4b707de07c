//! Draws a token from a row of logits in one pass, without a copy of the row.

use crate::cpu::exp::exp;
use crate::cpu::lanes::{Lanes, dispatch};
use crate::model::sampling::Sampling;

/// Numbers whose sum is kept, so that a draw looks at few of them twice.
const BLOCK: usize = 256;

/// A token, and how likely it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Drawn {
    pub(super) token: usize,
    /// Under the softmax of all logits at the temperature, whatever filters ruled out; 0 at temperature 0, where the
    /// token is certain.
    pub(super) logprob: f32,
}

/// Draws a token: of all, or, where `filtered`, of those that `top_k` and `top_p` leave. The logits are lost.
pub(super) fn draw(logits: &mut [f32], sampling: &Sampling, filtered: bool, roll: f64) -> Drawn {
    let temperature = sampling.temperature;
    let narrowed = filtered && (sampling.top_k > 0 || sampling.top_p < 1.0);
    if temperature == 0.0 || !narrowed {
        return draw_of_all(logits, temperature, roll);
    }
    let mut whole = logits.to_vec();
    filter(logits, sampling);
    let token = draw_of_all(logits, temperature, roll).token;
    // SAFETY: the slices say it all.
    let sums = unsafe { terms(&mut whole, temperature.max(1e-10)) };
    let logprob = log_share(whole[token], sums.iter().sum());
    Drawn { token, logprob }
}

/// The logarithm of a term's share of a total. The term is exact to about one unit in its last place, and so the
/// result to 1e-7.
fn log_share(term: f32, total: f64) -> f32 {
    (f64::from(term).ln() - total.ln()) as f32
}

/// The token at which the running sum of `exp(logits / temperature)` passes `roll` of its total.
/// The logits become the terms of that sum. At temperature 0: the first of the highest.
fn draw_of_all(logits: &mut [f32], temperature: f64, roll: f64) -> Drawn {
    if temperature == 0.0 {
        let mut best = 0;
        for (token, logit) in logits.iter().enumerate() {
            if *logit > logits[best] {
                best = token;
            }
        }
        return Drawn {
            token: best,
            logprob: 0.0,
        };
    }
    // SAFETY: the slices say it all.
    let sums = unsafe { terms(logits, temperature.max(1e-10)) };
    let total = sums.iter().sum::<f64>();
    let token = passing(logits, &sums, roll * total);
    Drawn {
        token,
        logprob: log_share(logits[token], total),
    }
}

/// The first token at which the running sum of `terms` passes `target`. `sums`: of the terms, by blocks.
fn passing(terms: &[f32], sums: &[f64], target: f64) -> usize {
    let mut sum = 0.0;
    for (block, terms) in terms.chunks(BLOCK).enumerate() {
        if sum + sums[block] <= target {
            sum += sums[block];
            continue;
        }
        for (at, term) in terms.iter().enumerate() {
            sum += f64::from(*term);
            if sum > target {
                return block * BLOCK + at;
            }
        }
    }
    // Rounding of the last block: its last token of any weight.
    terms.iter().rposition(|&term| term > 0.0).unwrap_or(0)
}

/// Lowers what `top_k` and `top_p` rule out, as [`crate::model::sampling::top_k`] and
/// [`crate::model::sampling::top_p`] do.
fn filter(logits: &mut [f32], sampling: &Sampling) {
    let k = sampling.top_k as usize;
    let descending = |a: &f32, b: &f32| b.total_cmp(a);
    if sampling.top_k > 0 && k < logits.len() {
        let mut sorted = logits.to_vec();
        let floor = *sorted.select_nth_unstable_by(k - 1, descending).1;
        lower(logits, floor);
    }
    if sampling.top_p < 1.0 {
        let mut sorted = logits.to_vec();
        sorted.sort_unstable_by(descending);
        let (top, scale) = (sorted[0], 1.0 / sampling.temperature.max(1e-10));
        let term = |logit: &f32| (f64::from(logit - top) * scale).exp();
        let total: f64 = sorted.iter().map(term).sum();
        let mut mass = 0.0;
        let within = sorted.iter().take_while(|logit| {
            mass += term(logit) / total;
            mass <= sampling.top_p
        });
        let cut = within.count().saturating_sub(1);
        lower(logits, sorted[cut]);
    }
}

fn lower(logits: &mut [f32], floor: f32) {
    for logit in logits.iter_mut().filter(|logit| **logit < floor) {
        *logit = f32::NEG_INFINITY;
    }
}

dispatch! {
    /// Turns logits into the terms of a softmax and returns their sums by blocks.
    ///
    /// # Safety
    /// None beyond what the slice says.
    unsafe fn terms = terms_with(logits: &mut [f32], temperature: f64) -> Vec<f64>
}

#[inline(always)]
unsafe fn terms_with<L: Lanes>(logits: &mut [f32], temperature: f64) -> Vec<f64> {
    let scale = (1.0 / temperature) as f32;
    let mut tops = [f32::NEG_INFINITY; 16];
    for chunk in logits.chunks(16) {
        for (top, logit) in tops.iter_mut().zip(chunk) {
            *top = top.max(*logit);
        }
    }
    let top = tops.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
    let mut sums = Vec::with_capacity(logits.len().div_ceil(BLOCK));
    for block in logits.chunks_mut(BLOCK) {
        for logit in block.iter_mut() {
            *logit = exp((*logit - top) * scale);
        }
        sums.push(block.iter().map(|&term| f64::from(term)).sum());
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::{Drawn, draw, draw_of_all};
    use crate::model::sampling::Sampling;

    #[test]
    fn draws_follow_the_softmax() {
        let logits: Vec<f32> = (0..1000).map(|i| ((i * 37) % 101) as f32 * 0.05).collect();
        let weights: Vec<f64> = logits.iter().map(|&l| (f64::from(l) / 0.7).exp()).collect();
        let total: f64 = weights.iter().sum();
        for roll in [0.0, 1e-6, 0.1, 0.25, 0.5, 0.77, 0.999, 0.999_999_9] {
            let Drawn { token, logprob } = draw_of_all(&mut logits.clone(), 0.7, roll);
            let before: f64 = weights[..token].iter().sum::<f64>() / total;
            let upto = before + weights[token] / total;
            assert!(
                before - 1e-6 <= roll && roll <= upto + 1e-6,
                "{roll}: {before}..{upto}"
            );
            let exact = (weights[token] / total).ln();
            assert!(
                (f64::from(logprob) - exact).abs() < 1e-6,
                "{logprob} {exact}"
            );
        }
        let certain = Drawn {
            token: 30,
            logprob: 0.0,
        };
        assert_eq!(draw_of_all(&mut logits.clone(), 0.0, 0.5), certain);
    }

    #[test]
    fn what_filters_leave_is_as_likely_as_it_was_among_all() {
        let logits: Vec<f32> = (0..600).map(|i| ((i * 37) % 101) as f32 * 0.05).collect();
        let plain = Sampling {
            temperature: 0.7,
            ..Sampling::default()
        };
        let all = draw(&mut logits.clone(), &plain, true, 0.9);
        for narrow in [
            Sampling { top_k: 7, ..plain },
            Sampling {
                top_p: 0.3,
                ..plain
            },
        ] {
            assert_eq!(draw(&mut logits.clone(), &narrow, false, 0.9), all);
            let drawn = draw(&mut logits.clone(), &narrow, true, 0.1);
            let weights = logits.iter().map(|&l| (f64::from(l) / 0.7).exp());
            let exact = f64::from(logits[drawn.token]) / 0.7 - weights.sum::<f64>().ln();
            assert!((f64::from(drawn.logprob) - exact).abs() < 1e-6);
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_not() {
        let mut logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY];
        for roll in [0.0, 0.5, 1.0 - f64::EPSILON] {
            assert_eq!(draw_of_all(&mut logits.clone(), 1.0, roll).token, 1);
        }
        logits[0] = 500.0;
        assert_eq!(draw_of_all(&mut logits, 1.0, 0.9).token, 0);
    }
}
