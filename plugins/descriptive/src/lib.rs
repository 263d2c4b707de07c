//! A labeler that prefers physical description: words for what can be seen, heard, smelt, tasted
//! and touched, and for how things move. It counts words of a list and knows no sentence.

use std::collections::HashMap;

use attune_sdk::prelude::*;
use wording::{bounded, judgement, words};

mod lexicon;

/// Settings of `descriptive`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What a concrete thing or a motion weighs, 0 to 10; a word of the senses weighs 1.
    pub concrete: f32,
    /// Added to a thing with an adjective directly before it, 0 to 10.
    pub pair: f32,
    /// A word's weight is multiplied by this each time that the response has had it before, 0 to 1.
    pub repeat: f32,
    /// A response of fewer words is scored as if it had so many, 1 to 1000.
    pub shortest: usize,
    /// The weight a word from which on the score is 1, 0.01 to 10.
    pub full: f32,
    /// Responses so close to the best score share its place, 0 to 1.
    pub tie_margin: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concrete: 0.5,
            pair: 0.5,
            repeat: 0.5,
            shortest: 12,
            full: 0.5,
            tie_margin: 0.02,
        }
    }
}

/// A describing word of a response: its bytes, its heading, its weight.
type Found = (std::ops::Range<usize>, &'static str, f32);

/// The labeler.
#[derive(Debug)]
pub struct Descriptive(Settings);

impl Plugin for Descriptive {
    type Settings = Settings;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        bounded(&[
            ("concrete", settings.concrete, 0.0, 10.0),
            ("pair", settings.pair, 0.0, 10.0),
            ("repeat", settings.repeat, 0.0, 1.0),
            ("shortest", settings.shortest as f32, 1.0, 1000.0),
            ("full", settings.full, 0.01, 10.0),
            ("tie_margin", settings.tie_margin, 0.0, 1.0),
        ])?;
        Ok(Self(settings))
    }
}

impl Descriptive {
    /// The describing words of a response, and how many words it has in all.
    fn find(&self, text: &str) -> (Vec<Found>, usize) {
        let words = words(text);
        // What a listed word weighs the next time.
        let mut factors = HashMap::new();
        let mut found = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let Some((listed, heading)) = lexicon::listed(word.key()) else {
                continue;
            };
            let is_paired = words[..at].last().is_some_and(|before| {
                let gap = &text[before.span.end..word.span.start];
                gap == " " && lexicon::is_adjective(before.key())
            });
            let weight = match heading.split(' ').next() {
                Some("thing") if is_paired => self.0.concrete + self.0.pair,
                Some("thing" | "motion") => self.0.concrete,
                _ => 1.0,
            };
            let factor = factors.entry(listed).or_insert(1.0);
            found.push((word.span.clone(), heading, weight * *factor));
            *factor *= self.0.repeat;
        }
        (found, words.len())
    }
}

impl Labeler for Descriptive {
    fn judge(&self, group: Group<'_>) -> RowResult<Judgement> {
        let responses: Vec<_> = group.responses().map(|text| self.find(text)).collect();
        let scores = responses.iter().map(|(found, words)| {
            let sum = found.iter().fold(0.0, |sum, (_, _, weight)| sum + weight);
            let a_word = sum / (*words).max(self.0.shortest) as f32;
            (a_word / self.0.full).min(1.0)
        });
        let describes = responses.iter().any(|(found, _)| !found.is_empty());
        Ok(judgement(scores.collect(), self.0.tie_margin, describes))
    }

    fn annotate(&self, group: Group<'_>) -> RowResult<Vec<Hint>> {
        let mut hints = Vec::new();
        for (response, text) in group.responses().enumerate() {
            let (found, _) = self.find(text);
            hints.extend(found.into_iter().map(|(span, heading, weight)| Hint {
                response,
                span,
                note: format!("{heading} {weight:+.2}"),
            }));
        }
        Ok(hints)
    }
}

attune_sdk::export!(labeler: Descriptive, "Prefers what describes: senses, things, motions");
