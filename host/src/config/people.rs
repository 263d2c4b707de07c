//! How people judge what a run asks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::problems::Problems;
use super::{Collect, Config};

/// What people are told and asked, and how their work is checked. `0` of anything that is done every so often is
/// never.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct People {
    /// What stands over the page.
    pub title: String,
    /// A Markdown file that says what to do, with examples and counter-examples.
    pub instructions: Option<PathBuf>,
    /// The same as a text, in place of a file.
    pub instructions_text: Option<String>,
    /// What is asked: `best`, `pair`, `ranking` or `rating`.
    pub mode: String,
    /// Whether several may be called equally good.
    pub ties: bool,
    /// Whether people write what the query says before they see the responses.
    pub naive: bool,
    /// Whether they are asked how sure they are.
    pub confidence: bool,
    /// Whether they are asked how much better the best is.
    pub strength: bool,
    /// Whether they may leave a note.
    pub notes: bool,
    /// When hints of the labeler are shown: `off`, `after` the answer or `before` it.
    pub hints: String,
    /// A file of comparisons whose right answer is known, in lines as `attune label export --format jsonl` writes them.
    pub gold: Option<PathBuf>,
    /// One in so many comparisons is gold.
    pub gold_every: u64,
    /// The first so many of `gold` are for training: everybody begins with them, and is told what is right.
    pub training: usize,
    /// One in so many was judged by the same person before.
    pub repeat_every: u64,
    /// One in so many asks for a certain response.
    pub attention_every: u64,
    /// What that response says.
    pub attention_text: String,
    /// Share of comparisons that several people judge.
    pub overlap: f64,
    /// How many people judge those.
    pub people_per_comparison: usize,
    /// Seconds for which a comparison is kept for a person who does not answer.
    pub lease_seconds: u64,
    /// Who reads more characters a second has not read; 0 for no such bound.
    pub characters_per_second: f64,
    /// The lowest and the highest rating.
    pub scale: [f64; 2],
    /// Reasons to choose from for who would not judge.
    pub abstain_reasons: Vec<String>,
}

impl Default for People {
    fn default() -> Self {
        People {
            title: "Which is better?".into(),
            instructions: None,
            instructions_text: None,
            mode: "best".into(),
            ties: true,
            naive: false,
            confidence: false,
            strength: false,
            notes: true,
            hints: "off".into(),
            gold: None,
            gold_every: 10,
            training: 0,
            repeat_every: 12,
            attention_every: 0,
            attention_text: "This is a check that you are reading. Choose this response.".into(),
            overlap: 0.2,
            people_per_comparison: 2,
            lease_seconds: 300,
            characters_per_second: 60.0,
            scale: [1.0, 7.0],
            abstain_reasons: Vec::new(),
        }
    }
}

impl People {
    /// Whether a labeler's hints are shown.
    #[must_use]
    pub fn shows_hints(&self) -> bool {
        self.hints != "off"
    }

    /// Everything that cannot work in it.
    pub(super) fn check(&self, config: &Config, problems: &mut Problems) {
        let modes = ["best", "pair", "ranking", "rating"];
        problems.one_of("people", "mode", &self.mode, &modes);
        problems.one_of("people", "hints", &self.hints, &["off", "after", "before"]);
        if self.shows_hints() && config.labeler.is_none() {
            problems.add(
                format!(
                    "[people] hints are shown {}, and there is no labeler to give them",
                    self.hints
                ),
                "add `[labeler]`, or set people.hints = \"off\"",
            );
        }
        if self.instructions.is_some() && self.instructions_text.is_some() {
            problems.add(
                "[people] has instructions and instructions_text",
                "leave one of them out",
            );
        }
        if self.gold.is_none() && self.training > 0 {
            problems.add(
                format!(
                    "[people] training is {}, and there is no gold to train with",
                    self.training
                ),
                "name a file by people.gold, or leave people.training out",
            );
        }
        self.check_checks(problems);
        problems.share("people", "overlap", self.overlap);
        for (name, value, most) in [
            (
                "people_per_comparison",
                self.people_per_comparison as u64,
                100,
            ),
            ("lease_seconds", self.lease_seconds, 7 * 86_400),
        ] {
            problems.at_least_one("people", name, value);
            problems.at_most("people", name, value, most);
        }
        let speed = self.characters_per_second;
        problems.within("people", "characters_per_second", speed, 0.0..=1e6);
        let [low, high] = self.scale;
        if !(low.is_finite() && high.is_finite() && low < high) {
            problems.add(
                format!("[people] scale is [{low}, {high}], must rise from one number to another"),
                "leave people.scale out for [1.0, 7.0]",
            );
        }
        if let Some(collect) = &config.collect {
            self.check_asked(collect, problems);
        }
    }

    /// How often people are checked: work must be left.
    fn check_checks(&self, problems: &mut Problems) {
        let every = [
            ("gold_every", self.gold_every),
            ("repeat_every", self.repeat_every),
            ("attention_every", self.attention_every),
        ];
        for (name, value) in every {
            problems.at_most("people", name, value, 1 << 32);
        }
        let shares = every.iter().filter(|(_, value)| *value > 0);
        let all: f64 = shares.map(|(_, value)| 1.0 / *value as f64).sum();
        if all > 0.5 {
            problems.add(
                format!(
                    "[people] checks are {:.0} % of what is judged (gold_every {}, repeat_every {}, attention_every {}), \
                     must be at most half",
                    100.0 * all,
                    self.gold_every,
                    self.repeat_every,
                    self.attention_every
                ),
                "use larger numbers, or 0 for never",
            );
        }
        if self.attention_every > 0 && self.mode == "rating" {
            problems.add(
                format!(
                    "[people] attention_every is {}, and of one response, which is rated, none can be chosen",
                    self.attention_every
                ),
                "leave people.attention_every out",
            );
        }
        if self.attention_every > 0 && self.attention_text.trim().is_empty() {
            problems.add(
                "[people] attention_text is empty, and nothing says what to choose",
                "leave people.attention_text out for its default",
            );
        }
    }

    /// What a run asks must be what people can answer.
    fn check_asked(&self, collect: &Collect, problems: &mut Problems) {
        if collect.by == "labeler" {
            problems.add(
                "[people] says how people judge, and collect.by = \"labeler\" has nobody judge",
                "set collect.by = \"people\", or leave [people] out",
            );
            return;
        }
        let (least, most) = match self.mode.as_str() {
            "pair" => (2, 2),
            "ranking" => (3, 64),
            "rating" => (1, 1),
            _ => (2, 64),
        };
        if !(least..=most).contains(&collect.responses) {
            let bound = match least == most {
                true => least.to_string(),
                false => format!("{least} to {most}"),
            };
            problems.add(
                format!(
                    "[collect] responses is {}, must be {bound} in [people] mode {}",
                    collect.responses, self.mode
                ),
                format!("use collect.responses = {least}, or another people.mode"),
            );
        }
        if self.mode == "rating" && collect.choose == "disagreement" {
            problems.add(
                "[collect] chooses by disagreement on which response is better, and in [people] mode rating there is one",
                "use collect.choose = \"random\"",
            );
        }
    }
}

#[cfg(test)]
mod tests;
