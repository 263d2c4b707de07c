//! Reports of runs that were made by the binary: every number as its file has it, and files that a browser can read.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::eval;
use crate::support::{Lab, fail, lines, succeed};

/// What each number of a page says of itself: its file, its place there, and its value.
fn numbers(html: &str) -> Vec<(String, String, f64)> {
    let part = |tag: &str, key: &str| {
        let after = tag.split_once(&format!("{key}=\"")).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    let tags = html.split("<data ").skip(1);
    tags.map(|tag| {
        let from = part(tag, "data-from");
        let (file, pointer) = from.rsplit_once('#').unwrap();
        let value = part(tag, "value").parse().unwrap();
        (file.to_owned(), pointer.to_owned(), value)
    })
    .collect()
}

/// Compares all numbers of a page with the files that they are from; returns how many are from each.
pub(crate) fn check(html: &str, folder: &Path) -> BTreeMap<String, usize> {
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for (file, pointer, said) in numbers(html) {
        let path = folder.join(&file);
        let known = files
            .entry(file.clone())
            .or_insert_with(|| match path.extension() {
                Some(ending) if ending == "jsonl" => Value::Array(lines(&path)),
                _ => serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
            });
        let exact = known.pointer(&pointer).and_then(Value::as_f64);
        let exact = exact.unwrap_or_else(|| panic!("no number at {file}#{pointer}"));
        assert_eq!(exact.to_bits(), said.to_bits(), "{file}#{pointer}");
        *counts.entry(file).or_insert(0) += 1;
    }
    counts
}

/// A policy that was trained on rows with references, and its comparison.
fn trained() -> Lab {
    let lab = eval::lab();
    for verb in [&["train", "policy"][..], &["eval"]] {
        let output = lab.command(verb, "run", &[]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    lab
}

#[test]
fn a_policy_and_its_comparison_are_a_page() {
    let lab = trained();
    let run = lab.path("run");
    let said = succeed(&["report", run.to_str().unwrap()]);
    assert!(said.contains("report.html: 1 runs, "), "{said}");
    let html = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(html.len() <= 5_000_000, "{} bytes", html.len());
    let counts = check(&html, lab.path("run").parent().unwrap());
    for file in [
        "metrics.jsonl",
        "samples.jsonl",
        "eval.json",
        "eval/before.json",
        "eval/after.json",
        "manifest.json",
    ] {
        assert!(
            counts
                .get(&format!("run/{file}"))
                .is_some_and(|count| *count > 3),
            "{file}: {counts:?}"
        );
    }
    for part in [
        "objective/kl",
        "who is better",
        "letters",
        "continuation",
        "attune train policy",
        "</mark>",
        "row ",
    ] {
        assert!(
            html.to_lowercase().contains(part),
            "`{part}` is not in the page"
        );
    }
    // What was kept of single tokens.
    for sample in lines(&run.join("samples.jsonl")) {
        let tokens = sample["tokens"].as_array().unwrap();
        assert_eq!(tokens.len(), 24, "{sample}");
        let kl: f64 = tokens.iter().map(|token| token[1].as_f64().unwrap()).sum();
        assert!(
            (kl - sample["kl"].as_f64().unwrap()).abs() < 1e-3,
            "{sample}"
        );
        assert_eq!(sample["parts"][0][0], "letters");
    }
    // Plots are images, and the same again.
    let plots = run.join("plots");
    let first = std::fs::read(plots.join("objective-kl.png")).unwrap();
    assert!(first.starts_with(b"\x89PNG"));
    assert!(
        std::fs::read_to_string(plots.join("win-rates.svg"))
            .unwrap()
            .ends_with("</svg>\n")
    );
    succeed(&["report", run.to_str().unwrap()]);
    assert_eq!(
        std::fs::read_to_string(run.join("report.html")).unwrap(),
        html
    );
    assert_eq!(
        std::fs::read(plots.join("objective-kl.png")).unwrap(),
        first
    );
}

#[test]
fn several_runs_are_compared_and_nothing_is_no_run() {
    let lab = Lab::new();
    for (run, lr) in [("one", "1e-3"), ("two", "2e-3")] {
        let set = format!("ppo.lr={lr}");
        let output = lab
            .command(&["train", "policy"], run, &["--set", &set])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let [one, two, out] =
        ["one", "two", "out/page.html"].map(|name| lab.path(name).display().to_string());
    succeed(&["report", &one, &two, "--out", &out]);
    let html = std::fs::read_to_string(&out).unwrap();
    let counts = check(&html, lab.path("one").parent().unwrap());
    assert!(
        counts["one/metrics.jsonl"] > 50 && counts["two/metrics.jsonl"] > 50,
        "{counts:?}"
    );
    assert!(html.contains("<code>ppo.lr</code>") && html.contains("<code>0.002</code>"));
    assert!(!html.contains("<code>run.seed</code>"));
    assert!(lab.path("out/plots/objective-kl.svg").is_file());
    assert!(!lab.path("one/plots").exists());
    let said = fail(&["report", &lab.path("model").display().to_string()]);
    assert!(
        said.contains("is no run directory") && said.contains("hint: "),
        "{said}"
    );
}
