//! People of known habits, and what is said of them; and formulas, by hand.

use super::*;
use crate::digest;

/// Numbers from 0 to 1 that nobody can tell from chance.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 += 1;
        let digest = digest::of_bytes(&self.0.to_le_bytes());
        f64::from(u32::from_str_radix(&digest[..8], 16).unwrap()) / f64::from(u32::MAX)
    }
}

/// Whoever judges: reads and is seldom wrong, guesses at once, or takes the first of whatever it is.
#[derive(Clone, Copy)]
enum Habit {
    Good,
    Careless,
    First,
}

fn say(house: &mut House, person: i64, habit: Habit, chance: &mut Chance) -> bool {
    let Some(item) = house.try_next(person) else {
        return false;
    };
    let good = better(&item);
    let (place, shown_ms) = match habit {
        Habit::Good if chance.uniform() < 0.05 => (1 - good, 9000),
        Habit::Good => (good, 9000),
        Habit::Careless => (usize::from(chance.uniform() < 0.5), 150),
        Habit::First => (0, 5000),
    };
    let given = Given {
        shown_ms,
        ..house.given(&item, Answer::Best(place))
    };
    house.now += shown_ms as i64 + 500;
    house.room.answer(person, &given, house.now).unwrap();
    true
}

#[test]
fn careless_people_are_found_and_good_ones_left_alone() {
    let rules = Rules {
        gold: (0..30).map(gold).collect(),
        gold_every: 4,
        repeat_every: 5,
        overlap: 1.0,
        people_per_comparison: 3,
        ..Rules::default()
    };
    let mut house = House::new(100, rules);
    let habits = [Habit::Good, Habit::Careless, Habit::First];
    let people = ["a good one", "b careless", "c first"].map(|name| house.person(name));
    let mut chance = Chance(0);
    loop {
        let mut said = false;
        for (person, habit) in people.into_iter().zip(habits) {
            said |= say(&mut house, person, habit, &mut chance);
        }
        if !said {
            break;
        }
    }
    let quality = house.room.quality(house.now).unwrap();
    let [good, careless, first] = &quality.people[..] else {
        panic!("{quality:?}");
    };
    let about = |who: &OfPerson, what: &str| who.alarms.iter().any(|alarm| alarm.starts_with(what));
    assert_eq!(good.alarms, Vec::<String>::new());
    assert!(good.gold.right * 10 > good.gold.of * 8, "{good:?}");
    for what in ["gold:", "repeats:", "speed:"] {
        assert!(about(careless, what), "{what} {careless:?}");
    }
    assert!(about(first, "gold:") && about(first, "place:"), "{first:?}");
    assert_eq!(first.first_place.share, Some(1.0));
    assert_eq!((good.too_fast, careless.too_fast), (0, careless.answers));
    assert!(
        good.agreement.of > 150 && quality.alpha.unwrap() < 0.5,
        "{quality:?}"
    );
    // Whoever takes the first takes another when it comes again in another order.
    assert!(first.repeats.of > 10, "{first:?}");
    assert!(quality.lines().len() > 6);
    // Without them nobody is left to agree with.
    for name in ["b careless", "c first"] {
        house.room.exclude(name, true, "w", "b", house.now).unwrap();
    }
    let quality = house.room.quality(house.now).unwrap();
    assert_eq!((quality.alpha, quality.people[0].agreement.of), (None, 0));
    assert!(quality.people[1].excluded && quality.people[1].agreement.of > 90);
}

#[test]
fn measures_are_what_the_page_says() {
    let rules = Rules {
        overlap: 1.0,
        characters_per_second: 10.0,
        ..plain()
    };
    let mut house = House::new(4, rules);
    let [ann, bob] = ["ann", "bob"].map(|name| house.person(name));
    let begun = house.now;
    // Ann: 10 s, 20 s and an hour apart; bob agrees on three of four.
    for (number, wait) in [(0, 0), (1, 10_000), (2, 20_000), (3, 3_600_000)] {
        house.now += wait;
        let item = house.next(ann);
        assert_eq!(item.query, format!("question {number}"));
        let mut given = house.given(&item, Answer::Best(better(&item)));
        // Of 10 + 13 + 15 characters, which take 3.8 s.
        given.shown_ms = [3799, 3801, 5000, 9000][number];
        house.room.answer(ann, &given, house.now).unwrap();
    }
    house.now = begun;
    for number in 0..4 {
        let item = house.next(bob);
        let good = better(&item);
        let place = if number == 2 { 1 - good } else { good };
        house.say(bob, &item, Answer::Best(place));
    }
    let quality = house.room.quality(house.now).unwrap();
    let ann = &quality.people[0];
    assert_eq!((ann.answers, ann.too_fast), (4, 1));
    assert_eq!(ann.median_ms, Some(4400.5));
    // Two gaps of 30 s together; the third is a pause.
    assert_eq!(ann.per_hour, Some(240.0));
    assert_eq!(
        ann.agreement,
        Agreeing {
            with_others: 3,
            of: 4
        }
    );
    // One pair of four differs, and chance has half differ: 1 - (2 / 1) / (8 * 0.5).
    assert_eq!(quality.alpha, Some(0.5));
    // The bad answer is the longest of each.
    assert_eq!((ann.longest.share, ann.longest.of), (Some(0.0), 4));
    assert_eq!(
        (quality.labels, quality.pending, quality.overlap_done),
        (8, 0, 4)
    );
    let nobody = House::new(2, plain()).room.quality(0).unwrap();
    assert_eq!(
        (nobody.people.len(), nobody.alpha, nobody.pending),
        (0, None, 2)
    );
}

#[test]
fn a_room_can_be_looked_at_without_being_changed() {
    let mut house = House::new(1, plain());
    let ann = house.person("ann");
    let item = house.next(ann);
    house.say(ann, &item, Answer::Best(0));
    let quality = house.room.quality(0).unwrap();
    let mut read = Room::read(&house.path, Rules::default()).unwrap();
    assert_eq!(read.quality(0).unwrap(), quality);
    assert_eq!(read.judgements().unwrap().len(), 1);
    assert!(read.invite("bob", Role::Labeler, "", 0).is_err());
}

#[test]
fn the_first_answer_tells_who_was_fast() {
    let rules = Rules {
        characters_per_second: 10.0,
        ..plain()
    };
    let mut house = House::new(2, rules);
    let ann = house.person("ann");
    for (first, then) in [
        (Answer::Skip, Answer::Best(0)),
        (Answer::Best(0), Answer::Skip),
    ] {
        let item = house.next(ann);
        for (answer, shown_ms) in [(first, 5), (then, 9000)] {
            let mut given = house.given(&item, answer);
            given.shown_ms = shown_ms;
            house.room.answer(ann, &given, house.now).unwrap();
        }
    }
    let quality = house.room.quality(house.now).unwrap();
    assert_eq!(quality.people[0].too_fast, 1);
}
