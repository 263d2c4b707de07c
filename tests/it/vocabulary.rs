//! Tokenizers and models that are brought together: every id has a row, a reward model reads the policy's tokens,
//! and texts that follow each other are the texts that they were.

use std::path::Path;

use serde_json::{Value, json};

use attune::model::reward::{Placement, RewardModel};
use attune::tokenizer::Tokenizer;

use crate::support::{Lab, attune, fail, failure, lines, succeed};

/// Changes the tokenizer of a model folder.
fn edit(model: &Path, change: impl Fn(&mut Value)) {
    let path = model.join("tokenizer.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(&path, json.to_string()).unwrap();
}

/// A token beyond the 256 bytes.
fn add(json: &mut Value, id: u32) {
    let token = json!({"id": id, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true});
    json["added_tokens"].as_array_mut().unwrap().push(token);
}

/// A reward model over the lab's model, untrained.
fn reward_model(lab: &Lab, name: &str) {
    let placement = Placement {
        device: tch::Device::Cpu,
        kind: tch::Kind::Float,
        trainable_layers: None,
    };
    let model = RewardModel::from_language_model(&lab.path("model"), placement, 1, 1).unwrap();
    model.save(&lab.path(name)).unwrap();
    std::fs::copy(
        lab.path("model/tokenizer.json"),
        lab.path(name).join("tokenizer.json"),
    )
    .unwrap();
}

#[test]
fn ids_without_a_row_are_refused_by_all() {
    let lab = Lab::new();
    reward_model(&lab, "judge");
    let label = json!({"comparison": {"query": {"text": "a"}, "responses": [{"text": "b"}, {"text": "c"}]},
        "answer": {"best": 0}, "labeler": {"person": "somebody"}});
    lab.write("labels.jsonl", format!("{label}\n"));
    lab.write("text.txt", "a text<end>");
    for folder in ["model", "judge"] {
        edit(&lab.path(folder), |json| add(json, 300));
    }
    let (model, judge) = (lab.path("model"), lab.path("judge"));
    let (model, judge) = (model.to_str().unwrap(), judge.to_str().unwrap());
    let (text, out) = (lab.path("text.txt"), lab.path("out.safetensors"));
    let logits = [
        "model",
        "logits",
        model,
        "--text",
        text.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let reward = [
        "--set",
        "reward.train=[\"labels.jsonl\"]",
        "--set",
        "reward.normalize_samples=0",
    ];
    let mut said = vec![
        lab.refused("run", &[]),
        failure(&mut lab.command(&["plan"], "run", &[])),
        failure(&mut lab.command(&["train", "reward"], "run", &reward)),
    ];
    for arguments in [
        &["sample", model, "--prompt", "a<end>", "--device", "cpu"][..],
        &["score", judge, "--text", "a<end>", "--device", "cpu"],
        &["model", "inspect", model],
        &logits,
    ] {
        said.push(fail(arguments));
    }
    for message in said {
        for part in [
            "id 300",
            "`<end>`",
            "only 256 rows",
            "hint: use the tokenizer.json",
        ] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
    // Fewer rows than ids of the plain tokenizer: nothing is made.
    let config = std::fs::read_to_string(lab.path("tiny.json")).unwrap();
    lab.write("small.json", config.replace("256", "255"));
    let (small, other) = (lab.path("small.json"), lab.path("small"));
    let message = fail(&[
        "model",
        "random",
        small.to_str().unwrap(),
        other.to_str().unwrap(),
    ]);
    assert!(message.contains("id 255") && !other.exists(), "{message}");
}

#[test]
fn ids_with_gaps_are_used() {
    let lab = Lab::new();
    // A byte fewer, and a letter of the texts has the largest id, which is how many tokens there are.
    edit(&lab.path("model"), |json| {
        let vocab = json["model"]["vocab"].as_object_mut().unwrap();
        vocab.retain(|_, id| *id != json!(7));
        (vocab["a"], vocab["ÿ"]) = (json!(255), json!(97));
    });
    let bound = Tokenizer::load(&lab.path("model")).unwrap().id_bound();
    assert_eq!(bound, 256);
    lab.train("run", &[]);
}

#[test]
fn a_reward_model_reads_the_policy_s_tokens() {
    let lab = Lab::new();
    reward_model(&lab, "judge");
    let score = format!("score=[{{reward_models=[{:?}]}}]", lab.path("judge"));
    let with = ["--set", &score];
    // Written otherwise, and with lengths and a token around texts that are no business of it.
    edit(&lab.path("judge"), |json| {
        json["truncation"] =
            json!({"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0});
        json["post_processor"] = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
            "use_regex": true});
    });
    lab.train("run", &with);
    // Two bytes have each other's ids: as many tokens, and other ones.
    edit(&lab.path("judge"), |json| {
        let vocab = &mut json["model"]["vocab"];
        (vocab["a"], vocab["e"]) = (json!(101), json!(97));
    });
    let message = lab.refused("other", &with);
    for part in [
        "judge",
        "token `a` is 97 here, 101 there",
        "hint: train the reward model from",
    ] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

/// The lab's model with 300 rows, and a tokenizer that puts a space before texts, as those of Llama 2 do.
fn with_spaces(lab: &Lab) {
    let config = std::fs::read_to_string(lab.path("tiny.json")).unwrap();
    lab.write("tiny.json", config.replace("256", "300"));
    std::fs::remove_dir_all(lab.path("model")).unwrap();
    let (config, model) = (lab.path("tiny.json"), lab.path("model"));
    succeed(&[
        "model",
        "random",
        config.to_str().unwrap(),
        model.to_str().unwrap(),
    ]);
    let bytes = (0..256).map(|byte| format!("<0x{byte:02X}>"));
    let letters = "▁abcdefghijklmnopqrstuvwxyz0123456789"
        .chars()
        .map(String::from);
    let tokens = (0..).zip(bytes.chain(letters));
    let vocab: serde_json::Map<_, _> = tokens.map(|(id, token)| (token, json!(id))).collect();
    edit(&model, |json| {
        json["normalizer"] = json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]});
        json["pre_tokenizer"] = Value::Null;
        json["decoder"] = json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
        json["model"] = json!({"type": "BPE", "byte_fallback": true, "vocab": vocab, "merges": []});
    });
}

#[test]
fn what_is_scored_is_what_was_written() {
    let lab = Lab::new();
    with_spaces(&lab);
    lab.train("run", &[]);
    let tokenizer = Tokenizer::load(&lab.path("model")).unwrap();
    let rows = lines(&lab.path("run/rollouts.jsonl"));
    let ids = |row: &Value| -> Vec<u32> { serde_json::from_value(row["tokens"].clone()).unwrap() };
    for row in &rows {
        let sample = &row["sample"];
        let (before, after) = (ids(&sample["query"]), ids(sample));
        let whole = tokenizer.decode(&[before, after].concat());
        let (query, response) = (
            sample["query"]["text"].as_str().unwrap(),
            sample["text"].as_str().unwrap(),
        );
        // A character that is cut in two is in neither.
        if !query.ends_with('\u{fffd}') && !response.contains('\u{fffd}') {
            assert_eq!(whole, format!("{query}{response}"));
        }
    }
    assert!(!rows.is_empty());
    let scores = |query: &str, text: &str| {
        reward_model(&lab, "judge");
        let judge = lab.path("judge");
        let printed = succeed(&[
            "score",
            judge.to_str().unwrap(),
            "--query",
            query,
            "--text",
            text,
            "--device",
            "cpu",
        ]);
        let value: Value = serde_json::from_str(&printed).unwrap();
        value["rewards"][0].as_f64().unwrap()
    };
    // The same tokens, wherever query and response meet.
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-5, "{a} {b}");
    near(scores("he was", " here"), scores("he", " was here"));
    near(scores("he wa", "s here"), scores("he was her", "e"));
}

