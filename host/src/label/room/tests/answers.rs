//! What is said: by the places on the page, once, and said anew.

use super::*;
use crate::label::Labeler;
use crate::label::store::Kept;

#[test]
fn the_same_answer_twice_is_one_label() {
    let mut house = House::new(2, plain());
    let ann = house.person("ann");
    let item = house.next(ann);
    let given = house.given(&item, Answer::Best(better(&item)));
    let taken = house.room.answer(ann, &given, house.now).unwrap();
    assert_eq!((taken.kept, taken.answered), (true, 1));
    for _ in 0..3 {
        house.again();
        assert_eq!(
            house.room.answer(ann, &given, house.now + 5).unwrap(),
            taken
        );
    }
    assert_eq!(house.labels().len(), 1);
    assert_eq!(house.room.judgements().unwrap()[0].answers, 1);
    let label = &house.labels()[0].1;
    assert_eq!(label.labeler, Labeler::Person("ann".to_owned()));
    assert_eq!(label.time, Some(house.now));
    // The name of an answer is of that answer alone.
    let other = Given {
        answer: Answer::Abstain,
        ..given
    };
    let refusal = house.refused(ann, &other);
    assert!(matches!(refusal, Refusal::Conflict(_)), "{refusal:?}");
    assert_eq!(house.labels()[0].1.answer, Answer::Best(0));
}

#[test]
fn places_on_the_page_are_turned_into_those_of_the_store() {
    let mut house = House::new(0, plain());
    let texts = ["a", "b", "c", "d"];
    let comparison = |number: usize| Comparison {
        query: Passage::of_text(format!("q{number}")),
        responses: texts.map(Passage::of_text).to_vec(),
        source: None,
    };
    let asked: Vec<_> = (0..40)
        .map(|number| (key(number), comparison(number)))
        .collect();
    let mut store = Store::open(&house.path).unwrap();
    store
        .ask(asked.iter().map(|(key, one)| (key.clone(), one)))
        .unwrap();
    let ann = house.person("ann");
    let mut orders = std::collections::BTreeSet::new();
    for number in 0..40 {
        let item = house.next(ann);
        orders.insert(item.responses.clone());
        let at = |text: &str| item.responses.iter().position(|one| one == text).unwrap();
        let [a, b, c, d] = texts.map(at);
        let (shown, stored) = match number % 4 {
            0 => (Answer::Best(c), Answer::Best(2)),
            1 => (Answer::Tie(vec![d, b]), Answer::Tie(vec![1, 3])),
            2 => (
                Answer::Ranking(vec![vec![b], vec![d, a], vec![c]]),
                Answer::Ranking(vec![vec![1], vec![0, 3], vec![2]]),
            ),
            // All in one group say no more than a tie.
            _ => (
                Answer::Ranking(vec![vec![d, c, b, a]]),
                Answer::Tie(vec![0, 1, 2, 3]),
            ),
        };
        house.say(ann, &item, shown);
        let label = house.room.store().labels().unwrap().pop().unwrap();
        assert_eq!(
            label,
            (
                key(number),
                Label {
                    answer: stored,
                    ..label.1.clone()
                }
            )
        );
        assert_eq!(label.1.comparison, comparison(number));
    }
    assert!(orders.len() > 10, "{orders:?}");
    // The order is kept, and it is another for somebody else.
    let judged = house.room.judgements().unwrap();
    for one in &judged {
        let stored: Vec<usize> = one.places.clone();
        if let (Answer::Best(shown), Answer::Best(best)) = (&one.shown, &one.answer) {
            assert_eq!(stored[*shown], *best);
        }
    }
}

#[test]
fn five_answers_are_gone_back_over_and_given_anew() {
    let mut house = House::new(8, plain());
    let ann = house.person("ann");
    for _ in 0..6 {
        let item = house.next(ann);
        house.say(ann, &item, Answer::Best(better(&item)));
    }
    let open = house.next(ann);
    assert!(house.progress(ann).can_undo);
    for steps in 1..=5 {
        let item = house.room.back(ann, steps, house.now).unwrap().unwrap();
        assert_eq!(item.query, format!("question {}", 6 - steps));
        assert_eq!(item.earlier, Some(Answer::Best(better(&item))));
        let worse = 1 - better(&item);
        house.say(ann, &item, Answer::Best(worse));
        let again = house.room.back(ann, steps, house.now).unwrap().unwrap();
        assert_eq!(again.earlier, Some(Answer::Best(worse)));
        assert_eq!(again.responses, item.responses);
        // What was not answered is still there.
        assert_eq!(house.next(ann), open);
    }
    assert_eq!(house.room.back(ann, 7, house.now).unwrap(), None);
    assert_eq!(house.labels().len(), 6);
    let history: Vec<Kept> = house.room.store().history().unwrap();
    let changed = history
        .iter()
        .filter(|kept| kept.label.answer == Answer::Best(1));
    assert_eq!(changed.count(), 5);
    assert_eq!(house.room.store().corrected().unwrap(), 5);
    assert_eq!(history[5].earlier[0].answer, Answer::Best(0));
    assert_eq!(history[0].earlier, []);
    // And back again: nothing was overwritten.
    let item = house.room.back(ann, 1, house.now).unwrap().unwrap();
    house.say(ann, &item, Answer::Best(better(&item)));
    let judged = house.room.judgements().unwrap();
    assert_eq!(judged[5].answers, 3);
    assert_eq!(house.room.store().history().unwrap()[5].earlier.len(), 2);
    assert_eq!(house.progress(ann).answered, 6);
}

