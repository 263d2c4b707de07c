//! A shaper that draws responses towards a length. It counts tokens or words and reads nothing
//! else.

use attune_sdk::prelude::*;

/// What a length is counted in.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Tokens of the policy's tokenizer.
    Tokens,
    /// Runs without white space.
    Words,
}

/// Settings of `length`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The length that gets the whole bonus.
    pub target: usize,
    /// What it is counted in.
    pub unit: Unit,
    /// The bonus falls from 1 at the target by 1 for so many units, down to −1.
    pub scale: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: 20,
            unit: Unit::Words,
            scale: 20.0,
        }
    }
}

/// The shaper.
#[derive(Debug)]
pub struct Length(Settings);

impl Plugin for Length {
    type Settings = Settings;
    const COLUMNS: Columns = Columns::RESPONSE_TEXT.union(Columns::RESPONSE_TOKENS);
    const METRICS: &'static [MetricSpec] = &[MetricSpec {
        name: "length",
        help: "length of the response, in `unit`",
    }];

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        Problems::default()
            .require(settings.scale > 0.0, "/scale", "must be above 0")
            .done()?;
        Ok(Self(settings))
    }
}

impl Shaper for Length {
    const TERMS: &'static [&'static str] = &["length"];

    fn shape(&self, row: Rollout<'_>) -> RowResult<Shaped> {
        let length = match self.0.unit {
            Unit::Tokens => row.response_tokens().len(),
            Unit::Words => row.response_text().split_whitespace().count(),
        };
        let off = length.abs_diff(self.0.target) as f32 / self.0.scale;
        Ok(Shaped::term((1.0 - off).max(-1.0)).metric(length as f32))
    }
}

attune_sdk::export!(shaper: Length, "Draws responses towards a target length");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bonus_falls_off_on_both_sides() {
        let shaper: Length = testing::build(r#"{"target": 3, "scale": 2}"#, &[]).unwrap();
        let batch = testing::Batch::of(&[
            ("", "a b c"),
            ("", "a b"),
            ("", "a b c d"),
            ("", "a b c d e f g h i j"),
        ]);
        let terms: Vec<f32> = testing::shape(&shaper, &batch)
            .into_iter()
            .map(|row| row.unwrap().terms[0])
            .collect();
        assert_eq!(terms, [1.0, 0.5, 0.5, -1.0]);
    }

    #[test]
    fn counts_tokens_and_refuses_nonsense() {
        testing::use_bytes();
        let shaper: Length = testing::build(r#"{"target": 3, "unit": "tokens"}"#, &[]).unwrap();
        assert_eq!(
            testing::shape(&shaper, &testing::Batch::of(&[("", "abc")]))[0],
            Ok(Shaped::term(1.0).metric(3.0))
        );
        assert_eq!(
            testing::build::<Length>(r#"{"unit": "pages"}"#, &[])
                .unwrap_err()
                .0[0]
                .0,
            "/unit"
        );
        assert_eq!(
            testing::build::<Length>(r#"{"scale": 0}"#, &[])
                .unwrap_err()
                .0[0]
                .0,
            "/scale"
        );
    }
}
