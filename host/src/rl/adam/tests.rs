//! Adam against recorded numbers, against its own restored state, and in half precision.

use super::*;

fn adam(theta: &Tensor, options: AdamOptions) -> Adam {
    Adam::new(vec![("w".into(), theta.shallow_clone())], options)
}

fn push(theta: &Tensor, gradient: f64) {
    (theta * gradient).sum(theta.kind()).backward();
}

#[test]
fn golden_both_placements() {
    let rows = [
        (
            [0.1, -0.2, 0.05, 0.3],
            [
                0.999003152309,
                0.999368738767,
                0.999505240932,
                0.999111471031,
            ],
            [
                0.999000099990,
                0.999366180368,
                0.999502860698,
                0.999108781675,
            ],
        ),
        (
            [1e-4, 2e-4, -1e-4, 3e-4],
            [
                0.999759746927,
                0.999359978863,
                0.999176665059,
                0.998809086755,
            ],
            [
                0.999090909091,
                0.998183131356,
                0.997790785123,
                0.997155742325,
            ],
        ),
        (
            [1e-6; 4],
            [
                0.999996847691,
                0.999992396574,
                0.999986951894,
                0.999980671770,
            ],
            [
                0.999909090909,
                0.999818181818,
                0.999727272727,
                0.999636363636,
            ],
        ),
    ];
    for (gradients, tensorflow, pytorch) in rows {
        for (placement, want) in [
            (Epsilon::TensorFlow, tensorflow),
            (Epsilon::PyTorch, pytorch),
        ] {
            let theta = Tensor::from_slice(&[1.0f64]).set_requires_grad(true);
            let mut adam = adam(
                &theta,
                AdamOptions {
                    placement,
                    ..Default::default()
                },
            );
            for (gradient, want) in gradients.iter().zip(want) {
                push(&theta, *gradient);
                adam.step(1e-3);
                assert!((theta.double_value(&[0]) - want).abs() < 1e-11);
            }
        }
    }
}

#[test]
fn restored_state_takes_the_identical_next_step() {
    let theta = Tensor::from_slice(&[1.0f32, -2.0]).set_requires_grad(true);
    let mut first = adam(&theta, AdamOptions::default());
    push(&theta, 0.3);
    first.step(1e-2);
    let copy = theta.detach().copy().set_requires_grad(true);
    let mut second = adam(&copy, AdamOptions::default());
    let stored: Vec<_> = first
        .state()
        .into_iter()
        .map(|(name, x)| (name, x.copy()))
        .collect();
    let find = |name: &str| {
        stored
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, x)| x.shallow_clone())
    };
    second.restore(first.steps(), find).unwrap();
    for (theta, adam) in [(&theta, &mut first), (&copy, &mut second)] {
        push(theta, -0.7);
        adam.step(1e-2);
    }
    assert_eq!(theta.detach(), copy.detach());
    assert!(matches!(second.restore(1, |_| None), Err(StateError::Missing(name)) if name == "w.m"));
}

#[test]
fn half_precision_keeps_steps_that_it_cannot_show() {
    let theta = Tensor::from_slice(&[1.0f32])
        .to_kind(Kind::BFloat16)
        .set_requires_grad(true);
    let mut adam = adam(&theta, AdamOptions::default());
    for _ in 0..20 {
        push(&theta, 1.0);
        adam.step(1e-3);
    }
    assert!((theta.double_value(&[0]) - 0.98).abs() < 4e-3);
    assert_eq!(adam.state().len(), 3);
}

#[test]
fn gradients_are_scaled_to_the_common_norm() {
    let theta = Tensor::from_slice(&[1.0f64, 1.0]).set_requires_grad(true);
    let mut adam = adam(
        &theta,
        AdamOptions {
            max_grad_norm: Some(0.5),
            ..Default::default()
        },
    );
    push(&theta, 3.0);
    assert!((adam.step(1e-3).norm - 18f64.sqrt()).abs() < 1e-6);
    // A tenth of the scaled gradient is the first moment.
    let (_, m) = adam.state().swap_remove(0);
    assert!((m.norm().double_value(&[]) - 0.05).abs() < 1e-6);
}

#[test]
fn one_pass_does_what_libtorch_does_and_leaves_no_gradient() {
    let start = Tensor::arange(40_000, (Kind::Double, tch::Device::Cpu)).sin();
    let run = |kind| {
        let theta = start.to_kind(kind).set_requires_grad(true);
        let mut adam = adam(&theta, AdamOptions::default());
        let norms = [0.3, -0.7].map(|gradient| {
            (&theta * &theta.detach() * gradient).sum(kind).backward();
            let Stepped { norm, finite } = adam.step(1e-2);
            assert!(finite);
            assert_eq!(theta.grad().abs().max().double_value(&[]), 0.0);
            norm
        });
        (theta.detach().to_kind(Kind::Double), norms)
    };
    let ((ours, our_norms), (theirs, norms)) = (run(Kind::Float), run(Kind::Double));
    assert!((ours - theirs).abs().max().double_value(&[]) < 1e-5);
    for (ours, theirs) in our_norms.iter().zip(norms) {
        assert!((ours / theirs - 1.0).abs() < 1e-5);
    }
}

#[test]
fn parameters_that_are_no_numbers_any_more_are_noticed() {
    for kind in [Kind::Float, Kind::Double] {
        let theta = Tensor::from_slice(&[1.0f64, 2.0])
            .to_kind(kind)
            .set_requires_grad(true);
        let mut adam = adam(&theta, AdamOptions::default());
        push(&theta, 1.0);
        assert!(!adam.step(f64::INFINITY).finite);
    }
}
