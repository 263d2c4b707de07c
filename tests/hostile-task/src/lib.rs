//! A task that misbehaves on purpose on every fourth row, for the tests of the sandbox. Otherwise a
//! row of text is a query, and a response is what it is.

use attune_sdk::prelude::*;

#[allow(dead_code, reason = "shared with a plugin that does more")]
#[path = "../../hostile/src/misdeeds.rs"]
mod misdeeds;

/// What it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing bad.
    #[default]
    Honest,
    /// Never returns from `finish`.
    Loop,
    /// Panics in `finish`.
    Panic,
    /// Takes memory without end in `finish`.
    Memory,
    /// Gives a penalty that is not a number.
    NotANumber,
    /// Says by itself that it failed.
    Error,
    /// Keeps more tokens than there are.
    TooMany,
    /// Panics while it makes queries.
    PanicInQuery,
    /// Never returns from making queries.
    LoopInQuery,
    /// Makes queries that are longer than it said.
    LongQuery,
}

/// Settings of `hostile-task`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What it does.
    pub mode: Mode,
}

/// The task.
#[derive(Debug)]
pub struct Hostile(Mode);

impl Plugin for Hostile {
    type Settings = Settings;
    const COLUMNS: Columns = Columns::RESPONSE_TOKENS;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        Ok(Self(settings.mode))
    }
}

impl Task for Hostile {
    fn layout(&self) -> Result<Layout, Problems> {
        Ok(Layout {
            query_len: 8,
            response_len: 8,
            ..Layout::default()
        })
    }

    fn query(&self, row: DataRow<'_>) -> RowResult<Query> {
        let mut tokens = tokenizer::encode(row.json());
        tokens.truncate(8);
        if row.id().is_multiple_of(4) {
            match self.0 {
                Mode::PanicInQuery => panic!("cannot read row {}", row.id()),
                Mode::LoopInQuery => misdeeds::run_forever(),
                Mode::LongQuery => tokens.extend([1, 2, 3]),
                _ => {}
            }
        }
        Ok(Query {
            tokens,
            ..Query::default()
        })
    }

    fn finish(&self, row: Rollout<'_>) -> RowResult<Ending> {
        let mut ending = Ending {
            kept: row.response_tokens().len(),
            valid: true,
            penalty: 0.0,
        };
        if row.id().is_multiple_of(4) {
            match self.0 {
                Mode::Loop => misdeeds::run_forever(),
                Mode::Panic => panic!("cannot stand row {}", row.id()),
                Mode::Memory => misdeeds::eat_memory(),
                Mode::NotANumber => (ending.valid, ending.penalty) = (false, f32::NAN),
                Mode::Error => return Err(Row::error("does not like this one")),
                Mode::TooMany => ending.kept += 1,
                _ => {}
            }
        }
        Ok(ending)
    }
}

attune_sdk::export!(task: Hostile, "Misbehaves on purpose");
