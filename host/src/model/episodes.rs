//! Responses on their way through a policy: tokens in, what the policy says of them out.

use tch::Tensor;

/// Contexts with their responses.
#[derive(Debug)]
pub struct Episodes {
    /// `[batch, context_len + response_len]` i64.
    pub tokens: Tensor,
    /// Tokens before the response, the same in every row.
    pub context_len: i64,
    /// Output of the frozen blocks, when some are frozen. `[batch, len, hidden]`.
    pub bottom: Option<Tensor>,
    /// Log-probability of each response token as the sampler computed it, under the softmax of all logits at the
    /// temperature; absent for responses that were not sampled here. `[batch, response_len]`.
    pub sampled: Option<Tensor>,
}

impl Episodes {
    /// Tokens per response.
    #[must_use]
    pub fn response_len(&self) -> i64 {
        self.tokens.size()[1] - self.context_len
    }

    /// `len` rows from `start` on (shared storage).
    #[must_use]
    pub fn rows(&self, start: i64, len: i64) -> Self {
        self.map(|t| t.narrow(0, start, len))
    }

    /// The rows that `index` (`[n]` i64) names, in its order.
    #[must_use]
    pub fn index(&self, index: &Tensor) -> Self {
        self.map(|t| t.index_select(0, &index.to_device(t.device())))
    }

    /// The rows of all parts, which have one shape.
    #[must_use]
    pub fn join(parts: &[Self]) -> Self {
        let join = |tensor: fn(&Self) -> Option<&Tensor>| {
            let all: Option<Vec<&Tensor>> = parts.iter().map(tensor).collect();
            all.filter(|all| !all.is_empty())
                .map(|all| Tensor::cat(&all, 0))
        };
        let tokens: Vec<&Tensor> = parts.iter().map(|part| &part.tokens).collect();
        Self {
            tokens: Tensor::cat(&tokens, 0),
            context_len: parts.first().map_or(0, |part| part.context_len),
            bottom: join(|part| part.bottom.as_ref()),
            sampled: join(|part| part.sampled.as_ref()),
        }
    }

    fn map(&self, f: impl Fn(&Tensor) -> Tensor) -> Self {
        Self {
            tokens: f(&self.tokens),
            context_len: self.context_len,
            bottom: self.bottom.as_ref().map(&f),
            sampled: self.sampled.as_ref().map(&f),
        }
    }
}

/// Responses as they were sampled.
#[derive(Debug)]
pub(super) struct Grown {
    /// `[batch, len]` i64.
    pub(super) tokens: Tensor,
    /// Log-probability of each token as the sampler computed it, under the softmax of all logits at the temperature.
    /// `[batch, len]`, f32 (f64 for f64 weights).
    pub(super) logprobs: Tensor,
    /// What the lowest blocks that were asked for made of contexts and responses, where that cost nothing.
    /// `[batch, context_len + len, hidden]`.
    pub(super) bottom: Option<Tensor>,
}

/// What a policy says of responses, token by token, at a temperature. f32 (f64 for f64 weights).
#[derive(Debug)]
pub struct Analysis {
    /// Log-probability of each token. `[batch, response_len]`.
    pub logprobs: Tensor,
    /// Value before each token. `[batch, response_len]`.
    pub values: Tensor,
    /// Entropy of the distribution each token came from. `[batch, response_len]`.
    pub entropy: Tensor,
}
