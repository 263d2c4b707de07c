//! Alarms, each provoked by a run that goes wrong; runs that an alarm stops; and what the sampler says of its tokens.

use std::path::Path;

use serde_json::Value;

use crate::support::{Lab, Trained, lines};

/// Sixty updates of sixteen episodes, far too fast and without a penalty for it.
const FAST: &[&str] = &[
    "ppo.total_episodes=960",
    "ppo.batch_size=16",
    "ppo.lr=2e-2",
    "kl.coef=0.0",
    "kl.target=0.0",
];

/// `--set` for each.
fn sets<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    settings.iter().flat_map(|one| ["--set", *one]).collect()
}

/// Alarms and the updates in which they begin or are over, in the order of the events.
fn told(run: &Path) -> Vec<(String, u64, bool)> {
    let path = run.join("events.jsonl");
    if !path.exists() {
        return Vec::new();
    }
    let alarms = lines(&path)
        .into_iter()
        .filter(|event| event["event"] == "alarm");
    let told = |event: Value| {
        let name = event["alarm"].as_str().unwrap().to_owned();
        let update = event["update"].as_u64().unwrap();
        (name, update, event["state"] == "begins")
    };
    alarms.map(told).collect()
}

/// Trains with such settings; the alarm must be told of when it begins, in the lines of progress, in the events and
/// at the end. Returns what the alarm says.
fn provoke(alarm: &str, settings: &[&str]) -> String {
    let lab = Lab::new();
    let run = lab.train("run", &sets(&[FAST, settings].concat()));
    let begun = told(&lab.path("run"));
    let first = begun.iter().find(|(name, ..)| name == alarm);
    let (_, update, begins) = first.unwrap_or_else(|| panic!("{alarm}: {begun:?}"));
    assert!(begins, "{begun:?}");
    let said = format!("warning: alarm `{alarm}` in update {update}: ");
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    let progress = |line: &str| line.contains("  score ") && line.contains("  ALARM ");
    assert!(run.stderr.lines().any(progress), "{}", run.stderr);
    let (_, end) = run.stderr.rsplit_once(" in this run:").unwrap();
    assert!(
        end.contains(&format!("\n  `{alarm}`, updates {update} to ")),
        "{end}"
    );
    assert!(end.contains("\n  hint: "), "{end}");
    run.stderr.split_once(&said).unwrap().1.to_owned()
}

#[test]
fn a_divergence_far_from_its_target_is_an_alarm() {
    let said = provoke("kl", &["kl.target=0.5"]);
    assert!(
        said.contains("more than 2 times its target of 0.5"),
        "{said}"
    );
}

#[test]
fn a_policy_that_no_longer_chooses_is_an_alarm() {
    let said = provoke(
        "entropy",
        &["labeler.settings.from=97", "labeler.settings.to=97"],
    );
    assert!(said.contains("less than 0.2 of the "), "{said}");
}

#[test]
fn responses_that_repeat_themselves_are_an_alarm() {
    let said = provoke(
        "repetition",
        &["labeler.settings.from=97", "labeler.settings.to=97"],
    );
    assert!(said.contains("% of the runs of three tokens"), "{said}");
    // Among each other alone.
    let said = provoke(
        "repetition",
        &[
            "labeler.settings.from=97",
            "labeler.settings.to=97",
            "alarms.repeated_share=1.0",
        ],
    );
    assert!(said.contains("say what another of them says"), "{said}");
}

#[test]
fn updates_that_go_far_beyond_their_clipping_are_an_alarm() {
    let said = provoke("ratio", &["ppo.lr=1.0"]);
    assert!(
        said.contains("squared change of log-probabilities"),
        "{said}"
    );
}

#[test]
fn a_sampler_that_draws_by_other_probabilities_is_an_alarm() {
    let said = provoke(
        "mismatch",
        &[
            "run.dtype=bf16",
            "alarms.mismatch_kl=0.0",
            "ppo.total_episodes=160",
        ],
    );
    assert!(said.contains("nats a token on the tokens"), "{said}");
}

#[test]
fn rewards_that_become_large_make_the_value_loss_an_alarm() {
    let lavish = r#"shaper=[{plugin="hostile-shaper",settings={mode="counts",every=1,from=240}}]"#;
    let said = provoke("value_loss", &[lavish, "ppo.whiten_rewards=false"]);
    assert!(said.contains("more than 10 times the"), "{said}");
}

#[test]
fn scores_that_are_all_as_good_as_they_get_are_an_alarm() {
    let said = provoke("saturation", &[]);
    assert!(
        said.contains("of the responses of a batch have the same score"),
        "{said}"
    );
}

#[test]
fn responses_that_break_the_rules_are_an_alarm() {
    let said = provoke(
        "invalid",
        &[
            "task.settings.truncate_token=~",
            "task.settings.penalty=1.0",
        ],
    );
    assert!(said.contains("% of the responses are invalid"), "{said}");
}

#[test]
fn responses_that_become_short_are_an_alarm() {
    let said = provoke(
        "length",
        &[
            "task.settings.truncate_token=a",
            "task.settings.penalty=0.0",
            "labeler.settings.from=97",
            "labeler.settings.to=97",
        ],
    );
    assert!(said.contains("more than 2.5 times shorter"), "{said}");
}

