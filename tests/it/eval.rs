//! Comparisons through the binary: models, baselines and what people wrote, before several judges.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Lab, lines, succeed};

mod entries;
mod judges;
mod numbers;
mod refused;

const COMPARE: &str = r#"
[[compare.entry]]
name = "untrained"
model = "model"
[[compare.entry]]
name = "other"
model = "other"
[[compare.entry]]
name = "lead-1"
baseline = "lead"
[[compare.entry]]
name = "by hand"
baseline = "reference"
[[compare.judge]]
labeler = { plugin = "letters" }
[[compare.judge]]
name = "e"
labeler = { plugin = "letters", settings = { from = 101, to = 101, compare_only = true } }
"#;

/// A lab with two untrained models, rows with a reference of which every second has an `e`, and a comparison on 40 of
/// them.
pub(crate) fn lab() -> Lab {
    let lab = Lab::new();
    let row = |row: usize| {
        let color = ["red", "pink"][row % 2];
        format!("\"row {row} is {color}. It has no other color. And so on.\",row {row} {color}\n")
    };
    let rows: String = (0..120).map(row).collect();
    lab.write("data.csv", format!("text,summary\n{rows}"));
    lab.edit("train = \"data.txt\"", "train = \"data.csv\"");
    lab.edit(
        "query_len = 8\nresponse_len = 8",
        "reference_field = \"summary\"\nquery_len = 64\nresponse_len = 24",
    );
    lab.edit("queries = 4", "queries = 40");
    lab.edit("[ppo]", &format!("{COMPARE}[ppo]"));
    let [config, other] = ["tiny.json", "other"].map(|name| lab.path(name).display().to_string());
    succeed(&["model", "random", &config, &other, "--seed", "1"]);
    lab
}

/// Compares, and returns what was said on standard error and standard output.
fn compare(lab: &Lab, run: &str, extra: &[&str]) -> (String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = lab.command(&["eval"], run, extra).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{said}");
    (said, String::from_utf8(stdout).unwrap())
}

fn results(lab: &Lab, run: &str) -> Value {
    serde_json::from_slice(&std::fs::read(lab.path(run).join("eval.json")).unwrap()).unwrap()
}

/// What is called so in a list.
fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

fn contest<'a>(judge: &'a Value, first: &str, second: &str) -> &'a Value {
    let mut all = judge["contests"].as_array().unwrap().iter();
    let found = all.find(|one| one["first"] == first && one["second"] == second);
    found.unwrap_or_else(|| panic!("{first} and {second} in {judge}"))
}

fn measure<'a>(results: &'a Value, entry: &str, name: &str) -> &'a Value {
    &named(&results["entries"], "name", entry)["measures"][name]
}

#[test]
fn a_table_says_who_is_better_by_whom_and_how_it_copies() {
    let lab = lab();
    let (said, table) = compare(&lab, "compared", &[]);
    assert!(
        said.contains("untrained: 40 answers sampled, 0 kept"),
        "{said}"
    );
    for part in [
        "| measure | untrained | other | lead-1 | by hand |",
        "| score by letters |",
        "ROUGE-1",
        "| wins over untrained by e, % | – |",
        "eval.json",
    ] {
        assert!(table.contains(part), "`{part}` is not in: {table}");
    }
    let results = results(&lab, "compared");
    assert_eq!(
        (&results["queries"], &results["with_reference"]),
        (&40.into(), &40.into())
    );
    let whole = json!({"value": 1.0, "low": 1.0, "high": 1.0, "count": 40});
    // What is compared with itself is the same, and a first sentence is copied.
    assert_eq!(measure(&results, "by hand", "rouge1"), &whole);
    assert_eq!(measure(&results, "lead-1", "copied_sentences"), &whole);
    assert_eq!(measure(&results, "lead-1", "copies_begin"), &whole);
    assert_eq!(measure(&results, "untrained", "kl")["value"], 0.0);
    assert_ne!(measure(&results, "other", "kl")["value"], 0.0);
    assert!(measure(&results, "lead-1", "kl").is_null());
    for name in [
        "entropy",
        "ref_perplexity",
        "distinct_2",
        "self_bleu",
        "tokens",
    ] {
        let found = measure(&results, "other", name);
        let [low, value, high] = ["low", "value", "high"].map(|key| found[key].as_f64().unwrap());
        assert!(
            low <= value && value <= high && found["count"] == 40,
            "{name}: {found}"
        );
    }
    let other = named(&results["entries"], "name", "by hand");
    let paired = &other["paired"]["rouge1"];
    assert!(paired["p"].as_f64().unwrap() < 0.001, "{paired}");
    numbers::are_spread_and_paired(&results);
    judges_say_so(&results);
    numbers::stand_in_all_files(&lab, &results);
    let answers = lines(&lab.path("compared/answers.jsonl"));
    assert_eq!(
        (answers.len(), &answers[1]["answers"]["by hand"]),
        (40, &json!(" row 81 pink"))
    );
}

