//! Answers that people gave again.

use super::*;

fn by(name: &str, answer: Answer) -> Label {
    Label {
        labeler: Labeler::Person(name.to_owned()),
        ..of_texts("q", &["a", "b", "c"], answer)
    }
}

fn correction(key: &str, name: &str, answer: Answer) -> Correction {
    Correction {
        key: key.to_owned(),
        answer,
        labeler: Labeler::Person(name.to_owned()),
        time: Some(7),
    }
}

/// A store with three labels of ann.
fn three(folder: &Path) -> Store {
    let mut store = Store::create(&folder.join("labels.db")).unwrap();
    let labels = [0, 1, 2].map(|place| by("ann", Answer::Best(place)));
    store.add(keyed(&labels)).unwrap();
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..Default::default() })]
    #[test]
    fn the_latest_counts_and_nothing_is_forgotten(
        said in prop::collection::vec((0..3usize, 0..3usize), 0..12)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = three(folder.path());
        let mut course: Vec<Vec<usize>> = vec![vec![0], vec![1], vec![2]];
        for (label, place) in said {
            let new = store.correct(&[correction(&format!("k{label}"), "ann", Answer::Best(place))]);
            let changes = course[label].last() != Some(&place);
            prop_assert_eq!(new.unwrap(), usize::from(changes));
            if changes {
                course[label].push(place);
            }
        }
        drop(store);
        let store = Store::read(&folder.path().join("labels.db")).unwrap();
        let labels = store.labels().unwrap();
        prop_assert_eq!(labels.len(), 3);
        prop_assert_eq!(&store.labels_under("k").unwrap(), &labels);
        let corrected = course.iter().filter(|course| course.len() > 1).count();
        prop_assert_eq!(store.corrected().unwrap(), corrected);
        for ((kept, (key, label)), course) in store.history().unwrap().iter().zip(&labels).zip(&course) {
            prop_assert_eq!(&kept.key, key);
            prop_assert_eq!(&kept.label, label);
            let (last, earlier) = course.split_last().unwrap();
            prop_assert_eq!(&label.answer, &Answer::Best(*last));
            prop_assert_eq!(label.time, (!earlier.is_empty()).then_some(7));
            let was: Vec<Answer> = kept.earlier.iter().map(|was| was.answer.clone()).collect();
            let earlier: Vec<Answer> = earlier.iter().copied().map(Answer::Best).collect();
            prop_assert_eq!(was, earlier);
        }
    }
}

#[test]
fn saying_again_what_was_corrected_turns_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = three(folder.path());
    let correct = [correction("k0", "ann", Answer::Tie(vec![0, 1]))];
    assert_eq!(store.correct(&correct).unwrap(), 1);
    assert_eq!(store.correct(&correct).unwrap(), 0);
    // The file of the first answers once more, and that of what counts now.
    for answer in [Answer::Best(0), Answer::Tie(vec![0, 1])] {
        let label = by("ann", answer);
        assert_eq!(store.add([("k0".to_owned(), &label)]).unwrap(), 0);
        assert_eq!(store.labels().unwrap()[0].1.answer, Answer::Tie(vec![0, 1]));
    }
    for (label, part) in [
        (by("ann", Answer::Best(2)), "`attune label correct`"),
        (by("bob", Answer::Best(0)), "by another judge"),
        (
            Label {
                labeler: Labeler::Person("ann".to_owned()),
                ..of_texts("other", &["a", "b"], Answer::Best(0))
            },
            "about other responses",
        ),
    ] {
        let error = store.add([("k0".to_owned(), &label)]).unwrap_err();
        assert!(format!("{error:#}").contains(part), "{error:#}");
    }
}

#[test]
fn only_who_gave_an_answer_corrects_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = three(folder.path());
    let unknown = of_texts("q", &["a", "b"], Answer::Best(0));
    let plugin = Label {
        labeler: Labeler::Plugin {
            name: "valence".to_owned(),
            version: "1.0".to_owned(),
            sha256: "0".repeat(64),
        },
        ..unknown.clone()
    };
    store
        .add([("u".to_owned(), &unknown), ("p".to_owned(), &plugin)])
        .unwrap();
    store
        .ask([("asked".to_owned(), &unknown.comparison)])
        .unwrap();
    let fine = correction("k0", "ann", Answer::Best(2));
    for (wrong, part) in [
        (correction("k1", "bob", Answer::Best(0)), "is by `ann`"),
        (correction("u", "ann", Answer::Best(1)), "is by `unknown`"),
        (correction("p", "ann", Answer::Best(1)), "only a person's"),
        (correction("k9", "ann", Answer::Best(1)), "no label `k9`"),
        (correction("asked", "ann", Answer::Best(1)), "no answer yet"),
        (correction("k1", "ann", Answer::Best(3)), "must be 0 to 2"),
    ] {
        let error = store.correct(&[fine.clone(), wrong]).unwrap_err();
        assert!(format!("{error:#}").contains(part), "{part}: {error:#}");
        // Not even what was right.
        assert_eq!(store.corrected().unwrap(), 0);
        assert_eq!(store.labels().unwrap()[0].1.answer, Answer::Best(0));
    }
}

#[test]
fn several_correct_at_once_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    drop(three(folder.path()));
    let write = |place: usize| {
        let mut store = Store::open(&folder.path().join("labels.db")).unwrap();
        for _ in 0..20 {
            for answer in [Answer::Best(place), Answer::Skip] {
                store.correct(&[correction("k1", "ann", answer)]).unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        for place in 0..3 {
            scope.spawn(move || write(place));
        }
    });
    let store = Store::read(&folder.path().join("labels.db")).unwrap();
    let kept = &store.history().unwrap()[1];
    let all: Vec<&Answer> = kept.earlier.iter().map(|earlier| &earlier.answer).collect();
    let all = [&all[..], &[&kept.label.answer]].concat();
    assert!(
        all.windows(2).all(|two| two[0] != two[1]),
        "each is another"
    );
    for place in 0..3 {
        assert!(all.contains(&&Answer::Best(place)));
    }
    assert_eq!(kept.label.answer, Answer::Skip);
    assert_eq!(store.labels().unwrap().len(), 3);
}
