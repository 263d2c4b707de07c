//! Rooms that are refused before anybody comes in.

use super::{gold, lab};
use crate::support::{failure, succeed};

#[test]
fn what_people_cannot_be_asked_is_refused_before_they_are() {
    let lab = lab();
    for (set, parts) in [
        (
            "people.gold=nowhere.jsonl",
            &["[people] gold", "nowhere.jsonl"][..],
        ),
        (
            "people.instructions=nowhere.md",
            &["[people] instructions", "nowhere.md"],
        ),
        (
            "people.training=4",
            &["training is 4", "4 comparisons", "people.training = 3"],
        ),
        (
            "people.mode=ranking",
            &["responses is 2, must be 3 to 64 in [people] mode ranking"],
        ),
        ("people.gold_every=2", &["checks are 67 %"]),
        (
            "collect.by=labeler",
            &["collect.by = \"labeler\" has nobody judge"],
        ),
        (
            "collect.noise.flip=0.1",
            &["[collect.noise]", "by = \"people\""],
        ),
    ] {
        let refused = failure(&mut lab.command(&["run"], "no", &["--set", set]));
        for part in parts {
            assert!(refused.contains(part), "`{part}` is not in: {refused}");
        }
        assert!(!lab.path("no").exists(), "{set}");
    }
    gold(&lab, 1);
    let refused = failure(&mut lab.command(&["plan"], "no", &[]));
    assert!(
        refused.contains("training is 1, and people.gold has 1"),
        "{refused}"
    );
    lab.write("gold.jsonl", "{\"comparison\": 1}\n");
    let refused = failure(&mut lab.command(&["plan"], "no", &[]));
    assert!(
        refused.contains("gold.jsonl") && refused.contains("a comparison is"),
        "{refused}"
    );
}

#[test]
fn links_are_for_people_with_names() {
    let lab = lab();
    let store = lab.path("labels.db");
    let store = store.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let all = [&["label"], arguments, &["--store", store]].concat();
        failure(&mut crate::support::attune(&all))
    };
    assert!(run(&["people"]).contains("there is no store"));
    assert!(run(&["invite", "a\nb"]).contains("a\\nb"));
    succeed(&["label", "invite", "ann", "--store", store]);
    for verb in [&["revoke", "bob"][..], &["exclude", "bob", "--why", "w"]] {
        let said = run(verb);
        assert!(said.contains("there is no person `bob`"), "{said}");
    }
    let said = succeed(&["label", "people", "--store", store]);
    assert!(said.contains("ann") && said.contains("0 labels"), "{said}");
}
