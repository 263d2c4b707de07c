//! The PPO loss against recorded numbers of the reference, and against itself in pieces.

use super::*;

const C: Coefficients = Coefficients {
    vf_coef: 0.1,
    cliprange: 0.2,
    cliprange_value: 0.2,
};
const OLD: [f64; 8] = [-1., -2., -0.5, -1.5, -0.7, -1.1, -2.3, -0.9];
const REWARDS: [f64; 8] = [-0.03, 0.045, -0.06, 0.815, -0.015, 0.015, 0.045, -1.105];
const VALUES: [f64; 8] = [0.1, 0.2, -0.1, 0.4, 0., -0.3, 0.2, 0.1];
const MOVE: [f64; 8] = [0.05, -0.3, 0.25, 0., -0.02, 0.1, 0.4, -0.25];
const VALUE_MOVE: [f64; 8] = [0.3, -0.1, 0.05, -0.25, 0.15, 0.5, -0.4, 0.];

struct Case {
    whiten_rewards: bool,
    advantages: [f64; 8],
    logprob_grad: [f64; 8],
    vpred_grad: [f64; 8],
    stats: [(&'static str, f64); 9],
}

fn cases() -> [Case; 2] {
    [
        Case {
            whiten_rewards: false,
            advantages: [
                0.95521382,
                0.90219884,
                1.26697315,
                0.75155291,
                -0.87556995,
                -0.52671696,
                -1.23359877,
                -1.24005304,
            ],
            logprob_grad: [
                -0.125523585,
                -0.083545667,
                0.,
                -0.093944113,
                0.107279062,
                0.072764033,
                0.230039138,
                0.,
            ],
            vpred_grad: [
                0.,
                -0.007969219,
                -0.009803125,
                -0.0083125,
                0.013231555,
                0.014059531,
                0.,
                0.0150625,
            ],
            stats: [
                ("ppo/loss/policy", 0.0410282002),
                ("ppo/loss/value", 0.4028574521),
                ("ppo/loss/total", 0.0813139454),
                ("ppo/policy/clipfrac", 0.25),
                ("ppo/val/clipfrac", 0.25),
                ("ppo/policy/approxkl", 0.02424375),
                ("ppo/val/error", 0.7524608887),
                ("ppo/returns/var", 0.7492475602),
                ("ppo/val/var_explained", -0.0042887406),
            ],
        },
        Case {
            whiten_rewards: true,
            advantages: [
                0.96895415,
                0.96552363,
                1.11232797,
                0.90919594,
                -0.8645124,
                -0.73824963,
                -1.13350063,
                -1.21973903,
            ],
            logprob_grad: [
                -0.127329187,
                -0.089409687,
                0.,
                -0.113649492,
                0.105924238,
                0.101986502,
                0.211373029,
                0.,
            ],
            vpred_grad: [
                0.,
                -0.0189344,
                -0.020211347,
                -0.019600022,
                0.023482201,
                0.025146289,
                0.,
                0.029234058,
            ],
            stats: [
                ("ppo/loss/policy", 0.0440201117),
                ("ppo/loss/value", 1.6165988049),
                ("ppo/loss/total", 0.2056799922),
                ("ppo/policy/clipfrac", 0.25),
                ("ppo/val/clipfrac", 0.25),
                ("ppo/returns/mean", -0.1686621094),
                ("ppo/val/error", 3.1094015594),
                ("ppo/returns/var", 3.1679441695),
                ("ppo/val/var_explained", 0.0184796849),
            ],
        },
    ]
}

fn tensor(x: &[f64], kind: Kind) -> Tensor {
    Tensor::from_slice(x).to_kind(kind).view([2, 4])
}

fn assert_close(got: &Tensor, want: &[f64], tolerance: f64) {
    let got: Vec<f64> = Vec::try_from(got.to_kind(Kind::Double).reshape([-1])).unwrap();
    let close = got
        .iter()
        .zip(want)
        .all(|(got, want)| (got - want).abs() < tolerance);
    assert!(close, "{got:?} is not {want:?}");
}

/// Gradients of the log-probabilities and values, and the statistics, over micro-batches of `rows`.
fn run(case: &Case, kind: Kind, rows: i64) -> (Tensor, Tensor, Vec<(&'static str, f64)>) {
    let (old, values) = (tensor(&OLD, kind), tensor(&VALUES, kind));
    let estimation = Estimation {
        gamma: 1.0,
        lambda: 0.95,
        whiten_rewards: case.whiten_rewards,
        groups: 1,
    };
    let targets = prepare(&tensor(&REWARDS, kind), &values, &estimation);
    assert_close(
        &targets.advantages,
        &case.advantages,
        if kind == Kind::Double { 1e-6 } else { 1e-5 },
    );
    let logprobs = (&old + tensor(&MOVE, kind)).set_requires_grad(true);
    let vpred = (&values + tensor(&VALUE_MOVE, kind)).set_requires_grad(true);
    let mut sums: Option<Stats> = None;
    for first in (0..2).step_by(rows as usize) {
        let cut = |x: &Tensor| x.narrow(0, first, rows);
        let loss = loss(
            &LossInput {
                logprobs: &cut(&logprobs),
                vpred: &cut(&vpred),
                entropy: &cut(&old.abs()),
                old_logprobs: &cut(&old),
                old_values: &cut(&values),
                advantages: &cut(&targets.advantages),
                returns: &cut(&targets.returns),
            },
            &C,
            8,
        );
        loss.total.backward();
        match &mut sums {
            Some(sums) => sums.add(&loss.stats),
            None => sums = Some(loss.stats),
        }
    }
    (logprobs.grad(), vpred.grad(), sums.unwrap().finish(&C, 8))
}

#[test]
fn golden_losses_gradients_and_statistics() {
    for case in cases() {
        for (kind, tolerance) in [(Kind::Double, 1e-6), (Kind::Float, 1e-5)] {
            for rows in [1, 2] {
                let (logprob_grad, vpred_grad, stats) = run(&case, kind, rows);
                assert_close(&logprob_grad, &case.logprob_grad, tolerance);
                assert_close(&vpred_grad, &case.vpred_grad, tolerance);
                for (key, want) in case.stats {
                    let got = stats.iter().find(|(name, _)| *name == key).unwrap().1;
                    assert!((got - want).abs() < tolerance, "{key}: {got} is not {want}");
                }
            }
        }
    }
}

#[test]
fn micro_batches_add_up_to_the_minibatch() {
    for case in cases() {
        let whole = run(&case, Kind::Double, 2);
        let pieces = run(&case, Kind::Double, 1);
        assert!((&whole.0 - &pieces.0).abs().max().double_value(&[]) < 1e-15);
        assert!((&whole.1 - &pieces.1).abs().max().double_value(&[]) < 1e-15);
        for (whole, pieces) in whole.2.iter().zip(&pieces.2) {
            assert!((whole.1 - pieces.1).abs() < 1e-12, "{}", whole.0);
        }
    }
}

#[test]
fn rewards_of_nothing_are_learned_from_without_complaint() {
    let zeros = tensor(&[0.0; 8], Kind::Float);
    let estimation = Estimation {
        gamma: 1.0,
        lambda: 0.95,
        whiten_rewards: true,
        groups: 1,
    };
    let targets = prepare(&zeros, &zeros, &estimation);
    let loss = loss(
        &LossInput {
            logprobs: &tensor(&OLD, Kind::Float),
            vpred: &zeros,
            entropy: &zeros,
            old_logprobs: &tensor(&OLD, Kind::Float),
            old_values: &zeros,
            advantages: &targets.advantages,
            returns: &targets.returns,
        },
        &C,
        8,
    );
    for (key, value) in loss.stats.finish(&C, 8) {
        assert!(value.is_finite(), "{key} is {value}");
    }
}
