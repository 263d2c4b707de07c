//! One token's attention to those before it.

use crate::cpu::exp::exp;
use crate::cpu::lanes::{Lanes, dispatch};

dispatch! {
    /// One token's attention of one head: `out = softmax(q . keys / sqrt(dim)) values`, over the
    /// tokens that `real` allows. `keys`, `values`: `[tokens, dim]`; `scores`: scratch, `[tokens]`.
    ///
    /// # Safety
    /// None beyond what the slices say; kernels are all called alike.
    pub(super) unsafe fn attend = attend_with(
        q: &[f32], keys: &[f32], values: &[f32], real: Option<&[bool]>, scores: &mut [f32], out: &mut [f32],
    )
}

#[inline(always)]
unsafe fn attend_with<L: Lanes>(
    q: &[f32],
    keys: &[f32],
    values: &[f32],
    real: Option<&[bool]>,
    scores: &mut [f32],
    out: &mut [f32],
) {
    let dim = q.len();
    let scale = 1.0 / (dim as f32).sqrt();
    // SAFETY: there is a key and a value of `dim` numbers for each score.
    unsafe { dots::<L>(q, keys, scores, values) };
    let mut top = f32::NEG_INFINITY;
    for (t, score) in scores.iter_mut().enumerate() {
        *score = match real {
            Some(real) if !real[t] => f32::NEG_INFINITY,
            _ => scale * *score,
        };
        top = top.max(*score);
    }
    // Apart from the sum, whose order is fixed, so that this loop becomes vectors.
    scores
        .iter_mut()
        .for_each(|score| *score = exp(*score - top));
    let total: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= total);
    // SAFETY: as above.
    unsafe { mix::<L>(scores, values, out) };
}

/// `scores[t] = q . keys[t]`; asks for `next`, as long as `keys`, meanwhile.
#[inline(always)]
unsafe fn dots<L: Lanes>(q: &[f32], keys: &[f32], scores: &mut [f32], next: &[f32]) {
    let (dim, whole) = (q.len(), q.len() - q.len() % L::COUNT);
    let mut t = 0;
    while t < scores.len() {
        // A short last group repeats its last token.
        let last = scores.len() - 1;
        let at = [t, t + 1, t + 2, t + 3].map(|t| t.min(last) * dim);
        // SAFETY: every index is below `dim` after the start of a key.
        unsafe {
            let mut sums = [L::zero(); 4];
            let mut k = 0;
            while k < whole {
                let q = L::load(q.as_ptr().add(k));
                for (sum, at) in sums.iter_mut().zip(at) {
                    L::prefetch(next.as_ptr().add(at + k));
                    *sum = L::load(keys.as_ptr().add(at + k)).mul_add(q, *sum);
                }
                k += L::COUNT;
            }
            for (i, sum) in L::sums(sums).into_iter().enumerate() {
                if let Some(score) = scores.get_mut(t + i) {
                    *score = (whole..dim).fold(sum, |sum, k| sum + q[k] * keys[at[i] + k]);
                }
            }
        }
        t += 4;
    }
}

/// `out = sum over t of weights[t] * values[t]`.
#[inline(always)]
unsafe fn mix<L: Lanes>(weights: &[f32], values: &[f32], out: &mut [f32]) {
    const WIDE: usize = 4;
    let dim = out.len();
    let mut k = 0;
    while k + WIDE * L::COUNT <= dim {
        // SAFETY: every index is below `dim` after the start of a value.
        unsafe {
            let mut sums = [L::zero(); WIDE];
            for (t, &weight) in weights.iter().enumerate() {
                let (weight, at) = (L::splat(weight), values.as_ptr().add(t * dim + k));
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(at.add(i * L::COUNT)).mul_add(weight, *sum);
                }
            }
            for (i, sum) in sums.into_iter().enumerate() {
                sum.store(out.as_mut_ptr().add(k + i * L::COUNT));
            }
        }
        k += WIDE * L::COUNT;
    }
    out[k..].fill(0.0);
    for (t, weight) in weights.iter().enumerate() {
        let value = &values[t * dim + k..(t + 1) * dim];
        for (out, value) in out[k..].iter_mut().zip(value) {
            *out += weight * value;
        }
    }
}
