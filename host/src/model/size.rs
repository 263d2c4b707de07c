//! How much memory a policy takes, before it takes it; and the plain logits of a text.

use tch::{Kind, Tensor};

use super::policy::Policy;
use super::tape;

impl Policy {
    /// Type of the parameters.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.model().kind()
    }

    /// Logits of every position. `tokens`: `[batch, len]` i64; result `[batch, len, vocab]` f32.
    ///
    /// For comparisons and short texts only: training never holds these all at once.
    pub fn logits(&self, tokens: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let hidden = self.model().hidden(&tokens.to_device(self.device()));
        self.model().logits(&hidden).to_kind(Kind::Float)
    }

    /// Bytes of weights, of the reference's copy of what is trained, of gradients and of Adam's state.
    #[must_use]
    pub fn training_bytes(&self) -> usize {
        let width = bytes_of(self.kind());
        let all: i64 = self
            .config()
            .parameters()
            .iter()
            .map(|(_, shape)| shape.iter().product::<i64>())
            .sum();
        let trained: usize = self
            .trainable()
            .iter()
            .map(|(_, tensor)| tensor.numel())
            .sum();
        // Reference and gradient in the parameters' type, two moments in f32, a master copy of halves.
        let master = if width < 4 { 4 } else { 0 };
        all as usize * width + trained * (2 * width + 8 + master)
    }

    /// Bytes that are kept of one token in the trained blocks; an estimate from above.
    #[must_use]
    pub fn activation_bytes_per_token(&self) -> usize {
        let c = self.config();
        let frozen = if self.trainable().is_empty() {
            0
        } else {
            self.frozen_layers()
        };
        let per_block = if tape::fits(self.model()) {
            // A block's inputs, its heads and what they attend to, its gate and what it gates.
            2 * (c.hidden + 1) + 2 * (c.heads + c.kv_heads) * c.head_dim + c.heads + 2 * c.mlp
        } else {
            // Inputs and outputs of all that autograd knows: norms, projections, attention; gate, up,
            // their product and its factors.
            14 * c.hidden + 6 * c.mlp
        };
        (per_block * (c.layers - frozen)) as usize * bytes_of(self.kind()).max(4)
    }
}

fn bytes_of(kind: Kind) -> usize {
    match kind {
        Kind::BFloat16 | Kind::Half => 2,
        Kind::Double => 8,
        _ => 4,
    }
}
