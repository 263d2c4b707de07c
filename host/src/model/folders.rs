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
        "extra.weight".into(),
        Tensor::zeros([1, 16], (Kind::Float, CPU)),
    ));
    assert!(error(extra).contains("unexpected tensor `extra.weight` of shape [1, 16]"));
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

#[test]
fn a_value_head_without_numbers_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    loud(Family::Gpt2, Kind::Float, None)
        .save(dir.path())
        .unwrap();
    let file = dir.path().join("value_head.safetensors");
    let shape = [1, 16];
    for (head, words) in [
        (
            Tensor::full(shape, f64::NAN, (Kind::Float, CPU)),
            "not finite",
        ),
        (Tensor::zeros(shape, (Kind::Int64, CPU)), "has type I64"),
    ] {
        write_tensors(&file, &[("v_head.weight".to_owned(), head)]).unwrap();
        let error = Policy::load(dir.path(), CPU, Kind::Float, None).unwrap_err();
        let message = format!("{error:#}");
        assert!(
            message.contains("value_head.safetensors")
                && message.contains("`v_head.weight`")
                && message.contains(words),
            "{message}"
        );
    }
}

/// Needs the weights of GPT-2 124M: a folder named by `ATTUNE_GPT2`.
#[test]
fn real_gpt2_where_its_weights_are_at_hand() {
    let Some(folder) = std::env::var_os("ATTUNE_GPT2") else {
        return;
    };
    let folder = std::path::Path::new(&folder);
    let policy = Policy::load(folder, CPU, Kind::Float, None).unwrap();
    let pad = policy.config().pad_id;
    let tokens = Tensor::from_slice(&[23073, pad, pad, 11, 339, 561]).view([1, 6]);
    let logits = policy.logits(&tokens).squeeze_dim(0);
    let outer = Tensor::cat(&[logits.narrow(1, 0, 3), logits.narrow(1, 50_254, 3)], 1);
    let first = [
        -35.28693, -34.2875, -38.16074, -41.595802, -41.082108, -35.36577,
    ];
    let want = [
        first,
        first,
        first,
        [
            -111.303955,
            -110.94471,
            -112.90624,
            -113.13064,
            -113.7788,
            -109.17345,
        ],
        [
            -111.51512, -109.61077, -114.90231, -118.43514, -111.56671, -112.12478,
        ],
        [
            -122.69775,
            -121.84468,
            -128.27417,
            -132.28055,
            -130.39604,
            -125.707756,
        ],
    ];
    let want = Tensor::from_slice(&want.concat()).view([6, 6]);
    near(&outer, &want, 1e-3);
}
