//! Files that say more, less or something else than config.json are taken as `transformers` takes them, or told.

#![allow(clippy::unwrap_used)]

use super::{WORD_HEAD, find};
use crate::model::config::{Family, ModelConfig};
use crate::model::fixtures::{CPU, FAMILIES, near, tiny};
use crate::model::policy::Policy;
use crate::model::reward::{Placement, RewardModel};
use crate::model::weights::{Weights, write_config, write_tensors};
use serde_json::json;
use tch::{Kind, Tensor};

type Stored = Vec<(String, Tensor)>;

fn stored(config: &ModelConfig) -> Stored {
    let weights = Weights::random(config, 1, CPU, Kind::Float);
    let shared = weights
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
    shared.collect()
}

fn tied(family: Family) -> ModelConfig {
    ModelConfig {
        tied: true,
        ..tiny(family)
    }
}

fn head(config: &ModelConfig) -> (String, Tensor) {
    let shape = [config.vocab_size, config.hidden];
    (
        WORD_HEAD.to_owned(),
        Tensor::ones(shape, (Kind::Float, CPU)),
    )
}

fn refused(config: &ModelConfig, stored: Stored) -> String {
    find(config, stored).unwrap_err().to_string()
}

#[test]
fn a_head_of_its_own_is_used_whatever_the_config_says() {
    for family in FAMILIES {
        let config = tied(family);
        let dir = tempfile::tempdir().unwrap();
        let mut all = stored(&config);
        all.push(head(&config));
        write_config(dir.path(), &config.to_json("float32")).unwrap();
        write_tensors(&dir.path().join("model.safetensors"), &all).unwrap();
        let policy = Policy::load(dir.path(), CPU, Kind::Float, None).unwrap();
        assert!(
            policy.notes()[0].contains("`lm_head.weight`"),
            "{:?}",
            policy.notes()
        );
        // All words are alike to such a head.
        let logits = policy.logits(&Tensor::from_slice(&[1i64, 2]).view([1, 2]));
        near(
            &logits.amax([-1i64].as_slice(), false),
            &logits.amin([-1i64].as_slice(), false),
            1e-5,
        );
        // It is saved, and so is that it is there.
        let again = tempfile::tempdir().unwrap();
        policy.save(again.path()).unwrap();
        let again = Policy::load(again.path(), CPU, Kind::Float, None).unwrap();
        assert!(!again.config().tied && again.notes().is_empty());
        near(
            &again.logits(&Tensor::from_slice(&[1i64, 2]).view([1, 2])),
            &logits,
            0.0,
        );
        // A reward model has no use for it.
        let placement = Placement {
            device: CPU,
            kind: Kind::Float,
            trainable_layers: None,
        };
        let reward = RewardModel::from_language_model(dir.path(), placement, 1, 0).unwrap();
        assert!(reward.notes().is_empty() && reward.config().tied);
    }
}

#[test]
fn a_head_that_is_the_embedding_stays_tied() {
    let config = tied(Family::Gpt2);
    let mut all = stored(&config);
    all.push((WORD_HEAD.to_owned(), all[0].1.copy()));
    let found = find(&config, all).unwrap();
    assert_eq!(found.tensors.len(), config.parameters().len());
    assert!(found.notes.is_empty());
    // Rounded to halves alone, it is another.
    let mut all = stored(&config);
    all.push((WORD_HEAD.to_owned(), all[0].1.to_kind(Kind::Half)));
    assert_eq!(find(&config, all).unwrap().notes.len(), 1);
    // The head stands for an embedding that is not there.
    let mut all = stored(&config);
    let (_, embedding) = all.remove(0);
    all.push((WORD_HEAD.to_owned(), embedding.shallow_clone()));
    let found = find(&config, all).unwrap();
    assert_eq!(found.tensors[0].0, "transformer.wte.weight");
    near(&found.tensors[0].1, &embedding, 0.0);
}

#[test]
fn what_stands_around_names_is_passed_over() {
    for family in FAMILIES {
        let config = tied(family);
        let renamed = |rename: &dyn Fn(&str) -> String| {
            let all = stored(&config).into_iter();
            all.map(|(name, tensor)| (rename(&name), tensor))
                .collect::<Stored>()
        };
        let root = config.root();
        let names: [&dyn Fn(&str) -> String; 5] = [
            &|name| name.trim_start_matches(root).to_owned(),
            &|name| format!("pretrained_model.{name}"),
            &|name| format!("module._orig_mod.{name}"),
            &|name| format!("model.{name}"),
            &|name| format!("transformer.{}", name.trim_start_matches(root)),
        ];
        for rename in names {
            let found = find(&config, renamed(rename)).unwrap();
            let order: Vec<_> = found.tensors.into_iter().map(|(name, _)| name).collect();
            let wanted: Vec<_> = config
                .parameters()
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(order, wanted);
        }
        let mut twice = stored(&config);
        twice.extend(renamed(&|name| format!("pretrained_model.{name}")));
        assert!(refused(&config, twice).contains("are the same parameter"));
    }
}

