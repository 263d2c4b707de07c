//! From what judges say to scores, win rates and ratings.

use anyhow::Result;

use super::bench::Bench;
use super::entrants::Entrant;
use super::judges::{Judge, Said, verdict};
use super::kept::Kept;
use super::measured::{Columns, differences, others, seed_of};
use super::report::{ContestReport, EntryReport, JudgeReport, Rated, ScorePair, Scored};
use crate::eval::contest::{Choice, Compared, Contest, Verdict};
use crate::eval::frontier::on_frontier;
use crate::eval::rating::{Duel, ratings};
use crate::eval::share::{Mean, Share};

/// Who is compared, as judges see it.
pub(super) struct Field<'a> {
    pub(super) bench: &'a Bench<'a>,
    pub(super) kept: &'a Kept,
    pub(super) entrants: &'a [Entrant],
    pub(super) columns: &'a [Columns],
    pub(super) entries: &'a [EntryReport],
}

impl Field<'_> {
    /// Has a judge look at all entries.
    pub(super) fn judge(&self, judge: &Judge) -> Result<JudgeReport> {
        let mut tally = Tally::default();
        let mut contests = Vec::new();
        for (second, other) in self.entrants.iter().enumerate() {
            for (first, one) in self.entrants[..second].iter().enumerate() {
                let found = self.contest(judge, [first, second], &mut tally)?;
                contests.extend(found.map(|contest| ContestReport {
                    first: one.name.clone(),
                    second: other.name.clone(),
                    contest,
                }));
            }
        }
        let count = self.entrants.len();
        let rated = Some(count).filter(|count| *count > 2);
        let seed = seed_of(self.bench, "rating");
        let rated = rated.and_then(|count| ratings(count, &tally.duels, seed));
        let named = self.entrants.iter().zip(rated.into_iter().flatten());
        let ratings = named.map(|(entrant, rating)| Rated {
            entry: entrant.name.clone(),
            rating,
        });
        let scoring = self.scores(judge)?;
        Ok(JudgeReport {
            name: judge.title.clone(),
            kind: judge.kind(),
            about: judge.key.clone(),
            failed: tally.failed,
            failed_scores: scoring.failed,
            first_seat: tally.first_seat(),
            scores: scoring.scores,
            score_pairs: scoring.pairs,
            contests,
            ratings: ratings.collect(),
        })
    }

    fn contest(
        &self,
        judge: &Judge,
        [first, second]: [usize; 2],
        tally: &mut Tally,
    ) -> Result<Option<Contest>> {
        let replies = [first, second].map(|entry| self.entrants[entry].replies.as_slice());
        let verdicts: Vec<Option<Verdict>> = match judge.people() {
            Some(people) => people.verdicts(self.bench, replies),
            None => {
                let said = judge.compare(self.bench, self.kept, replies)?;
                if judge.kind() == "labeler" {
                    tally.hear(&said);
                }
                let choices = said.choices.into_iter();
                choices.map(|choices| choices.map(verdict)).collect()
            }
        };
        let words = |entry: usize, row: usize| {
            let column = self.columns[entry].get("words");
            column.and_then(|column| column[row]).unwrap_or_default()
        };
        let compared: Vec<Compared> = verdicts
            .into_iter()
            .enumerate()
            .filter_map(|(row, verdict)| {
                Some(Compared {
                    query: row,
                    verdict: verdict?,
                    lengths: [words(first, row), words(second, row)],
                })
            })
            .collect();
        let duels = compared.iter().map(|one| one.duel([first, second]));
        tally.duels.extend(duels);
        Ok(Contest::of(&compared, seed_of(self.bench, "win_rate")))
    }

    /// The entries' scores; none where the judge gives none.
    fn scores(&self, judge: &Judge) -> Result<Scoring> {
        let (mut columns, mut failed) = (Vec::new(), 0);
        for entrant in self.entrants {
            let found = judge.scores(self.bench, self.kept, &entrant.replies)?;
            let Some(column) = found.values else {
                return Ok(Scoring::default());
            };
            columns.push(column);
            failed += found.failed;
        }
        let against = self.bench.compare.baseline();
        let seed = seed_of(self.bench, "score");
        let mut scored: Vec<Scored> = Vec::new();
        for (at, (entry, column)) in self.entries.iter().zip(&columns).enumerate() {
            let values: Vec<f64> = column.iter().flatten().copied().collect();
            let paired = Some(&columns[against]).filter(|_| at != against);
            scored.push(Scored {
                entry: entry.name.clone(),
                score: Mean::of(&values, seed),
                kl: entry.divergence(),
                on_frontier: None,
                paired: paired.and_then(|other| differences(column, other, seed)),
            });
        }
        let models: Vec<usize> = (0..scored.len())
            .filter(|at| scored[*at].kl.is_some())
            .collect();
        let point = |at: &usize| (scored[*at].kl.unwrap_or_default(), scored[*at].score.value);
        let points: Vec<(f64, f64)> = models.iter().map(point).collect();
        for (at, is_on) in models.into_iter().zip(on_frontier(&points)) {
            scored[at].on_frontier = Some(is_on);
        }
        let pairs = others(self.bench)
            .into_iter()
            .filter_map(|[first, second]| {
                Some(ScorePair {
                    first: self.entries[first].name.clone(),
                    second: self.entries[second].name.clone(),
                    paired: differences(&columns[first], &columns[second], seed)?,
                })
            });
        Ok(Scoring {
            pairs: pairs.collect(),
            scores: scored,
            failed,
        })
    }
}

/// All scores that a judge gives.
#[derive(Default)]
struct Scoring {
    scores: Vec<Scored>,
    pairs: Vec<ScorePair>,
    failed: usize,
}

/// What is counted over all pairs of entries.
#[derive(Default)]
struct Tally {
    duels: Vec<Duel>,
    /// Choices between two answers, and how many took the one in the first seat.
    choices: [usize; 2],
    failed: usize,
}

impl Tally {
    fn hear(&mut self, said: &Said) {
        self.failed += said.failed;
        for [first, second] in said.choices.iter().flatten() {
            // In the second of the two, the second entrant has the first seat.
            for (choice, in_first_seat) in [(first, Choice::First), (second, Choice::Second)] {
                if [Choice::First, Choice::Second].contains(choice) {
                    self.choices[0] += 1;
                    self.choices[1] += usize::from(*choice == in_first_seat);
                }
            }
        }
    }

    fn first_seat(&self) -> Option<Share> {
        let [all, first] = self.choices;
        (all > 0).then(|| Share::of(first as f64, all))
    }
}
