//! Which of several models is better, and how sure that is: win rates with intervals, ratings of Bradley and Terry, and
//! a win rate that length does not decide.

use serde::{Deserialize, Serialize};

use super::logistic::{self, Row, dot, fit};
use super::share::{Share, Z};

/// Two models' answers to one query, as a judge saw them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duel {
    /// The two models, by their numbers.
    pub models: [usize; 2],
    /// 1 where the first is better, 0 where the second is, a half for a tie or where nothing is decided.
    pub outcome: f64,
    /// How long each answer is, in tokens or characters.
    pub lengths: [f64; 2],
}

/// One model's strength beside others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// In points of Elo's scale, of which 400 are odds of ten to one; all of them have the mean 0.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// In how many duels it was.
    pub count: usize,
}

/// Points of a unit of log-odds.
const POINTS: f64 = 400.0 / std::f64::consts::LN_10;

/// Strengths of `models` models under which the duels are most likely: `P(i beats j) = σ(s_i − s_j)` (Bradley and Terry
/// 1952), ties half a win of each. Intervals are Wald's, of the inverse of Fisher's information.
///
/// None where the duels do not decide it: a model that was in none, that won or lost all, or models in groups that never
/// met.
#[must_use]
pub fn ratings(models: usize, duels: &[Duel]) -> Option<Vec<Rating>> {
    if models < 2 {
        return None;
    }
    // The last model is where the others are measured from, until the mean is taken away.
    let free = models - 1;
    let rows: Vec<Row> = duels.iter().map(|duel| row_of(duel, free)).collect();
    let fitted = fit(&rows)?;
    // How much each strength is of each coefficient: its own, less the mean of all.
    let mean = vec![1.0 / models as f64; free];
    let rated = (0..models).map(|model| {
        let mut share: Vec<f64> = mean.iter().map(|part| -part).collect();
        if let Some(own) = share.get_mut(model) {
            *own += 1.0;
        }
        let spread: Vec<f64> = fitted
            .covariance
            .iter()
            .map(|row| dot(row, &share))
            .collect();
        let error = dot(&spread, &share).sqrt();
        let value = dot(&fitted.coefficients, &share);
        let count = duels.iter().filter(|duel| duel.models.contains(&model));
        Rating {
            value: POINTS * value,
            low: POINTS * (value - Z * error),
            high: POINTS * (value + Z * error),
            count: count.count(),
        }
    });
    Some(rated.collect())
}

fn row_of(duel: &Duel, free: usize) -> Row {
    let mut terms = vec![0.0; free];
    for (model, sign) in duel.models.into_iter().zip([1.0, -1.0]) {
        if let Some(term) = terms.get_mut(model) {
            *term += sign;
        }
    }
    Row {
        terms,
        outcome: duel.outcome,
        count: 1.0,
    }
}

/// How often the first model wins, ties half, with Wilson's interval.
#[must_use]
pub fn win_rate(duels: &[Duel]) -> Share {
    Share::of(duels.iter().map(|duel| duel.outcome).sum(), duels.len())
}

/// How often the first model would win with answers as long as the second's: `σ(a)` of the fit
/// `P(first wins) = σ(a + b·tanh(d / s))`, where `d` is how much longer its answer is and `s` the standard deviation of
/// `d` over all duels (Dubois et al. 2024, without their terms for single queries). The interval is Wald's of `a`.
///
/// None where nobody can tell: answers that are always of the same length, or whose lengths decide without an error.
#[must_use]
pub fn win_rate_by_length(duels: &[Duel]) -> Option<Share> {
    let longer: Vec<f64> = duels
        .iter()
        .map(|duel| duel.lengths[0] - duel.lengths[1])
        .collect();
    let count = longer.len() as f64;
    let mean = longer.iter().sum::<f64>() / count;
    let variance = longer.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
    if variance.is_nan() || variance <= 0.0 {
        return None;
    }
    let rows = duels.iter().zip(&longer).map(|(duel, d)| Row {
        terms: vec![1.0, (d / variance.sqrt()).tanh()],
        outcome: duel.outcome,
        count: 1.0,
    });
    let fitted = fit(&rows.collect::<Vec<_>>())?;
    let (value, error) = (fitted.coefficients[0], fitted.covariance[0][0].sqrt());
    Some(Share {
        value: logistic::sigmoid(value),
        low: logistic::sigmoid(value - Z * error),
        high: logistic::sigmoid(value + Z * error),
        count: duels.len(),
    })
}
