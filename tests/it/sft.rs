//! Supervised fine-tuning through the binary: from a table of texts and what people wrote after them to a model that
//! says so, and that other parts begin with.

use std::process::Command;

use serde_json::Value;

use crate::support::{Lab, attune, failure, succeed};

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

fn train(lab: &Lab, run: &str, extra: &[&str]) -> Value {
    let output = lab.command(&["train", "sft"], run, extra).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let report = std::fs::read(lab.path(run).join("report.json")).unwrap();
    serde_json::from_slice(&report).unwrap()
}

fn weights(lab: &Lab, run: &str) -> Vec<u8> {
    std::fs::read(lab.path(run).join("policy/model.safetensors")).unwrap()
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
    let report = train(&lab, "sft", &[]);
    assert_eq!(
        (&report["train_pairs"], &report["steps"]),
        (&100.into(), &52.into())
    );
    let loss = report["validation_loss"].as_f64().unwrap();
    assert!(loss < 3.0, "{report}");
    let metrics = std::fs::read_to_string(lab.path("sft/metrics.jsonl")).unwrap();
    let validated: Vec<f64> = metrics
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["validation/loss"].as_f64())
        .collect();
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
    let before = weights(&lab, "sft");
    train(&lab, "sft", &["--resume"]);
    assert_eq!(weights(&lab, "sft"), before);
}

#[test]
fn a_killed_training_ends_with_the_same_bits() {
    let lab = lab();
    train(&lab, "whole", &[]);
    let step = ["--set", "run.checkpoint_every=3"];
    for (number, lines) in [0, 1, 8, 30].into_iter().enumerate() {
        let run = format!("killed-{number}");
        let mut child = lab.command(&["train", "sft"], &run, &step).spawn().unwrap();
        let metrics = lab.path(&run).join("metrics.jsonl");
        let done = || std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count());
        let there = || lab.path(&run).join("config.toml").is_file();
        while (done() < lines || !there()) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let _ = child.kill();
        child.wait().unwrap();
        train(&lab, &run, &[&step[..], &["--resume"]].concat());
        assert_eq!(weights(&lab, &run), weights(&lab, "whole"), "{run}");
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
