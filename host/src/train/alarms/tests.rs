//! Series of metrics, and what is alarming in them.

use super::rules::RULES;
use super::{Notice, Watch};
use crate::config::{ALARMS, Config};
use crate::metrics::Record;

fn config(rest: &str) -> Config {
    toml::from_str(&format!("[run]\ndir='r'\n[model]\npath='m'\n{rest}")).unwrap()
}

/// Numbers of a training in which nothing is wrong.
const HEALTHY: &[(&str, f64)] = &[
    ("objective/kl", 5.0),
    ("objective/score", 0.5),
    ("objective/score_std", 0.4),
    ("objective/score_mode", 0.1),
    ("objective/valid", 0.9),
    ("ppo/first_ratio_error", 1e-7),
    ("ppo/loss/value", 0.3),
    ("ppo/policy/approxkl", 0.02),
    ("ppo/policy/clipfrac", 0.2),
    ("ppo/policy/entropy", 2.0),
    ("response/duplicates", 0.0),
    ("response/length", 20.0),
    ("response/repeated", 0.05),
    ("sampling/mismatch_kl", 1e-8),
    ("measure/taste", 0.5),
    ("time/update", 3.0),
];

/// Watches so many updates; `change` says how each differs from a healthy one.
fn watched(
    config: &Config,
    updates: u64,
    change: impl Fn(u64, &mut Record),
) -> (Watch, Vec<Notice>) {
    let mut watch = Watch::new(config);
    let mut notices = Vec::new();
    for update in 0..updates {
        let mut record = Record::default();
        record.extend(HEALTHY.iter().copied());
        change(update, &mut record);
        notices.extend(watch.observe(update, &record));
    }
    (watch, notices)
}

/// Alarms and the updates in which they begin or are over.
fn told(notices: &[Notice]) -> Vec<(&str, u64, bool)> {
    let told = |notice: &Notice| (notice.alarm, notice.update, notice.begins);
    notices.iter().map(told).collect()
}

#[test]
fn rules_are_those_that_a_config_can_name() {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.alarm).collect();
    assert_eq!(names, ALARMS);
}

#[test]
fn nothing_is_alarming_in_a_healthy_training() {
    let noisy = |update: u64, record: &mut Record| {
        let names = HEALTHY.iter().map(|(name, _)| *name).enumerate();
        for (place, name) in names.filter(|(_, name)| *name != "objective/valid") {
            let wave = ((update * 7 + place as u64 * 3) as f64).sin();
            let value = record.get(name).unwrap();
            record.set(name, value * (1.0 + 0.3 * wave));
        }
    };
    let (watch, notices) = watched(&config(""), 300, noisy);
    assert_eq!(notices, []);
    assert_eq!(watch.summary(), None);
}

/// A metric that goes to another value after ten updates, and the alarm and words that tell of it.
const FAULTS: &[(&str, f64, &str, &str)] = &[
    (
        "objective/kl",
        12.5,
        "kl",
        "more than 2 times its target of 6",
    ),
    ("objective/kl", -1.5, "kl", "no divergence is below 0"),
    (
        "ppo/policy/entropy",
        0.39,
        "entropy",
        "less than 0.2 of the 2.000",
    ),
    ("response/repeated", 0.6, "repetition", "60 % of the runs"),
    (
        "response/duplicates",
        0.6,
        "repetition",
        "60 % of the responses",
    ),
    ("ppo/first_ratio_error", 0.15, "ratio", "1.5e-1 from 1"),
    (
        "ppo/policy/approxkl",
        0.4,
        "ratio",
        "is 0.40, more than 0.3",
    ),
    (
        "ppo/policy/clipfrac",
        0.7,
        "ratio",
        "70 % of all tokens is clipped",
    ),
    (
        "sampling/mismatch_kl",
        -0.02,
        "mismatch",
        "-2.0e-2 nats a token",
    ),
    (
        "ppo/loss/value",
        3.1,
        "value_loss",
        "the 3.00e-1 of the updates before",
    ),
    (
        "objective/score_mode",
        0.96,
        "saturation",
        "96 % of the responses",
    ),
    (
        "objective/score_std",
        0.007,
        "saturation",
        "deviate by 7.00e-3",
    ),
    (
        "objective/valid",
        0.2,
        "invalid",
        "80 % of the responses are invalid",
    ),
    (
        "response/length",
        51.0,
        "length",
        "more than 2.5 times longer than the 20.0",
    ),
    (
        "response/length",
        7.9,
        "length",
        "more than 2.5 times shorter",
    ),
];

