//! Labels through the binary: in, out, counted, files that are broken, and imports that are killed.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use attune::label::format::{FORMATS, Format};
use attune::label::store::Store;

use crate::support::{attune, failure, succeed};

const ROWS: &str = r#"[
    {"query": [1, 2], "sample0": [3, 0], "sample1": [4, 5], "best": 1},
    {"query": [1, 2], "sample0": [3, 0], "sample1": [4, 5], "best": 1},
    {"query": [7, 0], "sample0": [3, 1], "sample1": [4, 1], "sample2": [5, 1], "sample3": [6, 1], "best": 0}
]"#;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn import(file: &Path, store: &Path, format: &str) -> String {
    let store = ["--store", text(store), "--format", format];
    succeed(&[&["label", "import", text(file)], &store[..]].concat())
}

fn export(file: &Path, store: &Path, format: &str) -> String {
    let store = ["--store", text(store), "--format", format];
    succeed(&[&["label", "export", text(file)], &store[..]].concat())
}

#[test]
fn imported_counted_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [file, store, lines, back] = ["in.json", "labels.db", "out.jsonl", "back.json"].map(path);
    std::fs::write(&file, ROWS).unwrap();
    let said = import(&file, &store, "original");
    assert!(said.contains("3 labels, 3 of them new"), "{said}");
    let said = import(&file, &store, "original");
    assert!(said.contains("3 labels, 0 of them new"), "{said}");
    let said = succeed(&["label", "stats", "--store", text(&store)]);
    for part in [
        "labels          3",
        "best of 2",
        "best of 4",
        "unknown",
        "best of 2 2, best of 4 1",
        "0.0 %  100.0 %   (chi-square 2.00, p 0.157)",
        "agreement unknown",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let json = succeed(&["label", "stats", "--json", "--store", text(&store)]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["kinds"]["best of 2"], 2);
    export(&lines, &store, "jsonl");
    let other = path("other.db");
    import(&lines, &other, "jsonl");
    let said = export(&back, &other, "original");
    assert!(!said.contains("not in it"), "{said}");
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let back = std::fs::read_to_string(&back).unwrap();
    assert_eq!(value(&back), value(ROWS));
}

