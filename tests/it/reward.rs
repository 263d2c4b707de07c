//! Reward models through the binary: trained from labels, reported, scored with, trained against.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Lab, attune, failure, lines, succeed};

mod refused;

/// Four texts, of which the one with the most of the letter `e` is the best.
pub(crate) fn comparisons(count: usize, from: u64) -> String {
    let mut stream = attune::seed::Stream::new(from);
    let mut text = |letter: char| {
        let word = (0..6 + stream.below(4)).map(|_| match stream.below(3) {
            0 => letter,
            _ => char::from(b'k' + stream.below(6) as u8),
        });
        word.collect::<String>()
    };
    let mut all = String::new();
    for number in 0..count {
        let best = number % 4;
        let responses: Vec<Value> = (0..4)
            .map(|place| json!({"text": text(if place == best { 'e' } else { 'a' })}))
            .collect();
        let line = json!({
            "comparison": {"query": {"text": format!("row {number}")}, "responses": responses},
            "answer": {"best": best},
            "labeler": {"person": "somebody"},
        });
        all.push_str(&format!("{line}\n"));
    }
    all
}

const REWARD: &str = r#"
[reward]
train = ["labels.jsonl"]
test = ["test.jsonl"]
batch_size = 8
lr = 3e-3
normalize_samples = 16
rollout_batch = 8
"#;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("labels.jsonl", comparisons(160, 1));
    lab.write("test.jsonl", comparisons(64, 2));
    lab.edit("[ppo]", &format!("{REWARD}\n[ppo]"));
    lab
}

fn train(lab: &Lab, run: &str, extra: &[&str]) -> Value {
    let output = lab
        .command(&["train", "reward"], run, extra)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let report = std::fs::read(lab.path(run).join("report.json")).unwrap();
    serde_json::from_slice(&report).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn learns_from_labels_and_scores() {
    let lab = lab();
    let report = train(&lab, "rm", &[]);
    assert_eq!(report["train_labels"], 160);
    assert_eq!(report["steps"], 20);
    let accuracy = report["held_out"]["accuracy"]["value"].as_f64().unwrap();
    assert!(accuracy > 0.6, "{report}");
    let metrics = lines(&lab.path("rm").join("metrics.jsonl"));
    assert_eq!(metrics.len(), 20);
    assert_eq!(metrics[0]["reward/lr"], 3e-3);
    assert!((metrics[10]["reward/lr"].as_f64().unwrap() - 1.5e-3).abs() < 1e-12);
    // The run's directory and the model's folder are the same model.
    let score = |folder: &Path| {
        let said = succeed(&["score", text(folder), "--text", "eeee", "--text", "kkkk"]);
        serde_json::from_str::<Value>(&said).unwrap()["rewards"].clone()
    };
    let rewards = score(&lab.path("rm"));
    assert_eq!(rewards, score(&lab.path("rm/reward_model")));
    assert!(rewards[0].as_f64() > rewards[1].as_f64(), "{rewards}");
    lab.write(
        "rows.jsonl",
        "{\"query\":\"row 1\",\"responses\":[\"ee\",\"aa\"]}\n{\"response\":\"e\"}\n",
    );
    let said = succeed(&[
        "score",
        text(&lab.path("rm")),
        text(&lab.path("rows.jsonl")),
    ]);
    let rows: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows[0]["rewards"].as_array().unwrap().len(), 2);
    assert_eq!(rows[1]["rewards"].as_array().unwrap().len(), 1);
    let said = succeed(&[
        "score",
        text(&lab.path("rm")),
        "--labels",
        text(&lab.path("test.jsonl")),
    ]);
    assert!(
        said.contains(&format!("{:.1} %", 100.0 * accuracy)),
        "{said}"
    );
    // Two trainings are the same, to the last bit.
    train(&lab, "again", &[]);
    let weights =
        |run: &str| std::fs::read(lab.path(run).join("reward_model/model.safetensors")).unwrap();
    assert!(weights("rm") == weights("again"));
}

