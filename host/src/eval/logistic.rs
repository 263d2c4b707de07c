//! Logistic regression by Newton's method: the one fit behind ratings and behind win rates that length does not decide.

/// One outcome, from 0 to 1, and what it is explained by.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What explains it: `[terms]`.
    pub(super) terms: Vec<f64>,
    /// 1 for a win, 0 for a loss, a half for a tie.
    pub(super) outcome: f64,
    /// How often it came out so.
    pub(super) count: f64,
}

/// Coefficients and what is not known of them.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// Of each term: `[terms]`.
    pub(super) coefficients: Vec<f64>,
    /// Their covariance, the inverse of Fisher's information: `[terms, terms]`.
    pub(super) covariance: Vec<Vec<f64>>,
}

/// Coefficients beyond this say that the terms tell the outcomes apart without an error, so that no finite ones are best:
/// a chance of 1e-13.
const FARTHEST: f64 = 30.0;
const STEPS: usize = 100;

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The coefficients under which the outcomes are most likely; none where there are no such, or more than one.
pub(super) fn fit(rows: &[Row]) -> Option<Fit> {
    let size = rows.first()?.terms.len();
    let mut coefficients = vec![0.0; size];
    for _ in 0..STEPS {
        let (gradient, information) = slopes(rows, &coefficients);
        let covariance = inverse(&information)?;
        let step: Vec<f64> = covariance.iter().map(|row| dot(row, &gradient)).collect();
        // Far from the best, a whole step can overshoot.
        let longest = step.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let scale = (2.0 / longest).min(1.0);
        for (coefficient, step) in coefficients.iter_mut().zip(&step) {
            *coefficient += scale * step;
        }
        if coefficients.iter().any(|c| c.abs() > FARTHEST) {
            return None;
        }
        if longest < 1e-11 {
            return Some(Fit {
                coefficients,
                covariance,
            });
        }
    }
    None
}

/// The log-likelihood's gradient `[terms]` and Fisher's information `[terms, terms]`.
fn slopes(rows: &[Row], coefficients: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = coefficients.len();
    let mut gradient = vec![0.0; size];
    let mut information = vec![vec![0.0; size]; size];
    for row in rows {
        let chance = sigmoid(dot(&row.terms, coefficients));
        let weight = row.count * chance * (1.0 - chance);
        for (i, term) in row.terms.iter().enumerate() {
            gradient[i] += row.count * (row.outcome - chance) * term;
            for (j, other) in row.terms.iter().enumerate() {
                information[i][j] += weight * term * other;
            }
        }
    }
    (gradient, information)
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The inverse of a symmetric positive matrix, by Gauss and Jordan with the largest pivot; none where it has none.
fn inverse(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let size = matrix.len();
    let unit = |i: usize| (0..size).map(move |j| f64::from(u8::from(i == j)));
    let mut rows: Vec<Vec<f64>> = matrix.to_vec();
    for (i, row) in rows.iter_mut().enumerate() {
        row.extend(unit(i));
    }
    let largest = matrix
        .iter()
        .flatten()
        .fold(0.0, |m: f64, x| m.max(x.abs()));
    for i in 0..size {
        let pivot = (i..size).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, pivot);
        let scale = rows[i][i];
        if scale.abs() <= 1e-13 * largest {
            return None;
        }
        for x in &mut rows[i] {
            *x /= scale;
        }
        let done = rows[i].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(k, _)| *k != i) {
            let factor = row[i];
            for (x, y) in row.iter_mut().zip(&done) {
                *x -= factor * y;
            }
        }
    }
    Some(rows.into_iter().map(|row| row[size..].to_vec()).collect())
}
