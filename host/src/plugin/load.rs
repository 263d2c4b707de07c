//! Opens a plugin's file: compiles it, holds it to the contract, and asks it what it is.
//!
//! Does not know what the three kinds do.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};

use super::call::{Call, clean};
use super::contract::{self, Version};
use super::engine::{self, State};
use super::opened::{Code, Opened};
use super::patience::{self, Impatience};
use super::places::Places;
use super::wit::exports::attune::plugin::plugin as wit;
use super::{Limits, TokenizerHost, cache, describe, error, file, native};
use crate::digest;
use crate::role::Trust;

const PACKAGE: &str = "attune:plugin/";
const KINDS: [&str; 3] = ["task", "labeler", "shaper"];
/// What compiles longer than a person waits without a word: an interpreter with its library.
pub(super) const LARGE: usize = 8 << 20;
/// What a plugin may import.
const OFFERED: [&str; 4] = ["types", "log", "progress", "tokenizer"];

/// Reads, compiles or loads, links and describes the plugin in `path`.
pub(super) fn open(
    path: &Path,
    trust: Trust,
    limits: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<Opened> {
    if trust == Trust::Native {
        return native::open(path, limits, tokenizer);
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let bytes = file::read(path)?;
    open_bytes(bytes, &name, limits, tokenizer, contract::SPOKEN)
}

/// The same for a file that was read, and by an Attune that speaks these versions.
pub(super) fn open_bytes(
    bytes: Vec<u8>,
    name: &str,
    limits: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
    spoken: &'static [Version],
) -> Result<Opened> {
    file::sniff(&bytes)?;
    let sha256 = digest::of_bytes(&bytes);
    let places = Arc::new(Places::of(&bytes));
    let component = compile(bytes, sha256.clone(), limits)?;
    let (kind, version) = kind(&component, spoken)?;
    let pre = link(&component, version, spoken)?;
    let call = Arc::new(Call::new(name, limits));
    let store = engine::store(pre.engine(), limits, tokenizer, places.clone(), &call);
    let described = patience::roomy(|| ask(store, &pre, (kind, version), limits));
    let described = described.map_err(|text| anyhow!(text))??;
    let columns = described.columns;
    let description = describe::check(kind, sha256, described)?;
    Ok(Opened {
        description,
        columns,
        version,
        places,
        code: Code::Component(pre),
    })
}

/// Compiles on a thread of its own, since the compiler may take for ever over what was made for that.
fn compile(bytes: Vec<u8>, sha256: String, limits: &Limits) -> Result<Component> {
    let engine = engine::engine().map_err(|text| anyhow!(text))?;
    let limit = limits.compile;
    let compiled = patience::within(limit, "plugin-compiler", move || {
        cache::kept_or(engine, &sha256, || {
            file::inspect(&bytes)?;
            if bytes.len() > LARGE {
                // A closed stderr is no reason to stop.
                let _ = writeln!(
                    std::io::stderr().lock(),
                    "compiling a plugin of {} MB; this is done once, and takes some ten seconds",
                    bytes.len() / 1_000_000
                );
            }
            Component::from_binary(engine, &bytes).map_err(|error| not_compiled(&error))
        })
    });
    match compiled {
        Ok(component) => component,
        Err(Impatience::Late) => bail!(
            "it was not compiled within {} s\nhint: no plugin should take that long; is the machine busy, or the \
             file made to keep compilers busy?",
            limit.as_secs_f64()
        ),
        Err(other) => bail!("it cannot be compiled: {other}\nhint: {}", file::AGAIN),
    }
}

/// Connects the component with what plugins may call.
fn link(
    component: &Component,
    version: &Version,
    spoken: &[Version],
) -> Result<InstancePre<State>> {
    let mut linker = Linker::<State>::new(component.engine());
    for version in spoken {
        (version.link)(&mut linker).map_err(|error| anyhow!("{error:#}"))?;
    }
    let pre = linker.instantiate_pre(component);
    pre.map_err(|error| unfit(version, &error))
}

fn unfit(version: &Version, error: &wasmtime::Error) -> anyhow::Error {
    anyhow!(
        "it does not fit the contract {}: {error:#}\nhint: build it with an SDK of this version",
        version.number
    )
}

fn not_compiled(error: &wasmtime::Error) -> anyhow::Error {
    let (text, again) = (clean(&format!("{error:#}")), file::AGAIN);
    // A section that ends behind the end of the file is one that was cut.
    if text.contains("unexpected end") || text.contains("section range") {
        return anyhow!("the file is truncated: {text}\nhint: {again}");
    }
    anyhow!("the component is not valid: {text}\nhint: {again}")
}

/// Which kind the component is, and of which version, once every import and export is one of the
/// contract's.
fn kind(
    component: &Component,
    spoken: &'static [Version],
) -> Result<(&'static str, &'static Version)> {
    let world = component.component_type();
    let engine = component.engine();
    let mut numbers: Vec<&str> = Vec::new();
    for (name, _) in world.imports(engine) {
        let shown = clean(name);
        if name.starts_with("wasi:") {
            bail!(
                "it imports `{shown}`, and plugins have no WASI\nhint: build for wasm32-unknown-unknown, or with `--stub-wasi`"
            );
        }
        match of_contract(name) {
            Some((interface, number)) => {
                contract::find(spoken, number).map_err(|text| anyhow!(text))?;
                if !OFFERED.contains(&interface) {
                    bail!(
                        "it imports `{shown}`, which the contract does not have\nhint: a plugin may import log, progress and tokenizer only"
                    );
                }
            }
            None => bail!(
                "it imports `{shown}`\nhint: a plugin may import log, progress and tokenizer only"
            ),
        }
    }
    let mut found: Vec<&'static str> = Vec::new();
    for (name, _) in world.exports(engine) {
        if let Some((interface, number)) = of_contract(name) {
            numbers.push(number);
            let interface = interface.strip_suffix("-plugin");
            found.extend(KINDS.into_iter().find(|kind| interface == Some(kind)));
        }
    }
    let mut version = None;
    for number in numbers {
        let one = contract::find(spoken, number).map_err(|text| anyhow!(text))?;
        if version.is_some_and(|other: &Version| other.number != one.number) {
            bail!("it exports two versions of the contract\nhint: build it with one SDK");
        }
        version = Some(one);
    }
    match (found.as_slice(), version) {
        ([kind], Some(version)) => Ok((kind, version)),
        ([], _) | (_, None) => bail!(
            "the component exports neither a task nor a labeler nor a shaper\nhint: build it with a plugin SDK; in Rust, \
             the crate ends in `attune_sdk::export!(shaper: MyPlugin, \"what it does\");`"
        ),
        _ => bail!(
            "the component is {} at once; a plugin is one of them\nhint: make a plugin of each",
            found.join(" and ")
        ),
    }
}

/// Interface and version of a name such as `attune:plugin/log@0.1.0`.
fn of_contract(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

/// Asks the plugin what it is.
fn ask(
    mut store: Store<State>,
    pre: &InstancePre<State>,
    (kind, version): (&str, &Version),
    limits: &Limits,
) -> Result<wit::Description> {
    let instance = pre.instantiate(&mut store);
    let stopped = |what: &str, error, store: &_| {
        anyhow!(
            "{what}: {}\nhint: {}",
            error::explain(&error, store, limits),
            error::NOT_EVEN
        )
    };
    let instance = instance.map_err(|error| stopped("it cannot be started", error, &store))?;
    let fits = match kind {
        "task" => (version.task)(pre, &mut store, &instance).map(drop),
        "labeler" => (version.labeler)(pre, &mut store, &instance).map(drop),
        _ => (version.shaper)(pre, &mut store, &instance).map(drop),
    };
    let guest = fits.and_then(|()| (version.plugin)(pre, &mut store, &instance));
    let guest = guest.map_err(|error| unfit(version, &error))?;
    let described = guest.describe(&mut store);
    described.map_err(|error| stopped("`describe`", error, &store))
}
