//! Numbers that the implementation must reproduce, and properties that hold between its parts.

#![allow(clippy::unwrap_used)]

use super::config::{Family, ModelConfig};
use super::episodes::{Analysis, Episodes};
use super::generate::respond;
use super::head;
use super::layout::Layout;
use super::policy::Policy;
use super::sampling::{Drawn, Sampling, draw, top_k, top_p, uniform};
use super::transformer::KvCache;
use super::weights::Weights;
use serde_json::json;
use tch::{Device, Kind, Tensor};

pub(super) const CPU: Device = Device::Cpu;

pub(super) fn near(got: &Tensor, want: &Tensor, bound: f64) {
    assert_eq!(got.size(), want.size());
    let worst = (got.to_kind(Kind::Double) - want.to_kind(Kind::Double))
        .abs()
        .max()
        .double_value(&[]);
    assert!(
        worst <= bound,
        "off by {worst}, bound {bound}\n{got}\n{want}"
    );
}

fn rows(values: &[&[f64]]) -> Tensor {
    Tensor::from_slice(&values.concat()).reshape([values.len() as i64, -1])
}

fn ids(values: &[&[i64]]) -> Tensor {
    Tensor::from_slice(&values.concat()).reshape([values.len() as i64, -1])
}

pub(super) fn tiny(family: Family) -> ModelConfig {
    let value = match family {
        Family::Gpt2 => json!({"model_type": "gpt2", "vocab_size": 27, "n_embd": 16, "n_head": 4,
            "n_layer": 3, "n_positions": 32}),
        Family::Llama => json!({"model_type": "llama", "vocab_size": 27, "hidden_size": 16,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "num_hidden_layers": 3,
            "intermediate_size": 24, "max_position_embeddings": 32, "tie_word_embeddings": true,
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 16}}),
        Family::Qwen2 => json!({"model_type": "qwen2", "vocab_size": 27, "hidden_size": 16,
            "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3,
            "intermediate_size": 24, "max_position_embeddings": 32, "tie_word_embeddings": false}),
    };
    ModelConfig::from_json(&value).unwrap()
}

pub(super) const FAMILIES: [Family; 3] = [Family::Gpt2, Family::Llama, Family::Qwen2];

/// Weights scaled up so that tiny models have opinions.
pub(super) fn loud(family: Family, kind: Kind, trainable_layers: Option<usize>) -> Policy {
    let config = tiny(family);
    let draws = Weights::random(&config, 7, CPU, Kind::Double);
    let found = draws
        .iter()
        .map(|(n, t)| (n.clone(), if t.dim() > 1 { t * 3.0 } else { t + 0.1 }))
        .collect();
    let weights = Weights::from_tensors(&config, found, CPU, kind).unwrap();
    let policy = Policy::from_weights(&config, weights, trainable_layers).unwrap();
    let value = Tensor::arange(16, (Kind::Double, CPU))
        .sin()
        .reshape([1, 16]);
    policy
        .load_state(&[("v_head.weight".into(), value)])
        .unwrap();
    policy
}

/// A query with pads, and one without.
fn padded() -> (Tensor, Tensor) {
    (
        ids(&[&[3, 5, 29, 29], &[0, 6, 2, 9]]),
        ids(&[&[7, 1, 2, 4], &[7, 1, 2, 4]]),
    )
}

