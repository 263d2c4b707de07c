//! Nobody is shown what somebody else has, nothing that is said is lost, and who does not read is found.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::label::{Answer, Comparison, Label, Passage};

mod answers;
mod checks;
mod learned;
mod leases;
mod measured;
mod people;

/// Two responses of which the first is the better one.
fn pair(number: usize) -> Comparison {
    Comparison {
        query: Passage::of_text(format!("question {number}")),
        responses: vec![
            Passage::of_text(format!("good answer {number}")),
            Passage::of_text(format!("bad answer no {number}")),
        ],
        source: None,
    }
}

/// Gold whose answer is the first response.
fn gold(number: usize) -> Gold {
    Gold {
        comparison: pair(1000 + number),
        answer: Answer::Best(0),
        why: format!("because {number}"),
    }
}

/// Rules by which nobody is checked.
fn plain() -> Rules {
    Rules {
        gold_every: 0,
        repeat_every: 0,
        overlap: 0.0,
        ..Rules::default()
    }
}

fn key(number: usize) -> String {
    format!("run-1/{number:08}")
}

/// A store in which a run asks, and people who come in.
struct House {
    _folder: TempDir,
    path: PathBuf,
    room: Room,
    now: i64,
    /// Answers so far.
    said: u64,
}

impl House {
    fn new(questions: usize, rules: Rules) -> House {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.db");
        let mut house = House {
            room: Room::open(&path, rules).unwrap(),
            _folder: folder,
            path,
            now: 1_700_000_000_000,
            said: 0,
        };
        house.ask(0..questions);
        house
    }

    fn ask(&mut self, numbers: std::ops::Range<usize>) {
        let asked: Vec<_> = numbers.map(|number| (key(number), pair(number))).collect();
        let asked = asked
            .iter()
            .map(|(key, comparison)| (key.clone(), comparison));
        // As a run does: through a connection of its own.
        let mut store = Store::open(&self.path).unwrap();
        store.ask(asked).unwrap();
    }

    /// As a server that was killed and begins again.
    fn again(&mut self) {
        let rules = self.room.rules().clone();
        self.room = Room::open(&self.path, rules).unwrap();
    }

    fn person(&mut self, name: &str) -> i64 {
        let token = self.room.invite(name, Role::Labeler, "", self.now).unwrap();
        self.room.who(&token).unwrap().unwrap().id
    }

    fn try_next(&mut self, person: i64) -> Option<Item> {
        match self.room.next(person, self.now).unwrap() {
            Next::Item(item, _) => Some(*item),
            Next::Wait(_) | Next::Excluded => None,
        }
    }

    fn next(&mut self, person: i64) -> Item {
        self.try_next(person).expect("an item")
    }

    fn progress(&mut self, person: i64) -> Progress {
        match self.room.next(person, self.now).unwrap() {
            Next::Item(_, progress) | Next::Wait(progress) => progress,
            Next::Excluded => panic!("excluded"),
        }
    }

    /// An answer with a name of its own, after ten seconds.
    fn given(&mut self, item: &Item, answer: Answer) -> Given {
        self.said += 1;
        Given {
            item: item.id.clone(),
            client: format!("client-{}", self.said),
            answer,
            shown_ms: 10_000,
            changes: 1,
            confidence: None,
            strength: None,
            note: None,
            reason: None,
            naive: None,
            hints_shown: false,
        }
    }

    fn say(&mut self, person: i64, item: &Item, answer: Answer) -> Taken {
        let given = self.given(item, answer);
        self.now += 10_000;
        self.room.answer(person, &given, self.now).unwrap()
    }

    fn labels(&self) -> Vec<(String, Label)> {
        let mut labels = self.room.store().labels().unwrap();
        labels.sort_by(|(a, _), (b, _)| a.cmp(b));
        labels
    }

    fn refused(&mut self, person: i64, given: &Given) -> Refusal {
        let error = self.room.answer(person, given, self.now).unwrap_err();
        let refusal = error.downcast_ref::<Refusal>().cloned();
        let refusal = refusal.unwrap_or_else(|| panic!("{error:#}"));
        assert!(refusal.to_string().contains("\nhint: "), "{refusal}");
        refusal
    }
}

/// Where the better response stands on the page.
fn better(item: &Item) -> usize {
    let good = item
        .responses
        .iter()
        .position(|text| text.starts_with("good"));
    good.expect("one of the two is good")
}