#[test]
fn all_that_comes_with_an_answer_is_kept() {
    let mut house = House::new(1, plain());
    let ann = house.person("ann");
    let item = house.next(ann);
    let given = Given {
        confidence: Some(0.75),
        strength: Some(3),
        note: Some("<b>\u{202e}note".to_owned()),
        reason: Some(" ".to_owned()),
        naive: Some("it asks".to_owned()),
        hints_shown: true,
        changes: 4,
        shown_ms: 1234,
        ..house.given(&item, Answer::Abstain)
    };
    house.room.answer(ann, &given, house.now).unwrap();
    let judged = &house.room.judgements().unwrap()[0];
    let kept = Besides {
        shown_ms: 1234,
        changes: 4,
        confidence: Some(0.75),
        strength: Some(3),
        note: given.note.clone(),
        reason: None,
        naive: given.naive.clone(),
        hints_shown: true,
    };
    assert_eq!((&judged.latest, &judged.first), (&kept, &kept));
    assert_eq!((judged.kind, judged.key.clone()), (Kind::Work, key(0)));
    assert_eq!(house.labels()[0].1.answer, Answer::Abstain);
}

#[test]
fn what_is_no_answer_is_refused_and_nothing_of_it_kept() {
    let rules = Rules {
        ties: false,
        ..plain()
    };
    let mut house = House::new(2, rules);
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    let item = house.next(ann);
    let good = house.given(&item, Answer::Best(0));
    let change = |act: &dyn Fn(&mut Given)| {
        let mut given = good.clone();
        act(&mut given);
        given
    };
    let bad = [
        change(&|given| given.answer = Answer::Best(2)),
        change(&|given| given.answer = Answer::Tie(vec![0, 1])),
        change(&|given| given.answer = Answer::Rating(3.0)),
        change(&|given| given.answer = Answer::Difference(1.0)),
        change(&|given| given.answer = Answer::Ranking(vec![vec![0], vec![0]])),
        change(&|given| given.client = String::new()),
        change(&|given| given.client = "x".repeat(65)),
        change(&|given| given.note = Some("x".repeat(10_001))),
        change(&|given| given.confidence = Some(f64::NAN)),
        change(&|given| given.strength = Some(4)),
    ];
    for given in bad {
        let refusal = house.refused(ann, &given);
        assert!(matches!(refusal, Refusal::Malformed(_)), "{refusal:?}");
    }
    let refusal = house.refused(bob, &good);
    assert!(matches!(refusal, Refusal::Unknown(_)), "{refusal:?}");
    let refusal = house.refused(99, &good);
    assert!(matches!(refusal, Refusal::Unknown(_)), "{refusal:?}");
    assert_eq!(house.labels(), []);
    assert_eq!(house.room.judgements().unwrap(), []);
    house.room.answer(ann, &good, house.now).unwrap();
    assert_eq!(house.labels().len(), 1);
}

#[test]
fn ratings_are_of_the_scale() {
    let rules = Rules {
        mode: Mode::Rating,
        ..plain()
    };
    let mut house = House::new(1, rules);
    let one = Comparison {
        query: Passage::of_text("q"),
        responses: vec![Passage::of_text("a")],
        source: None,
    };
    let mut store = Store::open(&house.path).unwrap();
    store.ask([("run-2/0".to_owned(), &one)]).unwrap();
    let ann = house.person("ann");
    // Nobody is asked for the pair.
    let item = house.next(ann);
    assert_eq!(item.responses, ["a"]);
    let high = house.given(&item, Answer::Rating(7.5));
    assert!(
        house
            .refused(ann, &high)
            .to_string()
            .contains("from 1 to 7")
    );
    house.say(ann, &item, Answer::Rating(6.0));
    assert_eq!(house.labels()[0].1.answer, Answer::Rating(6.0));
    assert_eq!(house.try_next(ann), None);
}

#[test]
fn everything_that_people_say_survives_the_formats_that_can_carry_it() {
    use crate::label::format::{FORMATS, read, write};
    let mut house = House::new(6, plain());
    let ann = house.person("ann@example.org");
    for answer in [
        None,
        Some(Answer::Tie(vec![0, 1])),
        Some(Answer::Abstain),
        Some(Answer::Skip),
        None,
        None,
    ] {
        let item = house.next(ann);
        let answer = answer.unwrap_or(Answer::Best(better(&item)));
        house.say(ann, &item, answer);
    }
    let item = house.room.back(ann, 1, house.now).unwrap().unwrap();
    house.say(ann, &item, Answer::Best(1 - better(&item)));
    let labels: Vec<Label> = house.labels().into_iter().map(|(_, label)| label).collect();
    for format in FORMATS {
        let written = write(&labels, format).unwrap();
        let complete = ["jsonl", "csv", "parquet", "label-studio"].contains(&format.name);
        assert!(
            !complete || written.lost.is_empty(),
            "{}: {:?}",
            format.name,
            written.lost
        );
        if written.labels == 0 {
            continue;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &written.bytes).unwrap();
        let back = read(file.path(), format).unwrap().labels;
        assert_eq!(back.len(), written.labels, "{}", format.name);
        if written.lost.is_empty() {
            assert_eq!(back, labels, "{}", format.name);
        }
    }
}
