//! A labeler that prefers the response with the warmest words, by a lexicon of rated words and a
//! few rules about their neighbours. It knows no meaning beyond that.

use attune_sdk::lexicon::{Lexicon, total};
use attune_sdk::prelude::*;

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The response alone.
    Response,
    /// Query and response together.
    Text,
}

/// Settings of `valence`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is judged: the response alone, or query and response as one text.
    pub judge: Scope,
    /// A text's score is s / √(s² + alpha), with s the sum of its words.
    pub alpha: f32,
    /// Responses so close to the best score share its place.
    pub tie_margin: f32,
    /// A word is turned round by a negation among so many words before it.
    pub negation_window: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            judge: Scope::Response,
            alpha: 15.0,
            tie_margin: 0.02,
            negation_window: 3,
        }
    }
}

/// The labeler.
#[derive(Debug)]
pub struct Valence {
    settings: Settings,
    lexicon: Lexicon,
}

impl Plugin for Valence {
    type Settings = Settings;
    const ASSETS: &'static [AssetSpec] = &[AssetSpec::required(
        "lexicon",
        "lines of a word, a tab, its mean rating, and more columns that are not read",
    )];

    fn configure(settings: Settings, assets: &Assets) -> Result<Self, Problems> {
        let lexicon = Lexicon::parse(assets.text("lexicon")?)
            .map_err(|text| Problems::at("assets/lexicon", text))?;
        Problems::default()
            .require(settings.alpha > 0.0, "/alpha", "must be above 0")
            .require(
                settings.tie_margin >= 0.0,
                "/tie_margin",
                "must not be negative",
            )
            .done()?;
        Ok(Self { settings, lexicon })
    }
}

impl Valence {
    /// The score of a text in −1..1, and whether any word of it is in the lexicon.
    pub fn score(&self, text: &str) -> (f32, bool) {
        let words = self.lexicon.weigh(text, self.settings.negation_window);
        let sum = total(text, &words);
        (
            sum / (sum * sum + self.settings.alpha).sqrt(),
            !words.is_empty(),
        )
    }
}

impl Labeler for Valence {
    fn judge(&self, group: Group<'_>) -> RowResult<Judgement> {
        let (scores, known): (Vec<f32>, Vec<bool>) = group
            .responses()
            .map(|response| match self.settings.judge {
                Scope::Response => self.score(response),
                Scope::Text => self.score(&format!("{}{response}", group.query_text())),
            })
            .unzip();
        let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let best: Vec<u32> = (0..)
            .zip(&scores)
            .filter(|(_, score)| top - **score <= self.settings.tie_margin)
            .map(|(at, _)| at)
            .collect();
        let verdict = match best.as_slice() {
            _ if !known.contains(&true) => Verdict::Abstain,
            [only] => Verdict::Best(*only),
            _ => Verdict::Tie(best),
        };
        Ok(Judgement {
            verdict,
            confidence: None,
            scores: Some(scores),
        })
    }

    fn annotate(&self, group: Group<'_>) -> RowResult<Vec<Hint>> {
        let mut hints = Vec::new();
        for (response, text) in group.responses().enumerate() {
            let words = self.lexicon.weigh(text, self.settings.negation_window);
            hints.extend(words.into_iter().map(|word| Hint {
                response,
                span: word.span,
                note: format!("{:+.1}", word.weight),
            }));
        }
        Ok(hints)
    }
}

attune_sdk::export!(labeler: Valence, "Prefers the response with the warmest words");
