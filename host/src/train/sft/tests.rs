//! A policy learns what it is shown; pads, company and parts change nothing.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::Sft;
use crate::model::config::ModelConfig;
use crate::model::episodes::Episodes;
use crate::seed;
use tch::{Device, Kind};

fn of_family(json: serde_json::Value) -> Policy {
    let config = ModelConfig::from_json(&json).unwrap();
    Policy::random(&config, 1, Device::Cpu, Kind::Float, None).unwrap()
}

pub(in crate::train) fn policy() -> Policy {
    of_family(serde_json::json!({"model_type": "llama",
        "vocab_size": 32, "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2,
        "num_hidden_layers": 2, "intermediate_size": 48, "max_position_embeddings": 64,
        "tie_word_embeddings": true}))
}

fn gpt2() -> Policy {
    of_family(
        serde_json::json!({"model_type": "gpt2", "vocab_size": 32, "n_embd": 32, "n_head": 4,
        "n_layer": 2, "n_positions": 64}),
    )
}

/// Responses that say a context's last token up to three times, and end.
pub(in crate::train) fn pairs(count: usize, from: u64) -> Vec<Demonstration> {
    let mut stream = seed::Stream::new(from);
    let pair = |_| {
        let len = 1 + stream.below(4);
        let context: Vec<u32> = (0..len).map(|_| 1 + stream.below(6) as u32).collect();
        let last = context[context.len() - 1];
        let said = vec![last; 1 + last as usize % 3];
        let response = [said.as_slice(), &[0]].concat();
        Demonstration { context, response }
    };
    (0..count).map(pair).collect()
}

pub(in crate::train) fn options() -> SftOptions {
    let run: crate::config::Run = toml::from_str("dir = 'r'").unwrap();
    let sft = Sft {
        batch_size: 8,
        lr: 3e-3,
        micro_tokens: 24,
        ..Sft::default()
    };
    SftOptions::new(&sft, &run)
}

fn gradients(policy: &Policy) -> Vec<Vec<f32>> {
    let all = policy.trainable().into_iter();
    all.map(|(_, tensor)| Vec::try_from(tensor.grad().reshape([-1])).unwrap())
        .collect()
}

#[test]
fn learns_what_it_is_shown() {
    let (examples, unseen, policy) = (pairs(400, 1), pairs(50, 2), policy());
    let mut options = options();
    options.epochs = 6;
    let learner = Learner {
        policy: &policy,
        examples: &examples,
        validation: &unseen,
        options: &options,
    };
    let loss = || learner.validate().unwrap().0;
    let before = loss();
    assert!((before - 32f64.ln()).abs() < 0.2, "{before}");
    let mut adam = learner.optimizer();
    for step in 0..300 {
        let record = learner.step(&mut adam, step).unwrap();
        assert!(record.get("sft/loss").unwrap().is_finite());
    }
    let after = loss();
    assert!(after < 0.6, "{after}");
    assert_eq!(
        learner
            .step(&mut adam, 299)
            .unwrap()
            .get("elapsed/examples"),
        Some(2400.0)
    );
}

#[test]
fn company_and_parts_change_nothing() {
    let rows = pairs(8, 3);
    for (policy, other) in [(policy(), policy()), (gpt2(), gpt2())] {
        policy.allocate_gradients();
        let all: Vec<&Demonstration> = rows.iter().collect();
        let together = policy.log_likelihoods(&all);
        for (row, expected) in rows.iter().zip(&together) {
            let alone = policy.log_likelihoods(&[row])[0];
            assert!((alone - expected).abs() < 1e-4, "{alone} {expected}");
        }
        let sum = policy.imitate(&all, 0.5);
        assert!((sum + together.iter().sum::<f64>()).abs() < 1e-3);
        let whole = gradients(&policy);
        other.allocate_gradients();
        for part in rows.chunks(3) {
            other.imitate(&part.iter().collect::<Vec<_>>(), 0.5);
        }
        for (a, b) in whole
            .iter()
            .flatten()
            .zip(gradients(&other).iter().flatten())
        {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
}

/// What is learned of is what is sampled from and what PPO computes with.
#[test]
fn likelihoods_are_those_of_episodes() {
    let policy = policy();
    let pair = &pairs(3, 4)[2];
    let ids = |tokens: &[u32]| {
        let ids: Vec<i64> = tokens.iter().map(|id| i64::from(*id)).collect();
        Tensor::from_slice(&ids).unsqueeze(0)
    };
    let episodes: Episodes = policy.episodes(&ids(&pair.context), &ids(&pair.response));
    let sum = policy.analyze(&episodes, 1.0).logprobs.sum(Kind::Double);
    let likelihood = policy.log_likelihoods(&[pair])[0];
    assert!((sum.double_value(&[]) - likelihood).abs() < 1e-4);
    assert_eq!(mean_loss(&policy, &[], 64), None);
}
