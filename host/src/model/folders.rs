//! Models survive the way to disk and back, and what does not fit is named.

#![allow(clippy::unwrap_used)]

use super::config::{Family, ModelConfig};
use super::fixtures::{CPU, FAMILIES, loud, near, tiny};
use super::policy::Policy;
use super::transformer::Transformer;
use super::weights::{Weights, write_tensors};
use serde_json::json;
use tch::{Kind, Tensor};

#[test]
fn folders_round_trip() {
    for (family, kind) in FAMILIES
        .iter()
        .flat_map(|f| [(*f, Kind::Float), (*f, Kind::BFloat16)])
    {
        let dir = tempfile::tempdir().unwrap();
        let policy = loud(family, kind, None);
        policy.save(dir.path()).unwrap();
        let top = Policy::load(dir.path(), CPU, kind, Some(2))
            .unwrap()
            .trainable();
        assert!(top.len() < policy.trainable().len());
        let again = Policy::load(dir.path(), CPU, kind, None).unwrap();
        assert_eq!(again.config(), policy.config());
        for ((name, a), (other, b)) in policy.trainable().iter().zip(again.trainable()) {
            assert_eq!(*name, other);
            near(a, &b, 0.0);
        }
    }
}

#[test]
fn shards_and_bare_names_are_read() {
    let config = tiny(Family::Gpt2);
    let weights = Weights::random(&config, 1, CPU, Kind::Half);
    let bare: Vec<(String, Tensor)> = weights
        .iter()
        .map(|(n, t)| {
            (
                n.trim_start_matches("transformer.").to_owned(),
                t.shallow_clone(),
            )
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = bare.split_at(5);
    write_tensors(&dir.path().join("a.safetensors"), a).unwrap();
    write_tensors(&dir.path().join("b.safetensors"), b).unwrap();
    let map = json!({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}});
    std::fs::write(
        dir.path().join("model.safetensors.index.json"),
        map.to_string(),
    )
    .unwrap();
    let read = Weights::load(dir.path(), &config, CPU, Kind::Float).unwrap();
    for ((name, a), (other, b)) in weights.iter().zip(read.iter()) {
        assert_eq!(name, other);
        near(a, b, 0.0);
    }
}

#[test]
fn wrong_tensors_and_options_are_named() {
    let config = tiny(Family::Llama);
    let all = || {
        Weights::random(&config, 1, CPU, Kind::Float)
            .iter()
            .map(|(n, t)| (n.clone(), t.shallow_clone()))
            .collect::<Vec<_>>()
    };
    let error = |found| {
        Weights::from_tensors(&config, found, CPU, Kind::Float)
            .unwrap_err()
            .to_string()
    };
    let mut missing = all();
    let _ = missing.remove(3);
    assert!(
        error(missing)
            .contains("missing tensor `model.layers.0.self_attn.k_proj.weight` of shape [12, 16]")
    );
    let mut extra = all();
    extra.push((
        "score.weight".into(),
        Tensor::zeros([1, 16], (Kind::Float, CPU)),
    ));
    assert!(error(extra).contains("unexpected tensor `score.weight` of shape [1, 16]"));
    let mut wrong = all();
    wrong[0].1 = Tensor::zeros([26, 16], (Kind::Float, CPU));
    assert!(error(wrong).contains("has shape [26, 16], config.json asks for [27, 16]"));
    let error = ModelConfig::from_json(&json!({"model_type": "bert"}))
        .unwrap_err()
        .to_string();
    assert!(error.contains("`bert`") && error.contains("gpt2, llama and qwen2"));
    for family in FAMILIES {
        let config = tiny(family);
        assert_eq!(
            ModelConfig::from_json(&config.to_json("float32")).unwrap(),
            config
        );
        let _ = Transformer::new(&config, &Weights::random(&config, 1, CPU, Kind::Float));
    }
}