#[test]
fn what_people_say_counts_as_the_config_says() {
    let lab = lab();
    let honest = train(&lab, "honest", &[]);
    // Others' labels of the same comparisons, all of them wrong.
    let lies = comparisons(160, 1).replace("somebody", "liar");
    let lies = (0..4).fold(lies, |lies, best| {
        let wrong = format!("{{\"worst\":{}}}", (best + 1) % 4);
        lies.replace(&format!("{{\"best\":{best}}}"), &wrong)
    });
    let labels = comparisons(160, 1) + &lies.replace("worst", "best");
    lab.write("labels.jsonl", labels);
    let weigh = |run: &str, weights: &str| {
        let set = format!("reward.weights={weights}");
        let report = train(&lab, run, &["--set", &set]);
        let learned = report["train_labels"].as_u64().unwrap();
        (learned, report["held_out"]["loss"].as_f64().unwrap())
    };
    let alone = honest["held_out"]["loss"].as_f64().unwrap();
    let (_, both) = weigh("both", "{}");
    assert_eq!(weigh("without", "{liar = 0}"), (160, alone));
    let (learned, less) = weigh("less", "{liar = 0.1, nobody = 3}");
    assert_eq!(learned, 320);
    assert!(alone < less && less < both, "{alone} {less} {both}");
    let weights = ["--set", "reward.weights={liar = 0.1, nobody = 3}"];
    let output = lab.command(&["train", "reward"], "told", &weights).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    let said = said.concat();
    let told = "weights of labels: 160 of `liar` count 0.1 times, none is of `nobody`";
    assert!(said.contains(told), "{said}");
    let refused = ["--set", "reward.weights={liar = -1}"];
    let said = failure(&mut lab.command(&["train", "reward"], "refused", &refused));
    assert!(said.contains("reward.weights.liar"), "{said}");
}

#[test]
fn all_kinds_of_labels_and_losses() {
    let lab = lab();
    let texts = |count: usize| {
        let texts = ["ee", "ea", "ka"].into_iter().take(count);
        texts
            .map(|text| json!({"text": text}))
            .collect::<Vec<Value>>()
    };
    let rows = [
        (3, json!({"best": 0})),
        (3, json!({"tie": [0, 1]})),
        (3, json!({"ranking": [[0], [1], [2]]})),
        (2, json!({"best": 1})),
        (2, json!({"difference": -1.0})),
        (1, json!({"rating": 2.0})),
        (3, json!("abstain")),
        (3, json!("skip")),
    ];
    let label = |(count, answer): &(usize, Value)| {
        let comparison = json!({"query": {"text": ""}, "responses": texts(*count)});
        let line = json!({"comparison": comparison, "answer": answer, "labeler": "unknown"});
        format!("{line}\n")
    };
    lab.write("labels.jsonl", rows.iter().map(label).collect::<String>());
    for (run, extra) in [
        ("softmax", &["--set", "reward.epochs=2"][..]),
        (
            "pairwise",
            &["--set", "reward.loss=pairwise", "--set", "reward.heads=3"],
        ),
        (
            "patient",
            &[
                "--set",
                "reward.epochs=4",
                "--set",
                "reward.patience=1",
                "--set",
                "reward.validation=[\"test.jsonl\"]",
            ],
        ),
    ] {
        let extra: Vec<String> = extra
            .iter()
            .map(|part| part.replace("test.jsonl", text(&lab.path("test.jsonl"))))
            .collect();
        let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
        let report = train(&lab, run, &extra);
        assert_eq!(report["train_labels"], 6, "{run}");
        assert!(report["held_out"]["loss"].as_f64().unwrap().is_finite());
        // Who resumes what is done is told so, and it stays as it is.
        assert_eq!(
            train(&lab, run, &[&extra[..], &["--resume"]].concat()),
            report
        );
    }
    let said = succeed(&["score", text(&lab.path("pairwise")), "--text", "eeee"]);
    assert!(said.contains("spread"), "{said}");
    // Of ratings alone, no response is better than another.
    lab.write("ratings.jsonl", label(&rows[5]));
    let (model, ratings) = (lab.path("softmax"), lab.path("ratings.jsonl"));
    let said = succeed(&["score", text(&model), "--labels", text(&ratings)]);
    for part in [
        "accuracy             unknown",
        "Pearson's r          unknown",
    ] {
        assert!(said.contains(part) && !said.contains("NaN"), "{said}");
    }
}

