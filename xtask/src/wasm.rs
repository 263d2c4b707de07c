//! The compiler for `wasm32-unknown-unknown`: rustup's where it can be had, else Debian's with a std built here.
//! It knows how to get and call a compiler; it knows nothing about plugins.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::{capture, exists, is_root, run, step, up_to_date};

/// The target plugins are built for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler: its package that carries the standard library's source.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "library/std/Cargo.toml";

/// The linker's flags every plugin is built with: SIMD is in every runtime we load plugins into.
const FLAGS: &str = "-Ctarget-feature=+simd128";

/// Which compiler makes wasm here.
pub(crate) enum WasmToolchain {
    /// The current toolchain has the target's standard library.
    Installed,
    /// Another compiler of the system's builds its standard library from source, once per target folder.
    BuildStd {
        /// The compiler.
        rustc: PathBuf,
        /// The linker, from the current toolchain.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// Decides, installing what is missing and may be installed.
    pub(crate) fn ensure() -> Result<Self> {
        if target_is_installed() {
            up_to_date("wasm32-unknown-unknown");
            return Ok(Self::Installed);
        }
        if let Some(ready) = build_std() {
            up_to_date("wasm32-unknown-unknown (Debian's rustc, std from source)");
            return Ok(ready);
        }
        step("wasm32-unknown-unknown: install the target", install)
    }

    /// A `cargo build` for the target in its own target folder, so that the host's build is left alone.
    pub(crate) fn cargo_build(&self, root: &Path, target_folder: &Path) -> Command {
        let mut command = crate::step::cargo(root);
        command
            .args(["build", "--target", TARGET, "--target-dir"])
            .arg(target_folder);
        // For this child only: the user's own flags are for the host's processor.
        command
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS);
        if let Self::BuildStd { rustc, linker } = self {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", rustc)
                // -Zbuild-std is a nightly flag; this is how a distribution's stable compiler is told to take it.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

fn target_is_installed() -> bool {
    capture(rustc().args(["--print", "target-libdir", "--target", TARGET])).is_ok_and(|folder| {
        std::fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some())
    })
}

/// Debian's compiler with its source, if both are there.
fn build_std() -> Option<WasmToolchain> {
    let rustc_path = PathBuf::from(DEBIAN_RUSTC);
    let sysroot = capture(Command::new(&rustc_path).args(["--print", "sysroot"])).ok()?;
    let source = Path::new(sysroot.trim())
        .join("lib/rustlib/src/rust")
        .join(DEBIAN_SOURCE);
    let own = capture(rustc().args(["--print", "sysroot"])).ok()?;
    let host = capture(rustc().arg("-vV")).ok()?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "))?;
    let linker = Path::new(own.trim())
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld");
    (source.exists() && linker.exists()).then_some(WasmToolchain::BuildStd {
        rustc: rustc_path,
        linker,
    })
}

fn install() -> Result<WasmToolchain> {
    let rustup = run(Command::new("rustup").args(["target", "add", TARGET]));
    let refused = match rustup {
        Ok(()) if target_is_installed() => return Ok(WasmToolchain::Installed),
        Ok(()) => {
            anyhow::anyhow!("rustup added the target to another toolchain than `rustc` is from")
        }
        Err(error) => error,
    };
    if !exists("apt-get") || !is_root() {
        return Err(refused).with_context(|| {
            format!(
                "{TARGET} is not installed\nhint: run `rustup target add {TARGET}`; or, where rustup cannot fetch it, \
                 `apt-get install rustc-web rust-web-src` as root"
            )
        });
    }
    println!("    rustup could not ({refused:#}); trying Debian's rustc-web");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args([
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "rustc-web",
            "rust-web-src",
        ])
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    match build_std() {
        Some(ready) => Ok(ready),
        None => bail!(
            "rustc-web and rust-web-src are installed, but {DEBIAN_RUSTC} has no std source or rustc no rust-lld"
        ),
    }
}
