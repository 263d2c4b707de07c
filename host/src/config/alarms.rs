//! When a policy's training says that something goes wrong, and what stops it.

use serde::{Deserialize, Serialize};

use super::problems::Problems;
use crate::spelling::nearest;

/// The alarms that there are; `docs/alarms.md` says what each is about.
pub const ALARMS: &[&str] = &[
    "kl",
    "entropy",
    "repetition",
    "ratio",
    "mismatch",
    "value_loss",
    "saturation",
    "invalid",
    "length",
    "judge",
    "equal_rewards",
];

/// Stands for all alarms.
const ALL: &str = "all";

/// From when on numbers of a policy's training are alarming. No result depends on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alarms {
    /// Alarms that stop the run, its checkpoint intact; `["all"]` for any.
    pub stop_on: Vec<String>,
    /// An alarm begins when its condition has held for so many updates in a row, and ends when it has not held for
    /// as many.
    pub persistence: u64,
    /// `kl`: so many times above `kl.target`, or, two horizons into the run, twice as many times below.
    pub kl_factor: f64,
    /// `entropy`: below this share of what it was at the beginning.
    pub entropy_share: f64,
    /// `repetition`: more of a response's runs of three tokens stand in it before.
    pub repeated_share: f64,
    /// `repetition`: more of a batch's responses say what another says.
    pub duplicate_share: f64,
    /// `ratio`: before an update's first step the probability ratio is farther from 1.
    pub ratio_error: f64,
    /// `ratio`: an update changes log-probabilities more; see `ppo/policy/approxkl`.
    pub approxkl: f64,
    /// `ratio`: more of the tokens are clipped.
    pub clip_share: f64,
    /// `mismatch`: sampler and trainer differ by more nats a token.
    pub mismatch_kl: f64,
    /// `value_loss`: so many times what it was in the updates before.
    pub value_loss_factor: f64,
    /// `saturation`: as many of a batch's responses have one score.
    pub saturated_share: f64,
    /// `saturation`: scores deviate by less than this share of what they did at the beginning.
    pub saturated_deviation: f64,
    /// `invalid`: more responses are invalid.
    pub invalid_share: f64,
    /// `length`: so many times longer or shorter than at the beginning.
    pub length_factor: f64,
    /// `judge`: the reward has risen and a measure has fallen by so many standard errors.
    pub judge_errors: f64,
}

impl Default for Alarms {
    fn default() -> Self {
        Alarms {
            stop_on: Vec::new(),
            persistence: 5,
            kl_factor: 2.0,
            entropy_share: 0.2,
            repeated_share: 0.5,
            duplicate_share: 0.5,
            ratio_error: 0.1,
            approxkl: 0.3,
            clip_share: 0.6,
            mismatch_kl: 0.01,
            value_loss_factor: 10.0,
            saturated_share: 0.95,
            saturated_deviation: 0.02,
            invalid_share: 0.75,
            length_factor: 2.5,
            judge_errors: 4.0,
        }
    }
}

impl Alarms {
    /// Whether an alarm stops the run.
    #[must_use]
    pub fn stops(&self, alarm: &str) -> bool {
        self.stop_on.iter().any(|name| name == alarm || name == ALL)
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        self.check_names(problems);
        problems.at_least_one("alarms", "persistence", self.persistence);
        problems.at_most("alarms", "persistence", self.persistence, 1_000_000);
        for (name, factor) in [
            ("kl_factor", self.kl_factor),
            ("value_loss_factor", self.value_loss_factor),
            ("length_factor", self.length_factor),
        ] {
            problems.within("alarms", name, factor, 1.0..=1e12);
        }
        for (name, share) in [
            ("entropy_share", self.entropy_share),
            ("repeated_share", self.repeated_share),
            ("duplicate_share", self.duplicate_share),
            ("clip_share", self.clip_share),
            ("saturated_share", self.saturated_share),
            ("saturated_deviation", self.saturated_deviation),
            ("invalid_share", self.invalid_share),
        ] {
            problems.share("alarms", name, share);
        }
        for (name, bound) in [
            ("ratio_error", self.ratio_error),
            ("approxkl", self.approxkl),
            ("mismatch_kl", self.mismatch_kl),
            ("judge_errors", self.judge_errors),
        ] {
            problems.within("alarms", name, bound, 0.0..=1e12);
        }
    }

    fn check_names(&self, problems: &mut Problems) {
        for name in &self.stop_on {
            if name == ALL || ALARMS.contains(&name.as_str()) {
                continue;
            }
            let hint = match nearest(name, ALARMS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("use {}, or `{ALL}`", ALARMS.join(", ")),
            };
            problems.add(
                format!("[alarms] stop_on names `{name}`, which is no alarm"),
                hint,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALARMS, Alarms};
    use crate::config::problems::Problems;

    fn said(change: impl FnOnce(&mut Alarms)) -> String {
        let mut alarms = Alarms::default();
        change(&mut alarms);
        let mut problems = Problems(Vec::new());
        alarms.check(&mut problems);
        problems.0.join("\n")
    }

    #[test]
    fn every_key_has_its_bounds() {
        let keys = toml::Table::try_from(Alarms::default()).unwrap();
        assert_eq!(said(|_| ()), "");
        for (key, value) in keys.iter().filter(|(key, _)| *key != "stop_on") {
            let bad: &[toml::Value] = match value {
                toml::Value::Integer(_) => &[0.into(), 1_000_001.into()],
                _ => &[(-0.5).into(), f64::NAN.into(), 1e13.into()],
            };
            for value in bad {
                let mut changed = keys.clone();
                changed.insert(key.clone(), value.clone());
                let alarms: Alarms = changed.try_into().unwrap();
                let message = said(|default| *default = alarms);
                let names =
                    message.contains(&format!("[alarms] {key} ")) && message.contains("hint: ");
                assert!(names, "{key} = {value}: {message}");
            }
        }
    }

    #[test]
    fn what_stops_a_run_is_an_alarm() {
        for name in ALARMS.iter().chain(&["all"]) {
            assert_eq!(said(|alarms| alarms.stop_on = vec![name.to_string()]), "");
        }
        let message = said(|alarms| alarms.stop_on = vec!["lenght".into()]);
        assert!(message.contains("`lenght`"), "{message}");
        assert!(message.contains("did you mean `length`?"), "{message}");
        let one = Alarms {
            stop_on: vec!["kl".into()],
            ..Alarms::default()
        };
        assert!(one.stops("kl") && !one.stops("length"));
    }
}
