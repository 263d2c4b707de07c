//! Supervised fine-tuning through the binary: from a table of texts and what people wrote after them to a model that
//! says so, and that other parts begin with.

use std::process::Command;
use std::time::Instant;

use crate::kills;
use crate::support::{Lab, Trained, attune, failure, succeed};

/// A lab whose rows have a reference: the same word for every row of a kind.
fn lab() -> Lab {
    let lab = Lab::new();
    let row = |number: usize| {
        let (kind, word) = [("red", "apple"), ("blue", "berry")][number % 2];
        format!("row {number} is {kind} of its own,{word}\n")
    };
    let rows: String = (0..120).map(row).collect();
    lab.write("data.csv", format!("text,summary\n{rows}"));
    lab.edit("train = \"data.txt\"", "train = \"data.csv\"");
    lab.edit(
        "query_len = 8",
        "reference_field = \"summary\"\nsuffix = \" =>\"\nquery_len = 24",
    );
    lab.edit(
        "[ppo]",
        "[sft]\nvalidation = 16\nbatch_size = 8\nepochs = 4\nlr = 3e-3\nend_text = \"\\n\"\nmicro_tokens = 256\n[ppo]",
    );
    lab
}

#[test]
fn a_model_learns_what_people_wrote_and_others_begin_with_it() {
    let lab = lab();
    let said = lab.command(&["plan"], "plan", &[]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    // Of 120 rows 4 are held out for the policy's table, 16 for validation.
    for part in [
        "pairs: 100 to learn from, of 700 response tokens, 16 for validation",
        "52 steps of 8 pairs, 4 epochs",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let tuned = lab.tune("sft", &[]);
    let report = tuned.report.as_ref().unwrap();
    assert_eq!(
        (&report["train_pairs"], &report["steps"]),
        (&100.into(), &52.into())
    );
    let loss = report["validation_loss"].as_f64().unwrap();
    assert!(loss < 3.0, "{report}");
    let losses = tuned.metrics.iter();
    let losses = losses.filter_map(|line| line.get("validation/loss")?.as_f64());
    let validated: Vec<f64> = losses.collect();
    assert!(
        validated.len() == 4 && validated[3] < validated[0],
        "{validated:?}"
    );
    // The run is named where a model is wanted.
    let run = lab.path("sft");
    let from = format!("model.path={}", run.display());
    let trained = lab.train("after", &["--set", &from]);
    assert_eq!(trained.metric("objective/score").len(), 6);
    let said = succeed(&[
        "sample",
        run.to_str().unwrap(),
        "--prompt",
        "row 3 is",
        "--seed",
        "1",
    ]);
    assert!(!said.is_empty());
    // Nothing is done twice.
    tuned.assert_same(&lab.tune("sft", &["--resume"]), "again");
    // Nor is what was learned from other rows called done.
    let rows = std::fs::read_to_string(lab.path("data.csv")).unwrap();
    lab.write("data.csv", rows.replace("row 9 ", "row 10 "));
    let said = failure(&mut lab.command(&["train", "sft"], "sft", &["--resume"]));
    assert!(
        said.contains("data.csv") && said.contains("has changed since the run began"),
        "{said}"
    );
}

/// With all that a checkpoint has to carry on: the best epoch so far, and steps since.
const LONG: &[&str] = &["--set", "run.checkpoint_every=3", "--set", "sft.patience=3"];

fn finish(lab: &Lab, run: &str, extra: &[&str]) -> Trained {
    let mut with_resume = extra.to_vec();
    if lab.path(run).join("config.toml").is_file() {
        with_resume.push("--resume");
    }
    lab.tune(run, &with_resume)
}

#[test]
fn a_training_killed_at_random_moments_ends_with_the_same_bits() {
    let lab = lab();
    let whole = lab.tune("warm", LONG);
    let clock = Instant::now();
    whole.assert_same(&lab.tune("whole", LONG), "a second run");
    assert_eq!(whole.metrics.len(), 52);
    kills::at_random_moments(
        &lab,
        (2019, 20),
        clock.elapsed(),
        |run| kills::begin(&lab, &["train", "sft"], run, LONG),
        |run, about| whole.assert_same(&finish(&lab, run, LONG), about),
    );
}

#[test]
fn a_training_killed_in_each_part_of_it_ends_with_the_same_bits() {
    let lab = lab();
    let whole = lab.tune("whole", LONG);
    for part in [
        "config.toml",
        "metrics.jsonl",
        "best-epoch-0001.safetensors",
        "checkpoints/update-000030",
        "checkpoints/update-000052",
        "policy",
    ] {
        let run = format!("killed-at-{}", part.replace('/', "-"));
        let place = lab.path(&run);
        let child = kills::begin(&lab, &["train", "sft"], &run, LONG);
        kills::kill_when(child, || place.join(part).exists());
        whole.assert_same(&finish(&lab, &run, LONG), part);
    }
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let lab = lab();
    let refused = |extra: &[&str]| failure(&mut lab.command(&["train", "sft"], "no", extra));
    for (set, parts) in [
        ("sft.lr=2", &["[sft] lr 2", "from 0 to 1"][..]),
        ("sft.schedule=cosinus", &["`cosinus` is unknown", "cosine"]),
        (
            "sft.validation=116",
            &["there are 116 pairs", "holds back 116", "sft.validation"],
        ),
        (
            "sft.num_train=101",
            &["there are 100 pairs", "num_train 101"],
        ),
        ("sft.warmup=1.5", &["[sft] warmup 1.5"]),
        ("task.settings.reference_field=other", &["no field"]),
        ("model.path=sft-not-there", &["sft-not-there"]),
    ] {
        let said = refused(&["--set", set]);
        for part in parts.iter().chain(&["hint: "]) {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(!lab.path("no").exists(), "{set}");
    }
    lab.write(
        "data.csv",
        "text,summary\nrow one,\nrow two,\nrow three is,\nrow 4,\nrow 5,\nrow 6,\n",
    );
    let said = refused(&[]);
    assert!(
        said.contains("has a reference to learn from") && said.contains("reference_field"),
        "{said}"
    );
    lab.edit("[sft]", "[other]");
    let mut plan: Command = attune(&["train", "sft"]);
    let said = failure(plan.arg(lab.path("config.toml")));
    assert!(said.contains("other"), "{said}");
}
