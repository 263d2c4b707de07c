//! A labeler for tests: scores a response by the share of its bytes that are wanted, which even a
//! model with random weights can learn. It knows no language.

use attune_sdk::prelude::*;

/// Settings of `letters`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// First wanted byte.
    #[schemars(range(max = 255))]
    pub from: u32,
    /// Last wanted byte.
    #[schemars(range(max = 255))]
    pub to: u32,
    /// Say which response is best and give no scores.
    pub compare_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            from: 0x20,
            to: 0x4f,
            compare_only: false,
        }
    }
}

/// The labeler.
#[derive(Debug)]
pub struct Letters(Settings);

impl Plugin for Letters {
    type Settings = Settings;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        Problems::default()
            .require(
                settings.from <= settings.to,
                "/to",
                format!("{} is below from {}", settings.to, settings.from),
            )
            .done()?;
        Ok(Self(settings))
    }
}

impl Letters {
    /// The share of `text`'s bytes that are wanted; 0 for no text.
    pub fn score(&self, text: &str) -> f32 {
        let wanted = |byte: &u8| (self.0.from..=self.0.to).contains(&u32::from(*byte));
        text.bytes().filter(wanted).count() as f32 / text.len().max(1) as f32
    }
}

impl Labeler for Letters {
    fn judge(&self, group: Group<'_>) -> RowResult<Judgement> {
        let scores: Vec<f32> = group.responses().map(|text| self.score(text)).collect();
        let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        Ok(Judgement {
            verdict: best.map_or(Verdict::Abstain, |best| Verdict::Best(best as u32)),
            confidence: None,
            scores: (!self.0.compare_only).then_some(scores),
        })
    }
}

attune_sdk::export!(labeler: Letters, "Prefers the response with most of the wanted bytes");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_wanted_bytes() {
        let labeler: Letters = testing::build(r#"{"from": 97, "to": 99}"#, &[]).unwrap();
        assert_eq!(labeler.score("abxy"), 0.5);
        assert!(testing::build::<Letters>(r#"{"from": 2, "to": 1}"#, &[]).is_err());
    }
}
