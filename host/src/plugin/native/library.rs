//! A shared library: found out to be a plugin before a line of it runs, loaded, and never let go.
//!
//! Does not know what is called.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use libloading::os::unix;
use object::Object;

use super::abi::{self, Table};
use crate::digest;

/// What to do about a file that is something else.
const BUILD: &str =
    "name a plugin's native build, NAME.so; `attune plugin build --native` makes one";

/// Paths that were loaded, and what was there.
static LOADED: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

/// A plugin's library, which is there until the process ends.
#[derive(Clone, Copy)]
pub(in super::super) struct Library {
    table: &'static Table,
}

impl Library {
    /// Loads the library in `path`: it, and its SHA-256.
    pub(super) fn load(path: &Path) -> Result<(Self, String)> {
        // A name without a folder would be looked for in the system's folders.
        let path = path.canonicalize().context("cannot be opened")?;
        let bytes = std::fs::read(&path).context("cannot be read")?;
        sniff(&bytes)?;
        let symbol = symbol(&bytes)?;
        let sha256 = digest::of_bytes(&bytes);
        remember(&path, &sha256)?;
        let library = Library {
            table: table(&path, &symbol)?,
        };
        library.check()?;
        Ok((library, sha256))
    }

    pub(super) fn table(self) -> &'static Table {
        self.table
    }

    /// The version of the contract that it was made for.
    pub(super) fn contract(self) -> &'static str {
        // SAFETY: the table's bytes are constants of a library that stays.
        let bytes = unsafe { self.table.contract.get() };
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// What it says it is.
    pub(super) fn kind(self) -> &'static str {
        // SAFETY: as above.
        let bytes = unsafe { self.table.kind.get() };
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    fn check(self) -> Result<()> {
        if self.table.unwinds == 0 {
            bail!(
                "it was built so that a panic ends the process\nhint: build it by a profile with \
                 `panic = \"unwind\"`; `attune plugin build --native` does"
            );
        }
        Ok(())
    }
}

/// Says what a file is that is no shared library.
fn sniff(bytes: &[u8]) -> Result<()> {
    match bytes {
        [] => bail!("the file is empty\nhint: {BUILD}"),
        [0, b'a', b's', b'm', ..] => bail!(
            "this is WebAssembly, and is to be run natively\nhint: leave out `trust = \"native\"`, and it \
             runs in the sandbox; or {BUILD}"
        ),
        _ => Ok(()),
    }
}

/// The name of its table, from what the file says of itself: nothing of it runs for that.
fn symbol(bytes: &[u8]) -> Result<String> {
    let none = || format!("this is not a shared library\nhint: {BUILD}");
    let file = object::File::parse(bytes).with_context(none)?;
    let exports = file.exports().with_context(none)?;
    let names = exports.iter().filter_map(|export| {
        let name = std::str::from_utf8(export.name()).ok()?;
        // Some systems put an underscore before every name, which who looks for one leaves out.
        name.find(abi::SYMBOL).map(|start| &name[start..])
    });
    let names: Vec<&str> = names.collect();
    let name = match names.as_slice() {
        [name] => *name,
        [] => bail!(
            "this shared library is no plugin: nothing in it is named `{}…`\nhint: {BUILD}",
            abi::SYMBOL
        ),
        several => bail!(
            "this shared library has {} plugins, {}\nhint: a plugin must not depend on another one's crate",
            several.len(),
            several.join(" and ")
        ),
    };
    let number = name[abi::SYMBOL.len()..].split('_').next();
    let number = number.unwrap_or_default();
    if number != abi::VERSION.to_string() {
        bail!(
            "it was made for version {number} of the native interface; this Attune supports {0} to {0}\n\
             hint: build it with the SDK of this Attune",
            abi::VERSION
        );
    }
    Ok(name.to_owned())
}

/// Refuses a path whose file is not the one that was loaded from it, and warns of one that is new.
fn remember(path: &Path, sha256: &str) -> Result<()> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match loaded.get(path) {
        Some(before) if before != sha256 => bail!(
            "the file has changed since this process loaded it, and what was loaded stays\nhint: start again"
        ),
        Some(_) => {}
        None => {
            // A closed stderr is no reason to stop a run.
            let _ = writeln!(
                std::io::stderr().lock(),
                "warning: `{}` runs natively, without a sandbox: it can do whatever you can, and no limit of \
                 time or memory holds it",
                path.display()
            );
            loaded.insert(path.to_owned(), sha256.to_owned());
        }
    }
    Ok(())
}

/// Loads the library, and with it all that it needs, and finds its table.
fn table(path: &Path, symbol: &str) -> Result<&'static Table> {
    let cannot = |error: libloading::Error| {
        anyhow!(
            "it cannot be loaded: {error}\nhint: build it on this machine, with what it needs installed"
        )
    };
    // SAFETY: loading runs the initializers of the library and of what it needs; who wrote
    // `trust = "native"` vouches for them.
    let library = unsafe { unix::Library::open(Some(path), unix::RTLD_NOW | unix::RTLD_LOCAL) };
    let library = library.map_err(cannot)?;
    // SAFETY: what has this name, with this version in it, is a table as `abi` has it.
    let table = unsafe { library.get::<*const Table>(symbol.as_bytes()) };
    let table = *table.map_err(cannot)?;
    // Threads, and what they keep until they end, may need its code; and profilers its names.
    std::mem::forget(library);
    // SAFETY: it is a static of a library that stays, and is never written to.
    Ok(unsafe { &*table })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        let text = |error: anyhow::Error| format!("{error:#}");
        let sniffed = sniff(bytes).map_err(text);
        sniffed
            .and_then(|()| symbol(bytes).map_err(text))
            .unwrap_err()
    }

    #[test]
    fn files_that_are_no_libraries_are_named() {
        assert!(refusal(b"").contains("empty"));
        assert!(refusal(b"\0asm\x0d\0\x01\0").contains("leave out `trust = \"native\"`"));
        assert!(refusal(b"\x7fELF\x02\x01\x01\0").contains("not a shared library"));
        assert!(refusal(b"fn main() {}").contains("not a shared library"));
        // The test itself is a program of this machine, and exports nothing of the kind.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(refusal(&own).contains("is no plugin"), "{}", refusal(&own));
    }
}
