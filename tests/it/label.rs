//! Labels through the binary: in, out, counted, and files that are broken.

use std::path::Path;

use crate::support::{attune, failure, succeed};

const ROWS: &str = r#"[
    {"query": [1, 2], "sample0": [3], "sample1": [4, 5], "best": 1},
    {"query": [1, 2], "sample0": [3], "sample1": [4, 5], "best": 1},
    {"query": [7], "sample0": [3], "sample1": [4], "sample2": [5], "sample3": [6], "best": 0}
]"#;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn imported_counted_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [file, store, lines, back] = ["in.json", "labels.db", "out.jsonl", "back.json"].map(path);
    std::fs::write(&file, ROWS).unwrap();
    let import = |file: &Path, store: &Path, format: &str| {
        let store = ["--store", text(store), "--format", format];
        succeed(&[&["label", "import", text(file)], &store[..]].concat())
    };
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
        "0.0 %  100.0 %",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let json = succeed(&["label", "stats", "--json", "--store", text(&store)]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["kinds"]["best of 2"], 2);
    let export = |file: &Path, store: &Path, format: &str| {
        let store = ["--store", text(store), "--format", format];
        succeed(&[&["label", "export", text(file)], &store[..]].concat())
    };
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
    refuse(&["label", "import", "nowhere.json"], &["nowhere.json"]);
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
