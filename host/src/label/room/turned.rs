//! Answers by other places, and whether two of them say the same.

use crate::label::Answer;

/// The answer by the places that `place` gives for its own, groups in order.
pub(super) fn turned(answer: &Answer, place: impl Fn(usize) -> usize) -> Answer {
    let group = |places: &[usize]| {
        let mut places: Vec<usize> = places.iter().map(|at| place(*at)).collect();
        places.sort_unstable();
        places
    };
    match answer {
        Answer::Best(at) => Answer::Best(place(*at)),
        Answer::Tie(places) => Answer::Tie(group(places)),
        Answer::Ranking(groups) => Answer::Ranking(groups.iter().map(|g| group(g)).collect()),
        Answer::Difference(_) | Answer::Rating(_) | Answer::Abstain | Answer::Skip => {
            answer.clone()
        }
    }
}

/// The place on the page of each place in the store; `places` has it the other way round.
pub(super) fn inverse(places: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; places.len()];
    for (shown, stored) in places.iter().enumerate() {
        inverse[*stored] = shown;
    }
    inverse
}

/// Whether it says anything of the responses.
pub(super) fn says(answer: &Answer) -> bool {
    !matches!(answer, Answer::Abstain | Answer::Skip)
}

/// The places that it puts before all others, in order.
fn top(answer: &Answer) -> Option<Vec<usize>> {
    let mut places = match answer {
        Answer::Best(place) => vec![*place],
        Answer::Tie(places) => places.clone(),
        Answer::Ranking(groups) => groups.first()?.clone(),
        Answer::Difference(_) | Answer::Rating(_) | Answer::Abstain | Answer::Skip => return None,
    };
    places.sort_unstable();
    Some(places)
}

/// Whether two answers to one comparison say the same: the same first, or ratings within `tolerance`.
pub(super) fn same(one: &Answer, other: &Answer, tolerance: f64) -> bool {
    match (one, other) {
        (Answer::Rating(one), Answer::Rating(other)) => (one - other).abs() <= tolerance,
        _ => top(one).is_some() && top(one) == top(other),
    }
}

/// Whether an answer is right where `gold` is, of so many responses: it puts first what gold puts first. Of several
/// that gold calls equally good and better than the rest, one will do.
pub(super) fn right(gold: &Answer, answer: &Answer, count: usize, tolerance: f64) -> bool {
    if same(gold, answer, tolerance) {
        return true;
    }
    let (Some(gold), Some(answer)) = (top(gold), top(answer)) else {
        return false;
    };
    gold.len() < count && answer.iter().all(|place| gold.contains(place))
}