#[test]
fn a_plan_says_which_texts_change() {
    let lab = Lab::new();
    assert!(!plan(&lab, &[]).contains("other texts"));
    lab.write("data.txt", "all small\nSome Large\n".repeat(40));
    edit(&lab.path("model"), |json| {
        json["normalizer"] = json!({"type": "Lowercase"})
    });
    let printed = plan(&lab, &[]);
    for part in [
        "40 of 80 rows of",
        "row 2 says \"Some Large\"",
        "reads \"some large\"",
    ] {
        assert!(printed.contains(part), "`{part}` is not in: {printed}");
    }
    let label = json!({"comparison": {"query": {"text": "It"}, "responses": [{"text": " is"}, {"text": " Was"}]},
        "answer": {"best": 0}, "labeler": {"person": "somebody"}});
    lab.write("labels.jsonl", format!("{label}\n"));
    let printed = plan(
        &lab,
        &[
            "--set",
            &format!("reward.train=[{:?}]", lab.path("labels.jsonl")),
        ],
    );
    assert!(
        printed.contains("1 of 1 labels of") && printed.contains("\"It is\""),
        "{printed}"
    );
}

fn plan(lab: &Lab, extra: &[&str]) -> String {
    let output = lab.command(&["plan"], "run", extra).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn weights_that_the_config_does_not_expect_are_said() {
    let lab = Lab::new();
    let file = lab.path("model/model.safetensors");
    let mut all = attune::model::weights::read_tensors(&file).unwrap();
    let extra = tch::Tensor::zeros([1, 32], (tch::Kind::Float, tch::Device::Cpu));
    all.push(("v_head.summary.weight".to_owned(), extra));
    attune::model::weights::write_tensors(&file, &all).unwrap();
    let model = lab.path("model");
    let said = |arguments: &[&str]| {
        let output = attune(arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let sampled = said(&[
        "sample",
        model.to_str().unwrap(),
        "--prompt",
        "a",
        "--device",
        "cpu",
    ]);
    let inspected = said(&["model", "inspect", model.to_str().unwrap()]);
    let trained = lab.train("run", &[]).stderr;
    for message in [sampled, inspected, trained] {
        assert_eq!(
            message.matches("`v_head.summary.weight`").count(),
            1,
            "{message}"
        );
        assert!(
            message.contains("warning: ") && message.contains("left out"),
            "{message}"
        );
    }
}
