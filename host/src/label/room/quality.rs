//! How good the work of each person is, by what they said: how often they are right where that is known, whether they
//! say the same again, whether they agree with others, and whether they look at the place, the length or the clock
//! instead of the words. `docs/people.md` has the formulas.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::Connection;
use serde::Serialize;

use super::Room;
use super::judged::{self, Judged, Kind};
use super::people::{self, Person, Role};
use super::turned::{right, same, says};
use crate::label::Answer;
use crate::label::stats::{Shared, alpha};

mod alarms;
mod bias;
mod pace;
mod table;

use bias::Bias;

/// The work of all people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Of each person, in the order of their names.
    pub people: Vec<OfPerson>,
    /// Krippendorff's alpha of the choices of those who are not excluded: 1 is agreement, 0 is chance.
    pub alpha: Option<f64>,
    /// Labels in the store.
    pub labels: u64,
    /// Questions without an answer.
    pub pending: u64,
    /// Questions that several people have judged.
    pub overlap_done: u64,
    /// Questions that somebody has decided.
    pub adjudicated: u64,
}

/// The work of one person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfPerson {
    /// Who.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// Whether what the person says counts no more.
    pub excluded: bool,
    /// Whether a personal link of the person's leads in.
    pub link: bool,
    /// Items that were answered, without those of training.
    pub answers: u64,
    /// So many an hour, without pauses.
    pub per_hour: Option<f64>,
    /// The middle of the times from display to answer.
    pub median_ms: Option<f64>,
    /// Answers that came before anybody could have read.
    pub too_fast: u64,
    /// Gold.
    pub gold: Right,
    /// Calls for attention.
    pub attention: Right,
    /// What was judged twice.
    pub repeats: Same,
    /// Choices of others who are not excluded.
    pub agreement: Agreeing,
    /// How often the first response on the page was chosen.
    pub first_place: Share,
    /// How often the longest response was chosen.
    pub longest: Share,
    /// What somebody should look at.
    pub alarms: Vec<String>,
}

/// How many answers are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Right {
    /// So many.
    pub right: u64,
    /// Of so many.
    pub of: u64,
}

/// How many answers are the same the second time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Same {
    /// So many.
    pub same: u64,
    /// Of so many.
    pub of: u64,
}

/// How often somebody else chose the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Agreeing {
    /// So often.
    pub with_others: u64,
    /// Of so many pairs.
    pub of: u64,
}

/// A share of choices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Share {
    /// From 0 to 1; none of none.
    pub share: Option<f64>,
    /// Of so many.
    pub of: u64,
}

impl Room {
    /// What is known of everybody's work.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn quality(&self, _now: i64) -> Result<Quality> {
        self.look(|connection| {
            let all = judged::all(connection)?;
            let questions = Questions::of(&all);
            let people = people::all(connection)?;
            let measured = people
                .iter()
                .map(|person| of_person(person, &people, &all, &questions));
            let included = |id: i64| people.iter().any(|p| p.id == id && !p.excluded);
            let several = |said: &&Vec<Choice<'_>>| said.len() > 1;
            Ok(Quality {
                people: measured.collect(),
                alpha: alpha(&questions.shared(included)),
                labels: count(connection, "SELECT count(*) FROM labels")?,
                pending: count(
                    connection,
                    "SELECT count(*) FROM asked
                     WHERE NOT EXISTS (SELECT 1 FROM labels WHERE labels.key = asked.key)",
                )?,
                overlap_done: questions.0.values().filter(several).count() as u64,
                adjudicated: count(connection, "SELECT count(DISTINCT key) FROM adjudications")?,
            })
        })
    }
}

fn count(connection: &Connection, sql: &str) -> Result<u64> {
    let count: u32 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(count.into())
}

/// What somebody said of a question.
struct Choice<'a> {
    judged: &'a Judged,
    /// The response put first; of several with the same text, the first.
    first: Option<usize>,
}

/// All that was said of each question.
struct Questions<'a>(BTreeMap<&'a str, Vec<Choice<'a>>>);