#[test]
fn a_judge_that_falls_while_the_reward_rises_is_an_alarm() {
    let judge = r#"eval.measure=[{plugin="letters",settings={from=80,to=127}}]"#;
    let said = provoke("judge", &[judge, "ppo.lr=1e-2"]);
    assert!(
        said.contains("where `letters`, which is no part of it,"),
        "{said}"
    );
}

#[test]
fn rewards_that_are_all_the_same_are_an_alarm() {
    // No text has this byte.
    let said = provoke(
        "equal_rewards",
        &["labeler.settings.from=255", "labeler.settings.to=255"],
    );
    assert!(said.contains("are worth the same, 0.000"), "{said}");
}

#[test]
fn a_run_in_which_nothing_goes_wrong_says_so_by_silence() {
    let lab = Lab::new();
    for settings in [&[][..], &["alarms.persistence=1", "ppo.total_episodes=240"]] {
        let name = format!("run-{}", settings.len());
        let run = lab.train(&name, &sets(settings));
        assert!(
            !run.stderr.to_lowercase().contains("alarm"),
            "{}",
            run.stderr
        );
        assert_eq!(told(&lab.path(&name)), []);
    }
}

#[test]
fn thresholds_change_no_result() {
    let lab = Lab::new();
    let run = lab.train("run", &[]);
    let alarmed = lab.train(
        "alarmed",
        &sets(&["alarms.persistence=1", "alarms.clip_share=0.0"]),
    );
    assert!(
        told(&lab.path("alarmed"))
            .iter()
            .any(|(name, ..)| name == "ratio")
    );
    run.assert_same(&alarmed, "an alarm");
}

/// Stops by saturation, which comes first, with checkpoints that are rare.
const STOPPED: &[&str] = &[
    r#"alarms.stop_on=["saturation"]"#,
    "run.checkpoint_every=50",
];

#[test]
fn an_alarm_stops_a_run_that_goes_on_where_nothing_stops_it_any_more() {
    let lab = Lab::new();
    let rare = [FAST, &["run.checkpoint_every=50"]].concat();
    let whole = lab.train("whole", &sets(&rare));
    let all = told(&lab.path("whole"));
    let (_, update, _) = all.iter().find(|(name, ..)| name == "saturation").unwrap();
    let done = update + 1;

    let settings = sets(&[FAST, STOPPED].concat());
    let message = lab.refused("run", &settings);
    let stopped = format!(
        "the run stopped after {done} updates, as alarms.stop_on says: alarm `saturation`: "
    );
    assert!(message.contains(&stopped), "{message}");
    let place = lab
        .path("run")
        .join(format!("checkpoints/update-{done:06}"));
    assert!(message.contains(&place.display().to_string()), "{message}");
    assert!(place.join("weights.safetensors").is_file());

    // What holds still stops it, before anything is trained.
    let metrics = std::fs::read(lab.path("run/metrics.jsonl")).unwrap();
    let resume = |settings: &[&'static str]| {
        let mut all = sets(settings);
        all.push("--resume");
        all
    };
    let again = lab.refused("run", &resume(&[FAST, STOPPED].concat()));
    assert!(again.contains(&stopped), "{again}");
    assert_eq!(
        std::fs::read(lab.path("run/metrics.jsonl")).unwrap(),
        metrics
    );

    // Once nothing stops it, it is the run that was never stopped, and has said what that has said, each once.
    let resumed = lab.train("run", &resume(&rare));
    whole.assert_same(&resumed, "stopped by an alarm");
    assert_eq!(told(&lab.path("run")), all);
    let holds = format!("warning: alarm `saturation` in update {update}: ");
    assert!(resumed.stderr.contains(&holds), "{}", resumed.stderr);
    let summary = |run: &Trained| run.stderr.rsplit_once("warning: ").unwrap().1.to_owned();
    assert_eq!(summary(&whole), summary(&resumed));
}

#[test]
fn what_cannot_stop_a_run_is_named() {
    let lab = Lab::new();
    let message = lab.refused(
        "run",
        &sets(&[r#"alarms.stop_on=["entrpy"]"#, "alarms.persistence=0"]),
    );
    for said in [
        "`entrpy`, which is no alarm",
        "did you mean `entropy`?",
        "[alarms] persistence is 0",
    ] {
        assert!(message.contains(said), "{said} in {message}");
    }
}

#[test]
fn sampler_and_trainer_agree() {
    let lab = Lab::new();
    for (name, settings, (mean, largest)) in [
        ("plain", &[][..], (1e-6, 1e-5)),
        ("threads", &["run.threads=2"], (1e-6, 1e-5)),
        (
            "parts",
            &["sampling.rollout_batch=3", "ppo.micro_batch=1"],
            (1e-6, 1e-5),
        ),
        ("top layer", &["model.trainable_layers=1"], (1e-6, 1e-5)),
        // What is left out makes no other token likelier here.
        ("top k", &["sampling.top_k=5"], (1e-6, 1e-5)),
        (
            "top p",
            &["sampling.top_p=0.5", "sampling.temperature=1.3"],
            (1e-6, 1e-5),
        ),
        ("bf16", &["run.dtype=bf16"], (0.01, 0.5)),
    ] {
        let run = lab.train(name, &sets(settings));
        for (metric, bound) in [
            ("sampling/mismatch_kl", mean),
            ("sampling/mismatch_max", largest),
        ] {
            let values = run.metric(metric);
            let all = values.iter().all(|value| value.abs() <= bound);
            assert!(all, "{name}: {metric} {values:?}");
        }
    }
}
