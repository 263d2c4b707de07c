//! A reward model learns what it is shown, and reports say what was counted by hand.

#![allow(clippy::unwrap_used)]

use super::batch::poisson;
use super::report::Report;
use super::*;
use crate::config::Reward;
use crate::model::config::ModelConfig;
use crate::model::reward::RewardModel;
use crate::model::weights::Weights;
use crate::rl::preference::Form;
use crate::run_dir::RunDir;
use crate::seed;
use crate::train::course::{Course, CourseState};
use crate::train::options::{Pace, RewardOptions};
use tch::{Kind, Tensor};

pub(in crate::train) fn model(heads: usize) -> RewardModel {
    let config = ModelConfig::from_json(&serde_json::json!({"model_type": "llama",
        "vocab_size": 32, "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2,
        "num_hidden_layers": 2, "intermediate_size": 48, "max_position_embeddings": 64,
        "tie_word_embeddings": true}))
    .unwrap();
    let weights = Weights::random(&config, 1, tch::Device::Cpu, Kind::Float);
    RewardModel::from_weights(&config, weights, None, heads, 2).unwrap()
}

/// Four responses to a query; the best has the most of token 7.
pub(in crate::train) fn examples(count: usize, from: u64) -> Vec<Example> {
    let mut stream = seed::Stream::new(from);
    let mut draw = |most: u64| stream.below(most) as u32;
    (0..count)
        .map(|_| {
            let query = (0..3).map(|_| draw(30)).collect();
            let best = draw(4) as usize;
            let response = |place: usize, draw: &mut dyn FnMut(u64) -> u32| {
                let len = 3 + draw(4);
                let token = |t: u32| if t == 7 { 8 } else { t };
                let mut tokens: Vec<u32> = (0..len).map(|_| token(draw(30))).collect();
                if place == best {
                    tokens[0] = 7;
                    tokens[2] = 7;
                }
                tokens
            };
            let responses = (0..4).map(|place| response(place, &mut draw)).collect();
            let answer = Answer::best(best, 4);
            Example {
                passages: Passages { query, responses },
                answer,
                weight: 1.0,
            }
        })
        .collect()
}

pub(in crate::train) fn options() -> RewardOptions {
    let run: crate::config::Run = toml::from_str("dir = 'r'\ncheckpoint_every = 3").unwrap();
    let reward = Reward {
        batch_size: 8,
        lr: 3e-3,
        micro_tokens: 64,
        ..Reward::default()
    };
    RewardOptions::new(&reward, &run)
}

/// Trains for one epoch.
fn train(model: &RewardModel, examples: &[Example], validation: &[Example]) -> CourseState {
    let dir = tempfile::tempdir().unwrap();
    let options = options();
    let learner = Learner {
        model,
        examples,
        validation,
        options: &options,
    };
    let course = Course {
        learner: &learner,
        run_dir: &RunDir::create(dir.path(), "").unwrap(),
        pace: Pace {
            steps_of_epoch: options.batches(examples.len()).per_epoch(),
            epochs: 1,
            patience: 0,
            checkpoint_every: 3,
            keep_checkpoints: 2,
        },
    };
    course
        .run(CourseState::new(Vec::new()), None, &mut ())
        .unwrap()
}

#[test]
fn learns_what_it_is_shown() {
    let (shown, unseen) = (examples(640, 1), examples(64, 2));
    for heads in [1, 3] {
        let model = model(heads);
        let report = || Report::of(&model, &unseen, Form::Softmax, 64);
        let before = report();
        let state = train(&model, &shown, &unseen);
        assert_eq!(state.steps, 80);
        let after = report();
        let accuracy = |report: &Report| report.accuracy.unwrap().value;
        assert!(accuracy(&before) < 0.5, "{before:?}");
        assert!(accuracy(&after) > 0.8, "{heads} heads: {after:?}");
        assert!(after.loss < before.loss / 2.0);
    }
}

