//! What went in comes out, once, whoever writes meanwhile.

use super::super::Answer;
use super::super::tests::{label, of_texts};
use super::*;
use proptest::prelude::*;

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
        Connection::open(&path)
            .unwrap()
            .execute(change, [])
            .unwrap();
        let message = format!("{:#}", store.labels().unwrap_err());
        assert!(
            message.contains(part) && message.contains("hint: "),
            "{message}"
        );
        drop(store);
        std::fs::remove_file(&path).unwrap();
    }
}