#[test]
fn ratings_are_reported_on_their_own_scale() {
    let lab = lab();
    let rated = |from: u64, count: usize| {
        let mut stream = attune::seed::Stream::new(from);
        let row = |_| {
            let letters = (0..6).map(|_| [b'e', b'k'][stream.below(2) as usize] as char);
            let text: String = letters.collect();
            let rating = 50.0 + 10.0 * text.matches('e').count() as f64;
            let comparison = json!({"query": {"text": ""}, "responses": [{"text": text}]});
            let line = json!({"comparison": comparison, "answer": {"rating": rating}, "labeler": "unknown"});
            format!("{line}\n")
        };
        (0..count).map(row).collect::<String>()
    };
    lab.write("labels.jsonl", rated(1, 160));
    lab.write("test.jsonl", rated(2, 32));
    let report = train(&lab, "rm", &[]);
    let held_out = &report["held_out"];
    let (loss, ratings) = (held_out["loss"].as_f64().unwrap(), &held_out["ratings"]);
    assert!(loss < ratings["variance"].as_f64().unwrap(), "{report}");
    assert!(ratings["correlation"].as_f64().unwrap() > 0.5, "{report}");
    assert!(!report.to_string().contains("null"), "{report}");
    let metrics = std::fs::read_to_string(lab.path("rm/metrics.jsonl")).unwrap();
    assert!(
        !metrics.contains("null") && !metrics.contains("accuracy"),
        "{metrics}"
    );
    // The model's folder says the same, whose rewards are on another scale.
    let (model, test) = (lab.path("rm/reward_model"), lab.path("test.jsonl"));
    let said = succeed(&["score", text(&model), "--labels", text(&test)]);
    assert!(said.contains(&format!("{loss:.3}\n")), "{loss} {said}");
    assert!(said.contains("of 32 ratings"), "{said}");
}

#[test]
fn rows_to_score_are_read_as_other_lines_are() {
    let lab = lab();
    train(&lab, "rm", &["--set", "reward.num_train=8"]);
    let (model, rows) = (lab.path("rm"), lab.path("rows.jsonl"));
    lab.write(
        "rows.jsonl",
        "\u{feff}{\"response\": \"e\"}\r\n\r\n{\"query\": \"q\", \"responses\": [\"e\", \"a\"]}\n",
    );
    let said = succeed(&["score", text(&model), text(&rows)]);
    assert_eq!(said.lines().count(), 2, "{said}");
    let good = "{\"response\": \"e\"}";
    for (line, part) in [
        ("{\"query\": \"e\"}", "neither `response` nor `responses`"),
        ("{\"respones\": [\"e\"]}", "is `responses` what is meant?"),
        ("{\"responses\": \"e\"}", "`responses`: invalid type"),
        (
            "{\"query\": 5, \"response\": \"e\"}",
            "`query`: invalid type",
        ),
        (
            "{\"response\": \"e\", \"response\": \"a\"}",
            "has `response` twice",
        ),
        ("{\"comparison\": {}}", "named by `--labels`"),
        ("e", "not JSON"),
    ] {
        lab.write("rows.jsonl", format!("{good}\n{line}\n"));
        let said = failure(&mut attune(&["score", text(&model), text(&rows)]));
        for part in ["rows.jsonl", "line 2", "hint: ", part] {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    }
}

#[test]
fn a_policy_learns_from_several_sources() {
    let lab = lab();
    train(&lab, "rm", &["--set", "reward.heads=2"]);
    let sources = format!(
        "[[score]]\nreward_models = [\"rm\", \"{}\"]\ncaution = 0.5\n[[score]]\nlabeler = true\nweight = 0.5\n\
         [[score]]\nmetric = \"kept_tokens\"\nweight = 0.01\n[[eval.measure]]\nplugin = \"letters\"\n[ppo]",
        lab.path("rm/reward_model").display()
    );
    lab.edit("[ppo]", &sources);
    let trained = lab.train("run", &[]);
    let sum = |update: usize| {
        let get = |name: &str| trained.metric(name)[update];
        assert!(get("reward_model/spread") > 0.0);
        get("reward_model/score")
            + 0.5 * get("labeler/letters/score")
            + 0.01 * get("task/kept_tokens")
    };
    for (update, score) in trained.metric("objective/score").iter().enumerate() {
        assert!(
            (sum(update) - score).abs() < 1e-4,
            "{} {score}",
            sum(update)
        );
    }
    let after: Value = serde_json::from_slice(&trained.files["eval/after.json"]).unwrap();
    assert!(after["measured"]["letters"].is_number(), "{after}");
}
