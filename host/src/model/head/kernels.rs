//! The head's work on rows of logits in one pass each, f32 on the CPU.

use crate::cpu::exp::exp;
use crate::cpu::lanes::{Lanes, dispatch};
use crate::cpu::rows::Rows;
use std::ops::Range;

/// Terms whose sum is made in f32; the sums are added in f64.
const BLOCK: usize = 256;
const PARTS: usize = 16;

/// What is said of each row, and what flows back.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) logprobs: Rows,
    pub(super) entropy: Rows,
    pub(super) normalizers: Rows,
}

dispatch! {
    /// Log-probability of each row's label, entropy and normalizer of the logits times `scale`.
    ///
    /// # Safety
    /// `logits` has these rows of `width` numbers, and the columns of one; they are the caller's.
    pub(super) unsafe fn score = score_with(rows: Range<usize>, width: usize, logits: Rows, scale: f32, labels: &[i64], out: Columns)
}

#[inline(always)]
unsafe fn score_with<L: Lanes>(
    rows: Range<usize>,
    width: usize,
    logits: Rows,
    scale: f32,
    labels: &[i64],
    out: Columns,
) {
    for row in rows {
        // SAFETY: the caller's promise.
        let logits = unsafe { logits.row(row, width) };
        let mut tops = [f32::NEG_INFINITY; PARTS];
        for chunk in logits.chunks(PARTS) {
            for (top, logit) in tops.iter_mut().zip(chunk) {
                *top = top.max(*logit);
            }
        }
        let top = tops.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        // Of exp(z - top), and of the same times z - top.
        let (mut total, mut moment) = (0.0f64, 0.0f64);
        for block in logits.chunks(BLOCK) {
            let (mut totals, mut moments) = ([0.0f32; PARTS], [0.0f32; PARTS]);
            for chunk in block.chunks(PARTS) {
                for ((total, moment), logit) in totals.iter_mut().zip(&mut moments).zip(chunk) {
                    let z = (logit - top) * scale;
                    let term = exp(z);
                    *total += term;
                    // What is too small to count may be minus infinity.
                    *moment += if term > 0.0 { term * z } else { 0.0 };
                }
            }
            total += f64::from(totals.iter().sum::<f32>());
            moment += f64::from(moments.iter().sum::<f32>());
        }
        let log_total = total.ln();
        let label = (logits[labels[row] as usize] - top) * scale;
        // SAFETY: the caller's promise.
        unsafe {
            out.logprobs.row_mut(row, 1)[0] = (f64::from(label) - log_total) as f32;
            out.entropy.row_mut(row, 1)[0] = (log_total - moment / total) as f32;
            out.normalizers.row_mut(row, 1)[0] = (f64::from(top * scale) + log_total) as f32;
        }
    }
}

dispatch! {
    /// Turns logits into the gradient of a loss, given that of log-probabilities and entropies
    /// (`upstream`, whose normalizers are not looked at).
    ///
    /// # Safety
    /// As for [`score`].
    pub(super) unsafe fn score_back = score_back_with(
        rows: Range<usize>, width: usize, logits: Rows, scale: f32, labels: &[i64], scores: Columns, upstream: Columns,
    )
}

#[inline(always)]
unsafe fn score_back_with<L: Lanes>(
    rows: Range<usize>,
    width: usize,
    logits: Rows,
    scale: f32,
    labels: &[i64],
    scores: Columns,
    upstream: Columns,
) {
    for row in rows {
        // SAFETY: the caller's promise.
        let (logits, normalizer, entropy, up, up_entropy) = unsafe {
            (
                logits.row_mut(row, width),
                scores.normalizers.row(row, 1)[0],
                scores.entropy.row(row, 1)[0],
                upstream.logprobs.row(row, 1)[0],
                upstream.entropy.row(row, 1)[0],
            )
        };
        // d logprob / d z = onehot - p;  d entropy / d z = -p (log p + entropy).
        for logit in logits.iter_mut() {
            let logprob = *logit * scale - normalizer;
            let p = exp(logprob);
            let slope = if p > 0.0 {
                up + up_entropy * (logprob + entropy)
            } else {
                0.0
            };
            *logit = -scale * p * slope;
        }
        logits[labels[row] as usize] += scale * up;
    }
}
