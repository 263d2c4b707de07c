//! Pages: every number as it is in its file, hostile words as words, and no page too large.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{HOSTILE, policy, reward_model, write};
use crate::report::html::{cut, escaped};
use crate::report::{LARGEST, page, write as report};

/// What each number of a page says of itself: its file, its place there, and its value.
fn numbers(html: &str) -> Vec<(String, String, String)> {
    let part = |text: &str, key: &str| {
        let after = text.split_once(&format!("{key}=\"")).unwrap().1;
        after.split_once('"').unwrap().0.to_owned()
    };
    let tags = html.split("<data ").skip(1);
    let tags = tags.filter(|tag| tag.split('>').next().unwrap().contains("data-from"));
    tags.map(|tag| {
        // As a browser reads what is escaped.
        let names = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&amp;", "&"),
        ];
        let from = names
            .iter()
            .fold(part(tag, "data-from"), |text, (name, c)| {
                text.replace(name, c)
            });
        let (file, pointer) = from.rsplit_once('#').unwrap();
        (file.to_owned(), pointer.to_owned(), part(tag, "value"))
    })
    .collect()
}

/// A file of JSON, or of lines of it as a list.
fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    match path.extension().is_some_and(|ending| ending == "jsonl") {
        true => text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap_or_default())
            .collect(),
        false => serde_json::from_str(&text).unwrap(),
    }
}

/// Compares all numbers of a page with the files that they are from.
fn check(html: &str, folder: &Path) -> usize {
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    let all = numbers(html);
    for (file, pointer, value) in &all {
        let known = files
            .entry(file.clone())
            .or_insert_with(|| read(&folder.join(file)));
        let exact = known.pointer(pointer);
        let exact = exact.unwrap_or_else(|| panic!("nothing at {file}#{pointer}"));
        let said: f64 = value.parse().unwrap();
        assert_eq!(
            exact.as_f64().unwrap().to_bits(),
            said.to_bits(),
            "{file}#{pointer}"
        );
    }
    all.len()
}

/// An experiment of a policy and two reward models.
fn experiment(folder: &Path, text: &str) -> PathBuf {
    let root = folder.join("all");
    write(
        &root.join("config.toml"),
        "[task]\nplugin = \"t\"\n[reward]\nnum_train = 64\n",
    );
    policy(&root.join("policy"), text);
    reward_model(&root.join("reward-00064"), 64);
    reward_model(&root.join("reward-00512"), 512);
    root
}

#[test]
fn every_number_is_as_its_file_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = experiment(folder.path(), "words");
    let html = page(&[root]).unwrap();
    let count = check(&html, folder.path());
    assert!(count > 200, "{count} numbers");
    for id in [
        "overview",
        "alarms",
        "comparison",
        "answers",
        "curves",
        "frontier",
        "components",
        "reward-models",
        "responses",
        "plugins",
        "configs",
        "environment",
        "repeat",
    ] {
        assert!(html.contains(&format!("<section id=\"{id}\"")), "{id}");
        assert!(html.contains(&format!("href=\"#{id}\"")), "{id}");
    }
    for part in [
        "two three four five</mark>",
        "it holds",
        "accuracy over labels",
        "attune run ",
        "num_train",
        "class=\"k2\"",
        "class=\"less\"",
        "how often the first of each two entries wins",
        "<th scope=\"row\">empty</th>",
        "; n <data value=\"38\"",
        "</data> scores of answers, which are left out",
        "<th scope=\"col\">95 %</th>",
        "begins in its first tenth",
    ] {
        assert!(html.to_lowercase().contains(&part.to_lowercase()), "{part}");
    }
    assert_eq!(
        html.matches("<figure>").count(),
        html.matches("</figure>").count()
    );
}

