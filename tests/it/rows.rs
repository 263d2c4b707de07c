//! Data rows of every form through the binary, what becomes of each, and rows to score.

use serde_json::{Value, json};

use crate::support::{Lab, attune, failure};

/// Rows that make the same queries as those of `data.txt` of the lab.
pub(crate) fn texts() -> Vec<String> {
    let rows = 0..40;
    rows.map(|row| format!("row {row} is a plain text of no meaning"))
        .collect()
}

pub(crate) fn plan(lab: &Lab, file: &str, extra: &[&str]) -> String {
    let train = format!("data.train={}", lab.path(file).display());
    let extra = [&["--set", &train][..], extra].concat();
    let output = lab.command(&["plan"], "run", &extra).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{file}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_same_rows_in_any_form_make_the_same_queries() {
    let lab = Lab::new();
    let rows: Vec<Value> = texts().iter().map(|text| json!({"text": text})).collect();
    let lines: String = rows.iter().map(|row| format!("{row}\r\n")).collect();
    for name in ["rows.JSONL", "rows.ndjson", "rows", "rows.txt"] {
        lab.write(name, format!("\u{feff}{lines}"));
    }
    lab.write("rows.json", json!(rows).to_string());
    let table: String = texts().iter().map(|text| format!("{text},1\n")).collect();
    lab.write("rows.csv", format!("\u{feff}text,n\n{table}"));
    lab.write("rows.tsv", format!("text\tn\n{}", table.replace(',', "\t")));
    lab.write("plain.md", texts().join("\r\n"));
    let samples = lab.train("run", &[]).samples;
    for (name, form) in [
        ("rows.JSONL", "JSON lines"),
        ("rows.ndjson", "JSON lines"),
        ("rows", "JSON lines"),
        ("rows.txt", "JSON lines"),
        ("rows.json", "a JSON array"),
        ("rows.csv", "CSV"),
        ("rows.tsv", "TSV"),
        ("plain.md", "plain text"),
    ] {
        let said = plan(&lab, name, &[]);
        let line = format!("({form}), 40 make queries");
        assert!(said.contains(&line), "{name}: {said}");
        assert_eq!(name == "rows.txt", said.contains("its name says"), "{said}");
    }
    let train = format!("data.train={}", lab.path("rows.csv").display());
    assert_eq!(lab.train("csv", &["--set", &train]).samples, samples);
}

#[test]
fn rows_that_make_no_query_are_counted() {
    let lab = Lab::new();
    let rows = texts().into_iter().enumerate().map(|(number, text)| {
        let text = match number {
            0 => String::new(),
            _ if number % 3 == 0 => "x".to_owned(),
            _ => text,
        };
        format!("{}\n", json!({"text": text}))
    });
    lab.write("rows.jsonl", rows.collect::<String>());
    lab.write("held.txt", "a held-out row\nx\n".repeat(4));
    let held = format!("data.held_out={}", lab.path("held.txt").display());
    let few = ["--set", "task.settings.min_query_tokens=2", "--set", &held];
    let said = plan(&lab, "rows.jsonl", &few);
    for part in [
        "40 in `",
        "rows.jsonl` (JSON lines), 26 make queries, 14 do not apply, as the task says",
        " 13 x fewer than min_query_tokens 2 tokens",
        " 1 x field \"text\" is empty",
        "8 in `",
        "held.txt` (plain text), 4 make queries, 4 do not apply",
        " 4 x fewer than min_query_tokens 2 tokens",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let train = format!("data.train={}", lab.path("rows.jsonl").display());
    let output = lab
        .command(
            &["train", "policy"],
            "run",
            &[&few[..], &["--set", &train]].concat(),
        )
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("14 do not apply"), "{stdout}");
    assert!(stdout.contains(" 13 x fewer than"), "{stdout}");
    let manifest = std::fs::read(lab.path("run/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let counted = |at: usize| {
        let rows = &manifest["rows"][at];
        ["read", "queries", "not_applicable"].map(|name| rows[name].as_u64().unwrap())
    };
    assert_eq!((counted(0), counted(1)), ([40, 26, 14], [8, 4, 4]));
    let (short, empty) = (
        "fewer than min_query_tokens 2 tokens",
        "field \"text\" is empty",
    );
    let dropped = [json!({short: 13, empty: 1}), json!({short: 4})];
    for (at, dropped) in dropped.iter().enumerate() {
        assert_eq!(manifest["rows"][at]["dropped"], *dropped);
    }
}

#[test]
fn rows_that_fail_are_named_or_left_out_and_counted() {
    let lab = Lab::new();
    let mut rows: Vec<String> = texts()
        .iter()
        .map(|text| json!({"text": text}).to_string())
        .collect();
    rows[5] = json!({"txt": "no text"}).to_string();
    rows[9] = json!({"text": 5}).to_string();
    rows[30] = json!({"txt": "none again"}).to_string();
    lab.write("rows.jsonl", rows.join("\n"));
    let train = format!("data.train={}", lab.path("rows.jsonl").display());
    let said = lab.refused("run", &["--set", &train]);
    for part in [
        "rows.jsonl` line 6",
        "2 more of 40 rows fail",
        "plugins.on_error",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let drop = [
        "--set",
        "plugins.on_error=drop",
        "--set",
        "plugins.max_error_rate=0.1",
    ];
    let said = plan(&lab, "rows.jsonl", &drop);
    assert!(
        said.contains("37 make queries, 3 left out with an error"),
        "{said}"
    );
    // Rows that fail for one reason are counted together, whichever they are.
    assert!(said.contains("2 x data row N has no field"), "{said}");
    assert!(said.contains("1 x "), "{said}");
    let strict = [
        &drop[..],
        &["--set", "plugins.max_error_rate=0.01", "--set", &train],
    ]
    .concat();
    let said = lab.refused("run", &strict);
    assert!(said.contains("max_error_rate 0.01"), "{said}");
}

#[test]
fn bad_rows_to_score_are_named_or_left_out() {
    let lab = Lab::new();
    lab.write("labels.jsonl", crate::reward::comparisons(16, 1));
    lab.edit(
        "[ppo]",
        "[reward]\ntrain = [\"labels.jsonl\"]\nbatch_size = 8\nnormalize_samples = 0\n[ppo]",
    );
    let output = lab
        .command(&["train", "reward"], "rm", &[])
        .output()
        .unwrap();
    assert!(output.status.success());
    let long = "long ".repeat(40);
    let rows = format!(
        "{{\"response\":\"e\"}}\n{{\"response\":\"{long}\"}}\nno JSON\n\n{{\"response\":\"\"}}\n\"a\"\n"
    );
    lab.write("rows.jsonl", rows);
    let (model, file) = (lab.path("rm"), lab.path("rows.jsonl"));
    let paths = [model.to_str().unwrap(), file.to_str().unwrap()];
    let said = failure(&mut attune(&["score", paths[0], paths[1]]));
    for part in [
        "rows.jsonl` line 2",
        "200 tokens",
        "128 positions",
        "2 more of its 5 rows",
        "--skip-bad",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let output = attune(&["score", paths[0], paths[1], "--skip-bad"])
        .output()
        .unwrap();
    let (said, warned) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        warned.contains("3 of 5 rows of") && warned.contains("line 2"),
        "{warned}"
    );
    // A table, and a text whose lines are responses.
    lab.write("rows.csv", "query,response\nq,e\nq,\"a,b\"\n");
    lab.write("rows.txt", "e\na\n");
    for name in ["rows.csv", "rows.txt"] {
        let output = attune(&["score", paths[0], lab.path(name).to_str().unwrap()])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.lines().count(), 2, "{name}: {said}");
    }
    let said = failure(&mut attune(&[
        "score", paths[0], "--text", "e", "--text", &long,
    ]));
    assert!(said.contains("response 1, counted from 0"), "{said}");
    let output = attune(&[
        "score",
        paths[0],
        "--text",
        "e",
        "--text",
        &long,
        "--skip-bad",
    ])
    .output()
    .unwrap();
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(warned.contains("1 texts of `--text`"), "{warned}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["responses"], json!(["e"]));
    // What the model would read twice is said.
    lab.write(
        "twice.csv",
        "query,response\nThe film was,The film was good.\nThe film was, good.\n",
    );
    let output = attune(&["score", paths[0], lab.path("twice.csv").to_str().unwrap()])
        .output()
        .unwrap();
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(
        warned.contains("in 1 of 2 rows of") && warned.contains("begin with the query"),
        "{warned}"
    );
    // Ids that another vocabulary has are no padding, which is one id here.
    let label = |token: u32| {
        json!({"comparison": {"query": {"tokens": [97]}, "responses": [{"tokens": [98]}, {"tokens": [99, token]}]},
               "answer": {"best": 0}, "labeler": {"person": "somebody"}})
    };
    for (token, is_padding) in [(258, true), (300, false), (u32::MAX, false)] {
        lab.write("ids.jsonl", format!("{}\n", label(token)));
        let ids = lab.path("ids.jsonl");
        let output = attune(&["score", paths[0], "--labels", ids.to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(output.status.success(), is_padding, "{token}");
        let said = String::from_utf8(output.stderr).unwrap();
        let named = said.contains(&format!("token id {token}"));
        assert_eq!(named, !is_padding, "{said}");
    }
    let said = failure(&mut attune(&[
        "label",
        "import",
        lab.path("").to_str().unwrap(),
        "--store",
        "x.db",
        "--format",
        "trl",
    ]));
    assert!(said.contains("is a folder"), "{said}");
    lab.write("rows.jsonl", "{}\n");
    let said = failure(&mut attune(&["score", paths[0], paths[1], "--skip-bad"]));
    assert!(said.contains("no row is left"), "{said}");
}
