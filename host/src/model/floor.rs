//! How fast an update could be: the multiplications that it cannot do without, and the best rate of
//! multiplication that this machine is seen to reach. Knows shapes; measures no update itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::config::ModelConfig;

/// Each shape is multiplied for at least so long, and the best single time counts.
const PATIENCE: Duration = Duration::from_millis(300);
/// A square product that no shape of a small model should beat.
const SQUARE: i64 = 2048;
/// More inputs make a product no faster, but gigabytes large.
const MOST_ROWS: i64 = 4096;

/// The shape of one update.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Episodes.
    pub batch: i64,
    /// Tokens before each response.
    pub context_len: i64,
    /// Tokens of each response.
    pub response_len: i64,
    /// Passes over the batch.
    pub epochs: i64,
    /// Blocks at the bottom that are not trained.
    pub frozen_layers: i64,
}

/// Floating-point operations of the matrix products that each phase needs at least; a multiplication
/// and an addition are two. Attention's own products, about 1 % at these lengths, are left out.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Work {
    /// Sampling: contexts, then a token at a time; each response token through the head.
    pub generate: f64,
    /// The reference's log-probabilities. The policy's own are those of the first epoch's forward
    /// pass, and the frozen blocks' outputs are known since sampling.
    pub analyze: f64,
    /// Forward and backward passes of all epochs, above the frozen blocks.
    pub train: f64,
}

impl Work {
    /// Counts, for a model and an update.
    #[must_use]
    pub(crate) fn of(config: &ModelConfig, shape: Shape) -> Work {
        let Shape {
            batch,
            context_len,
            response_len,
            epochs,
            frozen_layers,
        } = shape;
        let block: i64 = matrices(config)
            .iter()
            .map(|(rows, cols)| rows * cols)
            .sum();
        let (body, top) = (
            block * config.layers,
            block * (config.layers - frozen_layers),
        );
        // The last response token is never looked at again.
        let tokens = (batch * (context_len + response_len - 1)) as f64;
        let head = 2.0 * (batch * response_len * config.vocab_size * config.hidden) as f64;
        let pass = |weights: i64| 2.0 * tokens * weights as f64;
        // A frozen embedding takes no gradient: the head then has one backward product, not two.
        let head_passes = if frozen_layers > 0 { 2.0 } else { 3.0 };
        Work {
            generate: pass(body) + head,
            analyze: pass(top) + head,
            train: epochs as f64 * (3.0 * pass(top) + head_passes * head),
        }
    }
}

/// The matrices of one block, `(rows, columns)`.
fn matrices(config: &ModelConfig) -> Vec<(i64, i64)> {
    let prefix = config.block_prefix(0);
    config
        .parameters()
        .into_iter()
        .filter(|(name, shape)| name.starts_with(&prefix) && shape.len() == 2)
        .map(|(_, shape)| (shape[0], shape[1]))
        .collect()
}

/// The best rate, in f32 operations a second, over the shapes of a block with `rows` inputs, the
/// head's and a square.
#[must_use]
pub(crate) fn best_rate(config: &ModelConfig, rows: i64) -> f64 {
    let rows = rows.min(MOST_ROWS);
    let mut shapes: BTreeSet<(i64, i64, i64)> = matrices(config)
        .into_iter()
        .map(|(out, width)| (rows, width, out))
        .collect();
    shapes.insert((rows, config.hidden, config.vocab_size.min(8192)));
    shapes.insert((SQUARE, SQUARE, SQUARE));
    let rates = shapes.into_iter().map(|(m, k, n)| rate(m, k, n));
    rates.fold(0.0, f64::max)
}

/// `[m, k]` times the transpose of `[n, k]`, as a linear layer does it.
fn rate(m: i64, k: i64, n: i64) -> f64 {
    let _guard = tch::no_grad_guard();
    let options = (Kind::Float, Device::Cpu);
    let (x, weight) = (Tensor::rand([m, k], options), Tensor::rand([n, k], options));
    let out = Tensor::zeros([m, n], options);
    let transposed = weight.tr();
    let started = Instant::now();
    let mut best = f64::INFINITY;
    while started.elapsed() < PATIENCE {
        let clock = Instant::now();
        let _ = x.f_matmul_out(&out, &transposed);
        best = best.min(clock.elapsed().as_secs_f64());
    }
    2.0 * (m * k * n) as f64 / best
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_what_was_counted_by_hand() {
        // SmolLM2-135M: blocks of 3.54 million weights, 30 of them, and a head of 28.3 million.
        let config = ModelConfig::from_json(&json!({"model_type": "llama", "vocab_size": 49152,
            "hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3,
            "num_hidden_layers": 30, "intermediate_size": 1536, "tie_word_embeddings": true}))
        .unwrap();
        let shape = |frozen_layers| Shape {
            batch: 16,
            context_len: 32,
            response_len: 24,
            epochs: 4,
            frozen_layers,
        };
        let close = |got: f64, giga: f64| assert!((got / 1e9 - giga).abs() < 0.5, "{got}, {giga}");
        let full = Work::of(&config, shape(0));
        close(full.generate, 208.6);
        close(full.analyze, 208.6);
        close(full.train, 2503.5);
        let top = Work::of(&config, shape(20));
        close(top.generate, 208.6);
        close(top.analyze, 84.0);
        close(top.train, 921.5);
    }
}
