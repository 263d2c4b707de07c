//! Comparisons that cannot be made are refused before anything is sampled, by what is wrong and what to do.

use serde_json::Value;

use super::{copy_model, lab};
use crate::support::failure;

#[test]
fn what_cannot_be_compared_is_refused() {
    let lab = lab();
    copy_model(&lab.path("model"), &lab.path("foreign"));
    let tokenizer = lab.path("foreign/tokenizer.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(&tokenizer).unwrap()).unwrap();
    let vocab = json["model"]["vocab"].as_object_mut().unwrap();
    let (a, b) = (vocab["a"].clone(), vocab["b"].clone());
    (vocab["a"], vocab["b"]) = (b, a);
    std::fs::write(&tokenizer, json.to_string()).unwrap();
    lab.write(
        "empty.csv",
        "text,summary\na row,\nanother row,\na third,\n",
    );
    let set = |key: &str, name: &str| format!("{key}={}", lab.path(name).display());
    let foreign = set("compare.entry.1.model", "foreign");
    let nowhere = set("compare.entry.1.model", "nowhere");
    let empty = set("data.held_out", "empty.csv");
    let rewards = set("compare.judge.0.reward_model", "nowhere");
    let labels = set("compare.judge.0.labels", "nowhere.db");
    for (sets, parts) in [
        (
            &["compare.entry.1.name=untrained"][..],
            &["another is called `untrained`", "entry]] 2"][..],
        ),
        (&["compare.entry.1.name="], &["entry]] 2", "the name ``"]),
        (
            &["compare.entry.2.baseline=leads"],
            &[
                "no baseline `leads`",
                "reference, lead, extract",
                "none of its own",
            ],
        ),
        (
            &["compare.entry.2.model=model"],
            &["entry]] 3", "just one of model, part and baseline"],
        ),
        (
            &["compare.entry.2.sentences=0"],
            &["sentences 0", "from 1 to 1000"],
        ),
        (
            &["compare.entry.3.sentences=2"],
            &["entry]] 4", "only lead and extract"],
        ),
        (
            &["compare.entry.1.best_of=1"],
            &["best_of 1", "from 2 to 4096"],
        ),
        (
            &["compare.entry.1.best_of=2", "compare.entry.1.by=nobody"],
            &["best_of takes a judge that gives scores"],
        ),
        (&["compare.entry.1.by=e"], &["has by", "no best_of"]),
        (
            &["compare.entry.1.best_of=2", "compare.entry.1.by=e"],
            &["judge `e` compares and gives no scores"],
        ),
        (
            &["compare.against=somebody"],
            &["against is `somebody`", "untrained, other, lead-1, by hand"],
        ),
        (
            &["compare.judge.1.name=letters"],
            &["another is called `letters`", "judge]] 2"],
        ),
        (
            &["compare.judge.0.ask=3"],
            &["judge]] 1", "only people are asked"],
        ),
        (
            &["compare.judge.2={name=\"x\"}"],
            &[
                "judge]] 3",
                "just one of labeler, reward_model, part and labels",
            ],
        ),
        (
            &["compare={entry=[]}"],
            &["has 0 of the two or more entries"],
        ),
        (&["eval.queries=0"], &["[eval] queries is 0"]),
        (
            &["eval.queries=120"],
            &["there are 120 queries", "holds back 120"],
        ),
        (&["sampling.temperature=0"], &["temperature 0"]),
        (
            &[&foreign],
            &["entry `other`", "different tokenizers", "[model] path"],
        ),
        (&[&nowhere], &["entry `other`", "nowhere"]),
        (
            &[&empty, "eval.queries=3"],
            &[
                "entry `by hand`",
                "none of 3 held-out queries has a reference",
            ],
        ),
        (
            &["compare.judge.0.labeler={plugin=\"leters\"}"],
            &["judge `leters`", "did you mean `letters`"],
        ),
        (
            &["compare.judge.0={}", &rewards],
            &["judge `nowhere`", "there is no reward model in"],
        ),
        (
            &["compare.judge.0={}", &labels],
            &["judge `nowhere`", "nowhere.db"],
        ),
    ] {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let said = failure(&mut lab.command(&["eval"], "no", &sets));
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(!lab.path("no/eval.json").exists(), "{sets:?}");
    }
    lab.edit("[[compare.entry]]", "[[other.entry]]");
    let said = failure(&mut lab.command(&["eval"], "no", &[]));
    assert!(said.contains("unknown field `other`"), "{said}");
}

#[test]
fn two_processes_do_not_compare_in_one_directory() {
    let lab = lab();
    std::fs::create_dir_all(lab.path("held/comparison")).unwrap();
    let lock = std::fs::File::create(lab.path("held/comparison/lock")).unwrap();
    lock.lock().unwrap();
    let said = failure(&mut lab.command(&["eval"], "held", &[]));
    assert!(said.contains("another process evaluates there"), "{said}");
}
