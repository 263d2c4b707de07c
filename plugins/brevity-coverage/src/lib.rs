//! A labeler that prefers a short response with the rare words of its query in it, and by a setting
//! as well one whose words stand in the query. It counts words and knows no meaning.

use attune_sdk::prelude::*;
use wording::{Faithfulness, Source, Word, bounded};

mod rare;

/// Settings of `brevity-coverage`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// So many of the query's rare words, the heaviest, should be in a response, 1 to 1000.
    pub rare_words: usize,
    /// A response of so many words is short, 0 to 10000.
    pub target: usize,
    /// Taken off for each word above `target`, 0 to 1.
    pub per_word: f32,
    /// The part of `overlap` in the score, 0 to 1: 0 is coverage and brevity alone, 1 `overlap` alone.
    pub faithfulness: f32,
    /// In the part of `overlap`: so many different content words are long enough, 0 to 1000.
    pub shortest: usize,
    /// In the part of `overlap`: taken off for each content word below `shortest`, 0 to 1.
    pub per_missing: f32,
    /// Responses so close to the best score share its place, 0 to 1.
    pub tie_margin: f32,
    /// Runs of so many words that are copied from the query are shown to a person, 1 to 1000.
    pub copied_words: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rare_words: 12,
            target: 20,
            per_word: 0.02,
            faithfulness: 0.0,
            shortest: 8,
            per_missing: 0.1,
            tie_margin: 0.02,
            copied_words: 5,
        }
    }
}

/// The labeler.
#[derive(Debug)]
pub struct BrevityCoverage(Settings);

impl Plugin for BrevityCoverage {
    type Settings = Settings;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        bounded(&[
            ("rare_words", settings.rare_words as f32, 1.0, 1000.0),
            ("target", settings.target as f32, 0.0, 10_000.0),
            ("per_word", settings.per_word, 0.0, 1.0),
            ("faithfulness", settings.faithfulness, 0.0, 1.0),
            ("shortest", settings.shortest as f32, 0.0, 1000.0),
            ("per_missing", settings.per_missing, 0.0, 1.0),
            ("tie_margin", settings.tie_margin, 0.0, 1.0),
            ("copied_words", settings.copied_words as f32, 1.0, 1000.0),
        ])?;
        Ok(Self(settings))
    }
}

impl Labeler for BrevityCoverage {
    fn judge(&self, group: Group<'_>) -> RowResult<Judgement> {
        let source = Source::of(group.query_text());
        let rare = rare::heaviest(group.query_text(), self.0.rare_words);
        let rule = Faithfulness {
            shortest: self.0.shortest,
            per_missing: self.0.per_missing,
        };
        let part = self.0.faithfulness;
        let score = |said: &[Word]| {
            let over = said.len().saturating_sub(self.0.target) as f32;
            let short = rare::coverage(&rare, said) - self.0.per_word * over;
            (1.0 - part) * short + part * rule.score(&source, said)
        };
        Ok(source.judge(group, self.0.tie_margin, score))
    }

    fn annotate(&self, group: Group<'_>) -> RowResult<Vec<Hint>> {
        Ok(Source::of(group.query_text()).hints(group, self.0.copied_words))
    }
}

attune_sdk::export!(labeler: BrevityCoverage, "Prefers a short response with the query's rare words in it");
