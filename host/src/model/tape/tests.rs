//! The pass by hand against autograd.

use super::super::config::Family;
use super::super::fixtures::{loud, near};
use super::super::layout::{Layout, pick};
use super::{Desk, Span, fits, forward};
use tch::{Device, Kind, Tensor};

#[test]
fn gradients_are_those_of_autograd() {
    for family in [Family::Llama, Family::Qwen2] {
        for trainable in [None, Some(2)] {
            let (ours, theirs) = (
                loud(family, Kind::Float, trainable),
                loud(family, Kind::Float, trainable),
            );
            // Used twice.
            let desk = Desk::default();
            let tokens =
                Tensor::from_slice(&[3i64, 5, 29, 29, 7, 1, 0, 6, 2, 9, 7, 1]).view([2, 6]);
            // The last one twice, as pads make it.
            let few = Tensor::from_slice(&[3i64, 4, 5, 1, 5, 5]).view([2, 3]);
            for (tokens, wanted) in [
                (tokens.shallow_clone(), None),
                (tokens.shallow_clone(), Some(few.shallow_clone())),
                (tokens.clamp_max(26), None),
                (tokens.clamp_max(26), Some(few)),
            ] {
                let (a, b) = (ours.model(), theirs.model());
                assert!(fits(a));
                let layout = Layout::new(&tokens, 27);
                let from = ours.frozen_layers();
                let bottom = Span {
                    blocks: 0..from,
                    wanted: None,
                };
                let (start, _) = forward(a, &a.embed(&layout), &layout, &bottom, None, None);
                let top = Span {
                    blocks: from..3,
                    wanted: wanted.as_ref(),
                };
                let (x, tape) = forward(a, &start, &layout, &top, None, Some(&desk));
                let want = b.run(b.embed(&layout), &layout, 0, 3, None);
                // Pads attend to themselves alone and are looked at by nobody.
                let real = tokens.lt(27).unsqueeze(-1).to_kind(Kind::Float);
                let at = |t: &Tensor| wanted.as_ref().map_or(t.shallow_clone(), |at| pick(t, at));
                let (want, real) = (at(&want), at(&real));
                near(&(&x * &real), &(&want * &real).detach(), 1e-4);
                let dx = Tensor::arange(x.numel() as i64, (Kind::Float, x.device()))
                    .sin()
                    .view_as(&x)
                    * &real;
                tape.unwrap().backward(a, dx.copy(), &desk);
                (want * &dx).sum(Kind::Float).backward();
            }
            for ((_, a), (_, b)) in ours.trainable().iter().zip(theirs.trainable()) {
                if b.grad().defined() {
                    let scale = b.grad().abs().max().double_value(&[]).max(1.0);
                    near(&(a.grad() / scale), &(b.grad() / scale), 2e-5);
                }
            }
        }
    }
}

#[test]
fn packed_rows_are_rows_of_their_own() {
    let [ours, theirs] = [0; 2].map(|_| loud(Family::Llama, Kind::Float, None));
    let (a, b) = (ours.model(), theirs.model());
    let rows: [&[i64]; 5] = [&[3, 5], &[7, 1], &[4], &[2, 9, 7, 1], &[6, 0]];
    let layout = Layout::packed(rows.into_iter(), Device::Cpu);
    assert_eq!(layout.runs, [[2, 2], [1, 1], [1, 4], [1, 2]]);
    let span = Span {
        blocks: 0..3,
        wanted: None,
    };
    let desk = Desk::default();
    let (x, tape) = forward(a, &a.embed(&layout), &layout, &span, None, Some(&desk));
    let apart = rows.map(|row| {
        let layout = Layout::new(&Tensor::from_slice(row).unsqueeze(0), 27);
        b.run(b.embed(&layout), &layout, 0, 3, None)
    });
    let want = Tensor::cat(&apart, 1);
    near(&x, &want.detach(), 1e-4);
    let steps = Tensor::arange(x.numel() as i64, (Kind::Float, Device::Cpu));
    let dx = steps.sin().view_as(&x);
    tape.unwrap().backward(a, dx.copy(), &desk);
    (want * &dx).sum(Kind::Float).backward();
    for ((_, a), (_, b)) in ours.trainable().iter().zip(theirs.trainable()) {
        if b.grad().defined() {
            let scale = b.grad().abs().max().double_value(&[]).max(1.0);
            near(&(a.grad() / scale), &(b.grad() / scale), 2e-5);
        }
    }
}
