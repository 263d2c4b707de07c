//! What is gained for how far a model has moved: which of several models no other beats at both.

/// The divergence from the original of the best of `n` samples is at most this, whatever the score: `ln n − (n − 1)/n`
/// (Stiennon et al. 2020).
#[must_use]
pub fn best_of_bound(n: u64) -> f64 {
    let n = n as f64;
    n.ln() - (n - 1.0) / n
}

/// Whether each `(kl, score)` is on the frontier: no other has at least its score at no more divergence, and more or less
/// of one of them.
#[must_use]
pub fn on_frontier(points: &[(f64, f64)]) -> Vec<bool> {
    let beats =
        |one: &(f64, f64), other: &(f64, f64)| one.0 <= other.0 && one.1 >= other.1 && one != other;
    let is_on = |point| !points.iter().any(|other| beats(other, point));
    points.iter().map(is_on).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_beats_is_not_on_the_frontier() {
        let points = [(0.0, 0.0), (2.0, 1.0), (3.0, 0.5), (4.0, 2.0), (4.0, 2.0)];
        assert_eq!(on_frontier(&points), [true, true, false, true, true]);
        assert!(best_of_bound(1).abs() < 1e-15);
        // ln 64 - 63/64
        assert!((best_of_bound(64) - 3.174_508_083).abs() < 1e-9);
    }
}
