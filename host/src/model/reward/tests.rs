//! The reward model equals what it is defined as, on its own and after a way through files.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::config::Family;
use crate::model::fixtures::{CPU, FAMILIES, loud, near, tiny};
use crate::model::weights::Weights;

fn model(family: Family, kind: Kind, layers: Option<usize>, heads: usize) -> RewardModel {
    let policy = loud(family, kind, None);
    let trunk = policy.trainable().into_iter();
    let trunk = trunk.filter(|(name, _)| !name.starts_with("v_head") && name != "lm_head.weight");
    let config = ModelConfig {
        tied: true,
        ..tiny(family)
    };
    let found = trunk.map(|(name, t)| (name, t.detach().copy())).collect();
    let weights = Weights::from_tensors(&config, found, CPU, kind).unwrap();
    let model = RewardModel::from_weights(&config, weights, layers, heads, 3).unwrap();
    let scale: Vec<(f64, f64)> = (0..heads).map(|head| (1.5 + head as f64, -4.0)).collect();
    model.set_scale(&scale);
    model
}

fn passages(query: &[u32], responses: &[&[u32]]) -> Passages {
    Passages {
        query: query.to_vec(),
        responses: responses.iter().map(|r| r.to_vec()).collect(),
    }
}

fn some() -> Vec<Passages> {
    vec![
        passages(&[3, 5], &[&[7, 1, 2], &[4], &[9, 9, 9, 1]]),
        passages(&[], &[&[7, 1, 2], &[4, 8]]),
        passages(&[1, 2, 3, 4], &[&[0], &[], &[5, 6]]),
    ]
}

/// `r = gain (w h + b) + bias` at the last token of `query ++ response`, each by itself.
fn plain(model: &RewardModel, row: &Passages, response: &[u32]) -> Tensor {
    let tokens = row.query.iter().chain(response);
    let tokens: Vec<i64> = tokens.map(|t| i64::from(*t)).collect();
    let tokens = Tensor::from_slice(&tokens).view([1, -1]);
    let layout = crate::model::layout::Layout::new(&tokens, 1 << 40);
    let (trunk, last) = (model.model(), tokens.size()[1] - 1);
    let x = trunk.run(
        trunk.embed(&layout),
        &layout,
        0,
        model.config().layers,
        None,
    );
    model.read(&x.narrow(1, last, 1)).view([-1])
}

#[test]
fn responses_share_their_query_and_nothing_else() {
    for family in FAMILIES {
        let double = model(family, Kind::Double, None, 2);
        let rows = some();
        let all: Vec<&Passages> = rows.iter().collect();
        let scores = double.score(&all);
        assert_eq!(scores.size(), [3, 3, 2]);
        for (at, row) in rows.iter().enumerate() {
            for (place, response) in row.responses.iter().enumerate() {
                let want = plain(&double, row, response).detach();
                near(&scores.get(at as i64).get(place as i64), &want, 1e-9);
            }
        }
        // By hand, in f32, too.
        near(
            &model(family, Kind::Float, None, 2).score(&all),
            &scores,
            2e-4,
        );
        let one = passages(&[3, 5], &[&[7, 1, 2]]);
        near(
            &double.score(&[&one]).view([-1]),
            &scores.get(0).get(0),
            1e-9,
        );
    }
}

#[test]
fn the_head_is_read_before_what_pads_the_end() {
    for family in FAMILIES {
        let model = RewardModel {
            pad: Some(9),
            ..model(family, Kind::Double, None, 2)
        };
        for (row, want) in [
            (
                passages(&[3, 5], &[&[7, 9, 2]]),
                passages(&[3, 5], &[&[7, 9, 2]]),
            ),
            (
                passages(&[3, 5], &[&[7, 2, 9]]),
                passages(&[3, 5], &[&[7, 2]]),
            ),
            (
                passages(&[3, 9], &[&[7, 9, 9, 9]]),
                passages(&[3, 9], &[&[7]]),
            ),
            (passages(&[3, 5, 9], &[&[9]]), passages(&[3, 5], &[&[]])),
            (passages(&[], &[&[4, 9]]), passages(&[], &[&[4]])),
            // Nothing but pads: the first.
            (passages(&[9, 9], &[&[9]]), passages(&[9], &[&[]])),
            (passages(&[], &[&[9, 9]]), passages(&[], &[&[9]])),
        ] {
            let alone = model.score(&[&row]).view([-1]);
            near(
                &alone,
                &plain(&model, &want, &want.responses[0]).detach(),
                1e-9,
            );
            // Beside another response as well.
            let mut pair = row.clone();
            pair.responses.insert(0, vec![1, 2, 3]);
            near(&model.score(&[&pair]).get(0).get(1), &alone, 1e-9);
        }
    }
}

