//! Personal links, and who may come in.

use super::*;

#[test]
fn a_link_is_a_person_s_until_there_is_another_or_it_is_revoked() {
    let mut house = House::new(0, plain());
    let now = house.now;
    let first = house.room.invite("ann", Role::Labeler, "", now).unwrap();
    let second = house.room.invite("bob", Role::Researcher, "", now).unwrap();
    assert_eq!(first.len(), 64);
    assert_ne!(first, second);
    let who = |house: &House, token: &str| {
        house
            .room
            .who(token)
            .unwrap()
            .map(|who| (who.name, who.role))
    };
    assert_eq!(who(&house, &first), Some(("ann".to_owned(), Role::Labeler)));
    assert_eq!(
        who(&house, &second),
        Some(("bob".to_owned(), Role::Researcher))
    );
    assert_eq!(who(&house, &first.replace(&first[..1], "x")), None);
    assert_eq!(who(&house, ""), None);
    let id = house.room.who(&first).unwrap().unwrap().id;
    let again = house.room.invite("ann", Role::Researcher, "", now).unwrap();
    assert_eq!(who(&house, &first), None);
    let ann = house.room.who(&again).unwrap().unwrap();
    assert_eq!((ann.id, ann.role), (id, Role::Researcher));
    house.again();
    house.room.revoke("ann", "eve", now).unwrap();
    assert_eq!(who(&house, &again), None);
    let links = |house: &House| -> Vec<bool> {
        let people = house.room.people().unwrap();
        people.iter().map(|person| person.link).collect()
    };
    assert_eq!(links(&house), [false, true]);
    let by = house.room.look(|connection| {
        let last = "SELECT by FROM decisions WHERE what = 'revoked'";
        Ok(connection.query_row(last, [], |row| row.get::<_, String>(0))?)
    });
    assert_eq!(by.unwrap(), "eve");
    // Nobody who reads the file can come in.
    for part in ["", "-wal"] {
        let file = house.path.with_file_name(format!("labels.db{part}"));
        let bytes = std::fs::read(file).unwrap();
        for token in [&first, &second, &again] {
            let has = bytes
                .windows(token.len())
                .any(|window| window == token.as_bytes());
            assert!(!has, "labels.db{part}");
        }
    }
}

#[test]
fn names_can_be_read() {
    let mut house = House::new(0, plain());
    let long = "x".repeat(81);
    for name in [
        "",
        "host",
        " ann",
        "ann\n",
        "a\u{202e}b",
        "\u{1b}[31m",
        long.as_str(),
    ] {
        let error = house.room.invite(name, Role::Labeler, "", 0).unwrap_err();
        let refused = matches!(error.downcast_ref(), Some(Refusal::Malformed(_)));
        assert!(
            refused && error.to_string().contains("hint: "),
            "{name}: {error:#}"
        );
    }
    house
        .room
        .invite("Größe, Ann 👩‍🔬 <b>", Role::Labeler, "", 0)
        .unwrap();
    for error in [
        house.room.revoke("nobody", "", 0).unwrap_err(),
        house.room.exclude("nobody", true, "w", "b", 0).unwrap_err(),
        house.room.next(77, 0).unwrap_err(),
    ] {
        let refused = matches!(error.downcast_ref(), Some(Refusal::Unknown(_)));
        assert!(refused, "{error:#}");
    }
}

#[test]
fn who_is_excluded_is_shown_nothing_and_loses_nothing() {
    let mut house = House::new(2, plain());
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    let item = house.next(ann);
    house
        .room
        .exclude("ann", true, "guesses", "the boss", house.now)
        .unwrap();
    assert_eq!(house.room.next(ann, house.now).unwrap(), Next::Excluded);
    // What was on its way is kept, and is no label of the run.
    house.say(ann, &item, Answer::Best(0));
    assert_eq!(house.labels()[0].0, format!("more/{}/ann", key(0)));
    house.now += 301_000;
    assert_eq!(house.next(bob).query, "question 0");
    house
        .room
        .exclude("ann", false, "", "the boss", house.now)
        .unwrap();
    assert_eq!(house.next(ann).query, "question 1");
    let kept: Vec<(String, String, String)> = {
        let connection = house.room.store().connection();
        let mut decisions = connection
            .prepare("SELECT what, why, by FROM decisions WHERE by != '' ORDER BY id")
            .unwrap();
        let rows = decisions.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    let [first, second] = &kept[..] else {
        panic!("{kept:?}");
    };
    assert_eq!(
        (first.0.as_str(), first.1.as_str(), first.2.as_str()),
        ("excluded", "guesses", "the boss")
    );
    assert_eq!(second.0, "included");
}

#[test]
fn what_was_said_while_excluded_counts_once_the_person_is_back() {
    let mut house = House::new(2, plain());
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    for (answered_by_bob, number) in [(false, 0), (true, 1)] {
        let item = house.next(ann);
        let now = house.now;
        house.room.exclude("ann", true, "fast", "eve", now).unwrap();
        house.say(ann, &item, Answer::Best(0));
        let beside = format!("more/{}/ann", key(number));
        assert!(house.labels().iter().any(|(key, _)| *key == beside));
        // It is free for others, and who comes back is not asked again.
        if answered_by_bob {
            house.now += 3_600_000;
            let other = house.next(bob);
            assert_eq!(other.query, item.query);
            house.say(bob, &other, Answer::Best(0));
        }
        let now = house.now;
        house
            .room
            .exclude("ann", false, "sorry", "eve", now)
            .unwrap();
        let labels = house.labels();
        let own = labels.iter().find(|(found, _)| *found == key(number));
        let by = &own.expect("the run has its label").1.labeler;
        let who = if answered_by_bob { "bob" } else { "ann" };
        assert_eq!(*by, crate::label::Labeler::Person(who.to_owned()));
        let kept = labels.iter().any(|(key, _)| *key == beside);
        assert_eq!(kept, answered_by_bob);
        // What was said may still be changed.
        if !answered_by_bob {
            house.say(ann, &item, Answer::Best(1));
            assert_eq!(house.labels().len(), 1);
        }
    }
    assert!(house.try_next(ann).is_none() && house.try_next(bob).is_none());
}

#[test]
fn an_answer_to_another_store_is_no_answer_here() {
    let mut houses = [House::new(1, plain()), House::new(1, plain())];
    let items = houses.each_mut().map(|house| {
        let ann = house.person("ann");
        (ann, house.next(ann))
    });
    assert_eq!(items[0].1.query, items[1].1.query);
    let ids = houses.each_ref().map(|house| house.room.id().unwrap());
    assert_ne!(ids[0], ids[1]);
    let [(_, other), (ann, _)] = items;
    let given = houses[1].given(&other, Answer::Best(0));
    assert!(matches!(
        houses[1].refused(ann, &given),
        Refusal::Unknown(_)
    ));
    assert_eq!(houses[1].labels(), []);
    houses[1].again();
    assert_eq!(houses[1].room.id().unwrap(), ids[1]);
}
