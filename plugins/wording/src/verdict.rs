//! What scores say of a group, and what is said of settings beyond their bounds.

use attune_sdk::{Judgement, Problems, Verdict};

/// The best of `scores`; those within `tie_margin` of it share its place. No opinion unless
/// `is_about_something`.
pub fn judgement(scores: Vec<f32>, tie_margin: f32, is_about_something: bool) -> Judgement {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let best: Vec<u32> = (0..)
        .zip(&scores)
        .filter(|(_, score)| top - **score <= tie_margin)
        .map(|(at, _)| at)
        .collect();
    let verdict = match best.as_slice() {
        _ if !is_about_something => Verdict::Abstain,
        [] => Verdict::Abstain,
        [only] => Verdict::Best(*only),
        _ => Verdict::Tie(best),
    };
    Judgement {
        verdict,
        confidence: None,
        scores: Some(scores),
    }
}

/// Refuses each setting whose value is not from `low` to `high`: its name, value, `low`, `high`.
pub fn bounded(settings: &[(&str, f32, f32, f32)]) -> Result<(), Problems> {
    let mut found = Problems::default();
    for &(name, value, low, high) in settings {
        let mend = if value > high {
            format!("lower it to {high} or less")
        } else {
            format!("raise it to {low} or more")
        };
        found = found.require(
            (low..=high).contains(&value),
            &format!("/{name}"),
            format!("`{name}` is {value}, which is not from {low} to {high}; {mend}"),
        );
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_ties_and_nothing_is_no_opinion() {
        let verdict = |scores: &[f32], is_about| judgement(scores.to_vec(), 0.1, is_about).verdict;
        assert!(matches!(verdict(&[0.0, 0.5], true), Verdict::Best(1)));
        assert!(matches!(verdict(&[0.45, 0.0, 0.5], true), Verdict::Tie(of) if of == [0, 2]));
        assert!(matches!(verdict(&[0.0, 0.5], false), Verdict::Abstain));
        assert!(matches!(verdict(&[], true), Verdict::Abstain));
    }

    #[test]
    fn settings_beyond_their_bounds_say_what_to_do() {
        let said = bounded(&[
            ("share", 1.5, 0.0, 1.0),
            ("n", 0.0, 1.0, 9.0),
            ("m", 9.0, 1.0, 9.0),
        ]);
        let Problems(said) = said.unwrap_err();
        let problem = |path: &str, message: &str| (path.to_owned(), message.to_owned());
        assert_eq!(
            said,
            [
                problem(
                    "/share",
                    "`share` is 1.5, which is not from 0 to 1; lower it to 1 or less"
                ),
                problem(
                    "/n",
                    "`n` is 0, which is not from 1 to 9; raise it to 1 or more"
                ),
            ]
        );
    }
}
