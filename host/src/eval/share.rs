//! Shares, means and differences with what is not known of them.

use serde::{Deserialize, Serialize};

use crate::seed::Stream;

/// How far 95 % of a normal distribution reach to each side, in standard deviations.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Lower end of Wilson's interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Of how many.
    pub count: usize,
}

impl Share {
    /// `hits` of `count`; halves come from ties.
    #[must_use]
    pub fn of(hits: f64, count: usize) -> Share {
        let n = count as f64;
        let value = hits / n;
        let center = (value + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half =
            Z / (1.0 + Z * Z / n) * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
        Share {
            value,
            // At the ends rounding would go beyond what a share can be.
            low: (center - half).max(0.0) + 0.0,
            high: (center + half).min(1.0),
            count,
        }
    }
}

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Lower end of the interval: the 2.5 % quantile of means of values drawn again.
    pub low: f64,
    /// Upper end: the 97.5 % quantile.
    pub high: f64,
    /// Of how many.
    pub count: usize,
}

/// How often values are drawn again.
pub(super) const DRAWS: usize = 2000;

impl Mean {
    /// The mean of values and what drawing as many of them again, with replacement, makes of it (Efron 1979); the same
    /// seed gives the same interval. All 0 where there are no values.
    #[must_use]
    pub fn of(values: &[f64], seed: u64) -> Mean {
        let count = values.len();
        if count == 0 {
            return Mean::default();
        }
        let mean = |sum: f64| sum / count as f64;
        let mut stream = Stream::new(seed);
        let mut again = || {
            let drawn = (0..count).map(|_| values[stream.below(count as u64) as usize]);
            mean(drawn.sum())
        };
        let mut means: Vec<f64> = (0..DRAWS).map(|_| again()).collect();
        means.sort_by(f64::total_cmp);
        Mean {
            value: mean(values.iter().sum()),
            low: quantile(&means, 0.025),
            high: quantile(&means, 0.975),
            count,
        }
    }

    /// A number of all texts together, such as a ratio of sums, and what it is without each of them: the interval is
    /// normal, with the jackknife's error (Tukey 1958). Of one text
    /// nothing is known of the error, and the interval is as wide as nothing.
    #[must_use]
    pub fn by_jackknife(value: f64, without: &[f64]) -> Mean {
        let count = without.len();
        let mean = without.iter().sum::<f64>() / count as f64;
        let squares: f64 = without.iter().map(|other| (other - mean).powi(2)).sum();
        let half = Z * ((count as f64 - 1.0) / count as f64 * squares).sqrt();
        Mean {
            value,
            low: value - half,
            high: value + half,
            count,
        }
    }
}

impl From<Share> for Mean {
    fn from(share: Share) -> Mean {
        let Share {
            value,
            low,
            high,
            count,
        } = share;
        Mean {
            value,
            low,
            high,
            count,
        }
    }
}

/// Between the two sorted values that are nearest, in proportion.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, part) = (at.floor() as usize, at.fract());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    sorted[below] + part * (above - sorted[below])
}

/// Two models on the same queries: by how much the first is above the second, and how surprising that were if they were
/// equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The difference of the means.
    pub difference: Mean,
    /// Of all ways to exchange the two models' values within queries, the share in which the difference is as large,
    /// in either direction (Fisher's randomization test): all ways of up to [`EXACT`] queries, [`EXCHANGES`] of more.
    pub p: f64,
}

/// Queries of which every way to exchange values is looked at.
pub const EXACT: usize = 14;
/// Ways of exchanging that are drawn where there are too many to look at.
pub const EXCHANGES: usize = 10_000;

impl Paired {
    /// Of the two models' values, query by query: `[queries]` each.
    #[must_use]
    pub fn of(first: &[f64], second: &[f64], seed: u64) -> Paired {
        let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
        let sum: f64 = differences.iter().sum();
        // What is as large but for rounding counts as large.
        let near = 1e-9 * differences.iter().map(|d| d.abs()).sum::<f64>();
        let is_as_large = |other: f64| other.abs() >= sum.abs() - near;
        let exchanged = |turned: &dyn Fn(usize) -> bool| {
            let signed = differences.iter().enumerate();
            signed.map(|(at, d)| if turned(at) { -d } else { *d }).sum()
        };
        let count = differences.len();
        let p = if count <= EXACT {
            let ways = 1usize << count;
            let large = (0..ways).filter(|way| is_as_large(exchanged(&|at| way >> at & 1 == 1)));
            large.count() as f64 / ways as f64
        } else {
            let mut stream = Stream::new(crate::seed::derive(seed, "exchanges", 0));
            let mut large = 1;
            for _ in 0..EXCHANGES {
                let signed = differences.iter().map(|d| match stream.next_u64() >> 63 {
                    1 => -d,
                    _ => *d,
                });
                large += usize::from(is_as_large(signed.sum()));
            }
            // The way that was observed is one of them.
            large as f64 / (EXCHANGES + 1) as f64
        };
        Paired {
            difference: Mean::of(&differences, seed),
            p,
        }
    }
}

/// The chance that of `wins + losses` tosses of a fair coin at least as many, or at most as few, come out like this, in
/// either direction: the exact sign test. Ties are left out before.
#[must_use]
pub fn sign_test(wins: usize, losses: usize) -> f64 {
    let (count, fewer) = (wins + losses, wins.min(losses));
    if wins == losses {
        return 1.0;
    }
    // ln of C(count, k) / 2^count, from one k to the next.
    let mut chance = -(count as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for k in 0..=fewer {
        sum += chance.exp();
        chance += ((count - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}
