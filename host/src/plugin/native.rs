//! Plugins that are shared libraries, for debuggers and profilers: machine code in this process, which
//! no limit of time or memory holds. One is loaded only when the config says that it trusts it.
//!
//! Their answers are checked as a component's are, and a panic is its row's error as there. Does not
//! know what is called; that is `contract`'s.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::call::Call;
use super::contract::{self, Plugin};
use super::opened::{Code, Opened};
use super::places::Places;
use super::{Limits, TokenizerHost, describe, engine, error, patience};

#[path = "../../../sdk/src/native/abi.rs"]
mod abi;
mod instance;
pub(super) mod library;
mod talk;

pub(super) use self::instance::Instance;
use self::library::Library;

/// Nobody can stop machine code, and who sits at a breakpoint should not come too late.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// The limits, without those that cannot be held.
pub(super) fn limits(limits: &Limits) -> Limits {
    Limits {
        deadline: FOREVER,
        ..limits.clone()
    }
}

/// Loads the library in `path` and asks it what it is.
pub(super) fn open(
    path: &Path,
    given: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<Opened> {
    let (library, sha256) = Library::load(path)?;
    let version = contract::find(contract::SPOKEN, library.contract()).map_err(|t| anyhow!(t))?;
    let (engine, limits) = (
        engine::engine().map_err(|text| anyhow!(text))?,
        limits(given),
    );
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let call = Arc::new(Call::new(&name, &limits));
    let places = Arc::new(Places::default());
    let mut store = engine::store(engine, &limits, tokenizer, places.clone(), &call);
    let instance = Instance::of(library);
    let described = patience::roomy(|| {
        let described = instance.describe(&mut store);
        described.map_err(|trap| error::explain(&trap, &store, &limits))
    });
    let described = described.and_then(|described| described);
    let described = described
        .map_err(|text| anyhow!("`describe`: {text}\nhint: mend what the plugin says of itself"))?;
    Ok(Opened {
        columns: described.columns,
        description: describe::check(library.kind(), sha256, described)?,
        version,
        places,
        code: Code::Library(library),
    })
}
