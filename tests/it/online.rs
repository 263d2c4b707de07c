//! The loop of labels, reward models and policy: on schedule, and the same when it is killed.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Lab, Trained, attune, failure, lines, succeed};

mod killed;
mod refused;

const LOOP: &str = r#"
[reward]
batch_size = 4
lr = 1e-3
heads = 2
normalize_samples = 16
rollout_batch = 8
[collect]
initial = 12
total = 60
reward_models = 3
validation_share = 0.25
choose = "disagreement"
candidates = 2
[collect.noise]
flip = 0.1
skills = [0.9, 0.5]
"#;
fn lab() -> Lab {
    let lab = Lab::new();
    lab.edit("[ppo]", &format!("{LOOP}\n[ppo]"));
    lab
}

fn run(lab: &Lab, name: &str, extra: &[&str]) -> Done {
    let output = lab.command(&["run"], name, extra).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{name}: {stderr}");
    Done::read(lab, name, stderr)
}

fn begin(lab: &Lab, name: &str) -> Child {
    let mut command = lab.command(&["run"], name, &[]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What a run leaves behind, without what depends on the clock and on its directory's name.
struct Done {
    labels: Vec<Value>,
    models: BTreeMap<String, Vec<u8>>,
    policy: Trained,
    table: String,
}

impl Done {
    fn read(lab: &Lab, name: &str, stderr: String) -> Done {
        let root = lab.path(name);
        let exported = lab.path(&format!("{name}.jsonl"));
        let [store, file] = [root.join("labels.db"), exported.clone()];
        let arguments = [
            "label",
            "export",
            file.to_str().unwrap(),
            "--format",
            "jsonl",
        ];
        succeed(&[&arguments[..], &["--store", store.to_str().unwrap()]].concat());
        let mut labels = lines(&exported);
        for label in &mut labels {
            let fields = label.as_object_mut().unwrap();
            assert!(fields.remove("time").is_some());
            let source = &mut fields["comparison"]["source"];
            assert!(source.as_object_mut().unwrap().remove("config").is_some());
        }
        let mut models = BTreeMap::new();
        for number in 0..3 {
            let place = root.join(format!("reward-{number:02}/reward_model/model.safetensors"));
            models.insert(format!("{number}"), std::fs::read(place).unwrap());
        }
        let table = std::fs::read_to_string(root.join("labels.md")).unwrap();
        Done {
            labels,
            models,
            policy: Trained::read(&root.join("policy"), stderr),
            table: table.lines().take_while(|line| !line.is_empty()).collect(),
        }
    }

    fn assert_same(&self, other: &Done, about: &str) {
        assert_eq!(self.labels, other.labels, "{about}: labels");
        assert!(self.models == other.models, "{about}: reward models");
        self.policy.assert_same(&other.policy, about);
        assert_eq!(self.table, other.table, "{about}: table");
    }
}

fn writer_of(label: &Value) -> &str {
    label["comparison"]["source"]["checkpoint"]
        .as_str()
        .unwrap()
}

/// How many comparisons a table says have measured the policy. Its lines stand one after the other.
fn measured(table: &str) -> u64 {
    let cells: Vec<&str> = table.split('|').collect();
    let rows = cells.chunks(7).skip(2);
    rows.filter_map(|row| row.get(6)?.trim().parse::<u64>().ok())
        .sum()
}

#[test]
fn labels_come_on_schedule() {
    let lab = lab();
    let done = run(&lab, "online", &[]);
    // 12 + 48 (1 - (1 - n/48)^2) after n = 0, 8 … 48 episodes.
    let due = [12, 26, 38, 48, 54, 58, 60];
    assert_eq!(done.labels.len(), 60);
    let mut from = 0;
    for (update, due) in due.into_iter().enumerate() {
        let want = match update {
            0 => "reference".to_owned(),
            update => format!("policy/update-{update:06}"),
        };
        for label in &done.labels[from..due] {
            assert_eq!(writer_of(label), want);
        }
        from = due;
    }
    // Models at 12, 28 and 44 labels, each learning from so many, minus those that say nothing.
    for (number, labels) in [(0, 12), (1, 28), (2, 44)] {
        let report = lab
            .path("online")
            .join(format!("reward-{number:02}/report.json"));
        let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        let silent = done.labels[..labels]
            .iter()
            .filter(|label| label["answer"] == "abstain");
        let learned = report["train_labels"].as_u64().unwrap() as usize;
        assert_eq!(learned, labels - silent.count(), "model {number}");
        assert!(
            done.table.contains(&format!("| {labels} |")),
            "{}",
            done.table
        );
    }
    // A quarter of the 48 later labels measures the policy.
    assert!(measured(&done.table) <= 12, "{}", done.table);
    let batch = run(&lab, "batch", &["--set", "collect.mode=batch"]);
    assert_eq!(batch.labels.len(), 60);
    let updates = |label: &Value| writer_of(label).to_owned();
    let different: std::collections::BTreeSet<_> = batch.labels.iter().map(updates).collect();
    assert_eq!(different.len(), 3, "{different:?}");
}

/// Begins a run that waits for people, and answers all that it asks; returns how much that was.
fn answer_all(lab: &Lab, name: &str) -> usize {
    let mut child = begin(lab, name);
    let store = lab.path(name).join("labels.db");
    let store = ["--store", store.to_str().unwrap()];
    let (clock, mut answered) = (Instant::now(), 0);
    while child.try_wait().unwrap().is_none() {
        assert!(
            clock.elapsed() < Duration::from_secs(600),
            "{answered} answered"
        );
        std::thread::sleep(Duration::from_millis(50));
        let asked = attune(&[&["label", "pending"], &store[..]].concat())
            .output()
            .unwrap();
        let asked = String::from_utf8(asked.stdout).unwrap();
        let mut answers = String::new();
        for line in asked.lines() {
            let asked: Value = serde_json::from_str(line).unwrap();
            let responses = asked["comparison"]["responses"].as_array().unwrap();
            assert_eq!(responses.len(), 4);
            let best = answered % 4;
            let rest: Vec<usize> = (0..4).filter(|place| *place != best).collect();
            // Later on, somebody says more.
            let answer = match answered < 20 {
                true => serde_json::json!({"best": best}),
                false => serde_json::json!({"ranking": [[best], rest]}),
            };
            let said = serde_json::json!({"key": asked["key"], "answer": answer,
                "labeler": {"person": "somebody"}});
            answers.push_str(&format!("{said}\n"));
            answered += 1;
        }
        if !answers.is_empty() {
            lab.write("answers.jsonl", answers);
            let file = lab.path("answers.jsonl");
            succeed(&[&["label", "answer", file.to_str().unwrap()], &store[..]].concat());
        }
    }
    assert!(child.wait().unwrap().success());
    answered
}

#[test]
fn people_answer_and_change_their_minds() {
    let lab = lab();
    lab.edit("choose =", "by = \"store\"\nchoose =");
    lab.edit("[collect.noise]\nflip = 0.1\nskills = [0.9, 0.5]\n", "");
    assert_eq!(answer_all(&lab, "people"), 60);
    let store = lab.path("people/labels.db");
    let store = ["--store", store.to_str().unwrap()];
    let counted = || {
        let stats = succeed(&[&["label", "stats", "--json"], &store[..]].concat());
        let stats: Value = serde_json::from_str(&stats).unwrap();
        (stats["labels"].clone(), stats["corrected"].clone())
    };
    assert_eq!(counted(), (60.into(), 0.into()));
    // A quarter of the 48 later answers, whether they name the best or rank all.
    let table = std::fs::read_to_string(lab.path("people/labels.md")).unwrap();
    let lines = table.lines().take_while(|line| !line.is_empty());
    assert_eq!(measured(&lines.collect::<String>()), 12, "{table}");
    let models = || {
        let weights = |number| {
            let place = lab.path(&format!("people/reward-{number:02}/reward_model"));
            std::fs::read(place.join("model.safetensors")).unwrap()
        };
        [0, 1, 2].map(weights)
    };
    let before = models();
    // The first labels, which all models have learned from.
    let listed = succeed(&[&["label", "list"], &store[..]].concat());
    let corrected = listed.lines().take(8).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let best = line["answer"]["best"].as_u64().unwrap();
        line["answer"]["best"] = ((best + 1) % 4).into();
        format!("{line}\n")
    });
    lab.write("answers.jsonl", corrected.collect::<String>());
    let file = lab.path("answers.jsonl");
    succeed(&[&["label", "correct", file.to_str().unwrap()], &store[..]].concat());
    assert_eq!(counted(), (60.into(), 8.into()));
    // What is done stays as it is.
    let again = || lab.command(&["run"], "people", &[]);
    assert!(again().output().unwrap().status.success());
    assert!(models() == before);
    // What was killed before it was done does not go on with other labels than it began with.
    std::fs::remove_file(lab.path("people/reward-02/report.json")).unwrap();
    let refused = failure(&mut again());
    for part in [
        "the labels of this run are not those that this training began with",
        "answers were corrected",
        "reward-02",
        "hint: remove the directory",
    ] {
        assert!(refused.contains(part), "`{part}` is not in: {refused}");
    }
    assert!(models() == before);
    // Begun anew, it learns from the answers as they are now.
    std::fs::remove_dir_all(lab.path("people/reward-02")).unwrap();
    assert!(again().output().unwrap().status.success());
    let after = models();
    assert!(after[..2] == before[..2]);
    assert!(after[2] != before[2]);
    assert_eq!(counted(), (60.into(), 8.into()));
}

