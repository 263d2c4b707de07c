//! Draws a token from a row of logits in one pass, without a copy of the row.

use crate::cpu::exp::exp;
use crate::cpu::lanes::{Lanes, dispatch};
use crate::model::sampling::Sampling;

/// Numbers whose sum is kept, so that a draw looks at few of them twice.
const BLOCK: usize = 256;

/// The token at which the running sum of `exp(logits / temperature)` passes `roll` of its total.
/// The logits become the terms of that sum. At temperature 0: the first of the highest.
pub(super) fn draw(logits: &mut [f32], temperature: f64, roll: f64) -> usize {
    if temperature == 0.0 {
        let mut best = 0;
        for (token, logit) in logits.iter().enumerate() {
            if *logit > logits[best] {
                best = token;
            }
        }
        return best;
    }
    // SAFETY: the slices say it all.
    let sums = unsafe { terms(logits, temperature.max(1e-10)) };
    let target = roll * sums.iter().sum::<f64>();
    let mut sum = 0.0;
    for (block, terms) in logits.chunks(BLOCK).enumerate() {
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
    logits.iter().rposition(|&term| term > 0.0).unwrap_or(0)
}

/// Lowers what `top_k` and `top_p` rule out, as [`crate::model::sampling::top_k`] and
/// [`crate::model::sampling::top_p`] do.
pub(super) fn filter(logits: &mut [f32], sampling: &Sampling) {
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
    use super::draw;

    #[test]
    fn draws_follow_the_softmax() {
        let logits: Vec<f32> = (0..1000).map(|i| ((i * 37) % 101) as f32 * 0.05).collect();
        let weights: Vec<f64> = logits.iter().map(|&l| (f64::from(l) / 0.7).exp()).collect();
        let total: f64 = weights.iter().sum();
        for roll in [0.0, 1e-6, 0.1, 0.25, 0.5, 0.77, 0.999, 0.999_999_9] {
            let token = draw(&mut logits.clone(), 0.7, roll);
            let before: f64 = weights[..token].iter().sum::<f64>() / total;
            let upto = before + weights[token] / total;
            assert!(
                before - 1e-6 <= roll && roll <= upto + 1e-6,
                "{roll}: {before}..{upto}"
            );
        }
        assert_eq!(draw(&mut logits.clone(), 0.0, 0.5), 30);
    }

    #[test]
    fn what_cannot_be_drawn_is_not() {
        let mut logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY];
        for roll in [0.0, 0.5, 1.0 - f64::EPSILON] {
            assert_eq!(draw(&mut logits.clone(), 1.0, roll), 1);
        }
        logits[0] = 500.0;
        assert_eq!(draw(&mut logits, 1.0, 0.9), 0);
    }
}
