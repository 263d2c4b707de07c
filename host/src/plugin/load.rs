//! Opens a plugin's file: says what is wrong with it in words that help, or asks it what it is.
//!
//! Does not know what the three kinds do.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use super::engine::{self, State};
use super::wit::EveryKind;
use super::wit::attune::plugin::types::Columns;
use super::wit::exports::attune::plugin::plugin::{self as contract, GuestIndices};
use super::{AssetDescription, CONTRACT, Description, Limits, TokenizerHost, cache, error};
use crate::digest;
use crate::role::{Identity, MetricDescription};

const MAX_FILE: u64 = 64 << 20;
const MAX_TEXT: usize = 4096;
const MAX_METRICS: usize = 256;
const PACKAGE: &str = "attune:plugin/";
const AGAIN: &str = "copy or build it again; `cargo xtask plugins` builds those that ship";
const ANOTHER: &str = "name the component that a plugin SDK made";
const KINDS: [&str; 3] = ["task", "labeler", "shaper"];

/// A plugin that was asked what it is.
pub(super) struct Opened {
    pub(super) description: Description,
    pub(super) schema: String,
    pub(super) columns: Columns,
    pub(super) pre: InstancePre<State>,
}

impl Opened {
    pub(super) fn identity(&self) -> Identity {
        Identity {
            name: self.description.name.clone(),
            version: self.description.version.clone(),
            sha256: self.description.sha256.clone(),
        }
    }

    /// Refuses a plugin of another kind than the config wants here.
    pub(super) fn expect_kind(&self, wanted: &str) -> Result<()> {
        let is = &self.description.kind;
        if is != wanted {
            bail!(
                "`{}` is a {is}, not a {wanted}\nhint: a {is} goes under {}",
                self.description.name,
                section(is)
            );
        }
        Ok(())
    }
}

/// Where a config names plugins of a kind.
fn section(kind: &str) -> &'static str {
    match kind {
        "task" => "[task]",
        "labeler" => "[labeler]",
        _ => "[[shaper]]",
    }
}

/// Reads, compiles, links and describes the plugin in `path`.
pub(super) fn open(
    path: &Path,
    limits: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<Opened> {
    let bytes = read(path)?;
    sniff(&bytes)?;
    let sha256 = digest::of_bytes(&bytes);
    let engine = engine::engine().map_err(|text| anyhow!(text))?;
    let component = cache::compile(engine, &bytes, &sha256).map_err(|e| not_compiled(&e))?;
    let kind = kind(&component)?;
    let mut linker = Linker::<State>::new(engine);
    EveryKind::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)
        .map_err(|error| anyhow!("{error:#}"))?;
    let pre = linker.instantiate_pre(&component).map_err(|error| {
        anyhow!("does not fit the contract {CONTRACT}: {error:#}\nhint: rebuild it with this version's SDK")
    })?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let described = ask(&pre, &name, limits, tokenizer)?;
    let schema = described.settings_schema.clone();
    let columns = described.columns;
    let description = description(kind, sha256, described)?;
    Ok(Opened {
        description,
        schema,
        columns,
        pre,
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).context("cannot be opened")?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .context("cannot be read")?;
    if bytes.len() as u64 > MAX_FILE {
        bail!(
            "the file has more than {} MiB\nhint: {ANOTHER}",
            MAX_FILE >> 20
        );
    }
    Ok(bytes)
}

/// Says what a file is that is no component.
fn sniff(bytes: &[u8]) -> Result<()> {
    match bytes {
        [] => bail!("the file is empty\nhint: {AGAIN}"),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => bail!(
            "this is a core module, not a component\nhint: `cargo xtask plugins` makes components of what the compiler leaves"
        ),
        [0, b'a', b's', b'm', _, _, _, _, ..] => {
            bail!("this is WebAssembly of a version that is not supported\nhint: {AGAIN}")
        }
        [0, b'a', ..] | [0] => {
            bail!("the file is truncated: it ends within the header\nhint: {AGAIN}")
        }
        [b'P', b'K', 3, 4, ..] => {
            bail!("this is a zip archive\nhint: name the .wasm file inside it")
        }
        [0x7f, b'E', b'L', b'F', ..] => {
            bail!(
                "this is machine code, not WebAssembly\nhint: compiled code is never loaded; name the .wasm file"
            )
        }
        _ if std::str::from_utf8(&bytes[..bytes.len().min(64)]).is_ok() => {
            bail!("this is a text file, not a WebAssembly component\nhint: {ANOTHER}")
        }
        _ => bail!("this is not a WebAssembly component\nhint: {ANOTHER}"),
    }
}

fn not_compiled(error: &wasmtime::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    // A section that ends behind the end of the file is one that was cut.
    if text.contains("unexpected end") || text.contains("section range") {
        return anyhow!("the file is truncated: {text}\nhint: {AGAIN}");
    }
    anyhow!("the component is not valid: {text}\nhint: {AGAIN}")
}

/// Which kind the component is, once every import and export is one of the contract's.
fn kind(component: &Component) -> Result<&'static str> {
    let kind = component.component_type();
    let engine = component.engine();
    for (name, _) in kind.imports(engine) {
        if name.starts_with("wasi:") {
            bail!(
                "it imports `{name}`, and plugins have no WASI\nhint: build for wasm32-unknown-unknown, or with `--stub-wasi`"
            );
        }
        let known = ["types", "log", "progress", "tokenizer"];
        match name
            .strip_prefix(PACKAGE)
            .and_then(|rest| rest.split_once('@'))
        {
            Some((interface, version)) => {
                supported(version)?;
                if !known.contains(&interface) {
                    bail!("it imports `{name}`, which the contract {CONTRACT} does not have");
                }
            }
            None => bail!(
                "it imports `{name}`\nhint: a plugin may import log, progress and tokenizer only"
            ),
        }
    }
    let mut found: Vec<&'static str> = Vec::new();
    for (name, _) in kind.exports(engine) {
        let Some((interface, version)) = name
            .strip_prefix(PACKAGE)
            .and_then(|rest| rest.split_once('@'))
        else {
            continue;
        };
        supported(version)?;
        let interface = interface.strip_suffix("-plugin");
        found.extend(KINDS.into_iter().find(|kind| interface == Some(kind)));
    }
    match found.as_slice() {
        [kind] => Ok(kind),
        [] => bail!(
            "the component exports neither a task nor a labeler nor a shaper\nhint: build it with a plugin SDK"
        ),
        _ => bail!(
            "the component is {} at once; a plugin is one of them",
            found.join(" and ")
        ),
    }
}