#[test]
fn what_lasts_is_told_when_it_begins_and_when_it_is_over() {
    let config = config("");
    for (name, value, alarm, words) in FAULTS {
        let fault = |update: u64, record: &mut Record| {
            // Four updates are not enough, and neither is one that is well in between to end it.
            if (4..8).contains(&update) || (10..17).contains(&update) || (18..20).contains(&update)
            {
                record.set(*name, *value);
            }
        };
        let (watch, notices) = watched(&config, 40, fault);
        // Large losses become what is usual.
        let over = if *alarm == "value_loss" { 21 } else { 24 };
        assert_eq!(
            told(&notices),
            [(*alarm, 14, true), (alarm, over, false)],
            "{name}"
        );
        let said = notices[0].told();
        assert!(said.contains(words), "{said}");
        assert!(
            said.contains("(5 updates in a row)") && said.contains("\nhint: "),
            "{said}"
        );
        assert_eq!(
            notices[1].told(),
            format!("alarm `{alarm}` is over in update {over}")
        );
        let summary = watch.summary().unwrap();
        let once = format!("an alarm in this run:\n  `{alarm}`, updates 14 to {over}: ");
        assert!(
            summary.starts_with(&once) && summary.contains(words),
            "{summary}"
        );
        assert_eq!(watch.holding().count(), 0);
    }
}

#[test]
fn equal_rewards_are_told_of() {
    let (watch, notices) = watched(&config("[alarms]\npersistence = 2"), 5, |_, record| {
        record.set("objective/score_std", 0.0);
    });
    assert_eq!(told(&notices), [("equal_rewards", 1, true)]);
    assert!(
        watch
            .summary()
            .unwrap()
            .contains("`equal_rewards`, updates 1 to the end: all responses")
    );
}

#[test]
fn a_target_that_is_not_reached_is_told_of_after_two_horizons() {
    let far = |_: u64, record: &mut Record| record.set("objective/kl", 1.0);
    let two = "[ppo]\nbatch_size = 100\n[kl]\nhorizon = 1000.0";
    let (_, notices) = watched(&config(two), 40, far);
    assert_eq!(told(&notices), [("kl", 23, true)]);
    assert!(
        notices[0].what.contains("less than 1/4 of its target of 6"),
        "{}",
        notices[0].what
    );
    // A fixed coefficient has no target.
    let fixed = config(&format!("{two}\ntarget = 0.0"));
    assert_eq!(watched(&fixed, 40, far).1, []);
    assert_eq!(
        watched(&fixed, 40, |_, record| record.set("objective/kl", 99.0)).1,
        []
    );
}

/// A reward that rises all the time, and a measure that falls from some update on; both with noise.
fn cheated(update: u64, record: &mut Record, from: u64) {
    let noise = |phase: u64| 0.05 * (2.4 * update as f64 + phase as f64).sin();
    let fallen = 0.03 * update.saturating_sub(from) as f64;
    record.set("objective/score", 0.02 * update as f64 + noise(0));
    record.set("measure/taste", 0.5 - fallen + noise(5));
}

#[test]
fn a_judge_that_falls_while_the_reward_rises_is_told_of() {
    let config = config("");
    let (_, notices) = watched(&config, 60, |update, record| cheated(update, record, 20));
    let begun: Vec<&str> = notices.iter().map(|notice| notice.alarm).collect();
    assert_eq!(begun, ["judge"]);
    assert!(
        (25..40).contains(&notices[0].update),
        "{}",
        notices[0].update
    );
    assert!(notices[0].what.contains("`taste`"), "{}", notices[0].what);
    let (_, notices) = watched(&config, 60, |update, record| cheated(update, record, 1000));
    assert_eq!(notices, []);
    // Both fall: that is no cheating.
    let (_, notices) = watched(&config, 60, |update, record| {
        cheated(update, record, 20);
        record.set("objective/score", -0.02 * update as f64);
    });
    assert_eq!(notices, []);
}

#[test]
fn what_holds_stops_a_run_only_where_the_config_says_so() {
    let far = |update: u64, record: &mut Record| {
        if update >= 3 {
            record.set("response/length", 90.0);
        }
    };
    let stopping = |stop_on: &str| {
        let (watch, _) = watched(&config(&format!("[alarms]\nstop_on = {stop_on}")), 9, far);
        assert_eq!(watch.holding().count(), 1);
        watch.stopping().map(|notice| notice.alarm)
    };
    assert_eq!(stopping("[]"), None);
    assert_eq!(stopping("['kl']"), None);
    assert_eq!(stopping("['kl', 'length']"), Some("length"));
    assert_eq!(stopping("['all']"), Some("length"));
}

#[test]
fn metrics_that_are_missing_or_no_numbers_are_no_alarm() {
    let mut watch = Watch::new(&config("[alarms]\npersistence = 1"));
    for update in 0..20 {
        let mut record = Record::default();
        if update > 9 {
            record.extend(HEALTHY.iter().map(|(name, _)| (*name, f64::NAN)));
        }
        assert_eq!(watch.observe(update, &record), []);
    }
}

#[test]
fn a_log_that_is_read_again_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let config = config("");
    assert!(Watch::of_log(&config, &path).unwrap().summary().is_none());
    let mut log = crate::metrics::MetricsLog::create(&path).unwrap();
    let mut watch = Watch::new(&config);
    for update in 0..60 {
        let mut record = Record::default();
        record.extend(HEALTHY.iter().copied());
        cheated(update, &mut record, 20);
        watch.observe(update, &record);
        log.append(update, &record).unwrap();
        let again = Watch::of_log(&config, &path).unwrap();
        assert!(again.holding().eq(watch.holding()));
        assert_eq!(again.summary(), watch.summary());
    }
    assert!(watch.summary().is_some());
}
