//! Makes a component of the core module that the compiler leaves behind.
//!
//! Does not know what the component is for.

use anyhow::{Context, Result, anyhow};

/// Wraps a core module that was built with the SDK as a component.
pub fn componentize(core: &[u8]) -> Result<Vec<u8>> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(core)
        .map_err(|error| anyhow!("{error:#}"))
        .context("the module was not built with a plugin SDK")?
        .encode()
        .map_err(|error| anyhow!("{error:#}"))
        .context("the module cannot be made a component")
}