/// The tiny GPT-2 whose every parameter is `0.25 sin(1.3 p + 0.37 k)`.
fn sine_gpt2() -> (Policy, Tensor, Tensor) {
    let config =
        ModelConfig::from_json(&json!({"model_type": "gpt2", "vocab_size": 27, "n_embd": 8,
        "n_head": 2, "n_layer": 2, "n_positions": 8}))
        .unwrap();
    let sine = |p: usize, shape: &[i64], gain: bool| {
        let k = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, CPU));
        let t = ((k * 0.37 + 1.3 * p as f64).sin() * 0.25).reshape(shape);
        if gain { t + 1.0 } else { t }
    };
    let mut order = config.parameters();
    order.swap(0, 1);
    let found = order.iter().enumerate().map(|(p, (name, shape))| {
        let gain = name.contains("ln_") && name.ends_with("weight");
        (name.clone(), sine(p, shape, gain))
    });
    let weights = Weights::from_tensors(&config, found.collect(), CPU, Kind::Double).unwrap();
    let policy = Policy::from_weights(&config, weights, None).unwrap();
    let p = order.len();
    assert_eq!(p, 28);
    policy
        .load_state(&[
            ("v_head.weight".into(), sine(p, &[1, 8], false)),
            ("v_head.bias".into(), sine(p + 1, &[1], false)),
        ])
        .unwrap();
    (
        policy,
        sine(p + 2, &[1, 8], false),
        sine(p + 3, &[1], false),
    )
}

#[test]
fn temperature_scales_logprobs_and_entropies() {
    // Logits arrive through an identity head.
    let hidden = rows(&[&[1.0, 2.0, 0.5, -1.0], &[0.0, 0.0, 3.0, 0.1]]);
    let identity = Tensor::eye(4, (Kind::Double, CPU));
    let scratch = head::Scratch::default();
    let head = head::Head {
        weight: &identity,
        temperature: 0.7,
        scratch: &scratch,
    };
    let scores = head.forward(&hidden, &Tensor::from_slice(&[1i64, 3]));
    near(
        &scores.logprobs,
        &Tensor::from_slice(&[-0.315346355, -4.185346543]),
        1e-9,
    );
    near(
        &scores.entropy,
        &Tensor::from_slice(&[0.791547061, 0.21859859]),
        1e-8,
    );
}

#[test]
fn sine_gpt2_matches_the_reference_numbers() {
    let (policy, reward_weight, reward_bias) = sine_gpt2();
    let (queries, responses) = padded();
    let episodes = policy.episodes(&queries, &responses);
    let layout = Layout::new(&episodes.tokens, 27);
    near(
        &layout.positions,
        &ids(&[&[0, 1, 2, 2, 2, 3, 4, 5], &[0, 1, 2, 3, 4, 5, 6, 7]]),
        0.0,
    );
    let source = layout.source.as_ref().unwrap();
    near(
        source,
        &ids(&[&[0, 1, 1, 1, 4, 5, 6, 7], &[0, 1, 2, 3, 4, 5, 6, 7]]),
        0.0,
    );
    let got = policy.analyze(&episodes, 0.7);
    let logprobs = rows(&[
        &[-2.577352837, -2.189800047, -4.862220581, -4.550516259],
        &[-2.86817978, -2.199726745, -4.480562547, -4.749491172],
    ]);
    let entropies = rows(&[
        &[3.054383653, 2.782565266, 2.981510057, 2.819852063],
        &[2.916652018, 2.796009849, 3.042804278, 2.77500739],
    ]);
    let values = rows(&[
        &[-0.052982579, 1.107680267, 0.423338125, 1.233048907],
        &[-1.053478886, 1.064509368, 0.077761856, 1.302064837],
    ]);
    near(&got.logprobs, &logprobs, 1e-8);
    near(&got.entropy, &entropies, 1e-8);
    near(&got.values, &values, 1e-8);
    let model = policy.model();
    let logits = model
        .logits(&model.hidden(&episodes.tokens))
        .get(0)
        .get(3)
        .narrow(0, 0, 5);
    let want = [
        -0.323232266,
        0.433367117,
        -0.529250529,
        0.607729339,
        -0.666222742,
    ];
    near(&logits, &Tensor::from_slice(&want), 1e-8);
    let judged = ids(&[&[3, 5, 29, 29, 7, 1, 2, 29], &[0, 6, 2, 9, 7, 1, 29, 29]]);
    let last = model.hidden(&judged).select(1, 7);
    let rewards = last.linear(&reward_weight, Some(&reward_bias)).squeeze();
    near(
        &rewards,
        &Tensor::from_slice(&[-0.997003033, -0.31135689]),
        1e-8,
    );
    // Pads change nothing: not the first reward, and not the logits of what is left without them.
    let bare = model.hidden(&ids(&[&[3, 5, 7, 1, 2]])).select(1, 4);
    let bare = bare.linear(&reward_weight, Some(&reward_bias)).squeeze();
    near(&bare, &rewards.get(0), 1e-12);
    let real = Tensor::from_slice(&[0i64, 1, 4, 5, 6, 7]);
    let padded = model.hidden(&episodes.tokens.narrow(0, 0, 1));
    near(
        &model.logits(&model.hidden(&ids(&[&[3, 5, 7, 1, 2, 4]]))),
        &model.logits(&padded.index_select(1, &real)),
        1e-12,
    );
}

