//! A plugin whose file is open: what it says of itself, and what its instances are made of.

use std::sync::Arc;

use anyhow::{Result, bail};
use wasmtime::component::InstancePre;

use super::Description;
use super::contract::Version;
use super::engine::State;
use super::native::library::Library;
use super::places::Places;
use super::wit::attune::plugin::types::Columns;
use crate::role::Identity;

/// A plugin that was asked what it is.
pub(super) struct Opened {
    pub(super) description: Description,
    pub(super) columns: Columns,
    pub(super) version: &'static Version,
    pub(super) places: Arc<Places>,
    pub(super) code: Code,
}

/// What instances are made of.
#[derive(Clone)]
pub(super) enum Code {
    /// A component, compiled and linked.
    Component(InstancePre<State>),
    /// A shared library.
    Library(Library),
}

impl Opened {
    pub(super) fn identity(&self) -> Identity {
        Identity {
            name: self.description.name.clone(),
            version: self.description.version.clone(),
            sha256: self.description.sha256.clone(),
            unsandboxed: matches!(self.code, Code::Library(_)),
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
