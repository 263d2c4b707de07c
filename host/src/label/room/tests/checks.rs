//! Training, silent gold, what comes back, and hints.

use serde_json::{Value, json};

use super::*;

/// Eight golds, of which two are for training.
fn checked() -> Rules {
    Rules {
        gold: (0..8).map(gold).collect(),
        training: 2,
        gold_every: 4,
        overlap: 0.0,
        repeat_every: 6,
        attention_every: 0,
        ..Rules::default()
    }
}

#[test]
fn everybody_is_taught_first() {
    let mut house = House::new(4, checked());
    let ann = house.person("ann");
    assert_eq!(house.progress(ann).training_left, 2);
    let item = house.next(ann);
    assert!(item.training && item.query == "question 1000");
    let wrong = house.given(&item, Answer::Best(1 - better(&item)));
    let taken = house.room.answer(ann, &wrong, house.now).unwrap();
    let feedback = taken.feedback.clone().unwrap();
    assert_eq!(feedback.answer, Answer::Best(better(&item)));
    assert_eq!(
        (feedback.right, feedback.why.as_str()),
        (false, "because 0")
    );
    // Whoever did not hear it hears it again; whoever answers once more does not.
    assert_eq!(house.room.answer(ann, &wrong, house.now).unwrap(), taken);
    let back = house.room.back(ann, 1, house.now).unwrap().unwrap();
    assert_eq!(
        house.say(ann, &back, Answer::Best(better(&back))).feedback,
        None
    );
    let item = house.next(ann);
    let taken = house.say(ann, &item, Answer::Best(better(&item)));
    assert!(taken.feedback.unwrap().right);
    assert_eq!(house.progress(ann).training_left, 0);
    assert!(!house.next(ann).training);
    assert_eq!(house.labels(), []);
    let quality = house.room.quality(house.now).unwrap();
    assert_eq!(
        (quality.people[0].answers, quality.people[0].gold.of),
        (0, 0)
    );
}

/// Judges all that there is; returns the kinds in the order in which they came.
fn judge_all(house: &mut House, person: i64) -> Vec<Kind> {
    while let Some(item) = house.try_next(person) {
        let place = match item.responses.iter().any(|text| text.starts_with("good")) {
            true => better(&item),
            false => 0,
        };
        house.say(person, &item, Answer::Best(place));
    }
    let own = house.room.judgements().unwrap().into_iter();
    own.filter(|one| one.person_id == person)
        .map(|one| one.kind)
        .collect()
}

