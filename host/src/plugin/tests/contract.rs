//! What a second version of the contract takes, and that plugins of the first do not notice it; and
//! that the first stays what it is.

use wasmtime::Store;
use wasmtime::component::HasSelf;

use super::guest::*;
use super::*;
use crate::plugin::contract::{self as spoken, Returned, SPOKEN, V0_1, Version};
use crate::plugin::engine::State;
use crate::plugin::wit::attune::plugin::types as newest;
use crate::plugin::wit::exports::attune::plugin::plugin::{Asset, Description};
use crate::plugin::wit::exports::attune::plugin::shaper_plugin::{Shaped, Term};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod v0_2 {
    wasmtime::component::bindgen!({
        path: "../host/src/plugin/tests/contract/0.2.wit",
        world: "shaper",
    });
}

use v0_2::attune::plugin::{log, types};
use v0_2::exports::attune::plugin::{plugin as plugin_0_2, shaper_plugin as shaper_0_2};

/// An Attune that speaks both.
static BOTH: [Version; 2] = [
    V0_1,
    Version {
        number: "0.2.0",
        link: |linker| v0_2::Shaper::add_to_linker::<_, HasSelf<State>>(linker, |state| state),
        plugin: |pre, store, instance| {
            let guest = plugin_0_2::GuestIndices::new(pre)?.load(store, instance)?;
            Ok(Box::new(guest))
        },
        shaper: |pre, store, instance| {
            let guest = shaper_0_2::GuestIndices::new(pre)?.load(store, instance)?;
            Ok(Box::new(guest))
        },
        ..V0_1
    },
];

impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, _: log::Level, message: String) {
        self.call.log("info", &message);
    }
}

fn newest_error(error: types::Error) -> newest::Error {
    match error {
        types::Error::Config(_) => newest::Error::Config(Vec::new()),
        types::Error::Input(text) => newest::Error::Input(text),
        types::Error::Internal(text) => newest::Error::Internal(text),
    }
}

impl spoken::Plugin for plugin_0_2::Guest {
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Description> {
        let described = self.call_describe(store)?;
        Ok(Description {
            name: described.name,
            version: described.version,
            summary: format!("{} {}", described.summary, described.homepage),
            sdk: described.sdk,
            columns: newest::Columns::empty(),
            settings_schema: described.settings_schema,
            assets: Vec::new(),
            metrics: Vec::new(),
        })
    }

    fn configure(&self, store: &mut Store<State>, settings: &str, _: &[Asset]) -> Returned<()> {
        let configured = self.call_configure(store, settings, &[])?;
        Ok(configured.map_err(newest_error))
    }
}

impl spoken::Shaper for shaper_0_2::Guest {
    fn shape(
        &self,
        store: &mut Store<State>,
        context: newest::CallContext,
        batch: &newest::Rollouts,
    ) -> Returned<Shaped> {
        let context = types::CallContext {
            seed: context.seed,
            update: context.update,
            split: types::Split::Train,
        };
        let none = || types::TextColumn {
            data: Vec::new(),
            ends: Vec::new(),
        };
        let tokens = || types::TokenColumn {
            data: Vec::new(),
            ends: Vec::new(),
        };
        let batch = types::Rollouts {
            ids: batch.ids.clone(),
            query_text: none(),
            query_tokens: tokens(),
            response_text: none(),
            response_tokens: tokens(),
            reference_text: none(),
            logprobs: Vec::new(),
            ref_logprobs: Vec::new(),
            values: Vec::new(),
            score: Vec::new(),
            metadata: none(),
            language: none(),
        };
        let shaped = self.call_shape(store, context, &batch)?;
        let term = |term: shaper_0_2::Term| Term {
            name: term.name,
            values: term.values,
        };
        Ok(shaped.map_err(newest_error).map(|shaped| Shaped {
            terms: shaped.terms.into_iter().map(term).collect(),
            per_token: shaped.per_token,
            metrics: shaped.metrics,
            outcomes: newest::Outcomes {
                status: Vec::new(),
                messages: Vec::new(),
            },
        }))
    }
}

fn made_for(contract: &'static str) -> Vec<u8> {
    let guest = Guest {
        contract,
        ..Guest::default()
    };
    guest.build()
}

