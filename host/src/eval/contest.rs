//! Two models' answers before one judge, query by query: what each comparison came to, and what all of them say.

use serde::{Deserialize, Serialize};

use super::rating::{Duel, win_rate_by_length};
use super::share::{Mean, Share, sign_test};

/// What a judge said of two answers, of which it saw one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The one that it saw first is better.
    First,
    /// The one that it saw second is better.
    Second,
    /// They are equally good.
    Tie,
    /// It would not say.
    Abstain,
}

impl Choice {
    /// The same where the two answers are named in the other order.
    #[must_use]
    pub fn turned(self) -> Choice {
        match self {
            Choice::First => Choice::Second,
            Choice::Second => Choice::First,
            same => same,
        }
    }

    /// The better of two scores.
    #[must_use]
    pub fn by_scores(first: f64, second: f64) -> Choice {
        match first.total_cmp(&second) {
            _ if first == second => Choice::Tie,
            std::cmp::Ordering::Greater => Choice::First,
            _ => Choice::Second,
        }
    }
}

/// What a comparison of a first and a second model came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The first model's answer is better, wherever it stands.
    Win,
    /// The second model's is.
    Loss,
    /// They are equally good, wherever they stand, or the same.
    Tie,
    /// The judge contradicts itself when the seats change, or judges contradict each other as often as not.
    Undecided,
    /// The judge would not say, in one of the seats or in both.
    Abstained,
}

impl Verdict {
    /// Of what was said in both seats, first and second model named in that order in both.
    #[must_use]
    pub fn of_seats(one: Choice, other: Choice) -> Verdict {
        match (one, other) {
            (Choice::Abstain, _) | (_, Choice::Abstain) => Verdict::Abstained,
            (one, other) if one != other => Verdict::Undecided,
            (Choice::First, _) => Verdict::Win,
            (Choice::Second, _) => Verdict::Loss,
            (Choice::Tie, _) => Verdict::Tie,
        }
    }

    /// Of what several said of one comparison; none where nobody said anything.
    #[must_use]
    pub fn of_votes(votes: &[Choice]) -> Option<Verdict> {
        let count = |choice| votes.iter().filter(|vote| **vote == choice).count();
        let (first, second) = (count(Choice::First), count(Choice::Second));
        Some(match first.cmp(&second) {
            _ if votes.is_empty() => return None,
            std::cmp::Ordering::Greater => Verdict::Win,
            std::cmp::Ordering::Less => Verdict::Loss,
            std::cmp::Ordering::Equal if first > 0 => Verdict::Undecided,
            std::cmp::Ordering::Equal if count(Choice::Tie) > 0 => Verdict::Tie,
            std::cmp::Ordering::Equal => Verdict::Abstained,
        })
    }

    fn outcome(self) -> f64 {
        match self {
            Verdict::Win => 1.0,
            Verdict::Loss => 0.0,
            Verdict::Tie | Verdict::Undecided | Verdict::Abstained => 0.5,
        }
    }
}

/// One query's comparison: what it came to, and how long both answers are, in words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// The query, by its number.
    pub query: usize,
    /// What it came to.
    pub verdict: Verdict,
    /// Of the first and of the second model's answer.
    pub lengths: [f64; 2],
}

impl Compared {
    /// The same between numbered models, for ratings.
    #[must_use]
    pub fn duel(&self, models: [usize; 2]) -> Duel {
        Duel {
            models,
            query: self.query,
            outcome: self.verdict.outcome(),
            lengths: self.lengths,
        }
    }
}

/// What all comparisons of two models say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    /// Queries that the first model's answer wins.
    pub wins: usize,
    /// Queries that the second's wins.
    pub losses: usize,
    /// Queries whose answers are equally good.
    pub ties: usize,
    /// Queries on which the judge contradicts itself.
    pub undecided: usize,
    /// Queries on which the judge would not say.
    pub abstained: usize,
    /// How often the first wins, all that is neither won nor lost half, with Wilson's interval.
    pub win_rate: Share,
    /// The same with an interval of queries drawn again.
    pub bootstrap: Mean,
    /// How often it would win with answers as long as the second's; absent where nobody can tell.
    pub equal_length: Option<Share>,
    /// The exact sign test of wins and losses.
    pub p: f64,
}