#[test]
fn gold_and_repeats_look_like_work() {
    let mut house = House::new(60, checked());
    let ann = house.person("ann");
    let mut shapes = std::collections::BTreeSet::new();
    while let Some(item) = house.try_next(ann) {
        let shown: Value = serde_json::to_value(&item).unwrap();
        let shown = shown.as_object().unwrap();
        if !item.training {
            shapes.insert(shown.keys().cloned().collect::<Vec<_>>().join(" "));
            assert_eq!(shown["hints"], Value::Null);
        }
        let taken =
            serde_json::to_value(house.say(ann, &item, Answer::Best(better(&item)))).unwrap();
        let told = taken.get("feedback").is_some();
        assert_eq!(told, item.training, "{taken}");
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    assert_eq!(
        shapes.first().unwrap(),
        "id query responses mode hints earlier number"
    );
    let judged = house.room.judgements().unwrap();
    let count = |kind: Kind| judged.iter().filter(|one| one.kind == kind).count();
    let all = judged.len() - count(Kind::Training);
    assert_eq!(count(Kind::Work), 60);
    assert!(
        count(Kind::Gold).abs_diff(all / 4) <= 1,
        "{} of {all}",
        count(Kind::Gold)
    );
    assert!(
        count(Kind::Repeat).abs_diff(all / 6) <= 2,
        "{} of {all}",
        count(Kind::Repeat)
    );
    // Silent gold is not what was taught; it comes again after all of it was seen.
    let keys: Vec<&str> = judged
        .iter()
        .filter(|one| one.kind == Kind::Gold)
        .map(|one| one.key.as_str())
        .collect();
    let first: std::collections::BTreeSet<_> = keys[..6].iter().collect();
    assert_eq!(first.len(), 6, "{keys:?}");
    assert!(keys[6..].iter().all(|key| !key.ends_with("/0")), "{keys:?}");
    // It is no label, nor is what was asked twice.
    assert_eq!(house.labels().len(), 60);
    let quality = house.room.quality(house.now).unwrap();
    let ann = &quality.people[0];
    assert_eq!(
        (ann.gold.right, ann.gold.of),
        (count(Kind::Gold) as u64, count(Kind::Gold) as u64)
    );
    assert_eq!(ann.repeats.same, ann.repeats.of);
    assert!(ann.repeats.of > 5 && ann.alarms.is_empty(), "{ann:?}");
}

#[test]
fn checks_stand_elsewhere_for_everybody_and_never_without_work() {
    let mut house = House::new(0, checked());
    let ann = house.person("ann");
    for _ in 0..2 {
        let item = house.next(ann);
        house.say(ann, &item, Answer::Best(0));
    }
    assert_eq!(house.try_next(ann), None);
    house.ask(0..40);
    let of_ann = judge_all(&mut house, ann);
    house.ask(40..80);
    let bob = house.person("bob");
    let of_bob = judge_all(&mut house, bob);
    let places = |kinds: &[Kind]| {
        let gold = kinds
            .iter()
            .enumerate()
            .filter(|(_, kind)| **kind == Kind::Gold);
        gold.map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_ne!(places(&of_ann)[..6], places(&of_bob)[..6]);
    assert_eq!(of_ann.last(), Some(&Kind::Work));
}

#[test]
fn who_reads_does_what_a_call_for_attention_says() {
    let rules = Rules {
        attention_every: 5,
        ..plain()
    };
    let mut house = House::new(40, rules);
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    for (person, reads) in [(ann, true), (bob, false), (ann, true), (bob, false)] {
        for _ in 0..12 {
            let Some(item) = house.try_next(person) else {
                break;
            };
            let call = item
                .responses
                .iter()
                .position(|text| text.contains("Choose this"));
            let place = match call {
                Some(place) if reads => place,
                Some(place) => 1 - place,
                None => better(&item),
            };
            house.say(person, &item, Answer::Best(place));
        }
    }
    let quality = house.room.quality(house.now).unwrap();
    let [ann, bob] = &quality.people[..] else {
        panic!("{quality:?}");
    };
    assert!(
        ann.attention.of > 2 && ann.attention.right == ann.attention.of,
        "{ann:?}"
    );
    assert!(bob.attention.of > 2 && bob.attention.right == 0, "{bob:?}");
    assert!(ann.alarms.is_empty(), "{ann:?}");
    assert!(
        bob.alarms
            .iter()
            .any(|alarm| alarm.starts_with("attention: 0 of")),
        "{bob:?}"
    );
    assert!(
        house
            .labels()
            .iter()
            .all(|(key, _)| key.starts_with("run-1/"))
    );
}

#[test]
fn hints_are_where_the_words_stand_on_the_page() {
    let comparison = Comparison {
        query: Passage::of_text("q"),
        responses: ["größer", "b", "c"].map(Passage::of_text).to_vec(),
        source: None,
    };
    // The word after the ß, in bytes.
    let hint = Hint {
        response: 0,
        start: 6,
        end: 8,
        note: "n".to_owned(),
    };
    for (when, before, after) in [
        (Hints::Off, false, false),
        (Hints::Before, true, false),
        (Hints::After, false, true),
    ] {
        let rules = Rules {
            hints: when,
            ..plain()
        };
        let mut house = House::new(0, rules);
        let mut store = Store::open(&house.path).unwrap();
        let beside = Beside {
            hints: vec![hint.clone()],
            doubt: None,
        };
        keep_hints(&mut store, &[(key(0), beside)]).unwrap();
        store.ask([(key(0), &comparison)]).unwrap();
        let ann = house.person("ann");
        let item = house.next(ann);
        let place = item
            .responses
            .iter()
            .position(|text| text == "größer")
            .unwrap();
        let shown = vec![Hint {
            response: place,
            start: 4,
            end: 6,
            note: "n".to_owned(),
        }];
        assert_eq!(item.hints, before.then(|| shown.clone()));
        let taken = house.say(ann, &item, Answer::Best(0));
        assert_eq!(taken.hints, after.then(|| shown.clone()));
    }
}

#[test]
fn gold_is_read_from_a_file_of_labels() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = |query: &str, answer: Value| {
        json!({"comparison": {"query": {"text": query}, "responses": [{"text": "a"}, {"text": "b"}]},
            "answer": answer, "labeler": {"person": "us"}, "why": "w"})
    };
    let read = |lines: &[Value]| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(file.path(), text).unwrap();
        read_gold(file.path(), &Rules::default()).map_err(|error| format!("{error:#}"))
    };
    let good = line("q", json!({"best": 1}));
    let all = read(std::slice::from_ref(&good)).unwrap();
    assert_eq!(
        (&all[0].answer, all[0].why.as_str()),
        (&Answer::Best(1), "w")
    );
    for (bad, part) in [
        (line("r", json!("skip")), "names no response"),
        (line("r", json!({"best": 2})), "must be 0 to 1"),
        (good.clone(), "twice"),
        (json!({"comparison": {}}), "comparison"),
    ] {
        let message = read(&[good.clone(), bad]).unwrap_err();
        assert!(
            message.contains(part) && message.contains("hint: "),
            "{message}"
        );
    }
    assert!(read(&[]).unwrap_err().contains("hint: "));
}
