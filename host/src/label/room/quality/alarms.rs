//! What of a person's work somebody should look at. Nothing is done about it here: a person decides.

use super::{Bias, OfPerson};

/// Answers of a kind before anything is said of them.
const FEW: u64 = 4;
/// Below this share of right answers to gold something is wrong.
const RIGHT: f64 = 0.7;
/// Below this share of answers that are the same the second time as well.
const SAME: f64 = 0.6;
/// Above this share of answers that came too fast as well.
const FAST: f64 = 0.2;
/// So many standard deviations from chance are no chance.
const DEVIATIONS: f64 = 3.0;

/// What to say of a person's work.
pub(super) fn of(person: &OfPerson, bias: &Bias) -> Vec<String> {
    let mut alarms = Vec::new();
    let is_low = |some: u64, of: u64, least: f64| of >= FEW && (some as f64) < least * of as f64;
    let (gold, attention, repeats) = (person.gold, person.attention, person.repeats);
    if is_low(gold.right, gold.of, RIGHT) {
        alarms.push(format!("gold: {} of {} are right", gold.right, gold.of));
    }
    if attention.of > attention.right + 1 {
        alarms.push(format!(
            "attention: {} of {} calls were followed",
            attention.right, attention.of
        ));
    }
    if is_low(repeats.same, repeats.of, SAME) {
        alarms.push(format!(
            "repeats: {} of {} were answered as before",
            repeats.same, repeats.of
        ));
    }
    let (fast, answers) = (person.too_fast, person.answers);
    if fast >= FEW && fast as f64 > FAST * answers as f64 {
        alarms.push(format!(
            "speed: {fast} of {answers} answers came faster than anybody reads"
        ));
    }
    for (name, chosen) in [("place", &bias.first), ("length", &bias.long)] {
        if chosen.deviations() > DEVIATIONS {
            let what = if name == "place" { "first" } else { "longest" };
            alarms.push(format!(
                "{name}: the {what} response was chosen {} of {} times, {:.1} standard deviations more than by chance",
                chosen.chosen,
                chosen.of,
                chosen.deviations()
            ));
        }
    }
    alarms
}