/// Of rows with an `e`, what people wrote has the larger share of them; the others have none, and whoever asks which is
/// better is told another each time.
fn judges_say_so(results: &Value) {
    let judge = named(&results["judges"], "name", "e");
    let pair = contest(judge, "lead-1", "by hand");
    for (name, count) in [("wins", 0), ("losses", 20), ("ties", 0), ("undecided", 20)] {
        assert_eq!(pair[name], count, "{name}: {pair}");
    }
    let rate = &pair["win_rate"];
    assert_eq!((&rate["value"], &rate["count"]), (&json!(0.25), &json!(40)));
    let (low, high) = (
        rate["low"].as_f64().unwrap(),
        rate["high"].as_f64().unwrap(),
    );
    assert!(
        (low - 0.142).abs() < 1e-3 && (high - 0.402).abs() < 1e-3,
        "{rate}"
    );
    assert!(pair["p"].as_f64().unwrap() < 1e-5, "{pair}");
    assert!(
        judge["first_seat"]["value"].as_f64().unwrap() < 0.5,
        "{judge}"
    );
    assert_eq!(judge["scores"], json!([]));
    let rated = &judge["ratings"];
    let rating = |name| named(rated, "entry", name)["value"].as_f64().unwrap();
    assert!(rating("by hand") > rating("lead-1"), "{rated}");
    let sum: f64 = ["untrained", "other", "lead-1", "by hand"]
        .map(rating)
        .iter()
        .sum();
    assert!(sum.abs() < 1e-6, "{rated}");
    let scoring = named(&results["judges"], "name", "letters");
    let scored = named(&scoring["scores"], "entry", "by hand");
    assert!(scored["paired"]["p"].as_f64().unwrap() < 0.001, "{scored}");
    assert!(
        scored["on_frontier"].is_null() && scored["kl"].is_null(),
        "{scored}"
    );
    let untrained = named(&scoring["scores"], "entry", "untrained");
    assert!(untrained["on_frontier"].is_boolean(), "{untrained}");
    assert_eq!(scoring["contests"].as_array().unwrap().len(), 6);
}

#[test]
fn what_was_done_is_not_done_again() {
    let lab = lab();
    compare(&lab, "compared", &[]);
    let read = |run: &str, file: &str| std::fs::read(lab.path(run).join(file)).unwrap();
    let first = ["eval.json", "eval.md", "eval.csv", "answers.jsonl"]
        .map(|file| (file, read("compared", file)));
    let (said, _) = compare(&lab, "compared", &[]);
    assert!(said.contains("other: 0 answers sampled, 40 kept"), "{said}");
    compare(&lab, "again", &[]);
    for (file, bytes) in &first {
        assert!(read("compared", file) == *bytes, "{file} the second time");
        assert!(read("again", file) == *bytes, "{file} in another directory");
    }
    let answers = || {
        std::fs::read_dir(lab.path("compared/comparison/answers"))
            .unwrap()
            .count()
    };
    let before = answers();
    // Another judge looks at the same answers.
    let changed = ["--set", "compare.judge.0.labeler.settings.from=48"];
    let (said, _) = compare(&lab, "compared", &changed);
    assert!(
        said.contains("untrained: 0 answers sampled, 40 kept"),
        "{said}"
    );
    assert_eq!(answers(), before);
    let old: Value = serde_json::from_slice(&first[0].1).unwrap();
    let new = results(&lab, "compared");
    assert_eq!(old["entries"], new["entries"]);
    assert_ne!(old["judges"][0]["scores"], new["judges"][0]["scores"]);
    assert_eq!(old["judges"][1], new["judges"][1]);
    // Other draws are other answers.
    let (said, _) = compare(&lab, "compared", &["--set", "run.seed=8"]);
    assert!(
        said.contains("untrained: 40 answers sampled, 0 kept"),
        "{said}"
    );
}

#[test]
fn a_killed_comparison_goes_on_to_the_same_bytes() {
    let lab = lab();
    compare(&lab, "whole", &[]);
    for (number, made) in [1, 3, 6].into_iter().enumerate() {
        let run = format!("killed-{number}");
        let mut child = lab.command(&["eval"], &run, &[]).spawn().unwrap();
        let folder = lab.path(&run).join("comparison");
        let count = |kind: &str| std::fs::read_dir(folder.join(kind)).map_or(0, Iterator::count);
        let done = || count("answers") + count("judged");
        while done() < made && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let _ = child.kill();
        child.wait().unwrap();
        compare(&lab, &run, &[]);
        for file in ["eval.json", "answers.jsonl"] {
            let read = |run: &str| std::fs::read(lab.path(run).join(file)).unwrap();
            assert!(read(&run) == read("whole"), "{file} of {run}");
        }
    }
}

#[test]
fn a_plan_says_what_would_be_sampled_and_judged() {
    let lab = lab();
    let said = lab.command(&["plan"], "plan", &[]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    for part in [
        "compare    40 held-out queries, 40 with a reference; responses of 24 tokens at temperature 0.7",
        "compare    entry untrained: model `",
        "40 answers to sample, less those that are kept; the others are measured against it",
        "compare    entry lead-1: baseline lead\n",
        "compare    judge e: labeler, 480 comparisons: 6 pairs of entries, in both seats",
        "episodes ",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!lab.path("plan").exists());
    // What a run is still to make is no reason to refuse.
    let later = [
        "--set",
        "compare.entry.1.model=later",
        "--set",
        "compare.judge.0={reward_model=\"rm\"}",
    ];
    let said = lab.command(&["plan"], "plan", &later).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.matches("which is not there yet").count() == 2,
        "{said}"
    );
    // Without a reward there is nothing but the comparison.
    lab.edit("[labeler]\nplugin = \"letters\"\n", "");
    let said = lab.command(&["plan"], "plan", &[]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("compare    judge e") && !said.contains("episodes "),
        "{said}"
    );
}

/// The files of a model folder.
pub(crate) fn copy_model(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