fn supported(version: &str) -> Result<()> {
    if version != CONTRACT {
        bail!(
            "it was made for contract {version}; this Attune supports {CONTRACT} to {CONTRACT}\nhint: rebuild it with the SDK of this version"
        );
    }
    Ok(())
}

fn ask(
    pre: &InstancePre<State>,
    name: &str,
    limits: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<contract::Description> {
    let mut store = engine::store(pre.engine(), name, limits, tokenizer);
    engine::begin(&mut store, limits.deadline, limits.deadline);
    let described = GuestIndices::new(pre)
        .and_then(|indices| {
            let instance = pre.instantiate(&mut store)?;
            indices.load(&mut store, &instance)
        })
        .and_then(|guest| guest.call_describe(&mut store));
    engine::end(&mut store);
    described.map_err(|error| {
        anyhow!(
            "`describe`: {}\nhint: {}",
            error::explain(&error, &store, limits),
            error::NOT_EVEN
        )
    })
}

fn description(
    kind: &str,
    sha256: String,
    described: contract::Description,
) -> Result<Description> {
    let texts = [
        ("name", &described.name),
        ("version", &described.version),
        ("summary", &described.summary),
        ("sdk", &described.sdk),
    ];
    for (what, text) in texts {
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            bail!("its {what} is too long or has control characters");
        }
    }
    if described.name.is_empty() {
        bail!("it has no name");
    }
    if described.metrics.len() > MAX_METRICS {
        bail!(
            "it describes {} metrics, more than {MAX_METRICS}",
            described.metrics.len()
        );
    }
    if let Some(metric) = described
        .metrics
        .iter()
        .find(|m| m.name.is_empty() || m.name.len() > 100)
    {
        bail!(
            "a metric's name has {} bytes, not 1 to 100",
            metric.name.len()
        );
    }
    let schema: Value = serde_json::from_str(&described.settings_schema)
        .context("its settings schema is no JSON")?;
    let columns = Columns::NAMES
        .iter()
        .filter(|(column, _)| described.columns.contains(*column))
        .map(|(_, name)| (*name).to_owned())
        .collect();
    Ok(Description {
        kind: kind.to_owned(),
        name: described.name,
        version: described.version,
        sha256,
        summary: described.summary,
        sdk: described.sdk,
        columns,
        assets: described
            .assets
            .into_iter()
            .map(|a| AssetDescription {
                name: a.name,
                help: a.help,
                required: a.required,
            })
            .collect(),
        metrics: described
            .metrics
            .into_iter()
            .map(|m| MetricDescription {
                name: m.name,
                help: m.help,
            })
            .collect(),
        schema,
    })
}

impl Columns {
    const NAMES: [(Columns, &'static str); 10] = [
        (Columns::QUERY_TEXT, "query-text"),
        (Columns::QUERY_TOKENS, "query-tokens"),
        (Columns::RESPONSE_TEXT, "response-text"),
        (Columns::RESPONSE_TOKENS, "response-tokens"),
        (Columns::REFERENCE_TEXT, "reference-text"),
        (Columns::LOGPROBS, "logprobs"),
        (Columns::REF_LOGPROBS, "ref-logprobs"),
        (Columns::VALUES, "values"),
        (Columns::SCORE, "score"),
        (Columns::METADATA, "metadata"),
    ];
}
