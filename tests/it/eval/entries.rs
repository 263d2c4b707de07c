//! Entries of all kinds: runs, their checkpoints, the best of several answers, and the task's own baselines.

use serde_json::Value;

use super::{compare, contest, lab, named, results};
use crate::reward::comparisons;
use crate::support::{failure, lines};

#[test]
fn a_run_is_compared_as_it_answered_and_the_best_of_several_is_better() {
    let lab = lab();
    lab.train("trained", &[]);
    let trained = format!("compare.entry.1.model={}", lab.path("trained").display());
    let set = [
        "--set",
        &trained,
        "--set",
        "compare.entry.2={name=\"best\", model=\"model\", best_of=4, by=\"letters\"}",
        "--set",
        "run.threads=1",
    ];
    let checkpoint = lab.path("trained/checkpoints/update-000006");
    let checkpoint = format!(
        "compare.entry.4={{name=\"checkpoint\", model={:?}}}",
        checkpoint.display().to_string()
    );
    let set = [&set[..], &["--set", &checkpoint]].concat();
    let mut command = lab.command(&["eval"], "compared", &set);
    let output = command.current_dir(lab.path(".")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("best: 40 answers sampled, 0 kept from before, draw 4"),
        "{said}"
    );
    // Its first draw is the one that the untrained model answered with.
    assert!(
        said.contains("best: 0 answers sampled, 40 kept from before\n"),
        "{said}"
    );
    let own = std::fs::read(lab.path("trained/eval/after.json")).unwrap();
    let own: Value = serde_json::from_slice(&own).unwrap();
    let answers = lines(&lab.path("compared/answers.jsonl"));
    for (own, compared) in own["answers"].as_array().unwrap().iter().zip(&answers) {
        assert_eq!(own["response"], compared["answers"]["other"]);
        // What the run ended with is what its last checkpoint has.
        assert_eq!(own["response"], compared["answers"]["checkpoint"]);
    }
    let results = results(&lab, "compared");
    let best = named(&results["entries"], "name", "best");
    assert!(
        (best["kl_bound"].as_f64().unwrap() - (4f64.ln() - 0.75)).abs() < 1e-12,
        "{best}"
    );
    assert!(best["measures"]["kl"].is_null());
    let scores = &named(&results["judges"], "name", "letters")["scores"];
    let score = |name| {
        named(scores, "entry", name)["score"]["value"]
            .as_f64()
            .unwrap()
    };
    assert!(score("best") > score("untrained"), "{scores}");
    let pair = contest(
        named(&results["judges"], "name", "letters"),
        "untrained",
        "best",
    );
    assert_eq!(
        (&pair["wins"], &pair["undecided"]),
        (&0.into(), &0.into()),
        "{pair}"
    );
}

#[test]
fn a_baseline_may_be_the_tasks_own() {
    let lab = lab();
    let rows: String = (0..60).map(|row| format!("{row} a b,c{row}\n")).collect();
    lab.write("short.csv", format!("text,answer\n{rows}"));
    let data = format!("data.train={}", lab.path("short.csv").display());
    let asks = crate::js::built(&crate::twins::root().join("tests/js/asks"));
    let task = format!("task={{plugin={:?}}}", asks.display().to_string());
    let own = ["--set", &task, "--set", &data, "--set"];
    compare(
        &lab,
        "own",
        &[&own[..], &["compare.entry.2.baseline=first"]].concat(),
    );
    let answers = lines(&lab.path("own/answers.jsonl"));
    assert!(
        answers[0]["answers"]["lead-1"]
            .as_str()
            .unwrap()
            .starts_with(" 20 "),
        "{}",
        answers[0]
    );
    let mut command = lab.command(&["eval"], "none", &own);
    let said = failure(command.arg("compare.entry.2.baseline=firsts"));
    for part in [
        "entry `lead-1`",
        "no baseline `firsts`",
        "lead, extract; the task's own are first, reference",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn an_experiment_ends_with_its_comparison() {
    let lab = lab();
    lab.write("labels.jsonl", comparisons(32, 1));
    let reward = "train = [\"labels.jsonl\"]\nbatch_size = 8\nlr = 3e-3\nnormalize_samples = 16\nrollout_batch = 8\n";
    lab.edit("[ppo]", &format!("[reward]\n{reward}[ppo]"));
    let run = lab.path("whole");
    let policy = format!("compare.entry.1.model={}", run.display());
    let judge = format!(
        "compare.judge.0={{reward_model={:?}}}",
        run.join("reward").display().to_string()
    );
    let set = ["--set", &policy, "--set", &judge];
    let plan = lab.command(&["plan"], "whole", &set).output().unwrap();
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert_eq!(plan.matches("which is not there yet").count(), 2, "{plan}");
    let output = lab.command(&["run"], "whole", &set).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let first = std::fs::read(run.join("eval.json")).unwrap();
    let found = results(&lab, "whole");
    let scores = named(&found["judges"], "name", "reward");
    let scored = named(&scores["scores"], "entry", "other");
    assert!(scored["kl"].is_number(), "{scored}");
    // The same command again has nothing left to do, and another comparison needs no training.
    assert!(
        lab.command(&["run"], "whole", &set)
            .status()
            .unwrap()
            .success()
    );
    assert!(std::fs::read(run.join("eval.json")).unwrap() == first);
    let (said, _) = compare(
        &lab,
        "whole",
        &[&set[..], &["--set", "compare.against=by hand"]].concat(),
    );
    assert!(said.contains("other: 0 answers sampled, 40 kept"), "{said}");
    assert!(
        lab.command(&["run"], "whole", &set)
            .status()
            .unwrap()
            .success()
    );
}
