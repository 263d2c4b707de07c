//! Generalised advantage estimation over responses of a fixed length.
//!
//! `delta_t = r_t + gamma V_{t+1} - V_t`, `A_t = delta_t + gamma lambda A_{t+1}`, with nothing
//! after the last token. Does not know whitening: see `ppo::prepare`.

use tch::Tensor;

/// Advantages; the returns are these plus the values.
///
/// `rewards`, `values` and the result: `[batch, response_len]`.
pub fn advantages(rewards: &Tensor, values: &Tensor, gamma: f64, lambda: f64) -> Tensor {
    assert_eq!(
        rewards.size(),
        values.size(),
        "rewards and values have one shape"
    );
    let response_len = rewards.size()[1];
    let mut reversed = Vec::with_capacity(response_len as usize);
    let mut next_value = values.select(1, 0).zeros_like();
    let mut next_advantage = next_value.shallow_clone();
    for t in (0..response_len).rev() {
        let value = values.select(1, t);
        let delta = rewards.select(1, t) + gamma * next_value - &value;
        next_advantage = delta + gamma * lambda * next_advantage;
        reversed.push(next_advantage.shallow_clone());
        next_value = value;
    }
    reversed.reverse();
    Tensor::stack(&reversed, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_its_definition(
            rewards in prop::collection::vec(-2.0..2.0f64, 10),
            values in prop::collection::vec(-2.0..2.0f64, 10),
            gamma in 0.0..=1.0f64,
            lambda in 0.0..=1.0f64,
        ) {
            let tensor = |x: &[f64]| Tensor::from_slice(x).view([2, 5]);
            let got = advantages(&tensor(&rewards), &tensor(&values), gamma, lambda);
            for row in 0..2 {
                for t in 0..5 {
                    let at = |x: &[f64], t: usize| if t < 5 { x[row * 5 + t] } else { 0.0 };
                    let want: f64 = (t..5)
                        .map(|s| {
                            let delta = at(&rewards, s) + gamma * at(&values, s + 1) - at(&values, s);
                            (gamma * lambda).powi((s - t) as i32) * delta
                        })
                        .sum();
                    prop_assert!((got.double_value(&[row as i64, t as i64]) - want).abs() < 1e-9);
                }
            }
        }
    }
}