#[test]
fn heads_of_others_are_left_out_and_said() {
    let config = tied(Family::Llama);
    for names in [
        &["v_head.summary.weight", "v_head.summary.bias"][..],
        &["score.weight"],
    ] {
        let mut all = stored(&config);
        let extra = |name: &&str| (name.to_string(), Tensor::zeros([1, 16], (Kind::Float, CPU)));
        all.extend(names.iter().map(extra));
        let found = find(&config, all).unwrap();
        assert_eq!(found.tensors.len(), config.parameters().len());
        for name in names {
            assert!(found.notes[0].contains(name) && found.notes[0].contains("left out"));
        }
    }
    // Masks and tables that follow from config.json are nothing to speak of.
    let mut all = stored(&config);
    for name in [
        "model.layers.0.self_attn.rotary_emb.inv_freq",
        "model.rotary_emb.inv_freq",
    ] {
        all.push((name.to_owned(), Tensor::zeros([3], (Kind::Float, CPU))));
    }
    assert!(find(&config, all).unwrap().notes.is_empty());
}

#[test]
fn what_does_not_fit_is_listed() {
    let config = tied(Family::Llama);
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, CPU));
    let mut missing = stored(&config);
    missing.truncate(9);
    let message = refused(&config, missing);
    assert!(
        message.contains("missing tensors `model.layers.0.mlp.down_proj.weight` of shape [16, 24]"),
        "{message}"
    );
    assert!(message.contains("more\nhint: "), "{message}");
    let untied = ModelConfig {
        tied: false,
        ..config.clone()
    };
    let message = refused(&untied, stored(&config));
    assert!(
        message.contains("missing tensor `lm_head.weight`")
            && message.contains("tie_word_embeddings"),
        "{message}"
    );
    let with = |name: &str| {
        let mut all = stored(&config);
        all.push((name.to_owned(), zeros(&[2, 2])));
        refused(&config, all)
    };
    assert!(
        with("model.layers.3.mlp.up_proj.weight")
            .contains("unexpected tensor `model.layers.3.mlp.up_proj.weight`")
    );
    assert!(with("model.layers.0.self_attn.q_proj.lora_A.weight").contains("merge the adapter"));
    assert!(with("model.layers.0.mlp.up_proj.qweight").contains("quantized"));
    let mut large = stored(&config);
    large[0].1 = zeros(&[30, 16]);
    let message = refused(&config, large);
    assert!(
        message.contains("[30, 16], config.json asks for [27, 16]"),
        "{message}"
    );
    assert!(
        message.contains("hint: the weights have 30 rows for tokens: say `\"vocab_size\": 30`"),
        "{message}"
    );
    let quantized = ModelConfig::from_json(
        &json!({"model_type": "llama", "quantization_config": {"quant_method": "gptq"}}),
    );
    assert!(quantized.unwrap_err().to_string().contains("gptq"));
}

#[test]
fn heads_that_fit_no_vocabulary_are_told() {
    let fits = tied(Family::Llama);
    let refused_with = |config: &ModelConfig, name: &str, shape: [i64; 2]| {
        let mut all = stored(&fits);
        all.push((name.to_owned(), Tensor::zeros(shape, (Kind::Float, CPU))));
        refused(config, all)
    };
    for (tied, vocab_size) in [(true, 27), (true, 30), (false, 27), (false, 30)] {
        let config = ModelConfig {
            tied,
            vocab_size,
            ..fits.clone()
        };
        let message = refused_with(&config, WORD_HEAD, [30, 16]);
        assert!(
            message.contains(
                "`model.embed_tokens.weight` has 27 rows for tokens and `lm_head.weight` has 30"
            ) && message.contains(&format!("`vocab_size`, which is {vocab_size}"))
                && message.contains("hint: the two are not of one model"),
            "{message}"
        );
    }
    for tied in [true, false] {
        let config = ModelConfig {
            tied,
            ..fits.clone()
        };
        let message = refused_with(&config, WORD_HEAD, [1, 16]);
        assert!(
            message.contains("`lm_head.weight` has shape [1, 16]")
                && message.contains("value and reward models")
                && !message.contains("vocab_size"),
            "{message}"
        );
    }
    let untied = ModelConfig {
        tied: false,
        ..fits.clone()
    };
    let message = refused_with(&untied, "score.weight", [1, 16]);
    assert!(
        message.contains("missing tensor `lm_head.weight`")
            && message.contains("hint: with `score.weight`, these weights are a reward model")
            && !message.contains("tie_word_embeddings"),
        "{message}"
    );
}

#[test]
fn whole_numbers_are_no_weights() {
    let config = tied(Family::Gpt2);
    for (kind, name) in [
        (Kind::Int64, "I64"),
        (Kind::Int, "I32"),
        (Kind::Uint8, "U8"),
        (Kind::Bool, "BOOL"),
    ] {
        // Two values packed into one, too.
        for shape in [[27, 16], [27, 8]] {
            let mut all = stored(&config);
            all[0].1 = Tensor::zeros(shape, (kind, CPU));
            let message = refused(&config, all);
            assert!(
                message.contains(&format!("`transformer.wte.weight` has type {name}"))
                    && message.contains("hint: another tool"),
                "{message}"
            );
        }
        // Masks are passed over.
        let mut all = stored(&config);
        let mask = Tensor::zeros([1, 1, 4, 4], (kind, CPU));
        all.push(("transformer.h.0.attn.bias".to_owned(), mask));
        assert!(find(&config, all).unwrap().notes.is_empty());
    }
}
