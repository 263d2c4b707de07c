//! Experiments that are refused before anything is trained.

use super::{lab, run};
use crate::reward::comparisons;
use crate::support::{Lab, failure};

#[test]
fn a_test_without_labels_is_refused_before_anything_is_trained() {
    let lab = lab();
    let store = lab.path("empty.db");
    let test = format!("reward.test=[{:?}]", store.display().to_string());
    let message = failure(&mut lab.command(&["run"], "run", &["--set", &test]));
    assert!(message.contains("empty.db"), "{message}");
    // A simulation that fails leaves no store behind that looks like one with labels.
    let extra = [
        "--store",
        store.to_str().unwrap(),
        "--count",
        "4",
        "--set",
        "model.path=nowhere",
    ];
    failure(&mut lab.command(&["label", "simulate"], "unused", &extra));
    assert!(!store.exists());
}

#[test]
fn an_experiment_is_planned_and_refused_before_it_begins() {
    let lab = lab();
    let output = lab.command(&["plan"], "planned", &[]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for part in [
        "labels     12 before the first episode, 60 at the end",
        "model 0 from update 0 on, from 12 labels",
        "model 1 from update 2 on, from 28 labels",
        "model 2 from update 3 on, from 44 labels",
        "48 in 6 updates of 8",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!lab.path("planned").exists());
    for (set, part) in [
        ("collect.mode=sometimes", "online or batch or offline"),
        ("collect.responses=1", "responses is 1, must be 2 to 64"),
        ("collect.responses=3", "no half for the policy"),
        ("collect.total=5", "fewer than initial 12"),
        ("collect.validation_share=2.0", "validation_share 2"),
        ("collect.noise.flip=-1.0", "flip -1"),
        (
            "collect.by=store",
            "[collect.noise] says how a labeler errs",
        ),
        ("collect.mode=offline", "mode offline trains one"),
        ("collect.initial=0", "initial is 0"),
        ("reward.heads=1", "has one head"),
        ("reward.lr=7.0", "lr 7"),
        ("task.plugin=continuatoin", "continuatoin"),
    ] {
        let refused = failure(&mut lab.command(&["run"], "no", &["--set", set]));
        assert!(refused.contains(part), "`{part}` is not in: {refused}");
        assert!(!lab.path("no/policy").exists() && !lab.path("no/labels.db").exists());
    }
}

#[test]
fn labels_that_are_gone_are_missed() {
    let lab = lab();
    run(&lab, "whole", &[]);
    for name in ["labels.db", "labels.db-wal", "labels.db-shm"] {
        let _ = std::fs::remove_file(lab.path("whole").join(name));
    }
    let table = || std::fs::read_to_string(lab.path("whole/labels.md")).unwrap();
    let before = table();
    let refused = failure(&mut lab.command(&["run"], "whole", &[]));
    assert!(refused.contains("has 0 labels of this run"), "{refused}");
    assert!(refused.contains("hint: put the store back"), "{refused}");
    assert_eq!(table(), before);
}

#[test]
fn an_experiment_that_could_only_fail_later_is_refused() {
    let lab = Lab::new();
    lab.write("labels.jsonl", comparisons(32, 1));
    lab.write("test.jsonl", comparisons(8, 2));
    lab.write("others.jsonl", comparisons(7, 2));
    lab.edit(
        "[ppo]",
        "[reward]\ntrain = [\"labels.jsonl\"]\ntest = [\"test.jsonl\"]\n[study]\nlabels = [16, 32]\n[ppo]",
    );
    let others = lab.path("others.jsonl");
    let others = format!("study.judges={{others=\"{}\"}}", others.display());
    for (set, part) in [
        ("study.labels=[16, 96]", "there are 32 labels to learn from"),
        (others.as_str(), "has 7 labels, the test 8"),
        ("reward.trainable_layers=9", "more than the 2 blocks"),
        ("reward.train=[\"nowhere.jsonl\"]", "nowhere.jsonl"),
        ("reward.num_train=16", "[reward] num_train is given"),
        ("score=[{labeler=true}]", "no [[score]] says"),
        ("collect.initial=12", "[study] compares reward models"),
        ("task.settings.response_len=125", "positions"),
    ] {
        for verb in ["plan", "run"] {
            let refused = failure(&mut lab.command(&[verb], "no", &["--set", set]));
            assert!(refused.contains(part), "`{part}` is not in: {refused}");
            assert!(refused.contains("hint: "), "{refused}");
            assert!(!lab.path("no").exists());
        }
    }
    assert!(
        lab.command(&["plan"], "no", &[])
            .output()
            .unwrap()
            .status
            .success()
    );
}
