//! Labels of files are known by what they say and where they are from.

use super::*;

fn by(name: &str, query: &str, best: usize) -> Label {
    Label {
        labeler: Labeler::Person(name.to_owned()),
        ..of_texts(query, &["a", "b"], Answer::Best(best))
    }
}

fn unknown(query: &str) -> Label {
    Label {
        labeler: Labeler::Unknown,
        time: None,
        ..of_texts(query, &["a", "b"], Answer::Best(0))
    }
}

fn empty() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join("labels.db")).unwrap();
    (folder, store)
}

/// How many of a file's labels are new, and how many corrected.
fn import(store: &mut Store, labels: &[Label], file: &str) -> [usize; 2] {
    import_from(store, labels, &vec![None; labels.len()], file)
}

fn import_from(
    store: &mut Store,
    labels: &[Label],
    origins: &[Option<String>],
    file: &str,
) -> [usize; 2] {
    let Added { new, corrected } = store.import(labels, origins, file).unwrap();
    [new, corrected]
}

#[test]
fn a_file_that_grew_adds_what_it_grew_by() {
    let (_folder, mut store) = empty();
    let mut file = vec![
        by("ann", "q", 0),
        by("bob", "q", 0),
        unknown("q"),
        unknown("q"),
    ];
    assert_eq!(import(&mut store, &file, "one"), [4, 0]);
    assert_eq!(import(&mut store, &file, "one"), [0, 0]);
    // The same in another order, of another file.
    file.reverse();
    assert_eq!(import(&mut store, &file, "two"), [0, 0]);
    file.insert(1, by("ann", "other", 1));
    file.push(unknown("q"));
    assert_eq!(import(&mut store, &file, "three"), [2, 0]);
    assert_eq!(import(&mut store, &file, "three"), [0, 0]);
    // At another time the same judge said it again.
    let again = Label {
        time: Some(7),
        ..by("ann", "q", 0)
    };
    assert_eq!(import(&mut store, &[again], "four"), [1, 0]);
    assert_eq!(store.labels().unwrap().len(), 7);
}

#[test]
fn labels_under_the_keys_of_their_files_are_known() {
    let (_folder, mut store) = empty();
    let file = [by("ann", "q", 0), unknown("q"), unknown("q")];
    let numbered = file.iter().enumerate();
    let keyed = numbered.map(|(row, label)| (format!("5e1f:{row}"), label));
    store.add(keyed).unwrap();
    assert_eq!(import(&mut store, &file, "5e1f"), [0, 0]);
    let grown = [&file[..], &[unknown("q"), by("bob", "q", 1)]].concat();
    assert_eq!(import(&mut store, &grown, "77aa"), [2, 0]);
    // Of a program that numbers its annotations now, and did not then.
    let origins = vec![Some("task 1 annotation 1".to_owned())];
    assert_eq!(import_from(&mut store, &file[..1], &origins, "99"), [0, 0]);
}

#[test]
fn what_the_program_tells_apart_is_told_apart() {
    let (_folder, mut store) = empty();
    let same = [by("ann", "q", 0), by("ann", "q", 0)];
    let origins = ["one", "two"].map(|origin| Some(origin.to_owned()));
    assert_eq!(
        import_from(&mut store, &same[..1], &origins[..1], "f"),
        [1, 0]
    );
    assert_eq!(
        import_from(&mut store, &same[1..], &origins[1..], "g"),
        [1, 0]
    );
    assert_eq!(import_from(&mut store, &same, &origins, "h"), [0, 0]);
    // Its judge has changed the answer since.
    let changed = [by("ann", "q", 1)];
    assert_eq!(
        import_from(&mut store, &changed, &origins[..1], "i"),
        [0, 1]
    );
    assert_eq!(
        import_from(&mut store, &changed, &origins[..1], "i"),
        [0, 0]
    );
    assert_eq!(store.labels().unwrap()[0].1.answer, Answer::Best(1));
    // The file of before turns nothing back.
    assert_eq!(import_from(&mut store, &same, &origins, "h"), [0, 0]);
    assert_eq!(store.labels().unwrap()[0].1.answer, Answer::Best(1));
    assert_eq!(store.corrected().unwrap(), 1);
    // Nobody knows who that is.
    let of_nobody = [unknown("p")];
    assert_eq!(
        import_from(&mut store, &of_nobody, &origins[..1], "j"),
        [1, 0]
    );
    assert_eq!(
        import_from(&mut store, &of_nobody, &origins[1..], "k"),
        [0, 0]
    );
}

#[test]
fn what_was_written_out_is_known_when_it_comes_back() {
    let (_folder, mut store) = empty();
    let asked = by("ann", "asked", 0);
    store.add([("run/1".to_owned(), &asked)]).unwrap();
    import(&mut store, &[by("bob", "q", 0), unknown("q")], "f");
    let correction = Correction {
        key: "run/1".to_owned(),
        answer: Answer::Best(1),
        labeler: asked.labeler.clone(),
        time: Some(9),
    };
    store.correct(&[correction]).unwrap();
    let out: Vec<Label> = store
        .labels()
        .unwrap()
        .into_iter()
        .map(|(_, label)| label)
        .collect();
    assert_eq!(import(&mut store, &out, "out"), [0, 0]);
    assert_eq!(import(&mut store, &[asked], "before"), [0, 0]);
}

#[test]
fn stores_are_known_by_what_they_are() {
    let (folder, store) = empty();
    drop(store);
    let [is, other] = ["labels.db", "labels.sqlite3"].map(|name| folder.path().join(name));
    std::fs::copy(&is, &other).unwrap();
    let named = folder.path().join("lines.db");
    std::fs::write(&named, "{\"comparison\": 1}\n").unwrap();
    for (path, wanted) in [
        (is.as_path(), true),
        (&other, true),
        (&named, false),
        (&folder.path().join("none.db"), true),
        (&folder.path().join("none.jsonl"), false),
    ] {
        assert_eq!(is_store(path), wanted, "{}", path.display());
    }
    let message = format!("{:#}", Store::read(&named).unwrap_err());
    assert!(
        message.contains("is no store: it is JSON lines"),
        "{message}"
    );
    assert!(message.contains("hint: "), "{message}");
}
