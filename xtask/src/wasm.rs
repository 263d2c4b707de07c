//! Installs a compiler for WebAssembly where there is none.
//! It knows rustup and apt; finding and calling the compiler is `attune-build`'s.

use std::process::Command;

use anyhow::{Context, Result, bail};
use attune_build::wasm::{DEBIAN_PACKAGES, TARGET, WasmToolchain};

use crate::step::{exists, is_root, run, step, up_to_date};

/// The compiler that is there, or one that is installed now.
pub(crate) fn ensure() -> Result<WasmToolchain> {
    match WasmToolchain::find() {
        Some(WasmToolchain::Installed) => up_to_date(TARGET),
        Some(WasmToolchain::BuildStd { .. }) => {
            up_to_date("wasm32-unknown-unknown (Debian's rustc, std from source)");
        }
        None => return step("wasm32-unknown-unknown: install the target", install),
    }
    WasmToolchain::require()
}

fn install() -> Result<WasmToolchain> {
    let rustup = run(Command::new("rustup").args(["target", "add", TARGET]));
    let refused = match (rustup, WasmToolchain::find()) {
        (Ok(()), Some(found)) => return Ok(found),
        (Ok(()), None) => {
            anyhow::anyhow!("rustup added the target to another toolchain than `rustc` is from")
        }
        (Err(error), _) => error,
    };
    if !exists("apt-get") || !is_root() {
        let without = WasmToolchain::require().map(drop);
        return Err(refused).with_context(|| match without {
            Ok(()) => String::new(),
            Err(advice) => format!("{advice:#}"),
        });
    }
    println!("    rustup could not ({refused:#}); trying Debian's rustc-web");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(DEBIAN_PACKAGES)
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    match WasmToolchain::find() {
        Some(ready) => Ok(ready),
        None => bail!(
            "{} are installed, but there is no source of the standard library, or the Rust toolchain has no rust-lld",
            DEBIAN_PACKAGES.join(" and ")
        ),
    }
}
