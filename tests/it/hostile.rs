//! Plugins that hang, panic, lie and flood: the run does what its policy says, the host stands, and
//! every other row keeps its score.

use serde_json::Value;

use crate::support::{Lab, Trained, attune};

/// Rows 0, 4, 8 … of a run are the bad ones, so two in a batch of eight and the first that is kept
/// as a sample of each.
const BAD: f64 = 0.25;

/// Two updates; a deadline that honest rows keep on a busy machine as well. `role` is played by a
/// plugin that does as [`behave`] says.
fn lab_of(role: &str) -> Lab {
    let lab = Lab::new();
    match role {
        "task" => {
            let config = std::fs::read_to_string(lab.path("config.toml")).unwrap();
            let (start, rest) = config.split_once("[task]").unwrap();
            let (_, rest) = rest.split_once("[labeler]").unwrap();
            let task = "[task]\nplugin = \"hostile-task\"\nsettings.mode = \"honest\"";
            lab.write("config.toml", format!("{start}{task}\n[labeler]{rest}"));
        }
        "labeler" => lab.edit("\"letters\"", "\"hostile\"\nsettings.mode = \"honest\""),
        _ => lab.edit(
            "[ppo]",
            "[[shaper]]\nplugin = \"hostile-shaper\"\nsettings.mode = \"honest\"\n[ppo]",
        ),
    }
    lab.edit("total_episodes = 48", "total_episodes = 16");
    lab.edit(
        "[ppo]",
        "[plugins]\ndeadline_ms = 1000\nmax_error_rate = 0.3\n[ppo]",
    );
    lab
}

/// Time enough to fill the memory on a busy machine, whose system has to find it.
const PATIENT: [&str; 2] = ["--set", "plugins.deadline_ms=20000"];

fn lab() -> Lab {
    lab_of("labeler")
}

/// Tells the plugin what to do.
fn behave(lab: &Lab, mode: &str) {
    let config = std::fs::read_to_string(lab.path("config.toml")).unwrap();
    let (start, rest) = config.split_once("settings.mode = \"").unwrap();
    let (_, rest) = rest.split_once('"').unwrap();
    lab.write(
        "config.toml",
        format!("{start}settings.mode = \"{mode}\"{rest}"),
    );
}

fn train(lab: &Lab, mode: &str, on_error: &str, extra: &[&str]) -> Trained {
    behave(lab, mode);
    let policy = format!("plugins.on_error={on_error}");
    let run = format!("{mode}-{on_error}");
    lab.train(&run, &[&["--set", &policy], extra].concat())
}

/// Under each policy, a labeler that does `mode` to some rows: the error has all of `parts`.
fn check(mode: &str, extra: &[&str], parts: &[&str]) {
    check_role("labeler", mode, extra, parts);
}

fn check_role(role: &str, mode: &str, extra: &[&str], parts: &[&str]) {
    let lab = lab_of(role);
    let honest = train(&lab, "honest", "fail", &[]);
    behave(&lab, mode);
    let message = lab.refused("fail", extra);
    for part in [&["hostile", "row 0", "1 of 4 rows", "on_error"], parts].concat() {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let drop = train(&lab, mode, "drop", extra);
    let neutral = train(&lab, mode, "neutral", extra);
    for run in [&drop, &neutral] {
        assert_eq!(run.metric("plugins/error_rate"), [BAD, BAD]);
        check_samples(&honest, run, parts);
        check_warnings(run, parts);
    }
    // Rows that are left out are not learned from; neutral ones are.
    assert_ne!(
        drop.metric("ppo/returns/mean"),
        neutral.metric("ppo/returns/mean")
    );
}

/// Who watches is told of the first failure, of each update's share, and of them all.
fn check_warnings(run: &Trained, parts: &[&str]) {
    let warning = "warning: a plugin failed on 2 of 8 rows";
    assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.stderr);
    let all = ["failed rows 25.0 %", "failed on 4 rows in all, of 16"];
    for part in all.iter().chain(parts) {
        assert!(
            run.stderr.contains(part),
            "`{part}` is not in: {}",
            run.stderr
        );
    }
}

