//! The kernels against libtorch.

use super::kernels::{Matrix, Then, multiply};
use crate::cpu::exp::exp;
use crate::cpu::rows::Rows;
use crate::model::fixtures::{FAMILIES, loud, near};
use crate::model::generate::Prompt;
use crate::model::layout::Layout;
use crate::model::sampling::Sampling;
use proptest::prelude::*;
use tch::{Kind, Tensor};

#[test]
fn grows_what_libtorch_grows() {
    let contexts = Tensor::from_slice(&[
        3i64, 5, 29, 29, 0, 6, 2, 9, 29, 4, 29, 1, 29, 4, 29, 1, 8, 8, 8, 29,
    ]);
    let contexts = contexts.view([5, 4]);
    let plain = Sampling::default();
    let settings = [
        Sampling {
            temperature: 0.0,
            ..plain
        },
        Sampling {
            temperature: 0.7,
            first_row: 5,
            ..plain
        },
        Sampling { top_k: 5, ..plain },
        Sampling {
            top_p: 0.8,
            temperature: 1.3,
            skip_first: false,
            ..plain
        },
    ];
    for family in FAMILIES {
        let policy = loud(family, Kind::Float, None);
        for (sampling, rows) in settings.iter().zip([5, 4, 1, 5]) {
            let contexts = contexts.narrow(0, 0, rows);
            let _guard = tch::no_grad_guard();
            let prompt = Prompt::read(policy.model(), &contexts, 12, 1);
            let ours = prompt.grow_by_hand(policy.model(), 12, sampling, 3);
            let theirs = prompt.grow(policy.model(), 12, sampling, 3);
            assert_eq!(ours.tokens, theirs.tokens, "{family:?} {sampling:?}");
            near(&ours.logprobs, &theirs.logprobs, 1e-4);

            let (tokens, bottom) = (Tensor::cat(&[contexts, ours.tokens], 1), ours.bottom);
            let (layout, model) = (Layout::new(&tokens, 27), policy.model());
            let want = model.run(model.embed(&layout), &layout, 0, 1, None);
            let (got, want) = (bottom.unwrap().narrow(1, 0, 15), want.narrow(1, 0, 15));
            near(&(got / 50.0), &(want / 50.0), 1e-5);
        }
    }
}

#[test]
fn rows_do_not_see_each_other() {
    let policy = loud(FAMILIES[1], Kind::Float, None);
    let contexts = Tensor::from_slice(&(0..36).map(|i| i * 7 % 27).collect::<Vec<i64>>());
    let contexts = contexts.view([9, 4]);
    let grow = |start: i64, rows: i64| {
        let sampling = Sampling {
            first_row: start as u64,
            ..Sampling::default()
        };
        policy.respond(&contexts.narrow(0, start, rows), 10, &sampling, 1)
    };
    let parts = Tensor::cat(&[grow(0, 2), grow(2, 1), grow(3, 6)], 0);
    assert_eq!(grow(0, 9), parts);
}

#[test]
fn responses_to_one_query_grow_apart() {
    let contexts = Tensor::from_slice(&[
        3i64, 5, 29, 2, 3, 5, 29, 2, 7, 1, 4, 6, 7, 1, 4, 6, 7, 1, 4, 6,
    ]);
    let contexts = contexts.view([5, 4]);
    for (family, kind) in FAMILIES
        .into_iter()
        .zip([Kind::Float, Kind::Double, Kind::Float])
    {
        let policy = loud(family, kind, None);
        let grow = |start: i64, rows: i64| {
            let sampling = Sampling {
                first_row: start as u64,
                ..Sampling::default()
            };
            policy.respond(&contexts.narrow(0, start, rows), 10, &sampling, 1)
        };
        let alone: Vec<Tensor> = (0..5).map(|row| grow(row, 1)).collect();
        let together = grow(0, 5);
        assert_eq!(together, Tensor::cat(&alone, 0), "{family:?} {kind:?}");
        assert_ne!(together.get(2), together.get(3));
    }
}

proptest! {
    #[test]
    fn products_are_those_of_libtorch(rows in 1usize..20, inputs in 1usize..70, outputs in 1usize..40) {
        let random = |shape: [usize; 2]| {
            Tensor::randn(shape.map(|n| n as i64), (Kind::Float, tch::Device::Cpu))
        };
        let (x, w, b) = (random([rows, inputs]), random([outputs, inputs]), random([1, outputs]));
        let read = |t: &Tensor| Vec::<f32>::try_from(t.reshape([-1])).unwrap();
        let (weight, bias, mut input) = (read(&w), read(&b), read(&x));
        let mut y = vec![1.0f32; rows * outputs];
        let matrix = Matrix { weight: &weight, bias: Some(&bias), inputs };
        let at = |v: &mut Vec<f32>, stride| Rows { start: v.as_mut_ptr(), stride };
        let (from, to) = (at(&mut input, inputs), at(&mut y, outputs));
        // SAFETY: the buffers have these shapes and nobody else touches them.
        unsafe {
            let middle = outputs / 2;
            multiply(matrix, 0..middle, from, to, rows, Then::Add);
            multiply(matrix, middle..outputs, from, to, rows, Then::Add);
        }
        let want = x.linear(&w, Some(&b.view([-1]))) + 1.0;
        let got = Tensor::from_slice(&y).view_as(&want);
        prop_assert!((got - want).abs().max().double_value(&[]) < 1e-4);
    }

    #[test]
    fn exponentials_are_right(x in -86.9f32..88.0) {
        let want = f64::from(x).exp();
        prop_assert!((f64::from(exp(x)) / want - 1.0).abs() < 3e-7, "{} {}", exp(x), want);
    }
}
