//! How numbers of single answers are spread: their quantiles, and how many lie in each tenth of what they may be.

use serde::{Deserialize, Serialize};

use super::share::quantile;

/// Quantiles, each between the two nearest values in proportion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// 5 % are below.
    pub p5: f64,
    /// 25 % are below.
    pub p25: f64,
    /// Half are below.
    pub median: f64,
    /// 75 % are below.
    pub p75: f64,
    /// 95 % are below.
    pub p95: f64,
    /// The most.
    pub most: f64,
    /// Of how many.
    pub count: usize,
}

impl Spread {
    /// None of no values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| quantile(&sorted, share);
        (!sorted.is_empty()).then(|| Spread {
            least: at(0.0),
            p5: at(0.05),
            p25: at(0.25),
            median: at(0.5),
            p75: at(0.75),
            p95: at(0.95),
            most: at(1.0),
            count: sorted.len(),
        })
    }

    /// The quantiles by name, from the least to the most.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 7] {
        [
            ("least", self.least),
            ("p5", self.p5),
            ("p25", self.p25),
            ("median", self.median),
            ("p75", self.p75),
            ("p95", self.p95),
            ("most", self.most),
        ]
    }
}

/// How many values from 0 to 1 lie in each tenth of that; 1 itself lies in the last. None of no values.
#[must_use]
pub fn tenths(values: &[f64]) -> Option<[usize; 10]> {
    let mut counts = [0; 10];
    for value in values {
        counts[((10.0 * value) as usize).min(9)] += 1;
    }
    (!values.is_empty()).then_some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_have_names_and_a_number() {
        let values: Vec<f64> = (0..=20).rev().map(f64::from).collect();
        let spread = Spread::of(&values).expect("values");
        let named = spread.named().map(|(_, value)| value);
        assert_eq!(named, [0.0, 1.0, 5.0, 10.0, 15.0, 19.0, 20.0]);
        assert_eq!(spread.count, 21);
        let one = Spread::of(&[3.0]).expect("a value");
        assert!(one.named().iter().all(|(_, value)| *value == 3.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn values_lie_in_tenths() {
        let counts = tenths(&[0.0, 0.05, 0.1, 0.55, 0.999, 1.0]);
        assert_eq!(counts, Some([2, 1, 0, 0, 0, 1, 0, 0, 0, 2]));
        assert_eq!(tenths(&[]), None);
    }
}
