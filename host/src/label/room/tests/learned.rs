//! What a reward model learns where somebody was excluded or something was decided.

use super::*;
use crate::label::Labeler;

/// Two people who judge everything, the second always wrongly.
fn judged() -> House {
    let rules = Rules {
        overlap: 1.0,
        ..plain()
    };
    let mut house = House::new(4, rules);
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    // Each is the first to judge two of them.
    for person in [ann, bob, ann, bob, ann, bob, ann, bob] {
        let item = house.next(person);
        let good = better(&item);
        let place = if person == ann { good } else { 1 - good };
        house.say(person, &item, Answer::Best(place));
    }
    house
}

fn own(house: &House) -> Vec<(String, Label)> {
    let mut labels = house.room.store().labels_under("run-1/").unwrap();
    labels.sort_by(|(a, _), (b, _)| a.cmp(b));
    labels
}

fn learned(house: &House, choice: &Choice) -> Vec<(String, Answer)> {
    let labels = chosen(house.room.store(), own(house), choice).unwrap();
    let said = labels.into_iter().map(|label| match label.labeler {
        Labeler::Person(name) => (name, label.answer),
        other => panic!("{other:?}"),
    });
    said.collect()
}

#[test]
fn another_s_word_takes_the_place_of_who_is_excluded() {
    let mut house = judged();
    let none = choice(house.room.store(), &own(&house), &[]).unwrap();
    assert_eq!(none, Choice::default());
    let mine = |who: &str, answer: usize| (who.to_owned(), Answer::Best(answer));
    let before = [
        mine("ann", 0),
        mine("bob", 1),
        mine("ann", 0),
        mine("bob", 1),
    ];
    assert_eq!(learned(&house, &none), before);
    // Whom a config gives no weight is as good as excluded.
    let configured = choice(house.room.store(), &own(&house), &["bob"]).unwrap();
    assert_eq!(configured.excluded, ["bob"]);
    assert_eq!(learned(&house, &configured), vec![mine("ann", 0); 4]);
    house
        .room
        .exclude("bob", true, "guesses", "boss", house.now)
        .unwrap();
    let without = choice(house.room.store(), &own(&house), &[]).unwrap();
    assert_eq!(without.excluded, ["bob"]);
    assert_eq!(learned(&house, &without), vec![mine("ann", 0); 4]);
    // Nothing of the store was changed, and the schedule has all labels.
    assert_eq!(own(&house).len(), 4);
    assert_eq!(learned(&house, &none), before);
    // Nobody else's word is there.
    house
        .room
        .exclude("ann", true, "left", "boss", house.now)
        .unwrap();
    let nobody = choice(house.room.store(), &own(&house), &[]).unwrap();
    assert_eq!(learned(&house, &nobody), []);
    for name in ["ann", "bob"] {
        house
            .room
            .exclude(name, false, "back", "boss", house.now)
            .unwrap();
    }
    assert_eq!(choice(house.room.store(), &own(&house), &[]).unwrap(), none);
    // It is written down as it is read.
    let text = serde_json::to_string(&without).unwrap();
    assert_eq!(serde_json::from_str::<Choice>(&text).unwrap(), without);
}

#[test]
fn a_decision_comes_before_all() {
    let mut house = judged();
    let found = house.room.disagreements(10).unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(house.room.disagreements(3).unwrap().len(), 3);
    let question = found.iter().find(|one| one.key == key(1)).unwrap();
    assert_eq!(question.responses, ["good answer 1", "bad answer no 1"]);
    let said = |name: &str| {
        let one = question.said.iter().find(|one| one.name == name);
        one.unwrap().answer.clone()
    };
    assert_eq!(
        [said("ann"), said("bob")],
        [Answer::Best(0), Answer::Best(1)]
    );
    let now = house.now;
    house
        .room
        .adjudicate(&key(1), Answer::Best(1), "boss", now)
        .unwrap();
    house
        .room
        .adjudicate(&key(1), Answer::Best(0), "boss", now)
        .unwrap();
    let chosen = choice(house.room.store(), &own(&house), &[]).unwrap();
    assert_eq!(
        learned(&house, &chosen)[1],
        ("boss".to_owned(), Answer::Best(0))
    );
    assert_eq!(house.room.quality(now).unwrap().adjudicated, 1);
    let found = house.room.disagreements(10).unwrap();
    assert_eq!(
        (found[3].key.as_str(), &found[3].adjudicated),
        (key(1).as_str(), &Some(Answer::Best(0)))
    );
    for (key, answer, part) in [
        ("nothing", Answer::Best(0), "nobody asked `nothing`"),
        (key(1).as_str(), Answer::Skip, "which response is better"),
        (key(1).as_str(), Answer::Best(2), "must be 0 to 1"),
        (
            key(1).as_str(),
            Answer::Difference(0.5),
            "a difference is no answer here",
        ),
    ] {
        let error = house.room.adjudicate(key, answer, "boss", now).unwrap_err();
        assert!(
            error.is::<Refusal>() && error.to_string().contains(part),
            "{error:#}"
        );
    }
}

#[test]
fn who_was_never_invited_can_be_excluded() {
    let mut house = House::new(1, plain());
    let label = Label {
        comparison: pair(0),
        answer: Answer::Best(1),
        labeler: Labeler::Person("from a file".to_owned()),
        time: None,
    };
    Store::open(&house.path)
        .unwrap()
        .add([(key(0), &label)])
        .unwrap();
    house
        .room
        .exclude("from a file", true, "w", "b", 0)
        .unwrap();
    let choice = choice(house.room.store(), &own(&house), &[]).unwrap();
    assert_eq!(choice.instead[&key(0)], None);
    assert_eq!(learned(&house, &choice), []);
}