#[test]
fn a_labeler_plays_people() {
    let lab = lab();
    // A reward that is still to be learned is no part of it.
    lab.edit("[ppo]", "[[score]]\ntrained = true\n[ppo]");
    let store = lab.path("simulated.db");
    let simulate = |count: &str| {
        let extra = ["--store", store.to_str().unwrap(), "--count", count];
        let output = lab
            .command(&["label", "simulate"], "unused", &extra)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        let stats = succeed(&[
            "label",
            "stats",
            "--json",
            "--store",
            store.to_str().unwrap(),
        ]);
        serde_json::from_str::<Value>(&stats).unwrap()
    };
    assert_eq!(simulate("20")["labels"], 20);
    assert_eq!(simulate("20")["labels"], 20);
    assert_eq!(simulate("70")["labels"], 70);
}

#[test]
fn reward_models_from_more_and_more_labels_are_compared() {
    let lab = Lab::new();
    lab.write("labels.jsonl", crate::reward::comparisons(96, 1));
    lab.write("test.jsonl", crate::reward::comparisons(40, 2));
    lab.edit(
        "[ppo]",
        "[reward]\ntrain = [\"labels.jsonl\"]\ntest = [\"test.jsonl\"]\nbatch_size = 8\nlr = 3e-3\n\
         normalize_samples = 16\nrollout_batch = 8\n[study]\nlabels = [16, 96]\n[study.judges]\n\
         somebody = \"test.jsonl\"\n[ppo]",
    );
    let output = lab.command(&["run"], "study", &[]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let table = std::fs::read_to_string(lab.path("study/judges.md")).unwrap();
    for part in [
        "| chance | 25.0 %",
        "| letters | ",
        "| somebody | 100.0 %",
        "16 labels",
        "96 labels",
    ] {
        assert!(table.contains(part), "`{part}` is not in: {table}");
    }
    assert!(said.contains("score std"), "{said}");
    // Once more: nothing is left to do but to show the results.
    let models = || std::fs::metadata(lab.path("study/reward-00096/report.json")).unwrap();
    let before = models().modified().unwrap();
    assert!(
        lab.command(&["run"], "study", &[])
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(models().modified().unwrap(), before);
}
