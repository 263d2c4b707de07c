//! Heads with which no reward can be read are refused by name.

#![allow(clippy::unwrap_used)]

use super::{HEADS_FILE, Placement, RewardModel};
use crate::model::config::{Family, ModelConfig};
use crate::model::fixtures::{CPU, FAMILIES, tiny};
use crate::model::weights::{Weights, read_tensors, write_tensors};
use std::path::Path;
use tch::{Kind, Tensor};

/// What becomes of a tensor.
type Edit<'a> = &'a dyn Fn(&Tensor) -> Tensor;

fn saved(family: Family) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = ModelConfig {
        tied: true,
        ..tiny(family)
    };
    let weights = Weights::random(&config, 1, CPU, Kind::Float);
    let model = RewardModel::from_weights(&config, weights, None, 1, 3).unwrap();
    model.save(dir.path()).unwrap();
    dir
}

fn load(dir: &Path) -> anyhow::Result<RewardModel> {
    let placement = Placement {
        device: CPU,
        kind: Kind::Float,
        trainable_layers: None,
    };
    RewardModel::load(dir, placement)
}

/// What is said once a tensor of a file is another.
fn refused(dir: &Path, file: &str, name: &str, edit: impl Fn(&Tensor) -> Tensor) -> String {
    let path = dir.join(file);
    let mut tensors = read_tensors(&path).unwrap();
    let place = tensors.iter_mut().find(|(found, _)| found == name);
    let place = place.unwrap();
    place.1 = edit(&place.1);
    write_tensors(&path, &tensors).unwrap();
    format!("{:#}", load(dir).unwrap_err())
}

#[test]
fn heads_that_are_not_finite_are_refused() {
    for family in FAMILIES {
        for name in ["score.weight", "score.bias", "score.gain", "norm"] {
            let dir = saved(family);
            let message = refused(dir.path(), HEADS_FILE, name, |tensor| tensor * f64::NAN);
            assert!(
                message.contains(HEADS_FILE)
                    && message.contains(&format!("`{name}` has values that are not finite")),
                "{message}"
            );
        }
    }
}

#[test]
fn so_are_those_of_other_classifiers() {
    let dir = saved(Family::Gpt2);
    std::fs::remove_file(dir.path().join(HEADS_FILE)).unwrap();
    let _ = load(dir.path()).unwrap();
    let shown = dir.path().display().to_string();
    let edits: [(Edit<'_>, &str); 3] = [
        (&|tensor| tensor * f64::NAN, "not finite"),
        (&|tensor| tensor.full_like(f64::INFINITY), "not finite"),
        (&|tensor| tensor.to_kind(Kind::Int64), "has type I64"),
    ];
    for (edit, words) in edits {
        let message = refused(dir.path(), "model.safetensors", "score.weight", edit);
        assert!(
            message.contains(&shown)
                && message.contains("`score.weight`")
                && message.contains(words),
            "{message}"
        );
    }
}
