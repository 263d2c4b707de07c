//! The versions of the contract that this build speaks.
//!
//! The host calls plugins in the newest version's terms only. A plugin of an older version is never
//! rebuilt: its version's entry in the table turns the newest terms into its own and back. A version
//! is a line of [`SPOKEN`]; `tests/contract.rs` adds one, and shows that older plugins do not notice.

use wasmtime::Store;
use wasmtime::component::{HasSelf, Instance, InstancePre, Linker};

use super::engine::State;
use super::wit::EveryKind;
use super::wit::attune::plugin::types::{CallContext, Error, Rollouts, TextColumn};
use super::wit::exports::attune::plugin::labeler_plugin::{self as labeler, Groups, Hint};
use super::wit::exports::attune::plugin::plugin::{self as plugin, Asset, Description};
use super::wit::exports::attune::plugin::shaper_plugin::{self as shaper, Shaped};
use super::wit::exports::attune::plugin::task_plugin::{self as task, Baseline, Endings};
use task::{Evaluation, QueryBatch, TaskLayout};

/// What came of a call to the plugin, once its traps are dealt with.
pub(super) type Returned<R> = wasmtime::Result<Result<R, Error>>;

/// How a part of a plugin's exports is found in an instance.
pub(super) type Bind<G> =
    fn(&InstancePre<State>, &mut Store<State>, &Instance) -> wasmtime::Result<Box<G>>;

/// One version of the contract.
pub(super) struct Version {
    /// Its number; a plugin may have been made for another patch of it.
    pub(super) number: &'static str,
    /// Offers what plugins of this version may import.
    pub(super) link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
    pub(super) plugin: Bind<dyn Plugin>,
    pub(super) task: Bind<dyn Task>,
    pub(super) labeler: Bind<dyn Labeler>,
    pub(super) shaper: Bind<dyn Shaper>,
}

/// All of them, the oldest first.
pub(super) static SPOKEN: &[Version] = &[V0_1];

/// The first.
pub(super) const V0_1: Version = Version {
    number: super::CONTRACT,
    link: |linker| EveryKind::add_to_linker::<_, HasSelf<State>>(linker, |state| state),
    plugin: |pre, store, instance| {
        let guest = plugin::GuestIndices::new(pre)?.load(store, instance)?;
        Ok(Box::new(guest))
    },
    task: |pre, store, instance| {
        let guest = task::GuestIndices::new(pre)?.load(store, instance)?;
        Ok(Box::new(guest))
    },
    labeler: |pre, store, instance| {
        let guest = labeler::GuestIndices::new(pre)?.load(store, instance)?;
        Ok(Box::new(guest))
    },
    shaper: |pre, store, instance| {
        let guest = shaper::GuestIndices::new(pre)?.load(store, instance)?;
        Ok(Box::new(guest))
    },
};

/// The version among `spoken` that a plugin for `number` is called by.
pub(super) fn find(spoken: &'static [Version], number: &str) -> Result<&'static Version, String> {
    let found = spoken
        .iter()
        .find(|version| series(version.number) == series(number));
    found.ok_or_else(|| {
        let numbers: Vec<&str> = spoken.iter().map(|version| series(version.number)).collect();
        let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
        format!(
            "it was made for contract {number}; this Attune supports {first} to {last}\nhint: build it with an \
             SDK of one of these versions, or use an Attune that supports {number}"
        )
    })
}

/// `0.1` of `0.1.7`: what may differ without a break.
fn series(number: &str) -> &str {
    let major_ends = number.find('.').unwrap_or(number.len());
    let minor = number.get(major_ends + 1..).unwrap_or_default();
    let minor_ends = minor.find(['.', '-', '+']).unwrap_or(minor.len());
    number.get(..major_ends + 1 + minor_ends).unwrap_or(number)
}

/// What every plugin exports.
pub(super) trait Plugin {
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Description>;
    fn configure(&self, store: &mut Store<State>, settings: &str, assets: &[Asset])
    -> Returned<()>;
}

impl Plugin for plugin::Guest {
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Description> {
        self.call_describe(store)
    }

    fn configure(
        &self,
        store: &mut Store<State>,
        settings: &str,
        assets: &[Asset],
    ) -> Returned<()> {
        self.call_configure(store, settings, assets)
    }
}

/// What a task exports.
pub(super) trait Task: Send {
    fn layout(&self, store: &mut Store<State>) -> Returned<TaskLayout>;
    fn queries(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        ids: &[u64],
        rows: &TextColumn,
    ) -> Returned<QueryBatch>;
    fn finish(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Endings>;
    fn evaluate(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Evaluation>;
    fn baselines(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Vec<Baseline>>;
}

impl Task for task::Guest {
    fn layout(&self, store: &mut Store<State>) -> Returned<TaskLayout> {
        self.call_layout(store)
    }

    fn queries(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        ids: &[u64],
        rows: &TextColumn,
    ) -> Returned<QueryBatch> {
        self.call_queries(store, context, ids, rows)
    }

    fn finish(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Endings> {
        self.call_finish(store, context, batch)
    }

    fn evaluate(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Evaluation> {
        self.call_evaluate(store, context, batch)
    }

    fn baselines(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Vec<Baseline>> {
        self.call_baselines(store, context, batch)
    }
}

/// What a labeler exports.
pub(super) trait Labeler: Send {
    fn judge(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Groups,
    ) -> Returned<labeler::Judgements>;
    fn annotate(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Groups,
    ) -> Returned<Vec<Hint>>;
}

impl Labeler for labeler::Guest {
    fn judge(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Groups,
    ) -> Returned<labeler::Judgements> {
        self.call_judge(store, context, batch)
    }

    fn annotate(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Groups,
    ) -> Returned<Vec<Hint>> {
        self.call_annotate(store, context, batch)
    }
}

/// What a shaper exports.
pub(super) trait Shaper: Send {
    fn shape(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Shaped>;
}

impl Shaper for shaper::Guest {
    fn shape(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Shaped> {
        self.call_shape(store, context, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_of_a_version_are_one_series() {
        let series: Vec<&str> = ["0.1.0", "0.1", "0.12.3", "1.2.3-rc.1", "7", "", "0."]
            .into_iter()
            .map(series)
            .collect();
        assert_eq!(series, ["0.1", "0.1", "0.12", "1.2", "7", "", "0."]);
    }

    #[test]
    fn others_are_refused_with_what_is_supported() {
        assert!(find(SPOKEN, "0.1.0").is_ok() && find(SPOKEN, "0.1.9").is_ok());
        for number in ["0.0.9", "9.0.0", "0.2.0", "1.1.0", ""] {
            let Err(text) = find(SPOKEN, number) else {
                panic!("{number}")
            };
            assert!(text.contains("supports 0.1 to 0.1\nhint: "), "{text}");
        }
    }
}