#[test]
fn padding_is_what_a_classifier_names() {
    let special = |all: &[(&str, serde_json::Value)]| ModelConfig {
        special: all
            .iter()
            .map(|(key, id)| ((*key).to_owned(), id.clone()))
            .collect(),
        ..tiny(Family::Llama)
    };
    let placement = Placement {
        device: CPU,
        kind: Kind::Float,
        trainable_layers: None,
    };
    for (named, pad) in [
        (&[][..], None),
        (&[("eos_token_id", 5.into())], Some(5)),
        (&[("eos_token_id", vec![6, 7].into())], Some(6)),
        (
            &[("eos_token_id", 5.into()), ("pad_token_id", 8.into())],
            Some(8),
        ),
    ] {
        let config = special(named);
        let weights = Weights::random(&config, 1, CPU, Kind::Float);
        let model = RewardModel::from_weights(&config, weights, None, 1, 3).unwrap();
        assert_eq!(model.pad, pad);
        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path()).unwrap();
        assert_eq!(RewardModel::load(dir.path(), placement).unwrap().pad, pad);
    }
}

#[test]
fn the_scale_of_what_was_learned_is_kept() {
    let mut model = model(Family::Gpt2, Kind::Float, None, 2);
    let ones = vec![(1.0, 0.0); 2];
    assert_eq!(model.to_learned_scale(), ones);
    let learned = model.scale();
    model.keep_learned_scale();
    model.set_scale(&[(0.5, 2.0), (3.0, -1.0)]);
    let dir = tempfile::tempdir().unwrap();
    model.save(dir.path()).unwrap();
    let placement = Placement {
        device: CPU,
        kind: Kind::Float,
        trainable_layers: None,
    };
    let again = RewardModel::load(dir.path(), placement).unwrap();
    for model in [model, again] {
        let maps = model.to_learned_scale();
        for (at, (factor, constant)) in maps.into_iter().enumerate() {
            let (gain, shift) = model.scale()[at];
            let (learned, bias) = learned[at];
            assert!((factor * gain - learned).abs() < 1e-6);
            assert!((factor * shift + constant - bias).abs() < 1e-6);
        }
    }
}

/// Any smooth function of all rewards.
fn some_loss(reward: &Tensor, place: usize) -> Tensor {
    (reward * (0.1 * place as f64 + 0.2)).sin().sum(None)
}

#[test]
fn gradients_equal_plain_autograd() {
    for (family, layers) in FAMILIES.iter().flat_map(|f| [(*f, None), (*f, Some(2))]) {
        for (kind, bound) in [(Kind::Double, 1e-9), (Kind::Float, 2e-3)] {
            let model = model(family, kind, layers, 2);
            let rows = some();
            let mut want_loss = Tensor::zeros([], (kind, CPU));
            for row in &rows {
                for (place, response) in row.responses.iter().enumerate() {
                    want_loss += some_loss(&plain(&model, row, response), place);
                }
            }
            want_loss.backward();
            let mut state = model.trainable();
            let want: Vec<Tensor> = state.iter().map(|(_, t)| t.grad().copy()).collect();
            state.iter_mut().for_each(|(_, t)| t.zero_grad());
            let all: Vec<&Passages> = rows.iter().collect();
            let loss = model.accumulate(&all, &mut |rewards| {
                let mut sum = Tensor::zeros([], (kind, CPU));
                for (at, row) in rows.iter().enumerate() {
                    for place in 0..row.responses.len() {
                        sum += some_loss(&rewards.get(at as i64).get(place as i64), place);
                    }
                }
                sum
            });
            near(&loss, &want_loss.detach(), bound);
            for ((name, t), want) in state.iter().zip(&want) {
                let most = want.abs().max().double_value(&[]);
                assert!(most > 0.0, "nothing to compare for {name}");
                near(&t.grad(), want, bound * most.max(1.0));
            }
        }
    }
}

#[test]
fn a_classifier_comes_back_as_it_went() {
    for (family, heads) in FAMILIES.iter().flat_map(|f| [(*f, 1), (*f, 3)]) {
        let dir = tempfile::tempdir().unwrap();
        let model = model(family, Kind::Float, Some(1), heads);
        model.save(dir.path()).unwrap();
        let placement = Placement {
            device: CPU,
            kind: Kind::Float,
            trainable_layers: Some(1),
        };
        let again = RewardModel::load(dir.path(), placement).unwrap();
        let rows = some();
        let all: Vec<&Passages> = rows.iter().collect();
        near(&again.score(&all), &model.score(&all), 0.0);
        assert_eq!(again.scale(), model.scale());
        let names = |model: &RewardModel| {
            let all = model.trainable().into_iter().map(|(name, _)| name);
            // A Qwen2 comes back as the Llama that it is, with one bias more, of zeros.
            all.filter(|name| !name.ends_with("o_proj.bias"))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&again), names(&model));
    }
}

#[test]
fn what_is_no_reward_model_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let placement = Placement {
        device: CPU,
        kind: Kind::Float,
        trainable_layers: None,
    };
    let policy = loud(Family::Llama, Kind::Float, None);
    policy.save(dir.path()).unwrap();
    let refused = RewardModel::load(dir.path(), placement).unwrap_err();
    let message = format!("{refused:#}");
    assert!(message.contains("score.weight"), "{message}");
}
