//! A shaper that takes off the share of a response's n-grams that it has said before. It sees
//! tokens only and does not know what they mean.

use std::collections::HashSet;

use attune_sdk::prelude::*;

/// Settings of `repetition`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Length in tokens of the runs that are compared.
    pub n: usize,
    /// Share of repeated runs that costs nothing, from 0 to 1.
    pub free: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { n: 3, free: 0.0 }
    }
}

/// The shaper.
#[derive(Debug)]
pub struct Repetition(Settings);

impl Plugin for Repetition {
    type Settings = Settings;
    const COLUMNS: Columns = Columns::RESPONSE_TOKENS;
    const METRICS: &'static [MetricSpec] = &[MetricSpec {
        name: "repeated_fraction",
        help: "share of n-grams that occurred before in the response",
    }];

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        Problems::default()
            .require(settings.n > 0, "/n", "must be at least 1")
            .require(
                (0.0..=1.0).contains(&settings.free),
                "/free",
                format!("{} is not in 0..=1", settings.free),
            )
            .done()?;
        Ok(Self(settings))
    }
}

impl Shaper for Repetition {
    const TERMS: &'static [&'static str] = &["repetition"];

    fn shape(&self, row: Rollout<'_>) -> RowResult<Shaped> {
        let fraction = repeated(row.response_tokens(), self.0.n);
        Ok(Shaped::term(-(fraction - self.0.free).max(0.0)).metric(fraction))
    }
}

/// Share of the runs of `n` tokens that have occurred before; 0 when there is no run.
fn repeated(tokens: &[u32], n: usize) -> f32 {
    let mut seen = HashSet::new();
    let runs = tokens.windows(n).len();
    let again = tokens.windows(n).filter(|run| !seen.insert(*run)).count();
    if runs == 0 {
        0.0
    } else {
        again as f32 / runs as f32
    }
}

attune_sdk::export!(shaper: Repetition, "Takes off the share of n-grams that a response repeats");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_repeated_runs() {
        assert_eq!(repeated(&[1, 2, 1, 2, 1], 2), 0.5);
        assert_eq!(repeated(&[1, 1, 1, 1, 1], 1), 0.8);
        assert_eq!(repeated(&[1, 2], 3), 0.0);
    }

    #[test]
    fn shapes_rows_and_leaves_a_share_free() {
        let shaper: Repetition = testing::build(r#"{"n": 1, "free": 0.25}"#, &[]).unwrap();
        let rows = testing::shape(
            &shaper,
            &testing::Batch::of_tokens(&[&[5, 5, 5, 5], &[5, 6, 7, 5]]),
        );
        assert_eq!(rows[0].as_ref().unwrap(), &Shaped::term(-0.5).metric(0.75));
        assert_eq!(rows[1].as_ref().unwrap(), &Shaped::term(0.0).metric(0.25));
        let problems = testing::build::<Repetition>(r#"{"n": 0, "free": 2}"#, &[]).unwrap_err();
        assert_eq!(
            problems
                .0
                .iter()
                .map(|(path, _)| path.as_str())
                .collect::<Vec<_>>(),
            ["/n", "/free"]
        );
    }
}