impl Contest {
    /// None where nothing was compared.
    #[must_use]
    pub fn of(compared: &[Compared], seed: u64) -> Option<Contest> {
        if compared.is_empty() {
            return None;
        }
        let count = |verdict| {
            let same = compared.iter().filter(|one| one.verdict == verdict);
            same.count()
        };
        let duels: Vec<Duel> = compared.iter().map(|one| one.duel([0, 1])).collect();
        let outcomes: Vec<f64> = duels.iter().map(|duel| duel.outcome).collect();
        let (wins, losses) = (count(Verdict::Win), count(Verdict::Loss));
        Some(Contest {
            wins,
            losses,
            ties: count(Verdict::Tie),
            undecided: count(Verdict::Undecided),
            abstained: count(Verdict::Abstained),
            win_rate: Share::of(outcomes.iter().sum(), outcomes.len()),
            bootstrap: Mean::of(&outcomes, seed),
            equal_length: win_rate_by_length(&duels),
            p: sign_test(wins, losses),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_contradicts_itself_has_decided_nothing() {
        use Choice::{Abstain, First, Second, Tie};
        for (one, other, expected) in [
            (First, First, Verdict::Win),
            (Second, Second, Verdict::Loss),
            (Tie, Tie, Verdict::Tie),
            (First, Second, Verdict::Undecided),
            (First, Tie, Verdict::Undecided),
            (Abstain, First, Verdict::Abstained),
        ] {
            assert_eq!(Verdict::of_seats(one, other), expected);
        }
        // Whoever always takes the first seat says something else each time.
        assert_eq!(Verdict::of_seats(First, First.turned()), Verdict::Undecided);
        assert_eq!(Choice::by_scores(0.0, -0.0), Tie);
        assert_eq!(Choice::by_scores(2.0, 1.0), First);
        assert_eq!(Choice::by_scores(1.0, 2.0), Second);
    }

    #[test]
    fn votes_are_counted() {
        use Choice::{Abstain, First, Second, Tie};
        for (votes, expected) in [
            (&[][..], None),
            (&[First, Second, First], Some(Verdict::Win)),
            (&[Second, Tie, Abstain], Some(Verdict::Loss)),
            (&[First, Second], Some(Verdict::Undecided)),
            (&[Tie, Abstain], Some(Verdict::Tie)),
            (&[Abstain], Some(Verdict::Abstained)),
        ] {
            assert_eq!(Verdict::of_votes(votes), expected);
        }
    }

    #[test]
    fn what_is_not_decided_is_half_a_win() {
        let compared = |verdict, first| Compared {
            query: 0,
            verdict,
            lengths: [first, 4.0],
        };
        let all = [
            compared(Verdict::Win, 5.0),
            compared(Verdict::Win, 2.0),
            compared(Verdict::Loss, 3.0),
            compared(Verdict::Loss, 7.0),
            compared(Verdict::Win, 4.0),
            compared(Verdict::Tie, 4.0),
            compared(Verdict::Undecided, 4.0),
            compared(Verdict::Abstained, 4.0),
        ];
        let contest = Contest::of(&all, 1).expect("comparisons");
        assert_eq!((contest.wins, contest.losses, contest.ties), (3, 2, 1));
        assert_eq!((contest.undecided, contest.abstained), (1, 1));
        assert_eq!(contest.win_rate.value, 4.5 / 8.0);
        assert_eq!(contest.bootstrap.value, 4.5 / 8.0);
        assert_eq!(contest.win_rate.count, 8);
        assert!((contest.p - 1.0).abs() < 1e-12, "{}", contest.p);
        assert!(contest.equal_length.is_some());
        assert_eq!(Contest::of(&[], 1), None);
    }
}
