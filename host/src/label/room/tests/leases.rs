//! Who has what: one item a person, one person an item, and nothing is kept for who does not come back.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn people_at_once_never_have_the_same() {
    let mut house = House::new(30, plain());
    let people = ["ann", "bob", "cy"].map(|name| house.person(name));
    let mut seen = BTreeSet::new();
    loop {
        let items: Vec<(i64, Item)> = people
            .iter()
            .filter_map(|person| Some((*person, house.try_next(*person)?)))
            .collect();
        if items.is_empty() {
            break;
        }
        for (person, item) in items {
            assert!(seen.insert(item.query.clone()), "{} twice", item.query);
            house.say(person, &item, Answer::Best(better(&item)));
        }
    }
    assert_eq!((seen.len(), house.labels().len()), (30, 30));
    assert!(
        house
            .labels()
            .iter()
            .all(|(_, label)| label.answer == Answer::Best(0))
    );
}

#[test]
fn what_is_not_answered_comes_back_in_the_order_in_which_it_was_asked() {
    let mut house = House::new(2, plain());
    let ann = house.person("ann");
    let item = house.next(ann);
    assert_eq!((item.query.as_str(), item.number), ("question 0", 1));
    // A reload, a second window, a server that was killed.
    assert_eq!(house.next(ann), item);
    house.again();
    assert_eq!(house.next(ann), item);
    let progress = house.progress(ann);
    assert_eq!(
        (progress.waiting, progress.answered, progress.can_undo),
        (2, 0, false)
    );
    house.say(ann, &item, Answer::Best(0));
    assert_eq!(house.next(ann).query, "question 1");
    house.ask(2..3);
    let second = house.next(ann);
    house.say(ann, &second, Answer::Skip);
    assert_eq!(house.next(ann).query, "question 2");
    assert_eq!(house.progress(ann).waiting, 1);
}

#[test]
fn a_lease_that_ran_out_is_another_s() {
    let mut house = House::new(3, plain());
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    let late = house.next(ann);
    house.now += 299_000;
    assert!(house.room.keep(ann, &late.id, house.now).unwrap());
    assert!(!house.room.keep(bob, &late.id, house.now).unwrap());
    house.now += 299_000;
    // Kept for longer, so that bob has another.
    let other = house.next(bob);
    assert_ne!(other.query, late.query);
    house.say(bob, &other, Answer::Best(0));
    house.now += 301_000;
    let taken = house.next(bob);
    assert_eq!(taken.query, late.query);
    assert!(!house.room.keep(ann, &late.id, house.now).unwrap());
    assert_eq!(house.next(ann).query, "question 2");
    // Both have judged it: the first is the run's label, and what the other says is not lost.
    house.say(bob, &taken, Answer::Best(better(&taken)));
    house.say(ann, &late, Answer::Best(1 - better(&late)));
    let keys: Vec<(String, Answer)> = house
        .labels()
        .into_iter()
        .map(|(key, label)| (key, label.answer))
        .collect();
    assert!(keys.contains(&(key(0), Answer::Best(0))), "{keys:?}");
    let beside = (format!("more/{}/ann", key(0)), Answer::Best(1));
    assert!(keys.contains(&beside), "{keys:?}");
}

#[test]
fn what_is_answered_elsewhere_is_asked_no_more() {
    let mut house = House::new(3, plain());
    let ann = house.person("ann");
    let open = house.next(ann);
    let label = |number: usize| Label {
        comparison: pair(number),
        answer: Answer::Best(0),
        labeler: crate::label::Labeler::Person("from a file".to_owned()),
        time: None,
    };
    let labels = [label(0), label(1)];
    let mut store = Store::open(&house.path).unwrap();
    let keyed = labels.iter().enumerate();
    store
        .add(keyed.map(|(number, label)| (key(number), label)))
        .unwrap();
    assert_eq!(house.next(ann).query, "question 2");
    house.say(ann, &open, Answer::Best(0));
    assert_eq!(house.labels().len(), 3);
}

