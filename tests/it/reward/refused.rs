//! Reward models and policies that cannot be trained as the config says.

use super::{comparisons, lab, text, train};
use crate::support::{attune, failure};

#[test]
fn caution_is_about_reward_models() {
    let lab = lab();
    for source in ["labeler=true", "metric=\"distinct_2\""] {
        let score = format!("score=[{{{source}, caution=1.0}}]");
        let refused = lab.refused("no", &["--set", &score]);
        assert!(
            refused.contains("only reward models can disagree"),
            "{refused}"
        );
    }
    // One head agrees with itself; two models of one head each need not agree.
    train(&lab, "rm", &["--set", "reward.num_train=8"]);
    let model = format!("{:?}", text(&lab.path("rm")));
    let score = |models: &str| format!("score=[{{reward_models=[{models}], caution=1.0}}]");
    let refused = lab.refused("no", &["--set", &score(&model)]);
    assert!(
        refused.contains("one head, which never disagrees"),
        "{refused}"
    );
    lab.train("yes", &["--set", &score(&format!("{model}, {model}"))]);
}

#[test]
fn a_reward_that_is_nothing_is_refused() {
    let lab = lab();
    let refused = lab.refused("no", &["--set", "score=[{labeler=true, weight=0.0}]"]);
    assert!(
        refused.contains("no [[score]] has a weight other than 0"),
        "{refused}"
    );
}

#[test]
fn what_cannot_work_is_said() {
    let lab = lab();
    let refused = |run: &str, extra: &[&str], parts: &[&str]| {
        let said = failure(&mut lab.command(&["train", "reward"], run, extra));
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    };
    refused("a", &["--set", "reward.train=[]"], &["names no labels"]);
    refused(
        "b",
        &["--set", "reward.loss=best"],
        &["`best`", "softmax or pairwise"],
    );
    refused(
        "c",
        &["--set", "reward.num_train=500"],
        &["160 labels", "500"],
    );
    refused(
        "d",
        &["--set", "reward.patience=1"],
        &["patience is 1", "no validation labels"],
    );
    refused("e", &["--set", "reward.lr=nan"], &["lr NaN"]);
    refused("f", &["--set", "reward.heads=0"], &["heads is 0"]);
    refused(
        "g",
        &["--set", "reward.train=[\"nowhere.jsonl\"]"],
        &["nowhere.jsonl"],
    );
    refused(
        "h",
        &["--set", "reward.trainable_layers=9"],
        &["trainable_layers is 9"],
    );
    lab.write(
        "labels.jsonl",
        comparisons(8, 1).replace("\"best\":3", "\"best\":4"),
    );
    refused("i", &[], &["labels.jsonl", "line 4", "must be 0 to 3"]);
    let ids = comparisons(1, 1).replace(
        "{\"text\":\"row 0\"}",
        "{\"text\":\"row 0\",\"tokens\":[900,65]}",
    );
    lab.write("labels.jsonl", ids);
    refused("j", &[], &["label 1", "token id 900", "256"]);
    let said = failure(&mut attune(&[
        "score",
        text(&lab.path("model")),
        "--text",
        "a",
    ]));
    assert!(
        said.contains("no reward model") && said.contains("score.weight"),
        "{said}"
    );
    let said = failure(&mut attune(&["score", "nowhere", "--text", "a"]));
    assert!(
        said.contains("`nowhere`") && said.contains("train reward"),
        "{said}"
    );
    lab.edit("[ppo]", "[[score]]\ntrained = true\n[ppo]");
    let said = lab.refused("k", &[]);
    assert!(said.contains("attune run"), "{said}");
}

#[test]
fn bad_labels_are_counted_and_can_be_left_out() {
    let lab = lab();
    let long = comparisons(2, 9).replace("\"row ", &format!("\"{}", "long ".repeat(60)));
    let same = comparisons(1, 8);
    let (head, _) = same.split_once("\"responses\"").unwrap();
    let twins =
        r#""responses":[{"text":"a"},{"text":"a"}]},"answer":{"best":0},"labeler":"unknown"}"#;
    lab.write("labels.jsonl", comparisons(16, 1) + &long + head + twins);
    let said = failure(&mut lab.command(&["train", "reward"], "rm", &[]));
    for part in [
        "label 17 of `",
        "more than the model's 128 positions",
        "1 other label cannot be read",
        "hint: `--set reward.skip_bad=true` leaves such labels out",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let skip = ["--set", "reward.skip_bad=true"];
    // What is no label is left out as well.
    let labels = std::fs::read_to_string(lab.path("labels.jsonl")).unwrap();
    lab.write("labels.jsonl", labels + "\n{\"comparison\": 5}\n");
    let said = failure(&mut lab.command(&["train", "reward"], "rm", &[]));
    assert!(
        said.contains("line 20") && said.contains("a comparison is"),
        "{said}"
    );
    let output = lab
        .command(&["train", "reward"], "rm", &skip)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for part in [
        "17 to train on (3 left out as bad)",
        "identical responses: 1 of reward.train",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let (model, labels) = (lab.path("rm"), lab.path("labels.jsonl"));
    let score = [
        "score",
        text(&model),
        "--labels",
        text(&labels),
        "--skip-bad",
    ];
    let said = attune(&score).output().unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    for part in ["3 labels that cannot be read were left out", "line 20"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let none = lab.path("none.jsonl");
    std::fs::write(&none, long.lines().next().unwrap()).unwrap();
    let score = ["score", text(&model), "--labels", text(&none), "--skip-bad"];
    let said = failure(&mut attune(&score));
    for part in ["none of 1 labels can be read", "no label is left"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let said = lab.command(&["plan"], "rm2", &skip).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    for part in [
        "labels     17 to train on (3 left out as bad)",
        "1 of reward.train",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}
