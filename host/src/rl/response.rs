//! Where a response ends and whether it counts, on plain token ids.
//!
//! The golden reference of the rule that tasks apply; knows no tensors and no tokenizer.

/// The end-of-response rule of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndRule {
    /// The token that ends a response (a period, a newline).
    pub token: i64,
    /// The first position, from 0, at which the token counts.
    pub after: usize,
    /// What stands after the end.
    pub pad: i64,
}

impl EndRule {
    fn end(&self, tokens: &[i64]) -> Option<usize> {
        let tail = tokens.get(self.after..)?;
        tail.iter()
            .position(|token| *token == self.token)
            .map(|found| found + self.after)
    }

    /// The response with everything after its end replaced by padding; the end token stays.
    pub fn truncate(&self, tokens: &[i64]) -> Vec<i64> {
        let mut truncated = tokens.to_vec();
        if let Some(end) = self.end(tokens) {
            truncated[end + 1..].fill(self.pad);
        }
        truncated
    }

    /// Whether the response ends at all.
    pub fn is_valid(&self, tokens: &[i64]) -> bool {
        self.end(tokens).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const P: i64 = 50259;
    const RULE: EndRule = EndRule {
        token: 13,
        after: 3,
        pad: P,
    };

    #[test]
    fn golden() {
        let cases = [
            (
                [5, 13, 7, 8, 13, 9, 13, 2],
                [5, 13, 7, 8, 13, P, P, P],
                true,
            ),
            ([5, 13, 7, 1, 2, 3, 4, 6], [5, 13, 7, 1, 2, 3, 4, 6], false),
            ([1, 2, 3, 13, 13, 4, 5, 13], [1, 2, 3, 13, P, P, P, P], true),
            ([1, 2, 3, 4, 5, 6, 7, 13], [1, 2, 3, 4, 5, 6, 7, 13], true),
        ];
        for (tokens, want, valid) in cases {
            assert_eq!(RULE.truncate(&tokens), want);
            assert_eq!(RULE.is_valid(&tokens), valid);
        }
    }

    proptest! {
        #[test]
        fn equals_a_scalar_loop(tokens in prop::collection::vec(0i64..4, 0..12), after in 0usize..14) {
            let rule = EndRule { token: 2, after, pad: -1 };
            let mut want = Vec::new();
            let mut ended = false;
            for (position, token) in tokens.iter().enumerate() {
                want.push(if ended { -1 } else { *token });
                ended |= *token == 2 && position >= after;
            }
            prop_assert_eq!(rule.truncate(&tokens), want);
            prop_assert_eq!(rule.is_valid(&tokens), ended);
        }
    }
}
