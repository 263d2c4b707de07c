//! Pearson's chi-square test of whether all counts are alike: the sum of (found - expected)^2 / expected,
//! and how often chance brings as much.

/// The statistic of these counts against their mean, and its p-value.
pub(super) fn uniform(counts: &[usize]) -> (f64, f64) {
    let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let off = |count: &usize| (*count as f64 - mean).powi(2) / mean;
    let statistic: f64 = counts.iter().map(off).sum();
    (statistic, exceeded(statistic, counts.len() - 1))
}

/// The probability that chi-square with so many degrees of freedom is more than `statistic`: one minus
/// the regularized lower incomplete gamma function P(a, x), for which
/// P(a, x) = x^a e^-x (1 / G(a+1) + x / G(a+2) + ...), with a and x half of both.
fn exceeded(statistic: f64, degrees: usize) -> f64 {
    if statistic <= 0.0 {
        return 1.0;
    }
    let (a, x) = (degrees as f64 / 2.0, statistic / 2.0);
    // G(a+1) = a G(a), down to G(1) = 1 or G(1/2) = sqrt(pi).
    let half = degrees % 2 == 1;
    let start = if half { 0.5 } else { 1.0 };
    let base = if half {
        std::f64::consts::PI.ln() / 2.0
    } else {
        0.0
    };
    let steps = (0..).map(|step| start + f64::from(step));
    let log_gamma: f64 = base + steps.take_while(|at| *at <= a).map(f64::ln).sum::<f64>();
    let mut term = (a * x.ln() - x - log_gamma).exp();
    if term == 0.0 {
        // Too far out for numbers of this size, on one side or the other.
        return f64::from(u8::from(x < a));
    }
    let mut below = term;
    let mut at = a;
    // Terms rise until `at` is x, and then fall.
    while at < x || term > below * 1e-17 {
        at += 1.0;
        term *= x / at;
        below += term;
    }
    (1.0 - below).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    //! Against printed tables of the distribution.

    use super::*;

    #[test]
    fn known_quantiles() {
        for (statistic, degrees, p) in [
            (3.841_459, 1, 0.05),
            (6.634_897, 1, 0.01),
            (9.210_340, 2, 0.01),
            (7.814_728, 3, 0.05),
            (18.307_038, 10, 0.05),
            (0.0, 3, 1.0),
            (1e6, 3, 0.0),
        ] {
            let found = exceeded(statistic, degrees);
            assert!((found - p).abs() < 1e-6, "{statistic} {degrees}: {found}");
        }
        assert_eq!(uniform(&[5, 5, 5]), (0.0, 1.0));
        let (statistic, p) = uniform(&[60, 40]);
        assert!(
            (statistic - 4.0).abs() < 1e-12 && (p - 0.0455).abs() < 1e-4,
            "{p}"
        );
    }
}
