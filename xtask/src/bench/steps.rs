//! Optimizer steps of programs that learn from the same examples: who they are, how they are made in turn, and what was
//! measured. It reads the lines that contenders print; it knows neither what is learned nor any target.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Setting;
use super::measurement::median;
use super::server::{Round, Server, interleave, isolate};
use crate::step::{capture, step};

/// What our time may be of the peer's.
pub(super) const TARGET: f64 = 0.6;
/// Rounds over the sizes of which the peer's best is chosen.
const ROUNDS_OF_CHOICE: usize = 3;

/// One of the compared programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Ours,
    Peer,
    /// With its allocator tuned from outside.
    PeerTuned,
    /// With that, and with what its user can do about pads and the optimizer.
    PeerByHand,
}

impl Who {
    pub(super) fn label(self) -> &'static str {
        match self {
            Who::Ours => "attune",
            Who::Peer => "PyTorch + transformers",
            Who::PeerTuned => "PyTorch + transformers, tuned malloc",
            Who::PeerByHand => "PyTorch + transformers, sorted rows, fused Adam, tuned malloc",
        }
    }

    /// Whether its allocator is tuned from outside.
    pub(super) fn is_tuned(self) -> bool {
        matches!(self, Who::PeerTuned | Who::PeerByHand)
    }
}

/// One optimizer step: its seconds, and what the process held at most so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) total: f64,
    pub(super) loss: f64,
    pub(super) peak_mib: f64,
    /// Tokens that went through the model, pads included, where that is said.
    pub(super) padded: Option<f64>,
}

impl Round for Step {
    fn parse(line: &Value) -> Result<Self> {
        let number = |key: &str| {
            line[key]
                .as_f64()
                .with_context(|| format!("no number `{key}` in {line}"))
        };
        Ok(Self {
            total: number("total")?,
            loss: number("loss")?,
            peak_mib: number("peak_mib")?,
            padded: line["padded_tokens"].as_f64(),
        })
    }

    fn shown(&self) -> String {
        format!("{:7.2} s (loss {:.3})", self.total, self.loss)
    }
}

/// How many examples the peer takes at a time, and what it tried.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) at_a_time: usize,
    /// Sizes, the largest first, and the seconds of a step.
    tried: Vec<(usize, f64)>,
}

impl Choice {
    /// Reads what the peer says about it.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line).with_context(|| format!("in `{line}`"))?;
        let about = || format!("no choice in {value}");
        let tried = value["seconds"].as_object().with_context(about)?.iter();
        let mut tried = tried
            .map(|(size, seconds)| Some((size.parse().ok()?, seconds.as_f64()?)))
            .collect::<Option<Vec<(usize, f64)>>>()
            .with_context(about)?;
        tried.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let at_a_time = value["at_a_time"].as_u64().with_context(about)? as usize;
        Ok(Self { at_a_time, tried })
    }

    /// In a sentence.
    pub(super) fn describe(&self, who: &str, what: &str) -> String {
        let tried = self.tried.iter();
        let tried: Vec<String> = tried
            .map(|(size, seconds)| format!("{size} {seconds:.2} s"))
            .collect();
        format!(
            "{who} takes {} {what} at a time, the fastest of what it tried: {} a step.",
            self.at_a_time,
            tried.join(", ")
        )
    }
}

/// What was measured of one contender.
pub(super) struct Row {
    pub(super) who: Who,
    pub(super) version: String,
    pub(super) steps: Vec<Step>,
}

impl Row {
    /// Seconds of a step.
    pub(super) fn seconds(&self) -> Result<f64> {
        median(self.steps.iter().map(|step| step.total).collect()).context("there are no steps")
    }

    /// The most that it ever held, warm-up included: peaks never fall.
    pub(super) fn peak(&self) -> Result<f64> {
        Ok(self.steps.last().context("there are no steps")?.peak_mib)
    }
}

/// Contenders whose steps on the same examples were interleaved.
pub(super) struct Compared {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

impl Compared {
    /// What was measured of `who`.
    pub(super) fn row(&self, who: Who) -> Result<&Row> {
        let row = self.rows.iter().find(|row| row.who == who);
        row.with_context(|| format!("{} was not measured", who.label()))
    }

    /// Ours over `who`'s.
    pub(super) fn over(&self, who: Who, of: fn(&Row) -> Result<f64>) -> Result<f64> {
        Ok(of(self.row(Who::Ours)?)? / of(self.row(who)?)?)
    }

    /// What ran.
    pub(super) fn versions(&self) -> Result<String> {
        let (ours, peer) = (self.row(Who::Ours)?, self.row(Who::Peer)?);
        Ok(format!("attune {}; {}", ours.version, peer.version))
    }
}

/// Asks the peer's `command` how much of a step it had better take at a time. `who` takes so many of `what`.
pub(super) fn choose(
    setting: &Setting,
    mut command: Command,
    (who, what): (&str, &str),
) -> Result<Choice> {
    let rounds = match setting.quick {
        true => 1,
        false => ROUNDS_OF_CHOICE,
    };
    command.args(["--choose", "--rounds", &rounds.to_string()]);
    isolate(&mut command, false);
    let said = capture(&mut command)?;
    let choice = Choice::parse(said.lines().last().context("the peer said nothing")?)?;
    println!("    {}", choice.describe(who, what));
    Ok(choice)
}

/// Starts the contenders by their commands and lets each make `rounds` steps, in turn, after one that does not count if
/// there is a `warm_up`.
pub(super) fn compare(
    setting: &Setting,
    (what, title): (&str, String),
    contenders: Vec<(Who, Command)>,
    (rounds, warm_up): (usize, bool),
) -> Result<Compared> {
    let headline = format!("{what}, {title}: {rounds} rounds of {}", contenders.len());
    step(&headline, || {
        let (mut who, mut servers) = (Vec::new(), Vec::new());
        for (one, mut command) in contenders {
            command.arg("--serve");
            isolate(&mut command, one.is_tuned());
            servers.push(Server::start(
                one.label().to_owned(),
                command,
                setting.threads,
            )?);
            who.push(one);
        }
        let steps = interleave(&mut servers, rounds, warm_up)?;
        let rows = who.iter().zip(&servers).zip(steps);
        Ok(Compared {
            title,
            rows: rows
                .map(|((who, server), steps)| Row {
                    who: *who,
                    version: server.version().to_owned(),
                    steps,
                })
                .collect(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let line = serde_json::json!({"total": 1.5, "loss": 1.4, "peak_mib": 100.0});
        let step = Step::parse(&line).unwrap();
        assert_eq!((step.total, step.padded), (1.5, None));
        let message = Step::parse(&serde_json::json!({"total": 1.5})).unwrap_err();
        assert!(message.to_string().contains("`loss`"), "{message}");
    }

    #[test]
    fn the_choice_names_what_was_tried() {
        let line = r#"{"at_a_time": 8, "seconds": {"16": 3.0, "32": 4.0, "8": 2.5}}"#;
        let choice = Choice::parse(line).unwrap();
        assert_eq!(
            choice.describe("The peer", "comparisons"),
            "The peer takes 8 comparisons at a time, the fastest of what it tried: 32 4.00 s, 16 3.00 s, \
             8 2.50 s a step."
        );
        assert!(Choice::parse(r#"{"seconds": {"a": 1.0}, "at_a_time": 8}"#).is_err());
    }
}