impl<'a> Questions<'a> {
    fn of(all: &'a [Judged]) -> Questions<'a> {
        let mut questions: BTreeMap<&str, Vec<Choice<'a>>> = BTreeMap::new();
        for judged in all.iter().filter(|judged| judged.kind == Kind::Work) {
            let first = judged.answer.first();
            let first = first.and_then(|place| judged.about.same.get(place).copied());
            let said = questions.entry(&judged.key).or_default();
            said.push(Choice { judged, first });
        }
        Questions(questions)
    }

    /// The choices of questions that several of those who are included have judged.
    fn shared(&self, included: impl Fn(i64) -> bool) -> Vec<Shared> {
        let shared = self.0.values().filter_map(|said| {
            let counted = said.iter().filter(|one| included(one.judged.person_id));
            let values: Vec<usize> = counted.filter_map(|one| one.first).collect();
            (values.len() > 1).then(|| Shared {
                values,
                by_chance: by_chance(&said[0].judged.about.same),
            })
        });
        shared.collect()
    }

    /// How often others chose what the person chose.
    fn agreeing(&self, person: i64, included: impl Fn(i64) -> bool) -> Agreeing {
        let mut found = Agreeing::default();
        for said in self.0.values() {
            let own = said.iter().find(|one| one.judged.person_id == person);
            let Some(own) = own.and_then(|own| own.first) else {
                continue;
            };
            let others = said.iter().filter(|one| one.judged.person_id != person);
            for other in others.filter(|one| included(one.judged.person_id)) {
                found.of += u64::from(other.first.is_some());
                found.with_others += u64::from(other.first == Some(own));
            }
        }
        found
    }

    /// What the person said of a question.
    fn answer(&self, key: &str, person: i64) -> Option<&'a Answer> {
        let said = self.0.get(key)?;
        let own = said.iter().find(|one| one.judged.person_id == person)?;
        Some(&own.judged.answer)
    }
}

/// How often two who look at nothing choose alike; `same` says for each response which is the first with its text.
fn by_chance(same: &[usize]) -> f64 {
    let share = |place: usize| {
        let copies = same.iter().filter(|first| **first == place).count();
        (copies as f64 / same.len() as f64).powi(2)
    };
    (0..same.len()).map(share).sum()
}

fn of_person(
    person: &Person,
    people: &[Person],
    all: &[Judged],
    questions: &Questions<'_>,
) -> OfPerson {
    let own: Vec<&Judged> = all
        .iter()
        .filter(|judged| judged.person_id == person.id && judged.kind != Kind::Training)
        .collect();
    let included = |id: i64| people.iter().any(|p| p.id == id && !p.excluded);
    let bias = Bias::of(&own);
    let mut found = OfPerson {
        name: person.name.clone(),
        role: person.role,
        excluded: person.excluded,
        link: person.link,
        answers: own.len() as u64,
        per_hour: pace::per_hour(&own),
        median_ms: pace::median(&own),
        too_fast: pace::too_fast(&own),
        gold: rights(&own, Kind::Gold),
        attention: rights(&own, Kind::Attention),
        repeats: repeats(&own, questions),
        agreement: questions.agreeing(person.id, included),
        first_place: bias.first_place(),
        longest: bias.longest(),
        alarms: Vec::new(),
    };
    found.alarms = alarms::of(&found, &bias);
    found
}

/// How many items of a kind were answered rightly. Who says nothing of gold is not wrong; who does not do what a call
/// for attention says, is.
fn rights(own: &[&Judged], kind: Kind) -> Right {
    let mut found = Right::default();
    for judged in own.iter().filter(|judged| judged.kind == kind) {
        let Some(gold) = &judged.gold else {
            continue;
        };
        if kind == Kind::Gold && !says(&judged.answer) {
            continue;
        }
        let (count, tolerance) = (judged.places.len(), judged.about.tolerance);
        found.of += 1;
        found.right += u64::from(right(gold, &judged.answer, count, tolerance));
    }
    found
}

/// How many repeats say what was said before.
fn repeats(own: &[&Judged], questions: &Questions<'_>) -> Same {
    let mut found = Same::default();
    for again in own.iter().filter(|judged| judged.kind == Kind::Repeat) {
        let before = questions.answer(&again.key, again.person_id);
        let Some(before) = before.filter(|before| says(before) && says(&again.answer)) else {
            continue;
        };
        found.of += 1;
        found.same += u64::from(same(before, &again.answer, again.about.tolerance));
    }
    found
}