#[test]
fn the_scale_is_fixed_on_samples() {
    let model = model(2);
    let samples: Vec<Passages> = examples(40, 3)
        .into_iter()
        .map(|example| Passages {
            responses: vec![example.passages.responses[0].clone()],
            ..example.passages
        })
        .collect();
    normalize(&model, &samples, (2.0, 3.0), 64).unwrap();
    let rewards = scores(&model, &samples, 64);
    for head in 0..2 {
        let own: Vec<f64> = rewards.iter().map(|row| row[0][head]).collect();
        let own = Tensor::from_slice(&own);
        assert!((own.mean(None).double_value(&[]) - 2.0).abs() < 1e-4);
        assert!((own.var(false).sqrt().double_value(&[]) - 3.0).abs() < 1e-4);
    }
    let same = vec![samples[0].clone(); 3];
    let message = normalize(&model, &same, (0.0, 1.0), 64)
        .unwrap_err()
        .to_string();
    assert!(message.contains("do not spread"), "{message}");
}

#[test]
fn scores_do_not_depend_on_company() {
    let model = model(1);
    let rows: Vec<Passages> = examples(12, 4).into_iter().map(|e| e.passages).collect();
    let together = scores(&model, &rows, 200);
    for (row, found) in rows.iter().zip(&together) {
        let alone = scores(&model, std::slice::from_ref(row), 200);
        for (a, b) in alone[0].iter().zip(found) {
            assert!((a[0] - b[0]).abs() < 1e-4, "{a:?} {b:?}");
        }
    }
}

#[test]
fn training_counts_as_the_report_does() {
    for (rewards, answer, wanted) in [
        ([1.0, 1.0], Answer::best(0, 2), Some(0.5)),
        ([1.0, 1.0], Answer::best(1, 2), Some(0.5)),
        ([2.0, 1.0], Answer::best(0, 2), Some(1.0)),
        ([2.0, 1.0], Answer::best(1, 2), Some(0.0)),
        ([2.0, 1.0], Answer::Order(vec![vec![0, 1], vec![]]), None),
    ] {
        let example = |responses: [u32; 2]| Example {
            passages: Passages {
                query: Vec::new(),
                responses: responses.map(|id| vec![id]).to_vec(),
            },
            answer: answer.clone(),
            weight: 1.0,
        };
        let given = Tensor::from_slice(&rewards).unsqueeze(1);
        let learned = |responses| super::batch::agreement(&given, &example(responses));
        assert_eq!(learned([1, 2]), wanted);
        // The same responses differ in their last bits alone, whatever those are.
        assert_eq!(learned([1, 1]), wanted.map(|_| 0.5));
        let report = Report::of_rewards(&[rewards.to_vec()], &[&answer], Form::Softmax);
        assert_eq!(report.accuracy.map(|share| share.value), wanted);
    }
}

#[test]
fn reports_count() {
    let rewards = [
        vec![2.0, 1.0, 0.0],
        vec![0.0, 3.0, 1.0],
        vec![1.0, 1.0, 0.0],
    ];
    let answers = [
        Answer::best(0, 3),
        Answer::best(0, 3),
        Answer::Order(vec![vec![1], vec![0], vec![2]]),
    ];
    let report = Report::of_rewards(&rewards, &answers.iter().collect::<Vec<_>>(), Form::Softmax);
    assert_eq!(report.labels, 3);
    assert!((report.accuracy.unwrap().value - 1.5 / 3.0).abs() < 1e-12);
    // Two right of two; none of two; a tie and two right of three.
    assert!((report.pairwise.unwrap().value - 4.5 / 7.0).abs() < 1e-12);
    assert_eq!(report.ratings, None);
    assert_eq!(report.range, (0.0, 3.0));
    assert_eq!(report.histogram.iter().sum::<usize>(), 9);
    let counted: usize = report.reliability.iter().map(|bin| bin.count).sum();
    assert_eq!(counted, 3);
}