#[test]
fn filters_keep_what_the_original_keeps() {
    let logits = rows(&[&[1.0, 1.01, 1.001, 0.0, 0.0, 0.0, 2.0]]);
    let kept = |t: Tensor| Vec::<i64>::try_from(t.gt(-1e9).nonzero().select(1, 1)).unwrap();
    assert_eq!(kept(top_k(&logits, 1)), [6]);
    assert_eq!(kept(top_k(&logits, 2)), [1, 6]);
    assert_eq!(kept(top_k(&logits, 3)), [1, 2, 6]);
    assert_eq!(kept(top_k(&logits, 4)), [0, 1, 2, 6]);
    assert_eq!(kept(top_k(&logits, 5)), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(kept(top_p(&logits, 1.0)), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(kept(top_p(&logits, 0.7)), [1, 2, 6]);
    assert_eq!(kept(top_p(&logits, 0.6)), [1, 6]);
    assert_eq!(kept(top_p(&logits, 0.5)), [6]);
    assert_eq!(kept(top_p(&logits, 0.0)), [6]);
    let one = Sampling {
        top_k: 1,
        ..Sampling::default()
    };
    let many = logits.expand([64, 7], false);
    assert!(bool::try_from(draw(&many, &one, 1, 1).token.eq(6).all()).unwrap());
    assert!(!bool::try_from(draw(&many, &one, 1, 0).token.eq(6).all()).unwrap());
}

#[test]
fn draws_follow_the_distribution_and_the_counter() {
    let logits = rows(&[&[0.5, -1e10, 0.25, 0.125, 0.125]])
        .clamp_min(1e-30)
        .log()
        .expand([20_000, 5], false);
    let Drawn {
        token: drawn,
        logprob,
    } = draw(&logits, &Sampling::default(), 3, 0);
    let exact = logits.gather(1, &drawn.unsqueeze(1), false).squeeze_dim(1);
    near(&logprob, &exact, 1e-6);
    let share: Vec<f64> = (0..5)
        .map(|i| {
            drawn
                .eq(i)
                .to_kind(Kind::Double)
                .mean(None)
                .double_value(&[])
        })
        .collect();
    for (got, want) in share.iter().zip([0.5, 0.0, 0.25, 0.125, 0.125]) {
        assert!((got - want).abs() < 0.015, "{share:?}");
    }
    let tail = Sampling {
        first_row: 15_000,
        ..Sampling::default()
    };
    near(
        &draw(&logits.narrow(0, 0, 5_000), &tail, 3, 0).token,
        &drawn.narrow(0, 15_000, 5_000),
        0.0,
    );
    assert_ne!(uniform(1, 2, 3).to_bits(), uniform(1, 3, 2).to_bits());
}

#[test]
fn cached_steps_equal_the_full_forward() {
    for (family, kind, bound) in FAMILIES
        .iter()
        .flat_map(|f| [(*f, Kind::Float, 1e-3), (*f, Kind::Double, 1e-10)])
    {
        let policy = loud(family, kind, None);
        let (queries, _) = padded();
        for contexts in [queries.shallow_clone(), queries.narrow(0, 1, 1)] {
            let greedy = Sampling {
                temperature: 0.0,
                ..Sampling::default()
            };
            let out = respond(policy.model(), &contexts, 6, &greedy, 0);
            let tokens = Tensor::cat(&[&contexts, &out], 1);
            let full = policy
                .model()
                .logits(&policy.model().hidden(&tokens))
                .narrow(1, 3, 6);
            near(&full.argmax(-1, false), &out, 0.0);
        }
        // Token by token from the first, against all at once.
        let _guard = tch::no_grad_guard();
        let model = policy.model();
        let row = queries.narrow(0, 1, 1);
        let mut cache = KvCache::new(model, 1, 4);
        let steps: Vec<Tensor> = (0..4)
            .map(|t| {
                let layout = Layout {
                    positions: ids(&[&[t]]),
                    ..Layout::new(&row.narrow(1, t, 1), 27)
                };
                model.finish(&model.run(model.embed(&layout), &layout, 0, 3, Some(&mut cache)))
            })
            .collect();
        near(&Tensor::cat(&steps, 1), &model.hidden(&row), bound);
    }
}

#[test]
fn pads_anywhere_change_nothing() {
    // Longer rows are summed in another order, and weights that are drawn anew amplify the rounding;
    // a pad that was seen would be off by tenths.
    const ROUNDING: f64 = 5e-5;
    for family in FAMILIES {
        let policy = loud(family, Kind::Float, None);
        let model = policy.model();
        let plain = model.hidden(&ids(&[&[3, 5, 7, 1, 2, 4]]));
        for gaps in [
            [3, 29, 5, 29, 29, 7, 1, 29, 2, 4],
            [29, 29, 3, 5, 7, 29, 1, 29, 2, 4],
            [3, 5, 7, 1, 2, 4, 29, 29, 29, 29],
        ] {
            let hidden = model.hidden(&ids(&[&gaps]));
            let real: Vec<i64> = (0..10).filter(|i| gaps[*i as usize] < 27).collect();
            near(
                &hidden.index_select(1, &Tensor::from_slice(&real)),
                &plain,
                ROUNDING,
            );
            near(&hidden.narrow(1, 9, 1), &plain.narrow(1, 5, 1), ROUNDING);
        }
        let greedy = Sampling {
            temperature: 0.0,
            ..Sampling::default()
        };
        let a = policy.respond(&ids(&[&[3, 5, 7, 1]]), 6, &greedy, 0);
        let b = policy.respond(&ids(&[&[3, 29, 5, 7, 1, 29]]), 6, &greedy, 0);
        near(&a, &b, 0.0);
    }
}

/// Any smooth function of all three scores.
fn some_loss(a: &Analysis) -> Tensor {
    let (l, v, e) = (&a.logprobs, &a.values, &a.entropy);
    ((l * 0.3).exp() * 2.0 + v * v * 0.5 + e * e * 0.2 + l * e * 0.1).sum(None)
}

/// The same scores by plain autograd through the full softmax.
fn plain(policy: &Policy, episodes: &Episodes, temperature: f64) -> Analysis {
    let hidden = policy.model().hidden(&episodes.tokens).narrow(
        1,
        episodes.context_len - 1,
        episodes.response_len(),
    );
    let logp = (policy.model().logits(&hidden) / temperature).log_softmax(-1, None);
    let labels = episodes
        .tokens
        .narrow(1, episodes.context_len, episodes.response_len())
        .unsqueeze(-1);
    let state = policy.trainable();
    let value = |name: &str| {
        state
            .iter()
            .find(|(n, _)| n == name)
            .unwrap()
            .1
            .shallow_clone()
    };
    Analysis {
        logprobs: logp.gather(2, &labels, false).squeeze_dim(2),
        values: hidden
            .linear(&value("v_head.weight"), Some(&value("v_head.bias")))
            .squeeze_dim(2),
        entropy: (logp.exp() * &logp).sum_dim_intlist(-1, false, None).neg(),
    }
}

#[test]
fn gradients_equal_plain_autograd() {
    for (family, layers) in FAMILIES.iter().flat_map(|f| [(*f, None), (*f, Some(2))]) {
        let policy = loud(family, Kind::Double, layers);
        let (queries, responses) = padded();
        let episodes = policy.episodes(&queries, &responses);
        assert_eq!(episodes.bottom.is_some(), layers.is_some());
        let mut state = policy.trainable();
        let want_scores = plain(&policy, &episodes, 0.7);
        some_loss(&want_scores).backward();
        let want: Vec<Tensor> = state.iter().map(|(_, t)| t.grad().copy()).collect();
        state.iter_mut().for_each(|(_, t)| t.zero_grad());
        // Two halves add up to the whole.
        let first = policy.accumulate(&episodes.rows(0, 1), 0.7, &mut some_loss);
        let second = policy.accumulate(
            &episodes.index(&Tensor::from_slice(&[1i64])),
            0.7,
            &mut some_loss,
        );
        near(&(first + second), &some_loss(&want_scores).detach(), 1e-9);
        for ((name, t), want) in state.iter().zip(&want) {
            assert!(t.grad().defined(), "no gradient for {name}");
            assert!(
                want.abs().max().double_value(&[]) > 0.0,
                "nothing to compare for {name}"
            );
            near(&t.grad(), want, 1e-9);
        }
        near(
            &policy.analyze(&episodes, 0.7).logprobs,
            &want_scores.logprobs,
            1e-10,
        );
    }
}

#[test]
fn frozen_blocks_and_the_reference_share_storage() {
    let policy = loud(Family::Llama, Kind::Float, Some(1));
    let names: Vec<String> = policy.trainable().into_iter().map(|(n, _)| n).collect();
    assert!(
        names[..9].iter().all(|n| n.starts_with("model.layers.2.")),
        "{names:?}"
    );
    assert_eq!(
        names[9..],
        ["model.norm.weight", "v_head.weight", "v_head.bias"]
    );
    let reference = policy.reference();
    assert_eq!(
        reference.model().head().data_ptr(),
        policy.model().head().data_ptr()
    );
    let (queries, responses) = padded();
    let episodes = policy.episodes(&queries, &responses);
    let before = reference.analyze(&episodes, 1.0);
    near(
        &before.logprobs,
        &policy.analyze(&episodes, 1.0).logprobs,
        0.0,
    );
    tch::no_grad(|| {
        for (_, mut t) in policy.trainable() {
            let _ = t.g_add_scalar_(0.1);
        }
    });
    near(
        &reference.analyze(&episodes, 1.0).logprobs,
        &before.logprobs,
        0.0,
    );
    let moved = policy.analyze(&episodes, 1.0).logprobs - before.logprobs;
    assert!(moved.abs().max().double_value(&[]) > 1e-3);
    let error = Policy::random(&tiny(Family::Llama), 1, CPU, Kind::Float, Some(4)).unwrap_err();
    assert!(error.to_string().contains("trainable_layers is 4"));
}

#[test]
fn ratio_is_one_before_the_first_step() {
    let policy = loud(Family::Qwen2, Kind::Float, None);
    let contexts = ids(&[&[3, 5, 29, 29], &[0, 6, 2, 9], &[1, 29, 2, 3]]);
    let sampling = Sampling {
        temperature: 0.9,
        ..Sampling::default()
    };
    let episodes = policy.roll_out(&contexts, 6, &sampling, 5);
    let old = policy.analyze(&episodes, 0.9).logprobs;
    // What the sampler knew of its tokens is what the passes say of them, but for the order of sums.
    near(episodes.sampled.as_ref().unwrap(), &old, 1e-5);
    let _ = policy.accumulate(&episodes.rows(1, 2), 0.9, &mut |a| {
        near(
            &(&a.logprobs - old.narrow(0, 1, 2)).exp(),
            &Tensor::ones([2, 6], (Kind::Float, CPU)),
            1e-5,
        );
        a.logprobs.sum(None)
    });
}
