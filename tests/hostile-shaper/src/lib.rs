//! A shaper that misbehaves on purpose on some rows, every fourth if nothing else is said, for the
//! tests of the sandbox; for the others its term is the number of their tokens.

use std::sync::atomic::{AtomicU32, Ordering};

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
    /// Panics while it says why it panics.
    PanicInPanic,
    /// Stops without a word.
    Abort,
    /// Takes memory without end.
    Memory,
    /// Calls itself without end.
    Recursion,
    /// Logs without end, escapes and all, and then answers.
    LogFlood,
    /// Answers how many rows it has seen, which depends on how a batch is divided.
    Counts,
    /// Returns a term that is not a number.
    NotANumber,
    /// Says by itself that it failed.
    Error,
    /// Returns fewer rewards than the response has tokens.
    TooFewTokens,
}

/// Settings of `hostile-shaper`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What it does.
    pub mode: Mode,
    /// It does so on rows whose id is a multiple of this.
    #[schemars(range(min = 1))]
    pub every: u64,
    /// Rows with smaller ids are spared.
    pub from: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Honest,
            every: 4,
            from: 0,
        }
    }
}

/// Its text is another panic.
struct Worse;

impl std::fmt::Display for Worse {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("worse")
    }
}

/// The shaper.
#[derive(Debug)]
pub struct Hostile(Settings);

impl Plugin for Hostile {
    type Settings = Settings;
    const COLUMNS: Columns = Columns::RESPONSE_TOKENS;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        Ok(Self(settings))
    }
}

impl Shaper for Hostile {
    const TERMS: &'static [&'static str] = &["tokens"];
    const PER_TOKEN: bool = true;

    fn shape(&self, row: Rollout<'_>) -> RowResult<Shaped> {
        let tokens = row.response_tokens().len();
        let mut shaped = Shaped::term(tokens as f32);
        shaped.per_token = vec![0.5; tokens];
        let Settings { mode, every, from } = self.0;
        if row.id().is_multiple_of(every) && row.id() >= from {
            match mode {
                Mode::Honest => {}
                Mode::Loop => misdeeds::run_forever(),
                Mode::Panic => panic!("cannot stand row {}", row.id()),
                Mode::PanicInPanic => panic!("cannot stand row {}: {Worse}", row.id()),
                Mode::Abort => std::process::abort(),
                Mode::Memory => misdeeds::eat_memory(),
                Mode::Recursion => shaped.terms[0] += misdeeds::recurse(row.id()) as f32,
                Mode::LogFlood => misdeeds::flood_the_log(),
                Mode::Counts => {
                    static SEEN: AtomicU32 = AtomicU32::new(0);
                    shaped.terms[0] = SEEN.fetch_add(1, Ordering::Relaxed) as f32;
                }
                Mode::NotANumber => shaped.terms[0] = f32::NAN,
                Mode::Error => return Err(Row::error("does not like this one")),
                Mode::TooFewTokens => shaped.per_token.truncate(1),
            }
        }
        Ok(shaped)
    }
}

attune_sdk::export!(shaper: Hostile, "Misbehaves on purpose");