#[test]
fn several_judge_a_share_one_after_the_other() {
    let rules = Rules {
        overlap: 1.0,
        ..plain()
    };
    let mut house = House::new(5, rules);
    let people = ["ann", "bob", "cy"].map(|name| house.person(name));
    // What nobody has judged comes first.
    let [first, second, _] = people.map(|person| house.next(person));
    assert_ne!(first.query, second.query);
    loop {
        let mut said = 0;
        for person in people {
            if let Some(item) = house.try_next(person) {
                house.say(person, &item, Answer::Best(better(&item)));
                said += 1;
            }
        }
        if said == 0 {
            break;
        }
    }
    let labels = house.labels();
    let own = labels.iter().filter(|(key, _)| key.starts_with("run-1/"));
    assert_eq!((own.count(), labels.len()), (5, 10));
    assert!(
        labels
            .iter()
            .all(|(_, label)| label.answer == Answer::Best(0))
    );
    let quality = house.room.quality(house.now).unwrap();
    assert_eq!((quality.overlap_done, quality.alpha), (5, Some(1.0)));
}

#[test]
fn what_models_disagree_on_is_judged_again_first() {
    let rules = Rules {
        overlap: 1.0,
        ..plain()
    };
    let mut house = House::new(0, rules);
    let known = |(number, doubt): (usize, f64)| {
        let beside = Beside {
            hints: Vec::new(),
            doubt: Some(doubt),
        };
        (key(number), beside)
    };
    let known: Vec<_> = [(0, 0.1), (1, 0.9), (2, 0.5)].map(known).into();
    keep_hints(&mut Store::open(&house.path).unwrap(), &known).unwrap();
    house.ask(0..3);
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    let mut order = Vec::new();
    for person in [ann, ann, ann, bob, bob, bob] {
        let item = house.next(person);
        house.say(person, &item, Answer::Best(0));
        order.push(item.query.replace("question ", ""));
    }
    assert_eq!(order.join(" "), "0 1 2 1 2 0");
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Act {
    Look(usize),
    Say(usize),
    Return(usize),
    Wait(i64),
    Kill,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0usize..4).prop_map(Act::Look),
        4 => (0usize..4).prop_map(Act::Say),
        1 => (0usize..4).prop_map(Act::Return),
        1 => (1i64..400).prop_map(Act::Wait),
        1 => Just(Act::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..Default::default() })]
    #[test]
    fn every_question_has_one_label_whatever_happens(acts in prop::collection::vec(act(), 0..60), overlap in 0u8..3) {
        let rules = Rules { overlap: f64::from(overlap) / 2.0, ..plain() };
        let mut house = House::new(6, rules);
        let people = ["ann", "bob", "cy", "di"].map(|name| house.person(name));
        let mut before: [Option<Item>; 4] = Default::default();
        let mut said = BTreeSet::new();
        for act in acts {
            match act {
                Act::Look(who) => before[who] = house.try_next(people[who]),
                Act::Say(who) => if let Some(item) = before[who].take() {
                    // It may be another's by now.
                    house.say(people[who], &item, Answer::Best(better(&item)));
                    said.insert((who, item.query));
                },
                Act::Return(who) => if let Some(item) = house.room.back(people[who], 1, house.now).unwrap() {
                    house.say(people[who], &item, Answer::Best(better(&item)));
                },
                Act::Wait(seconds) => house.now += 1000 * seconds,
                Act::Kill => house.again(),
            }
            let leases = "SELECT count(*) - count(DISTINCT key) FROM items WHERE state = 'open' AND lease > ?1";
            let doubled: i64 = house.room.store().connection().query_row(leases, [house.now], |row| row.get(0)).unwrap();
            prop_assert_eq!(doubled, 0);
        }
        let labels = house.labels();
        prop_assert_eq!(labels.len(), said.len());
        prop_assert!(labels.iter().all(|(_, label)| label.answer == Answer::Best(0)));
        let asked: BTreeSet<&String> = said.iter().map(|(_, query)| query).collect();
        let own = labels.iter().filter(|(key, _)| key.starts_with("run-1/")).count();
        prop_assert_eq!(own, asked.len());
    }
}
