//! A shaper that misbehaves on purpose on every fourth row, for the tests of the sandbox; for the
//! others its term is the number of their tokens.

use attune_sdk::prelude::*;

#[allow(dead_code, reason = "shared with a plugin that does more")]
#[path = "../../hostile/src/misdeeds.rs"]
mod misdeeds;

/// What it does.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing bad.
    #[default]
    Honest,
    /// Never returns.
    Loop,
    /// Panics.
    Panic,
    /// Takes memory without end.
    Memory,
    /// Returns a term that is not a number.
    NotANumber,
    /// Says by itself that it failed.
    Error,
    /// Returns fewer rewards than the response has tokens.
    TooFewTokens,
}

/// Settings of `hostile-shaper`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What it does.
    pub mode: Mode,
}

/// The shaper.
#[derive(Debug)]
pub struct Hostile(Mode);

impl Plugin for Hostile {
    type Settings = Settings;
    const COLUMNS: Columns = Columns::RESPONSE_TOKENS;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        Ok(Self(settings.mode))
    }
}

impl Shaper for Hostile {
    const TERMS: &'static [&'static str] = &["tokens"];
    const PER_TOKEN: bool = true;

    fn shape(&self, row: Rollout<'_>) -> RowResult<Shaped> {
        let tokens = row.response_tokens().len();
        let mut shaped = Shaped::term(tokens as f32);
        shaped.per_token = vec![0.5; tokens];
        if row.id().is_multiple_of(4) {
            match self.0 {
                Mode::Honest => {}
                Mode::Loop => misdeeds::run_forever(),
                Mode::Panic => panic!("cannot stand row {}", row.id()),
                Mode::Memory => misdeeds::eat_memory(),
                Mode::NotANumber => shaped.terms[0] = f32::NAN,
                Mode::Error => return Err(Row::error("does not like this one")),
                Mode::TooFewTokens => shaped.per_token.truncate(1),
            }
        }
        Ok(shaped)
    }
}

attune_sdk::export!(shaper: Hostile, "Misbehaves on purpose");
