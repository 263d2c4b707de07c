//! What is said on the command line of people: links, measures, answers and files.

use std::time::{Duration, Instant};

use attune::label::room::{Next, Role};
use serde_json::{Value, json};

use super::{Sitting, begin, lab};
use crate::support::{Lab, attune, fail, lines, succeed};

#[test]
fn the_command_line_invites_measures_and_answers() {
    let lab = lab();
    // Hints are the labeler's, of gold as of all else.
    lab.write("lexicon.txt", "row\t2.0\n");
    lab.edit(
        "[labeler]\nplugin = \"letters\"",
        "[labeler]\nplugin = \"valence\"\n[labeler.assets]\nlexicon = \"lexicon.txt\"",
    );
    lab.edit("mode = \"pair\"", "mode = \"pair\"\nhints = \"before\"");
    let mut child = begin(&lab, "run", &[]);
    let mut sitting = Sitting::of(&lab, "run", &["ann"]);
    invites(&sitting);
    let clock = Instant::now();
    let mut hints = 0;
    while child.try_wait().unwrap().is_none() {
        assert!(
            clock.elapsed() < Duration::from_secs(600),
            "{} said",
            sitting.said
        );
        // Somebody answers a few in files, while ann sits in the room.
        if sitting.own() == 3 {
            answer_by_file(&lab, &sitting);
        }
        if let Next::Item(item, _) = sitting.room.next(sitting.people[0], sitting.now).unwrap() {
            let shown = item.hints.as_ref().expect("hints are shown before");
            if item.query.starts_with("gold") {
                let hint = &shown[0];
                let text: Vec<char> = item.responses[hint.response].chars().collect();
                assert_eq!(text[hint.start..hint.end].iter().collect::<String>(), "row");
                hints += 1;
            }
            sitting.answer(sitting.people[0], &item);
        } else {
            std::thread::sleep(Duration::from_millis(30));
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(sitting.own(), 24);
    assert!(hints > 2, "{hints}");
    let quality: Value = serde_json::from_str(&sitting.cli(&["people", "--json"])).unwrap();
    let ann = quality["people"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "ann")
        .unwrap();
    assert!(
        ann["gold"]["of"] == ann["gold"]["right"] && ann["gold"]["of"] != 0,
        "{ann}"
    );
    assert!(ann["answers"].as_u64().unwrap() >= 20, "{ann}");
    let judgements = sitting.cli(&["people", "--judgements"]);
    let work = judgements
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let work = work.filter(|one| one["kind"] == "work").count();
    let by_file = sitting.room.store().labels().unwrap().len() - work;
    assert!((1..=2).contains(&by_file), "{by_file}");
    exports(&lab, &sitting);
}

/// A link is somebody's until it is revoked.
fn invites(sitting: &Sitting) {
    let link = sitting.cli(&["invite", "cy d'e", "--role", "researcher"]);
    let token = link.lines().next().unwrap();
    let token = token.strip_prefix("/enter#").unwrap();
    let cy = sitting.room.who(token).unwrap().unwrap();
    assert_eq!((cy.name.as_str(), cy.role), ("cy d'e", Role::Researcher));
    // A new link changes nothing else.
    assert!(sitting.cli(&["invite", "cy d'e"]).contains("a researcher"));
    sitting.cli(&["revoke", "cy d'e"]);
    assert_eq!(sitting.room.who(token).unwrap(), None);
}

#[test]
fn people_of_a_store_that_is_not_there_are_nobody_s() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("deep/labels.db");
    let at = ["--store", store.to_str().unwrap()];
    for verb in [&["revoke", "ann"][..], &["exclude", "ann", "--why", "w"]] {
        let said = fail(&[&["label"], verb, &at].concat());
        assert!(
            said.contains("there is no store") && said.contains("hint: "),
            "{said}"
        );
        assert!(!store.exists());
    }
    let output = attune(&[&["label", "invite", "ann"], &at[..]].concat())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("made the store"), "{said}");
    assert!(succeed(&[&["label", "invite", "ann"], &at[..]].concat()).contains("a labeler"));
}

/// Answers up to two of what is asked as `attune label answer` has it.
fn answer_by_file(lab: &Lab, sitting: &Sitting) {
    let asked = sitting.cli(&["pending"]);
    let answers = asked.lines().rev().take(2).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["answer"] = json!({"best": 0});
        line["labeler"] = json!({"person": "by file"});
        format!("{line}\n")
    });
    lab.write("answers.jsonl", answers.collect::<String>());
    let file = lab.path("answers.jsonl");
    sitting.cli(&["answer", file.to_str().unwrap()]);
}

/// Every format takes what it can carry, and gives it back.
fn exports(lab: &Lab, sitting: &Sitting) {
    let labels = sitting.room.store().labels().unwrap().len();
    for format in ["jsonl", "csv", "parquet", "label-studio", "argilla", "trl"] {
        let (file, other) = (format!("out.{format}"), format!("{format}.db"));
        let file = lab.path(&file);
        sitting.cli(&["export", file.to_str().unwrap(), "--format", format]);
        let store = lab.path(&other);
        let store = store.to_str().unwrap();
        let said = succeed(&[
            "label",
            "import",
            file.to_str().unwrap(),
            "--format",
            format,
            "--store",
            store,
        ]);
        if ["jsonl", "csv", "parquet", "label-studio"].contains(&format) {
            assert!(
                said.contains(&format!("{labels} labels, {labels} of them new")),
                "{said}"
            );
        }
    }
    let exported = lines(&lab.path("out.jsonl"));
    assert!(
        exported
            .iter()
            .all(|label| label["labeler"]["person"].is_string())
    );
}
