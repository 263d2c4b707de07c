//! How a labeler errs where it plays people, by a stream of random numbers of its own for each label.

use crate::config::Noise;
use crate::label::Answer;
use crate::seed::Stream;

/// What is said in the end, and by which annotator, when there are several.
#[derive(Debug, PartialEq)]
pub(super) struct Heard {
    pub(super) answer: Answer,
    pub(super) annotator: Option<usize>,
}

/// Has `noise` do what it does to `answer`, one of `count` responses.
pub(super) fn hear(answer: Answer, count: usize, noise: &Noise, mut stream: Stream) -> Heard {
    let count = count as u64;
    let mut answer = answer;
    let annotator = match noise.skills.len() as u64 {
        0 => None,
        annotators => Some(stream.below(annotators) as usize),
    };
    let guesses = annotator.is_some_and(|who| stream.uniform() >= noise.skills[who]);
    if guesses {
        answer = Answer::Best(stream.below(count) as usize);
    }
    if stream.uniform() < noise.flip {
        answer = other(&answer, count, &mut stream);
    }
    if stream.uniform() < noise.first {
        answer = Answer::Best(0);
    }
    if stream.uniform() < noise.abstain {
        answer = Answer::Abstain;
    }
    Heard { answer, annotator }
}

/// A response that was not named.
fn other(answer: &Answer, count: u64, stream: &mut Stream) -> Answer {
    let named: Vec<usize> = match answer {
        Answer::Best(place) => vec![*place],
        Answer::Tie(places) => places.clone(),
        other => return other.clone(),
    };
    let left: Vec<usize> = (0..count as usize)
        .filter(|at| !named.contains(at))
        .collect();
    if left.is_empty() {
        return answer.clone();
    }
    Answer::Best(left[stream.below(left.len() as u64) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;

    fn heard(noise: &Noise) -> Vec<Heard> {
        (0..4000)
            .map(|label| {
                let stream = Stream::new(seed::derive(1, "noise", label));
                hear(Answer::Best(2), 4, noise, stream)
            })
            .collect()
    }

    fn share(heard: &[Heard], wanted: impl Fn(&Heard) -> bool) -> f64 {
        heard.iter().filter(|heard| wanted(heard)).count() as f64 / heard.len() as f64
    }

    #[test]
    fn rates_are_kept() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 0.03, "{a} is not near {b}");
        let none = heard(&Noise::default());
        assert!(none.iter().all(|heard| heard.answer == Answer::Best(2)));
        let noise = |flip, first, abstain, skills: &[f64]| Noise {
            flip,
            first,
            abstain,
            skills: skills.to_vec(),
        };
        let flipped = heard(&noise(0.3, 0.0, 0.0, &[]));
        near(share(&flipped, |h| h.answer == Answer::Best(2)), 0.7);
        near(share(&flipped, |h| h.answer == Answer::Best(0)), 0.1);
        let first = heard(&noise(0.0, 0.4, 0.0, &[]));
        near(share(&first, |h| h.answer == Answer::Best(0)), 0.4);
        let silent = heard(&noise(0.0, 0.0, 0.2, &[]));
        near(share(&silent, |h| h.answer == Answer::Abstain), 0.2);
        // One who always knows, one who always guesses, and then is right a quarter of the time.
        let pool = heard(&noise(0.0, 0.0, 0.0, &[1.0, 0.0]));
        near(share(&pool, |h| h.annotator == Some(0)), 0.5);
        near(
            share(&pool, |h| h.answer == Answer::Best(2)),
            0.5 + 0.5 * 0.25,
        );
        assert!(
            pool.iter()
                .all(|h| h.annotator != Some(0) || h.answer == Answer::Best(2))
        );
    }
}
