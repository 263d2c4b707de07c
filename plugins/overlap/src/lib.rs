//! A labeler whose habit is that what a response says must be words of its query. It compares words
//! as they are written and knows nothing of what they say together.

use attune_sdk::prelude::*;
use wording::{Faithfulness, Source, Word, bounded};

/// Settings of `overlap`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A response of so many different content words is long enough, 0 to 1000.
    pub shortest: usize,
    /// Taken off for each content word below `shortest`, 0 to 1.
    pub per_missing: f32,
    /// Responses so close to the best score share its place, 0 to 1.
    pub tie_margin: f32,
    /// Runs of so many words that are copied from the query are shown to a person, 1 to 1000.
    pub copied_words: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shortest: 8,
            per_missing: 0.1,
            tie_margin: 0.02,
            copied_words: 5,
        }
    }
}

/// The labeler.
#[derive(Debug)]
pub struct Overlap(Settings);

impl Plugin for Overlap {
    type Settings = Settings;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        bounded(&[
            ("shortest", settings.shortest as f32, 0.0, 1000.0),
            ("per_missing", settings.per_missing, 0.0, 1.0),
            ("tie_margin", settings.tie_margin, 0.0, 1.0),
            ("copied_words", settings.copied_words as f32, 1.0, 1000.0),
        ])?;
        Ok(Self(settings))
    }
}

impl Labeler for Overlap {
    fn judge(&self, group: Group<'_>) -> RowResult<Judgement> {
        let source = Source::of(group.query_text());
        let rule = Faithfulness {
            shortest: self.0.shortest,
            per_missing: self.0.per_missing,
        };
        let score = |said: &[Word]| rule.score(&source, said);
        Ok(source.judge(group, self.0.tie_margin, score))
    }

    fn annotate(&self, group: Group<'_>) -> RowResult<Vec<Hint>> {
        Ok(Source::of(group.query_text()).hints(group, self.0.copied_words))
    }
}

attune_sdk::export!(labeler: Overlap, "Prefers the response whose words stand in the query");
