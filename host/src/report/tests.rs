//! Runs that are made up, whole, torn and hostile, and what pages say of them.

use std::path::Path;

use serde_json::{Value, json};

mod data;
mod page;
mod plots;

/// What nobody should be able to do to a page.
const HOSTILE: &str = "</pre><script>alert(1)</script> \u{1b}[31m \u{202e}gpj \u{200b}<img src=x onerror=alert(1)> ' \" &amp;";

fn write(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

/// A policy's run of 30 updates that is done, with a comparison; `text` stands in all that others may write.
fn policy(dir: &Path, text: &str) {
    let config = format!(
        "[run]\ndir = \"x\"\nseed = 7\n[task]\nplugin = \"t\"\n[labeler]\nplugin = {0}\n[ppo]\nlr = 1e-3\n\
         total_episodes = 240\nbatch_size = 8\n",
        toml::Value::String(text.to_owned())
    );
    write(&dir.join("config.toml"), config);
    let plugin = |name: &str| json!({"name": name, "version": "0.1.0", "sha256": "ab".repeat(32)});
    let manifest = json!({
        "attune": "0.1.0", "device": "Cpu", "threads": 1, "seed": 7, "queries": 32, "held_out": 4,
        "plugins": [plugin("continuation"), plugin(text)],
    });
    write(&dir.join("manifest.json"), manifest.to_string());
    let line = |update: u64| {
        let x = update as f64;
        json!({
            "update": update, "objective/kl": 0.1 * x, "objective/score": (x / 7.0).sin(),
            "objective/kl_coef": 0.15, "ppo/loss/policy": if update == 3 { Value::Null } else { json!(-x / 3.0) },
            format!("labeler/{text}/score"): x.sqrt(), "time/update": 0.25, "time/plugins": 0.002,
            "plugins/error_rate": 0.0, "elapsed/time": x, "elapsed/episodes": 8.0 * (x + 1.0),
        })
    };
    write(&dir.join("metrics.jsonl"), lines((0..30).map(line)));
    let sample = |number: u64| {
        json!({
            "update": number / 4, "query": format!("a question {text}"), "response": format!("answer {number} {text}"),
            "score": (number % 17) as f64 - 8.3, "kl": 0.03 * number as f64, "valid": !number.is_multiple_of(5),
            "parts": [[text, number as f64 / 7.0], ["nothing", null]],
            "tokens": [[text, 0.6], [" more", -0.2]],
        })
    };
    write(&dir.join("samples.jsonl"), lines((0..120).map(sample)));
    let alarm = |state: &str, update: u64| json!({"event": "alarm", "alarm": "entropy", "state": state, "update": update, "what": text, "hint": text});
    let events = [alarm("begins", 4), alarm("over", 9), alarm("begins", 20)];
    write(&dir.join("events.jsonl"), lines(events.into_iter()));
    for (name, score) in [("before", 0.1), ("after", 0.7)] {
        let answer = |number: u64| {
            json!({
                "query": format!("one two three four five six {number} {text}"),
                "response": format!("two three four five {text}"), "score": score * number as f64, "kl": 0.5,
                "ref_nll": 1.5, "reference": "what a person says",
            })
        };
        let evaluation = json!({
            "score": score, "score_std": 0.3, "kl": 2.0 * score, "ref_perplexity": 8.25, "distinct_1": 0.5,
            "distinct_2": 0.75, "valid": 1.0, "task": {}, "measured": {text: 0.25}, "overlap": {"rouge1": 0.125},
            "answers": (0..4).map(answer).collect::<Vec<_>>(),
        });
        write(
            &dir.join(format!("eval/{name}.json")),
            evaluation.to_string(),
        );
    }
    write(&dir.join("policy/model.safetensors"), "");
    write(&dir.join("eval.json"), compared(text).to_string());
}

fn compared(text: &str) -> Value {
    let mean =
        |value: f64| json!({"value": value, "low": value - 0.1, "high": value + 0.1, "count": 40});
    let of_fewer = json!({"value": 0.5, "low": 0.25, "high": 0.75, "count": 38});
    let entry = |name: &str, labels: u64| {
        json!({
            "name": name, "kind": "model", "labels": labels, "answers": 40, "missing": 0, "cut": 0,
            "invalid": mean(0.2), "invalid_because": {text: 8}, "empty": mean(0.25),
            "measures": {"rouge1": mean(0.3), "kl": mean(2.0), "copied_4grams": of_fewer},
            "quantiles": {"words": {
                "least": 1.0, "p5": 2.0, "p25": 3.0, "median": 4.0, "p75": 5.0, "p95": 6.0, "most": 7.0, "count": 40,
            }},
            "copied_from_tenths": [9, 8, 7, 6, 5, 4, 1, 0, 0, 0],
            "paired": {"rouge1": {"difference": mean(0.05), "p": 0.0123}},
        })
    };
    let score = |name: &str, kl: f64| {
        json!({
            "entry": name, "score": mean(kl / 3.0), "kl": kl, "on_frontier": true, "paired": null,
        })
    };
    json!({
        "version": 2, "queries": 40, "with_reference": 40, "against": text,
        "entries": [entry(text, 64), entry("more", 512)],
        "judges": [{
            "name": text, "kind": "labeler", "failed": 2, "failed_scores": 3, "first_seat": mean(0.5),
            "scores": [score(text, 1.0), score("more", 2.5)],
            "contests": [{
                "first": text, "second": "more", "wins": 10, "losses": 20, "ties": 3, "undecided": 7, "abstained": 0,
                "win_rate": mean(0.375), "bootstrap": mean(0.375), "equal_length": null, "p": 0.0987,
            }],
            "ratings": [
                {"entry": text, "value": -30.5, "low": -60.25, "high": 0.5, "wald_low": -50.5, "wald_high": -10.5, "count": 40},
                {"entry": "more", "value": 30.5, "low": null, "high": null, "wald_low": 10.5, "wald_high": 50.5, "count": 40},
            ],
        }],
    })
}

/// A reward model's run that is done.
fn reward_model(dir: &Path, labels: u64) {
    write(
        &dir.join("config.toml"),
        format!("[run]\ndir = \"y\"\nseed = 7\n[reward]\nnum_train = {labels}\n"),
    );
    let line = |step: u64| json!({"update": step, "reward/loss": 1.0 / (1.0 + step as f64), "reward/accuracy": 0.5});
    write(&dir.join("metrics.jsonl"), lines((0..12).map(line)));
    let bin =
        |mean: f64, count: u64| json!({"mean": mean, "accuracy": mean * mean, "count": count});
    let share = |value: f64| json!({"value": value, "low": value - 0.05, "high": value + 0.05, "count": 256});
    let report = json!({
        "train_labels": labels, "steps": 12, "seconds": 3.5, "scale": [[1.5, -0.25]],
        "held_out": {
            "labels": 256, "loss": 0.654321, "accuracy": share(0.5 + labels as f64 / 4096.0),
            "pairwise": share(0.7), "reliability": [bin(0.0, 0), bin(0.35, 100), bin(0.75, 156)],
            "expected_calibration_error": 0.0625, "margins": [bin(0.5, 256)], "range": [-2.5, 3.25],
            "histogram": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        },
    });
    write(&dir.join("report.json"), report.to_string());
}