#[test]
fn reports_of_ratings_say_how_rewards_go_with_them() {
    let rated = |ratings: &[f64], rewards: &[f64]| {
        let answers: Vec<Answer> = ratings.iter().copied().map(Answer::Rating).collect();
        let rewards: Vec<Vec<f64>> = rewards.iter().map(|reward| vec![*reward]).collect();
        Report::of_rewards(&rewards, &answers.iter().collect::<Vec<_>>(), Form::Softmax)
    };
    let report = rated(&[1.0, 2.0, 3.0, 6.0], &[2.0, 1.0, 4.0, 5.0]);
    let ratings = report.ratings.unwrap();
    // Deviations (-2, -1, 0, 3) and (-1, -2, 1, 2): sums of products 10, of squares 14 and 10.
    assert!((ratings.correlation.unwrap() - 10.0 / 140f64.sqrt()).abs() < 1e-12);
    assert_eq!(
        (ratings.count, ratings.mean, ratings.variance),
        (4, 3.0, 3.5)
    );
    assert_eq!(report.loss, 1.0);
    let same = rated(&[3.0, 3.0], &[1.0, 2.0]);
    assert_eq!(same.ratings.unwrap().correlation, None);
    // What was not measured is not there, rather than null.
    for report in [report, same, Report::default()] {
        let text = serde_json::to_string(&report).unwrap();
        assert!(
            !text.contains("null") && !text.contains("accuracy"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}

#[test]
fn held_out_ratings_are_compared_on_their_own_scale() {
    let mut model = model(2);
    let mut stream = seed::Stream::new(5);
    let mut rated = |count: usize| -> Vec<Example> {
        let one = |stream: &mut seed::Stream| {
            let tokens: Vec<u32> = (0..4).map(|_| stream.below(30) as u32).collect();
            let low = tokens.iter().filter(|&&token| token < 10).count();
            Example {
                passages: Passages {
                    query: Vec::new(),
                    responses: vec![tokens],
                },
                answer: Answer::Rating(50.0 + 10.0 * low as f64),
                weight: 1.0,
            }
        };
        (0..count).map(|_| one(&mut stream)).collect()
    };
    let (shown, unseen) = (rated(640), rated(64));
    let samples: Vec<Passages> = shown[..64].iter().map(|e| e.passages.clone()).collect();
    let answers: Vec<Answer> = shown.iter().map(|e| e.answer.clone()).collect();
    let scale = crate::rl::preference::scale_of(&answers);
    normalize(&model, &samples, scale, 64).unwrap();
    train(&model, &shown, &[]);
    let trained = Report::of(&model, &unseen, Form::Softmax, 64);
    model.keep_learned_scale();
    normalize(&model, &samples, (0.0, 1.0), 64).unwrap();
    let report = Report::of(&model, &unseen, Form::Softmax, 64);
    assert!(
        (report.loss / trained.loss - 1.0).abs() < 1e-3,
        "{report:?} {trained:?}"
    );
    let ratings = report.ratings.unwrap();
    assert!(report.loss < ratings.variance, "{report:?}");
    assert!(ratings.correlation.unwrap() > 0.5, "{report:?}");
    assert!(report.range.1 < 10.0, "{report:?}");
}

#[test]
fn bootstrap_weights_have_mean_one() {
    let mean: f64 = (0..10_000)
        .map(|k| poisson((f64::from(k) + 0.5) / 10_000.0))
        .sum::<f64>()
        / 10_000.0;
    assert!((mean - 1.0).abs() < 1e-2, "{mean}");
}

#[test]
fn what_counts_twice_is_as_good_as_said_twice() {
    let grown = |examples: &[Example]| {
        let model = model(1);
        let options = options();
        let learner = Learner {
            model: &model,
            examples,
            validation: &[],
            options: &options,
        };
        let all: Vec<usize> = (0..examples.len()).collect();
        model.allocate_gradients();
        let (loss, _) = learner.accumulate(&all, 0);
        let head = model.trainable().into_iter().last().unwrap().1.grad();
        (loss * examples.len() as f64, head * examples.len() as i64)
    };
    let mut twice = examples(2, 1);
    let said = [twice[0].clone(), twice[0].clone(), twice[1].clone()];
    twice[0].weight = 2.0;
    let ((loss, gradient), (wanted, gradients)) = (grown(&twice), grown(&said));
    assert!((loss - wanted).abs() < 1e-5, "{loss} {wanted}");
    assert!(gradient.allclose(&gradients, 1e-4, 1e-6, false));
    // Nothing follows from what does not count.
    twice[0].weight = 0.0;
    let (loss, _) = grown(&twice);
    let (alone, _) = grown(&twice[1..]);
    assert!((loss - alone).abs() < 1e-5, "{loss} {alone}");
}
