//! A labeler that misbehaves on purpose, for the tests of the sandbox. Which rows it misbehaves on
//! follows from their ids, so a test knows them; the others score their response's length.

use attune_sdk::bindings::exports::attune::plugin::{
    labeler_plugin::{Groups, Guest as LabelerGuest, Hint as PackedHint, Judgements},
    plugin::{Asset, Description, Guest as PluginGuest},
};
use attune_sdk::bindings::types::{CallContext, Error};
use attune_sdk::prelude::*;

mod misdeeds;

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing bad.
    Honest,
    /// Never returns.
    Loop,
    /// Panics.
    Panic,
    /// Takes memory without end.
    Memory,
    /// Calls itself without end.
    Recursion,
    /// Scores what is not a number.
    NotANumber,
    /// Says by itself that it failed.
    Error,
    /// Names a response that is not there.
    NoSuchResponse,
    /// Returns more data than a call may.
    HugeOutput,
    /// Logs without end, escapes and all, and then answers.
    LogFlood,
    /// Returns fewer rows than it was given, when a bad one is among them.
    TooFewRows,
    /// Returns more scores than there are responses, when a bad one is among them.
    TooManyScores,
    /// Refuses a batch with a bad one in it as a whole.
    Refuse,
    /// Panics while it is configured.
    PanicInConfigure,
    /// Never returns from being configured.
    LoopInConfigure,
}

/// Settings of `hostile`.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
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

/// The labeler.
#[derive(Debug)]
pub struct Hostile(Settings);

impl Plugin for Hostile {
    type Settings = Settings;

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        match settings.mode {
            Mode::PanicInConfigure => panic!("configured to panic"),
            Mode::LoopInConfigure => misdeeds::run_forever(),
            _ => Ok(Self(settings)),
        }
    }
}

impl Labeler for Hostile {
    fn judge(&self, group: Group<'_>) -> RowResult<Judgement> {
        let mut scores: Vec<f32> = group.responses().map(|text| text.len() as f32).collect();
        let mut verdict = Verdict::Best(0);
        if group.id().is_multiple_of(self.0.every) && group.id() >= self.0.from {
            match self.0.mode {
                Mode::Loop => misdeeds::run_forever(),
                Mode::Panic => panic!("cannot stand group {}", group.id()),
                Mode::Memory => misdeeds::eat_memory(),
                Mode::Recursion => scores[0] += misdeeds::recurse(group.id()) as f32,
                Mode::NotANumber => scores[0] = f32::NAN,
                Mode::Error => return Err(Row::error("does not like this one")),
                Mode::NoSuchResponse => verdict = Verdict::Best(7),
                Mode::HugeOutput => verdict = Verdict::Tie(vec![0; 20 << 20]),
                Mode::LogFlood => misdeeds::flood_the_log(),
                _ => {}
            }
        }
        Ok(Judgement {
            verdict,
            confidence: None,
            scores: Some(scores),
        })
    }
}

/// What `export!` would make, but with a `judge` that can lie about the batch as a whole.
#[derive(Debug)]
struct Component;

impl attune_sdk::Component for Component {
    type Plugin = Hostile;
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Misbehaves on purpose";
    const COLUMNS: Columns = Columns::QUERY_TEXT.union(Columns::RESPONSE_TEXT);

    fn cell() -> &'static std::sync::OnceLock<Hostile> {
        static INSTANCE: std::sync::OnceLock<Hostile> = std::sync::OnceLock::new();
        &INSTANCE
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Liar;

impl PluginGuest for Liar {
    fn describe() -> Description {
        <Component as PluginGuest>::describe()
    }

    fn configure(settings: String, assets: Vec<Asset>) -> Result<(), Error> {
        <Component as PluginGuest>::configure(settings, assets)
    }
}

impl LabelerGuest for Liar {
    fn judge(context: CallContext, batch: Groups) -> Result<Judgements, Error> {
        let Settings { mode, every, from } = <Component as attune_sdk::Component>::instance()?.0;
        let bad = |id: &u64| id.is_multiple_of(every) && *id >= from;
        let lies = batch.ids.iter().any(bad);
        let mut judged = <Component as LabelerGuest>::judge(context, batch)?;
        match mode {
            _ if !lies => {}
            Mode::TooFewRows => {
                judged.verdicts.pop();
            }
            Mode::TooManyScores => judged.scores.push(1.0),
            Mode::Refuse => return Err(Error::Internal("is on strike".to_owned())),
            _ => {}
        }
        Ok(judged)
    }

    fn annotate(context: CallContext, batch: Groups) -> Result<Vec<PackedHint>, Error> {
        <Component as LabelerGuest>::annotate(context, batch)
    }
}

#[cfg(target_arch = "wasm32")]
#[allow(
    unused,
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated"
)]
mod attune_world {
    use super::Liar;
    attune_sdk::contract!(
        "labeler",
        "attune_sdk::wit_bindgen::rt",
        "export_world",
        false,
        []
    );
    export_world!(Liar with_types_in attune_sdk::bindings);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_when_told_to_be() {
        let labeler: Hostile = testing::build("{}", &[]).unwrap();
        let rows = testing::judge(&labeler, &[("q", &["abc"]), ("q", &["a"])]);
        let scores: Vec<_> = rows.into_iter().map(|row| row.unwrap().scores).collect();
        assert_eq!(scores, [Some(vec![3.0]), Some(vec![1.0])]);
    }
}
