//! What went in comes out, once, whoever writes meanwhile.

use super::super::tests::{label, of_texts};
use super::super::{Answer, Source};
use super::access::STEPS;
use super::*;
use proptest::prelude::*;

mod corrected;
mod imported;

fn keyed(labels: &[Label]) -> Vec<(String, &Label)> {
    let numbered = labels.iter().enumerate();
    numbered.map(|(at, one)| (format!("k{at}"), one)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..Default::default() })]
    #[test]
    fn what_went_in_comes_out_once(labels in prop::collection::vec(label(), 0..12)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/labels.db");
        let mut store = Store::create(&path).unwrap();
        prop_assert_eq!(store.add(keyed(&labels)).unwrap(), labels.len());
        prop_assert_eq!(store.add(keyed(&labels)).unwrap(), 0);
        drop(store);
        let read = Store::open(&path).unwrap().labels().unwrap();
        let read: Vec<Label> = read.into_iter().map(|(_, label)| label).collect();
        prop_assert_eq!(read, labels);
    }
}

#[test]
fn all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(&folder.path().join("labels.db")).unwrap();
    let labels = [
        of_texts("q", &["a", "b"], Answer::Best(0)),
        of_texts("q", &["a", "b"], Answer::Best(2)),
    ];
    let message = format!("{:#}", store.add(keyed(&labels)).unwrap_err());
    assert!(
        message.contains("`k1`") && message.contains("is 2"),
        "{message}"
    );
    assert_eq!(store.labels().unwrap(), []);
    store.add([("k".to_owned(), &labels[0])]).unwrap();
    let other = of_texts("q", &["a", "b"], Answer::Best(1));
    let message = format!("{:#}", store.add([("k".to_owned(), &other)]).unwrap_err());
    assert!(message.contains("another answer"), "{message}");
}

#[test]
fn several_write_at_once_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.db");
    let write = |writer: usize| {
        let mut store = Store::create(&path).unwrap();
        for at in 0..40 {
            let label = of_texts(&format!("q{at}"), &["a", "b"], Answer::Best(writer % 2));
            store.add([(format!("{writer}-{at}"), &label)]).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || write(writer));
        }
    });
    let keys = Store::open(&path).unwrap().labels().unwrap();
    let keys: std::collections::BTreeSet<String> = keys.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 160);
}

#[test]
fn other_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let refused = || format!("{:#}", Store::create(&path).unwrap_err());
    assert!(format!("{:#}", Store::open(&path).unwrap_err()).contains("there is no store"));
    std::fs::write(&path, "not a database, but long enough to be one").unwrap();
    assert!(refused().contains("no SQLite database"), "{}", refused());
    std::fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE mine (x INTEGER)")
        .unwrap();
    assert!(refused().contains("another program"), "{}", refused());
    std::fs::remove_file(&path).unwrap();
    drop(Store::create(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    assert!(refused().contains("version 99"), "{}", refused());
}

#[test]
fn what_something_else_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.db");
    let label = of_texts("q", &["a", "b"], Answer::Best(0));
    for (change, part) in [
        (
            r#"UPDATE labels SET answer = '{"best":7}'"#,
            "label `k` is damaged",
        ),
        ("DELETE FROM responses", "has no responses"),
    ] {
        let mut store = Store::create(&path).unwrap();
        store.add([("k".to_owned(), &label)]).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute(change, []).unwrap();
        let message = format!("{:#}", store.labels().unwrap_err());
        assert!(
            message.contains(part) && message.contains("hint: "),
            "{message}"
        );
        drop(store);
        std::fs::remove_file(&path).unwrap();
    }
}

/// What lies in a folder, byte for byte.
fn files(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

/// The tables of each step after the first, the latest first, in an order in which they can be dropped.
const TABLES: [&[&str]; 4] = [
    &["room"],
    &[
        "judgements",
        "items",
        "queue",
        "hints",
        "decisions",
        "adjudications",
        "people",
    ],
    &["corrections"],
    &["asked"],
];

/// A store as an older version left it.
fn older(path: &Path, version: usize, label: &Label) {
    let mut store = Store::create(path).unwrap();
    store.add([("k".to_owned(), label)]).unwrap();
    assert_eq!(TABLES.len() + 1, STEPS.len());
    for table in TABLES.iter().take(STEPS.len() - version).copied().flatten() {
        let drop = format!("DROP TABLE {table}");
        store.connection.execute_batch(&drop).unwrap();
    }
    let version = version as i64;
    let set = store
        .connection
        .pragma_update(None, "user_version", version);
    set.unwrap();
}

#[test]
fn reading_changes_nothing_and_needs_no_step() {
    let mut label = of_texts("q", &["a", "b"], Answer::Best(1));
    label.comparison.source = Some(Source {
        checkpoint: "run/7".to_owned(),
        config: "0".repeat(64),
    });
    for version in 1..=STEPS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.db");
        older(&path, version, &label);
        let before = files(folder.path());
        assert_eq!(before.len(), 1, "{version}");
        let store = Store::read(&path).unwrap();
        let all = [("k".to_owned(), label.clone())];
        assert_eq!(store.labels().unwrap(), all, "{version}");
        assert_eq!(store.pending("").unwrap(), []);
        assert_eq!(store.corrected().unwrap(), 0);
        assert_eq!(store.history().unwrap()[0].label, label);
        drop(store);
        assert!(files(folder.path()) == before, "{version}");
        // To write to it is to bring it up to date.
        let mut store = Store::open(&path).unwrap();
        store.ask([("p".to_owned(), &label.comparison)]).unwrap();
        assert_eq!(store.pending("").unwrap().len(), 1);
        assert_eq!(store.labels().unwrap(), all);
    }
}

#[test]
fn a_store_that_was_opened_to_be_read_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.db");
    let label = of_texts("q", &["a", "b"], Answer::Best(1));
    Store::create(&path)
        .unwrap()
        .add([("k".to_owned(), &label)])
        .unwrap();
    let mut store = Store::read(&path).unwrap();
    let message = format!("{:#}", store.add([("l".to_owned(), &label)]).unwrap_err());
    assert!(message.contains("may not be written to"), "{message}");
    assert_eq!(store.labels().unwrap().len(), 1);
    // A file that nobody has written to yet has no labels.
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(Store::read(&empty).unwrap().labels().unwrap(), []);
    assert_eq!(std::fs::read(&empty).unwrap(), b"");
    let nowhere = Store::read(&folder.path().join("nowhere.db")).unwrap_err();
    assert!(
        nowhere.to_string().contains("there is no store"),
        "{nowhere}"
    );
}

#[test]
fn a_copy_has_what_was_written_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.db");
    let label = of_texts("q", &["a", "b"], Answer::Best(1));
    let mut store = Store::create(&path).unwrap();
    store.add([("k".to_owned(), &label)]).unwrap();
    // As a kill leaves it: the label is in the file beside the store.
    let wal = std::fs::read(folder.path().join("labels.db-wal")).unwrap();
    assert!(!wal.is_empty());
    let (_copy, file) = copy::copied(&path).unwrap();
    let copied = Store::read(&file).unwrap();
    assert_eq!(copied.labels().unwrap(), store.labels().unwrap());
}
