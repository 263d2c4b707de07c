//! Our own passes in f32 against libtorch's in f64.

use super::{Head, Scratch, Upstream};
use crate::model::fixtures::near;
use tch::{Device, Kind, Tensor};

#[test]
fn one_pass_says_what_many_say() {
    let wave = |shape: [i64; 2], pace: f64| {
        let steps = Tensor::arange(shape[0] * shape[1], (Kind::Double, Device::Cpu)) * pace;
        steps.sin().view(shape)
    };
    let (hidden, weight) = (wave([7, 24], 1.7), wave([1003, 24], 0.37) * 2.0);
    let labels = Tensor::from_slice(&[0i64, 1002, 5, 17, 256, 255, 999]);
    let upstream = |kind, entropy: bool| Upstream {
        logprobs: wave([1, 7], 0.9).view([7]).to_kind(kind),
        entropy: entropy.then(|| wave([1, 7], 0.4).view([7]).to_kind(kind)),
    };
    for (temperature, entropy) in [(1.0, true), (0.7, false), (1.3, true)] {
        let run = |kind| {
            let (hidden, weight) = (hidden.to_kind(kind), weight.to_kind(kind));
            let scratch = Scratch::default();
            let head = Head {
                weight: &weight,
                temperature,
                scratch: &scratch,
            };
            let scores = head.forward(&hidden, &labels);
            let up = upstream(kind, entropy);
            let mut d_weight = weight.zeros_like();
            let into = Some(&mut d_weight);
            let d = head.backward(&hidden, &labels, &scores, &up, into);
            [scores.logprobs, scores.entropy, d, d_weight]
        };
        for (ours, theirs) in run(Kind::Float).iter().zip(&run(Kind::Double)) {
            near(ours, theirs, 1e-5);
        }
    }
}

#[test]
fn learning_is_forward_and_backward_at_once() {
    let wave = |shape: [i64; 2], pace: f64, kind| {
        let steps = Tensor::arange(shape[0] * shape[1], (Kind::Double, Device::Cpu)) * pace;
        steps.sin().view(shape).to_kind(kind)
    };
    // Logits of so many rows are made in parts.
    let rows = 1 + super::CHUNK_BYTES / (4 * 50_003);
    let labels = Tensor::arange(rows, (Kind::Int64, Device::Cpu)) * 17;
    for kind in [Kind::Float, Kind::Double] {
        let (hidden, weight) = (wave([rows, 8], 1.7, kind), wave([50_003, 8], 0.37, kind));
        let scratch = Scratch::default();
        let head = Head {
            weight: &weight,
            temperature: 1.0,
            scratch: &scratch,
        };
        let mut apart = weight.zeros_like();
        let scores = head.forward(&hidden, &labels);
        let upstream = Upstream {
            logprobs: scores.logprobs.full_like(-0.3),
            entropy: None,
        };
        let d = head.backward(&hidden, &labels, &scores, &upstream, Some(&mut apart));
        let mut at_once = weight.zeros_like();
        let (logprobs, d_hidden) = head.learn(&hidden, &labels, -0.3, Some(&mut at_once));
        near(&logprobs, &scores.logprobs, 1e-6);
        near(&d_hidden, &d, 1e-6);
        near(&at_once, &apart, 1e-6);
    }
}
