//! Whitening: `(x - mean) / sqrt(variance + 1e-8)`, with population moments.
//!
//! Does not know what it whitens: rewards keep their mean, advantages lose it.

use tch::{Kind, Tensor};

/// Inside the root, as in the reference implementation.
const VARIANCE_FLOOR: f64 = 1e-8;

/// Whitens over all elements; `keep_mean` adds the mean back.
///
/// `x` and the result: `[batch, response_len]`.
pub fn whiten(x: &Tensor, keep_mean: bool) -> Tensor {
    whiten_groups(x, 1, keep_mean)
}

/// Whitens each of `groups` equal runs of rows by itself, as that many data-parallel ranks would.
///
/// `x` and the result: `[batch, response_len]`; `groups` divides `batch`.
pub fn whiten_groups(x: &Tensor, groups: i64, keep_mean: bool) -> Tensor {
    let rows = x.size()[0];
    assert!(
        groups > 0 && rows % groups == 0,
        "{rows} rows do not split into {groups} equal groups"
    );
    let grouped = x.reshape([groups, -1]);
    let mean = grouped.mean_dim(1i64, true, None::<Kind>);
    let variance = grouped.var_dim(1i64, false, true);
    let white = (&grouped - &mean) / (variance + VARIANCE_FLOOR).sqrt();
    let white = if keep_mean { white + mean } else { white };
    white.view_as(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(x: &Tensor) -> Vec<f64> {
        Vec::try_from(x.to_kind(Kind::Double).reshape([-1])).unwrap()
    }

    #[test]
    fn golden() {
        let x = Tensor::from_slice(&[1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0f64]).view([3, 3]);
        let want = [
            0.0508068, 0.4381051, 0.8254034, 1.2127017, 1.6, 1.9872983, 2.3745966, 2.7618949,
            3.1491932,
        ];
        for kind in [Kind::Double, Kind::Float] {
            let tolerance = if kind == Kind::Double { 1e-6 } else { 1e-5 };
            let kept = flat(&whiten(&x.to_kind(kind), true));
            let zero = flat(&whiten(&x.to_kind(kind), false));
            for ((kept, zero), want) in kept.iter().zip(zero).zip(want) {
                assert!((kept - want).abs() < tolerance);
                assert!((zero - (want - 1.6)).abs() < tolerance);
            }
        }
    }

    #[test]
    fn golden_in_eight_groups() {
        // Eight ranks with the golden rows, each rank's moved by its number: each is whitened alone.
        let want = [
            -1.5491932, -1.1618949, -0.7745966, -0.3872983, 0.0, 0.3872983, 0.7745966, 1.1618949,
            1.5491932,
        ];
        for (kind, tolerance) in [(Kind::Double, 1e-6), (Kind::Float, 1e-5)] {
            let x = Tensor::arange(9, (kind, tch::Device::Cpu)) * 0.1 + 1.2;
            let ranks: Vec<Tensor> = (0..8).map(|rank| (&x + rank).view([3, 3])).collect();
            let x = Tensor::cat(&ranks, 0);
            let zero = flat(&whiten_groups(&x, 8, false));
            let kept = flat(&whiten_groups(&x, 8, true));
            for (place, (zero, kept)) in zero.iter().zip(kept).enumerate() {
                let (rank, want) = (place / 9, want[place % 9]);
                assert!((zero - want).abs() < tolerance, "{zero} is not {want}");
                assert!((kept - (want + 1.6 + rank as f64)).abs() < tolerance);
            }
        }
    }

    proptest! {
        #[test]
        fn mean_zero_variance_one(values in prop::collection::vec(-5.0..5.0f64, 24), groups in 1i64..4) {
            let rows = 6 / groups * groups;
            let x = Tensor::from_slice(&values).view([6, 4]).narrow(0, 0, rows);
            let white = whiten_groups(&x, groups, false).reshape([groups, -1]);
            for group in 0..groups {
                let spread = x.reshape([groups, -1]).get(group).var(false).double_value(&[]);
                prop_assume!(spread > 1e-2);
                prop_assert!(white.get(group).mean(Kind::Double).double_value(&[]).abs() < 1e-9);
                prop_assert!((white.get(group).var(false).double_value(&[]) - 1.0).abs() < 1e-5);
            }
        }
    }
}
