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