#[test]
fn words_of_others_are_words() {
    let folder = tempfile::tempdir().unwrap();
    let root = experiment(folder.path(), HOSTILE);
    let html = page(&[root]).unwrap();
    check(&html, folder.path());
    assert!(
        !html.contains("<script") && !html.contains("<img"),
        "a tag of others"
    );
    let is_obeyed = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{200b}');
    assert!(!html.contains(is_obeyed));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; \\u001b[31m \\u202egpj \\u200b"));
}

#[test]
fn huge_texts_are_cut_and_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let long = "word<&\"> ".repeat(2_000);
    let root = experiment(folder.path(), &long);
    // A megabyte on one line.
    let huge = long.repeat(60);
    let sample = json!({
        "update": 30, "query": huge, "response": huge, "score": 99.0, "kl": 99.0, "valid": true,
        "tokens": [[huge, 1.0]],
    });
    let samples = root.join("policy/samples.jsonl");
    let mut text = std::fs::read_to_string(&samples).unwrap();
    text += &format!("{sample}\n");
    write(&samples, text);
    let after = root.join("policy/eval/after.json");
    let mut evaluation = read(&after);
    evaluation["answers"][3]["response"] = json!(huge);
    evaluation["answers"][2]["response"] = json!("\n".repeat(100_000));
    write(&after, evaluation.to_string());
    let out = folder.path().join("out/report.html");
    let written = report(&[root], &out).unwrap();
    assert!(written.bytes <= LARGEST, "{} bytes", written.bytes);
    let html = std::fs::read_to_string(&out).unwrap();
    assert_eq!(html.len(), written.bytes);
    assert!(html.contains("more characters"));
    assert!(html.split('>').all(|part| part.len() < 100_000));
    for entry in std::fs::read_dir(&written.plots).unwrap() {
        assert!(entry.unwrap().metadata().unwrap().len() < 500_000);
    }
}

#[test]
fn a_page_is_the_same_again_and_its_plots_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = experiment(folder.path(), "words");
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name).join("report.html"));
    let written = report(std::slice::from_ref(&root), &one).unwrap();
    report(&[root], &other).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
    let plots = std::fs::read_dir(&written.plots).unwrap().count();
    assert_eq!((plots, written.runs), (2 * written.drawn, 4));
    let html = std::fs::read_to_string(&one).unwrap();
    assert_eq!(html.matches("<figure>").count(), written.drawn);
    for name in [
        "objective-kl",
        "calibration",
        "label-efficiency",
        "win-rates",
        "kl-reward-training",
    ] {
        assert!(
            written.plots.join(format!("{name}.png")).is_file(),
            "{name}"
        );
    }
    let message = report(&[folder.path().join("all")], folder.path())
        .unwrap_err()
        .to_string();
    assert!(message.contains("is a folder\nhint: "), "{message}");
}

#[test]
fn a_run_that_has_only_begun_is_a_page_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new");
    write(&root.join("config.toml"), "[ppo]\nlr = 1e-3\n");
    let html = page(std::slice::from_ref(&root)).unwrap();
    assert!(html.contains("No run has told of an alarm"), "{html}");
    write(
        &root.join("metrics.jsonl"),
        "{\"update\":0,\"objective/kl\":0.5}\n{\"upda",
    );
    let html = page(&[root]).unwrap();
    assert!(check(&html, folder.path()) > 0);
}

proptest! {
    #[test]
    fn what_is_escaped_is_text(text in any::<String>()) {
        let html = escaped(&text);
        prop_assert!(!html.contains(['<', '>', '"', '\'']));
        let names = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        let all_named = html.split('&').skip(1).all(|part| names.iter().any(|name| part.starts_with(name)));
        prop_assert!(all_named, "{}", html);
    }

    #[test]
    fn a_cut_text_and_the_rest_are_all(text in any::<String>(), most in 0..40_usize) {
        let (shown, more) = cut(&text, most);
        prop_assert_eq!(shown.chars().count() + more, text.chars().count());
        prop_assert!(shown.chars().count() <= most && text.starts_with(shown));
    }
}