#[test]
fn what_is_not_carried_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [rows, table, store] = ["in.jsonl", "in.csv", "labels.db"].map(path);
    let message = |role: &str| format!(r#"[{{"role": "{role}", "content": "c"}}]"#);
    let row = format!(
        r#"{{"prompt": {}, "chosen": {}, "rejected": "r", "score": 3}}"#,
        message("user"),
        message("assistant")
    );
    std::fs::write(&rows, row.replace("\"r\"", &message("assistant"))).unwrap();
    let said = import(&rows, &store, "trl");
    for part in ["not read: `score` (1)", "not read: who says"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let typed =
        "query,response0,response1,answer,value,labeler\nq,a,b,best,1,ann\nq,a,b,best,0,bob\n";
    std::fs::write(&table, typed).unwrap();
    import(&table, &store, "csv");
    let said = succeed(&["label", "stats", "--store", text(&store)]);
    for part in [
        "Krippendorff's alpha",
        "ann                           bob",
        "1   0.0 ± 0.0 %",
        "people                        people",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let said = export(&path("out.jsonl"), &store, "trl");
    for part in [
        "3 labels",
        "not in it: the order of the responses (1)",
        "not in it: who judged (2)",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    // Texts and token ids in one store, but not in one file.
    std::fs::write(path("in.json"), ROWS).unwrap();
    import(&path("in.json"), &store, "original");
    let out = path("tokens.jsonl");
    let arguments = ["label", "export", text(&out), "--store", text(&store)];
    let all = [&arguments[..], &["--format", "jsonl"]].concat();
    let refused = failure(&mut attune(&all));
    assert!(refused.contains("tokens.jsonl"), "{refused}");
    let said = succeed(&[&all[..], &["--only", "tokens"]].concat());
    for part in ["3 labels", "labels that `--only` leaves out (3)"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    import(&out, &path("other.db"), "jsonl");
}

#[test]
fn what_is_wrong_is_named_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [good, bad, store] = ["good.json", "bad.json", "labels.db"].map(path);
    std::fs::write(&good, ROWS).unwrap();
    std::fs::write(&bad, ROWS.replace("\"best\": 0", "\"best\": 4")).unwrap();
    let refuse = |arguments: &[&str], parts: &[&str]| {
        let store = ["--store", text(&store), "--format", "original"];
        let output = attune(&[arguments, &store[..]].concat()).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    let rows = ["bad.json", "row 2", "`best`", "is 4, must be 0 to 3"];
    refuse(&["label", "import", text(&good), text(&bad)], &rows);
    assert!(!store.exists());
    std::fs::write(&bad, ROWS.replace("[7, 0]", "[7]")).unwrap();
    let rows = [
        "bad.json",
        "row 2",
        "`query` has 1",
        "must have 2",
        "hint: ",
    ];
    refuse(&["label", "import", text(&good), text(&bad)], &rows);
    assert!(!store.exists());
    refuse(&["label", "import", "nowhere.json"], &["nowhere.json"]);
    refuse(
        &["label", "import", text(folder.path())],
        &["is a folder", "hint: "],
    );
    refuse(
        &["label", "export", "out.json"],
        &["there is no store", "hint: "],
    );
    std::fs::write(&store, "some other file that is no database at all").unwrap();
    refuse(
        &["label", "import", text(&good)],
        &["labels.db", "no SQLite database"],
    );
    let message = failure(&mut attune(&["label", "stats", "--store", "nowhere.db"]));
    assert!(message.contains("nowhere.db"), "{message}");
}

#[test]
fn a_file_that_grew_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [file, store] = ["rows.JSONL", "kept"].map(path);
    let row = |word: &str| format!(r#"{{"prompt": "q", "chosen": "{word}", "rejected": "b"}}"#);
    let mut rows = vec![row("a"), row("a"), row("c")];
    let written = |rows: &[String], between: &str| {
        std::fs::write(&file, rows.join(between)).unwrap();
        import(&file, &store, "trl")
    };
    for (between, wanted) in [("\n", 3), ("\r\n", 0), ("\n\n", 0)] {
        let said = written(&rows, between);
        assert!(
            said.contains(&format!("3 labels, {wanted} of them new")),
            "{said}"
        );
    }
    rows.splice(0..0, [row("d"), row("a")]);
    let said = written(&rows, "\r\n");
    assert!(said.contains("5 labels, 2 of them new"), "{said}");
    std::fs::write(&file, format!("[{}]", rows.join(",\n"))).unwrap();
    let said = import(&file, &store, "trl");
    assert!(said.contains("5 labels, 0 of them new"), "{said}");
    // A store is one whatever it is called.
    let said = succeed(&["label", "stats", "--store", text(&store)]);
    assert!(said.contains("labels          5"), "{said}");
}

#[test]
fn prompts_that_stand_twice_and_responses_that_are_the_same_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [file, store] = ["rows.ndjson", "labels.db"].map(path);
    let rows = [
        r#"{"prompt": "The film", "chosen": "The film was good.", "rejected": "The film was bad."}"#,
        r#"{"prompt": "The film", "chosen": " was.", "rejected": " was."}"#,
    ];
    std::fs::write(&file, rows.join("\n")).unwrap();
    let said = import(&file, &store, "trl");
    for part in [
        "note: the prompt stood at the beginning of all responses as well, and was taken out of them (1)",
        "note: two responses are the same, between which nothing can be learned (1)",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let said = succeed(&["label", "list", "--store", text(&store)]);
    assert!(said.contains(r#"{"text":" was good."}"#), "{said}");
    let said = succeed(&["label", "stats", "--store", text(&store)]);
    assert!(said.contains("identical       1"), "{said}");
    let json = succeed(&["label", "stats", "--json", "--store", text(&store)]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["identical"], 1);
}

#[test]
fn what_a_file_is_is_said_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    for (bytes, parts) in [
        (&b""[..], ["is empty", "hint: write it again"]),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
            [
                "a Git LFS pointer",
                "hint: fetch the file itself by `git lfs pull`",
            ],
        ),
        (
            b"<!doctype html><p>Log in",
            ["an HTML page", "hint: a server answered"],
        ),
        (
            br#"{"prompt": "p", "chosen": "\ud83d", "rejected": "b"}"#,
            ["line 1", "half of a character"],
        ),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let store = folder.path().join("labels.db");
        let arguments = [
            "label",
            "import",
            text(&file),
            "--store",
            text(&store),
            "--format",
            "trl",
        ];
        let said = failure(&mut attune(&arguments));
        assert!(
            said.starts_with("error: cannot read labels from `"),
            "{said}"
        );
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(!store.exists());
        // An empty file is one in which somebody is about to begin a store.
        if !bytes.is_empty() {
            let said = failure(&mut attune(&["label", "stats", "--store", text(&file)]));
            assert!(
                said.starts_with("error: `") && said.contains("is no store"),
                "{said}"
            );
        }
    }
}

/// The first block of each format's section in the documentation is a file that can be imported.
#[test]
fn the_documented_examples_are_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/labels.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for Format { name, .. } in FORMATS {
        let section = page
            .split("\n## ")
            .find(|s| s.starts_with(&format!("`{name}`")));
        let section = section.unwrap_or_else(|| panic!("`{name}` is not documented"));
        // Parquet is no text; its section has a table of columns.
        if *name == "parquet" {
            continue;
        }
        let example = section.split("```").nth(1).unwrap();
        let (_, example) = example.split_once('\n').unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, example).unwrap();
        let said = import(&file, &folder.path().join("labels.db"), name);
        assert!(!said.contains("not read"), "{said}");
    }
}

const FILES: usize = 4;
const LABELS: usize = 1000;

/// A file with labels of its own.
fn write_lines(path: &Path, number: usize) {
    let lines: String = (0..LABELS)
        .map(|row| {
            format!(
                r#"{{"comparison":{{"query":{{"text":"file {number} row {row}"}},"responses":[{{"text":"a"}},{{"text":"b"}}]}},"answer":{{"best":{}}},"labeler":{{"person":"ann"}},"time":{row}}}"#,
                row % 2
            ) + "\n"
        })
        .collect();
    std::fs::write(path, lines).unwrap();
}

/// How many labels the store has of each file.
fn stored(store: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, label) in Store::open(store).unwrap().labels().unwrap() {
        let query = label.comparison.query.text.unwrap();
        let file = query.split(" row").next().unwrap();
        *counts.entry(file.replace(' ', "")).or_default() += 1;
    }
    counts
}

/// Imports all files, and again whenever it was killed; whatever was acknowledged before a kill must be
/// there. Returns how often it was killed.
fn import_until_it_succeeds(files: &[String], store: &Path) -> usize {
    for attempt in 0.. {
        let files = files.iter().map(String::as_str);
        let mut arguments = vec![
            "label",
            "import",
            "--store",
            text(store),
            "--format",
            "jsonl",
        ];
        arguments.extend(files);
        let mut command = attune(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // At first before anything can be done, then later each time, so that there is an end.
        let most = 10_000 + 100_000 * attempt as u64;
        let moment = RandomState::new().hash_one(attempt) % most;
        std::thread::sleep(Duration::from_micros(moment));
        // Killed, unless it was done before.
        child.kill().unwrap();
        let status = child.wait().unwrap();
        let [mut said, mut wrong] = [String::new(), String::new()];
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut wrong)
            .unwrap();
        assert_eq!(wrong, "");
        // A line without its end was not said.
        let acknowledged: Vec<&str> = said
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| line.split_once(".jsonl:").unwrap().0)
            .map(|path| path.rsplit('/').next().unwrap())
            .collect();
        if !acknowledged.is_empty() {
            let stored = stored(store);
            for file in &acknowledged {
                assert_eq!(stored.get(*file), Some(&LABELS), "{file}");
            }
        }
        if status.success() {
            assert_eq!(acknowledged.len(), FILES);
            return attempt;
        }
    }
    unreachable!()
}

#[test]
fn two_imports_at_once_killed_at_any_moment_lose_nothing_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("labels.db");
    let mut files = Vec::new();
    for number in 0..FILES {
        let path = folder.path().join(format!("file{number}.jsonl"));
        write_lines(&path, number);
        files.push(text(&path).to_owned());
    }
    let reversed: Vec<String> = files.iter().rev().cloned().collect();
    let kills = std::thread::scope(|scope| {
        let imports = [&files, &reversed]
            .map(|files| scope.spawn(|| import_until_it_succeeds(files, &store)));
        imports.map(|import| import.join().unwrap())
    });
    assert!(kills.iter().all(|kills| *kills > 0), "{kills:?}");
    let all = stored(&store);
    assert_eq!(all.len(), FILES);
    assert!(all.values().all(|count| *count == LABELS), "{all:?}");
}
