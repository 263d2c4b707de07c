//! People correct what they said.

use attune::label::store::Store;
use serde_json::{Value, json};

use super::{label, said, text};
use crate::support::{attune, failure, lines};

#[test]
fn people_correct_what_they_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [store, file] = ["labels.db", "answers.jsonl"].map(path);
    let mut asking = Store::create(&store).unwrap();
    let asked = [0, 1].map(|number| label(number, "").comparison);
    let keyed = asked.iter().enumerate();
    let keyed = keyed.map(|(at, comparison)| (format!("k{at}"), comparison));
    asking.ask(keyed).unwrap();
    drop(asking);
    let with = |arguments: &[&str]| {
        let all = [&["label"], arguments, &["--store", text(&store)]].concat();
        attune(&all)
    };
    let give = |verb: &str, lines: &[Value]| {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&file, lines).unwrap();
        with(&[verb, text(&file)])
    };
    // The lines of `pending` with an answer, as they are.
    let pending = said(with(&["pending"]));
    let answered = pending.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["answer"] = json!({"best": 0});
        line["labeler"] = json!({"person": "ann"});
        line
    });
    let answered: Vec<Value> = answered.collect();
    assert!(said(give("answer", &answered)).contains("2 answers, 2 of them new"));
    // Another answer to the same question is no answer, but a correction.
    let mut changed = answered.clone();
    changed[1]["answer"] = json!({"best": 1});
    let refused = failure(&mut give("answer", &changed));
    assert!(
        refused.contains("hint: `attune label correct`"),
        "{refused}"
    );
    let corrected = said(give("correct", &changed));
    assert!(
        corrected.contains("2 answers, 1 of them corrections"),
        "{corrected}"
    );
    for again in [
        said(give("correct", &changed)),
        said(give("answer", &answered)),
    ] {
        assert!(again.contains("2 answers, 0 of them"), "{again}");
    }
    let stats = said(with(&["stats"]));
    for part in [
        "labels          2",
        "comparisons     2",
        "corrected       1",
    ] {
        assert!(stats.contains(part), "`{part}` is not in: {stats}");
    }
    let out = path("out.jsonl");
    said(with(&["export", text(&out), "--format", "jsonl"]));
    assert_eq!(lines(&out)[1]["answer"], json!({"best": 1}));
    // The lines of `list` can be edited and given back.
    let listed = said(with(&["list"]));
    let mut listed: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(listed[1]["earlier"][0]["answer"], json!({"best": 0}));
    listed[1]["answer"] = json!("skip");
    let corrected = said(give("correct", &listed));
    assert!(
        corrected.contains("2 answers, 1 of them corrections"),
        "{corrected}"
    );
    let kept = Store::read(&store).unwrap().history().unwrap();
    assert_eq!(kept[1].earlier.len(), 2);
    assert!(kept[1].label.time > kept[1].earlier[1].time);
    // Whatever is wrong is named with its line, and nothing is kept.
    let swapped = json!({"key": "k0", "comparison": asked[1], "answer": "skip",
        "labeler": {"person": "ann"}});
    for (line, parts) in [
        (
            json!({"key": "k0", "answer": "skip"}),
            ["line 2", "missing field `labeler`"],
        ),
        (
            swapped,
            [
                "line 2",
                "`comparison` is not what the store has under `k0`",
            ],
        ),
        (
            json!({"key": "k0", "answer": {"best": 7}, "labeler": {"person": "ann"}}),
            ["`k0`", "must be 0 to 1"],
        ),
        (
            json!({"key": "k0", "answer": "skip", "labeler": {"person": "bob"}}),
            ["is by `ann`", "by `bob`"],
        ),
    ] {
        let refused = failure(&mut give("correct", &[listed[0].clone(), line]));
        for part in parts {
            assert!(refused.contains(part), "`{part}` is not in: {refused}");
        }
    }
    assert_eq!(Store::read(&store).unwrap().history().unwrap(), kept);
}
