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
        let bottoms: Option<Vec<&Tensor>> = parts.iter().map(|part| part.bottom.as_ref()).collect();
        let tokens: Vec<&Tensor> = parts.iter().map(|part| &part.tokens).collect();
        Self {
            tokens: Tensor::cat(&tokens, 0),
            context_len: parts.first().map_or(0, |part| part.context_len),
            bottom: bottoms
                .filter(|b| !b.is_empty())
                .map(|b| Tensor::cat(&b, 0)),
        }
    }

    fn map(&self, f: impl Fn(&Tensor) -> Tensor) -> Self {
        Self {
            tokens: f(&self.tokens),
            context_len: self.context_len,
            bottom: self.bottom.as_ref().map(f),
        }
    }
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
