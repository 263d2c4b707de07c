//! Golden numbers, and what ties, rankings and pairs must agree on.

use super::*;

fn rewards(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}

fn of(values: &[f64], answer: &Answer, form: Form) -> f64 {
    loss(&rewards(values), answer, form).double_value(&[])
}

#[test]
fn golden_loss_and_gradient() {
    let logits = Tensor::from_slice(&[0., 1., 2., -1., 0.3, -0.2, 0.1, 0.4f64])
        .view([2, 4])
        .set_requires_grad(true);
    let best = [2, 1].map(|place| Answer::best(place, 4));
    let rows: Vec<Tensor> = (0..2)
        .map(|row| loss(&logits.get(row), &best[row as usize], Form::Softmax))
        .collect();
    assert!((rows[0].double_value(&[]) - 0.4401896986).abs() < 1e-9);
    assert!((rows[1].double_value(&[]) - 1.7614203368).abs() < 1e-9);
    let mean = Tensor::stack(&rows, 0).mean(None);
    assert!((mean.double_value(&[]) - 1.1008050177).abs() < 1e-9);
    mean.backward();
    let want = [
        0.043572159,
        0.118441409,
        -0.17804287,
        0.016029302,
        0.141625714,
        -0.414099662,
        0.115953328,
        0.15652062,
    ];
    let got: Vec<f64> = Vec::try_from(logits.grad().reshape([-1])).unwrap();
    assert!(
        got.iter()
            .zip(want)
            .all(|(got, want)| (got - want).abs() < 1e-8)
    );
}

#[test]
fn constant_model_loses_ln_n() {
    for count in 2..6 {
        let same = vec![0.7; count];
        let lost = of(&same, &Answer::best(1, count), Form::Softmax);
        assert!((lost - (count as f64).ln()).abs() < 1e-12);
        let lost = of(&same, &Answer::best(1, count), Form::Pairwise);
        assert!((lost - 2f64.ln()).abs() < 1e-12);
    }
}

#[test]
fn ties_rankings_and_pairs() {
    let values = [0.3, -0.2, 0.1];
    // Of two there is one pair: both forms are the same.
    let two = Answer::best(1, 2);
    let [softmax, pairwise] =
        [Form::Softmax, Form::Pairwise].map(|form| of(&values[..2], &two, form));
    assert!((softmax - pairwise).abs() < 1e-12);
    // A ranking is one choice after the other.
    let ranking = Answer::Order(vec![vec![2], vec![0], vec![1]]);
    let first = of(&values, &Answer::best(2, 3), Form::Softmax);
    let second = of(&values[..2], &Answer::best(0, 2), Form::Softmax);
    assert!((of(&values, &ranking, Form::Softmax) - first - second).abs() < 1e-12);
    // A tie lies between the choices that it does not make, and is least when both are equal.
    let tie = Answer::Order(vec![vec![0, 2], vec![1]]);
    for form in [Form::Softmax, Form::Pairwise] {
        let level = of(&[0.2, -0.2, 0.2], &tie, form);
        assert!(level < of(&[0.4, -0.2, 0.0], &tie, form));
        assert!(level < of(&[0.0, -0.2, 0.4], &tie, form));
    }
    let between = (of(&values, &Answer::best(0, 3), Form::Softmax) + first) / 2.0;
    assert!((of(&values, &tie, Form::Softmax) - between).abs() < 1e-12);
    assert_eq!(tie.pairs(), [(0, 1), (2, 1)]);
    // Where all are tied, equal rewards are asked for.
    let all = Answer::Order(vec![vec![0, 1, 2], vec![]]);
    for form in [Form::Softmax, Form::Pairwise] {
        assert!(of(&[1.0; 3], &all, form) < of(&values, &all, form));
    }
}

#[test]
fn numbers_are_matched() {
    assert!((of(&[1.0, 2.5], &Answer::Difference(1.0), Form::Softmax) - 0.25).abs() < 1e-12);
    assert!((of(&[3.0], &Answer::Rating(1.0), Form::Softmax) - 4.0).abs() < 1e-12);
    let ratings = [1.0, 3.0].map(Answer::Rating);
    assert_eq!(scale_of(&ratings), (2.0, 1.0));
    assert_eq!(
        scale_of(&[Answer::Difference(2.0), Answer::Difference(-2.0)]),
        (0.0, 1.0)
    );
    assert_eq!(
        scale_of(&[Answer::Rating(5.0), Answer::best(0, 2)]),
        (0.0, 1.0)
    );
}

#[test]
fn golden_normalization() {
    let samples = rewards(&[0.5, -1.5, 2., 0.25, 3., -0.75]);
    let affine = normalization(&samples, 0.0, 1.0).unwrap();
    assert!((affine.gain - 0.6527139518).abs() < 1e-9);
    assert!((affine.bias + 0.3807498053).abs() < 1e-9);
    assert_eq!(normalization(&rewards(&[1.0, 1.0]), 0.0, 1.0), None);
}

/// What eight ranks do, each with its rows, is what one does with all.
#[test]
fn eight_ranks_normalize_and_batch_as_one() {
    const RANKS: usize = 8;
    let all: Vec<f64> = (0..512)
        .map(|k| (f64::from(k) * 0.37).sin() * 3.0 + 0.4)
        .collect();
    let sums = (0..RANKS).map(|rank| {
        let own = all.iter().skip(rank).step_by(RANKS);
        own.fold((0.0, 0.0), |(a, b), r| (a + r, b + r * r))
    });
    let (sum, squares) = sums.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    let mean = sum / all.len() as f64;
    let std = (squares / all.len() as f64 - mean * mean).sqrt();
    let affine = normalization(&rewards(&all), 0.0, 1.0).unwrap();
    assert!((affine.gain - 1.0 / std).abs() < 1e-9);
    assert!((affine.bias + mean / std).abs() < 1e-9);
    // The gradient of a batch is the mean of the ranks' gradients, whose rows are every eighth.
    let logits = rewards(&all[..32 * 4])
        .view([32, 4])
        .set_requires_grad(true);
    let row = |row: usize| {
        loss(
            &logits.get(row as i64),
            &Answer::best(row % 4, 4),
            Form::Softmax,
        )
    };
    let mean_of = |rows: &mut dyn Iterator<Item = usize>| {
        Tensor::stack(&rows.map(row).collect::<Vec<_>>(), 0).mean(None)
    };
    mean_of(&mut (0..32)).backward();
    let want = logits.grad().copy();
    let _ = logits.grad().zero_();
    for rank in 0..RANKS {
        (mean_of(&mut (rank..32).step_by(RANKS)) / RANKS as f64).backward();
    }
    let off = (logits.grad() - want).abs().max().double_value(&[]);
    assert!(off < 1e-12, "{off}");
}