/// The samples of the first update, before which both runs were the same.
fn check_samples(honest: &Trained, run: &Trained, parts: &[&str]) {
    let first = |run: &Trained| -> Vec<Value> {
        let first = run.samples.iter().filter(|line| line["update"] == 0);
        first.cloned().collect()
    };
    let (honest, run) = (first(honest), first(run));
    assert_eq!(honest.len(), run.len());
    let error = run[0]["error"].as_str().unwrap();
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    assert_eq!(honest[0]["response"], run[0]["response"]);
    assert_ne!(honest[0]["score"], run[0]["score"]);
    assert_eq!(honest[1..], run[1..]);
}

#[test]
fn a_plugin_that_never_returns() {
    check("loop", &[], &["`judge`", "longer than its share", "1 s"]);
}

#[test]
fn a_plugin_that_panics() {
    let parts = [
        "`judge`",
        "cannot stand group 0",
        "tests/hostile/src/lib.rs:",
    ];
    check("panic", &[], &parts);
}

#[test]
fn a_plugin_that_eats_memory() {
    let parts = ["`judge`", "out of memory (limit 64 MiB)", "misdeeds.rs:"];
    check("memory", &PATIENT, &parts);
    let more = ["--set", "plugins.memory_mib=16"];
    check("memory", &more, &["`judge`", "limit 16 MiB"]);
}

#[test]
fn a_plugin_that_calls_itself() {
    check(
        "recursion",
        &[],
        &["`judge`", "call itself without end", "misdeeds.rs:"],
    );
}

#[test]
fn a_plugin_that_answers_nonsense() {
    check("not-a-number", &[], &["returned NaN as a score"]);
    check("no-such-response", &[], &["chose response 7 of 1"]);
    check("error", &[], &["does not like this one"]);
}

#[test]
fn a_plugin_that_returns_too_much() {
    let much = [
        "--set",
        "plugins.memory_mib=400",
        "--set",
        "plugins.deadline_ms=4000",
    ];
    check(
        "huge-output",
        &much,
        &["`judge`", "returned more than a call may (64 MiB)"],
    );
}

#[test]
fn a_plugin_that_floods_the_log() {
    let lab = lab();
    let honest = train(&lab, "honest", "fail", &[]);
    let flood = train(&lab, "log-flood", "fail", &[]);
    assert_eq!(honest.samples, flood.samples);
    assert_eq!(honest.metrics, flood.metrics);
    let lines = || {
        flood
            .stderr
            .lines()
            .filter(|line| line.starts_with("hostile: "))
    };
    // The probe, both evaluations and two updates are a call each.
    assert!(lines().count() <= 5 * 101, "{} lines", lines().count());
    assert!(lines().any(|line| line.contains("more lines were not shown")));
    assert!(lines().all(|line| line.len() < 3000));
    assert!(!flood.stderr.contains('\u{1b}'));
}

#[test]
fn a_shaper_that_misbehaves() {
    let check = |mode, parts: &[&str]| check_role("shaper", mode, &[], parts);
    check("loop", &["`shape`", "longer than its share"]);
    check("panic", &["`shape`", "cannot stand row 0", "lib.rs:"]);
    check_role(
        "shaper",
        "memory",
        &PATIENT,
        &["`shape`", "out of memory (limit 64 MiB)"],
    );
    check("not-a-number", &["NaN", "`tokens`"]);
    check("error", &["does not like this one"]);
    check(
        "too-few-tokens",
        &["has 1 per-token rewards, not 8 as declared"],
    );
}

#[test]
fn a_task_that_misbehaves() {
    let check = |mode, parts: &[&str]| check_role("task", mode, &[], parts);
    check("loop", &["`finish`", "longer than its share"]);
    check("panic", &["`finish`", "cannot stand row 0", "lib.rs:"]);
    check_role(
        "task",
        "memory",
        &PATIENT,
        &["`finish`", "out of memory (limit 64 MiB)"],
    );
    check("not-a-number", &["NaN", "a penalty"]);
    check("error", &["does not like this one"]);
    check("too-many", &["keeps 9 tokens of a response of 8"]);
    let lab = lab_of("task");
    for (mode, part) in [
        ("panic-in-query", "cannot read row 0"),
        ("loop-in-query", "longer than its share"),
        ("long-query", "a query of 11 tokens, not 1 to 8"),
    ] {
        behave(&lab, mode);
        let message = lab.refused("run", &[]);
        for part in ["hostile-task", part] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert!(!lab.path("run").exists(), "{message}");
    }
}

