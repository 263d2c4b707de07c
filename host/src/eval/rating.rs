//! Which of several models is better, and how sure that is: win rates with intervals, ratings of Bradley and Terry, and
//! a win rate that length does not decide.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::logistic::{self, Row, dot, fit};
use super::share::{DRAWS, Share, Z, quantile};
use crate::seed::Stream;

/// Two models' answers to one query, as a judge saw them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duel {
    /// The two models, by their numbers.
    pub models: [usize; 2],
    /// The query that both answered, by its number: duels over one query are no independent ones.
    pub query: usize,
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
    /// Lower end of the 95 % interval of queries drawn again, each with all its duels; none where too many draws decide
    /// nothing.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Lower end of Wald's 95 % interval, which takes all duels for independent.
    pub wald_low: f64,
    /// Upper end.
    pub wald_high: f64,
    /// In how many duels it was.
    pub count: usize,
}

/// Points of a unit of log-odds.
const POINTS: f64 = 400.0 / std::f64::consts::LN_10;

/// Strengths of `models` models under which the duels are most likely: `P(i beats j) = σ(s_i − s_j)` (Bradley and Terry
/// 1952), ties half a win of each. Intervals are of queries drawn again, by `seed`, as one answer is in the duels with all
/// other models; Wald's, of the inverse of Fisher's information, stand beside them.
///
/// None where the duels do not decide it: a model that was in none, that won or lost all, or models in groups that never
/// met.
#[must_use]
pub fn ratings(models: usize, duels: &[Duel], seed: u64) -> Option<Vec<Rating>> {
    if models < 2 {
        return None;
    }
    let rows = duels.iter().map(|duel| Row {
        terms: terms(models, duel.models),
        outcome: duel.outcome,
        count: 1.0,
    });
    let fitted = fit(&rows.collect::<Vec<_>>())?;
    let mut again = drawn_again(models, duels, seed).into_iter();
    let rated = (0..models).map(|model| {
        let weights = weights(models, model);
        let spread: Vec<f64> = fitted
            .covariance
            .iter()
            .map(|row| dot(row, &weights))
            .collect();
        let error = dot(&spread, &weights).sqrt();
        let value = dot(&fitted.coefficients, &weights);
        let [low, high] = ends(again.next().unwrap_or_default());
        let count = duels.iter().filter(|duel| duel.models.contains(&model));
        Rating {
            value: POINTS * value,
            low: low.map(|low| POINTS * low),
            high: high.map(|high| POINTS * high),
            wald_low: POINTS * (value - Z * error),
            wald_high: POINTS * (value + Z * error),
            count: count.count(),
        }
    });
    Some(rated.collect())
}

/// What explains who wins: 1 for the first model and -1 for the second. The last model has no term, as the others are
/// measured from it until the mean is taken away: `[models - 1]`.
fn terms(models: usize, pair: [usize; 2]) -> Vec<f64> {
    let mut terms = vec![0.0; models - 1];
    for (model, sign) in pair.into_iter().zip([1.0, -1.0]) {
        if let Some(term) = terms.get_mut(model) {
            *term += sign;
        }
    }
    terms
}

/// How much of each coefficient a model's strength is: its own, less the mean of all.
fn weights(models: usize, model: usize) -> Vec<f64> {
    let mut weights = vec![-1.0 / models as f64; models - 1];
    if let Some(own) = weights.get_mut(model) {
        *own += 1.0;
    }
    weights
}