/// The terms of three rows.
fn terms(bytes: Vec<u8>, spoken: &'static [Version]) -> Result<Vec<f32>> {
    let shaper = configured(open(bytes, &limits(), spoken)?, json!({}), &limits())?;
    let outcomes = shape(shaper.as_ref(), &samples(3))?;
    let term = |outcome: &crate::role::Outcome<crate::role::Shaped>| {
        outcome.value().expect("a value").terms[0].1
    };
    Ok(outcomes.iter().map(term).collect())
}

#[test]
fn plugins_of_the_first_version_do_not_notice_the_second() {
    for bytes in [
        made_for("0.1.0"),
        std::fs::read(built("length")).unwrap(),
        std::fs::read(built("repetition")).unwrap(),
    ] {
        let before = terms(bytes.clone(), SPOKEN).unwrap();
        assert_eq!(terms(bytes, &BOTH).unwrap(), before);
    }
    let opened = open(made_for("0.2.0"), &limits(), &BOTH).unwrap();
    assert_eq!(opened.version.number, "0.2.0");
    assert_eq!(terms(made_for("0.2.0"), &BOTH).unwrap(), [0.0, 1.0, 2.0]);
}

#[test]
fn a_patch_of_a_version_is_that_version() {
    assert_eq!(terms(made_for("0.1.7"), SPOKEN).unwrap(), [0.0, 1.0, 2.0]);
}

#[test]
fn other_versions_are_refused_with_those_that_are_spoken() {
    for number in ["0.0.9", "0.3.0", "1.0.0", "9.0.0"] {
        let text = terms(made_for(number), &BOTH).unwrap_err().to_string();
        for part in [number, "supports 0.1 to 0.2", "hint: build it with"] {
            assert!(text.contains(part), "`{part}` is not in {text}");
        }
    }
    let text = terms(made_for("0.2.0"), SPOKEN).unwrap_err().to_string();
    assert!(
        text.contains("contract 0.2.0; this Attune supports 0.1 to 0.1"),
        "{text}"
    );
}

#[test]
fn types_that_are_not_the_contract_s_are_refused() {
    let ids = (
        "ids: list<u64>,\n        query-text",
        "ids: list<s64>,\n        query-text",
    );
    for (from, to) in [
        ids,
        ("help: string, required: bool", "help: string, required: u8"),
        (
            "write: func(level: level, message: string)",
            "write: func(level: level, message: list<u8>)",
        ),
        (
            "config(list<config-problem>)",
            "confit(list<config-problem>)",
        ),
        (
            "logprobs, ref-logprobs, values, score",
            "logprobs, ref-logprobs, worth, score",
        ),
    ] {
        let guest = Guest {
            edits: vec![(from, to)],
            ..Guest::default()
        };
        let text = guest.refusal(&limits());
        assert!(
            text.contains("does not fit the contract 0.1.0"),
            "{to}: {text}"
        );
    }
}

/// Whether plugins for `old` fit hosts for `new`, which is of another patch.
fn compatible(old: &str, new: &str) -> bool {
    ["task", "labeler", "shaper"].into_iter().all(|name| {
        let mut resolve = wit_parser::Resolve::default();
        let mut world = |text: &str| {
            let package = resolve.push_str("plugin.wit", text).unwrap();
            resolve.select_world(&[package], Some(name)).unwrap()
        };
        let (old, new) = (world(old), world(new));
        wit_component::semver_check(resolve, old, new).is_ok()
    })
}

#[test]
fn the_first_version_stays_as_it_was_released() {
    let released = include_str!("contract/released-0.1.wit");
    let now = include_str!("../../../../sdk/wit/0.1/plugin.wit");
    let later = now.replace("@0.1.0", "@0.1.1");
    assert!(
        compatible(released, &later),
        "plugins of 0.1.0 do not fit any more"
    );
    let earlier = released.replace("@0.1.0", "@0.1.1");
    assert!(
        compatible(now, &earlier),
        "0.1 has what it had not when it was released"
    );
    // The check sees what it should.
    let field = later.replace("ids: list<u64>,", "ids: list<u64>, more: u32,");
    assert!(!compatible(released, &field));
    let function = later.replace("layout: func()", "more: func();\n    layout: func()");
    assert!(!compatible(released, &function));
}