#[test]
fn a_plugin_that_lies_about_the_whole_batch() {
    let lab = lab();
    for (mode, part) in [
        ("too-few-rows", "verdicts, not 3"),
        ("too-many-scores", "scores, not 3"),
        ("refuse", "is on strike"),
        ("panic-in-configure", "configured to panic"),
        ("loop-in-configure", "ran out of time"),
    ] {
        behave(&lab, mode);
        let mode = "labeler.settings.every=1";
        // No row is to blame, so the policy makes no difference, and nothing has begun.
        for on_error in ["fail", "drop", "neutral"] {
            let policy = format!("plugins.on_error={on_error}");
            let message = lab.refused("run", &["--set", mode, "--set", &policy]);
            for part in ["hostile", part] {
                assert!(message.contains(part), "`{part}` is not in: {message}");
            }
            assert!(!lab.path("run").exists(), "{message}");
        }
    }
    behave(&lab, "honest");
    lab.train("run", &[]);
    // Some rows are to blame: they are found, and the policy is followed.
    check("too-few-rows", &[], &["returned 0 verdicts, not 1"]);
    check("too-many-scores", &[], &["returned 2 scores, not 1"]);
    check("refuse", &[], &["is on strike"]);
}

#[test]
fn more_errors_than_allowed_stop_the_run_and_leave_its_checkpoint() {
    let lab = lab();
    let extra = [
        "--set",
        "labeler.settings.mode=panic",
        "--set",
        "labeler.settings.every=1",
        "--set",
        "labeler.settings.from=18",
        "--set",
        "ppo.total_episodes=48",
        "--set",
        "run.checkpoint_every=1",
    ];
    for on_error in ["fail", "drop", "neutral"] {
        let policy = format!("plugins.on_error={on_error}");
        let extra = [&extra[..], &["--set", &policy]].concat();
        let message = lab.refused(on_error, &extra);
        let stopped = [
            "update 2",
            "update-000002",
            "6 of 8 rows",
            "cannot stand group 18",
        ];
        for part in stopped {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        let metrics = crate::support::lines(&lab.path(on_error).join("metrics.jsonl"));
        assert_eq!(metrics.len(), 2);
        let failed = lab.path(on_error).join("failed-update-000002.json");
        let failed: Value = serde_json::from_slice(&std::fs::read(failed).unwrap()).unwrap();
        assert_eq!(failed["samples"].as_array().unwrap().len(), 8);
        // It goes on from there, into the same wall.
        let again = lab.refused(on_error, &[&extra[..], &["--resume"]].concat());
        assert!(again.contains("update-000002"), "{again}");
        assert_eq!(
            metrics,
            crate::support::lines(&lab.path(on_error).join("metrics.jsonl"))
        );
    }
}

#[test]
fn a_run_that_failed_before_its_first_update_is_not_in_the_way() {
    let lab = lab();
    let message = lab.refused("run", &["--set", "labeler.settings.mode=panic"]);
    assert!(message.contains("cannot stand group 0"), "{message}");
    lab.train("run", &[]);
}

#[test]
fn a_plugin_that_remembers_is_found_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases.jsonl");
    let case = |mode: &str| {
        format!(
            r#"{{"name": "a", "call": "shape", "settings": {{"mode": "{mode}", "every": 1}},
                "rows": [{{"response": "one"}}, {{"response": "two"}}]}}"#
        )
        .replace('\n', "")
    };
    let shaper = crate::plugins::component("hostile-shaper");
    let check = || {
        let mut command = attune(&["plugin", "check"]);
        command.arg(&shaper).arg("--cases").arg(&cases);
        command
    };
    std::fs::write(&cases, case("counts")).unwrap();
    let output = check().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("FAIL   purity    asked again, row 0"),
        "{said}"
    );
    std::fs::write(&cases, case("honest")).unwrap();
    let output = check().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("FAIL   purity"), "{said}");
}