/// Each model's strengths, `[models, draws]`, where as many queries are drawn again, with replacement (Efron 1979), each
/// with all its duels. Draws that do not decide the strengths are left out.
fn drawn_again(models: usize, duels: &[Duel], seed: u64) -> Vec<Vec<f64>> {
    let mut queries: BTreeMap<usize, Vec<&Duel>> = BTreeMap::new();
    for duel in duels {
        queries.entry(duel.query).or_default().push(duel);
    }
    let queries: Vec<Vec<&Duel>> = queries.into_values().collect();
    let each: Vec<Vec<f64>> = (0..models).map(|model| weights(models, model)).collect();
    let mut stream = Stream::new(seed);
    let mut found = vec![Vec::with_capacity(DRAWS); models];
    for _ in 0..DRAWS {
        // For each two models how much the first has won, and of how many duels.
        let mut pairs: BTreeMap<[usize; 2], [f64; 2]> = BTreeMap::new();
        for _ in 0..queries.len() {
            for duel in &queries[stream.below(queries.len() as u64) as usize] {
                let [won, count] = pairs.entry(duel.models).or_default();
                *won += duel.outcome;
                *count += 1.0;
            }
        }
        let rows = pairs.into_iter().map(|(pair, [won, count])| Row {
            terms: terms(models, pair),
            outcome: won / count,
            count,
        });
        if let Some(fitted) = fit(&rows.collect::<Vec<_>>()) {
            for (strengths, weights) in found.iter_mut().zip(&each) {
                strengths.push(dot(&fitted.coefficients, weights));
            }
        }
    }
    found
}

/// The middle 95 % of the draws. One that decided nothing may lie beyond either end, so it is counted beyond both; where
/// there are so many of them that an end is among them, nobody knows it.
fn ends(mut decided: Vec<f64>) -> [Option<f64>; 2] {
    decided.sort_by(f64::total_cmp);
    let missing = DRAWS.saturating_sub(decided.len());
    let below = [vec![f64::NEG_INFINITY; missing], decided.clone()].concat();
    let above = [decided, vec![f64::INFINITY; missing]].concat();
    let ends = [quantile(&below, 0.025), quantile(&above, 0.975)];
    ends.map(|end| Some(end).filter(|end| end.is_finite()))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Three models on `queries` queries, of which the first is better on two of three.
    fn drawn(queries: usize, outcome: impl Fn(usize) -> f64) -> Vec<Duel> {
        let pairs = [[0, 1], [0, 2], [1, 2]];
        let of = |query: usize| pairs.map(|models| (query, models));
        let all = (0..queries).flat_map(of);
        all.map(|(query, models)| Duel {
            models,
            query,
            outcome: outcome(query),
            lengths: [1.0, 1.0],
        })
        .collect()
    }

    #[test]
    fn duels_over_one_query_are_drawn_together() {
        // All duels over a query come out alike, so that three of them say no more than one.
        let alike = drawn(60, |query| f64::from(u8::from(!query.is_multiple_of(3))));
        let rated = ratings(3, &alike, 1).expect("ratings");
        assert_eq!(rated, ratings(3, &alike, 1).expect("the same again"));
        let other = ratings(3, &alike, 2).expect("ratings");
        let best = rated[0];
        assert_eq!((best.value, best.count), (other[0].value, 120));
        let (low, high) = (best.low.expect("an end"), best.high.expect("an end"));
        assert!(low < best.value && best.value < high, "{best:?}");
        let wider = (high - low) / (best.wald_high - best.wald_low);
        assert!((1.1..2.5).contains(&wider), "{wider} {best:?}");
    }

    #[test]
    fn draws_that_decide_nothing_have_no_end() {
        // One query of 40 is all that keeps the first from having won everything: a third of the draws lack it.
        let one = drawn(40, |query| f64::from(u8::from(query != 7)));
        let rated = ratings(3, &one, 1).expect("ratings");
        assert!(
            rated
                .iter()
                .all(|one| one.low.is_none() && one.high.is_none())
        );
        assert!(rated[0].wald_low.is_finite() && rated[0].wald_high.is_finite());
        // Of a few that are missing each end is that many places further out.
        let all: Vec<f64> = (0..DRAWS).map(|at| at as f64).collect();
        let [low, high] = ends(all[10..].to_vec()).map(|end| end.expect("an end"));
        assert!((low - 49.975).abs() < 1e-9, "{low}");
        assert!((high - 1959.025).abs() < 1e-9, "{high}");
        assert_eq!(ends(all[..DRAWS - 60].to_vec()), [None, None]);
    }
}
