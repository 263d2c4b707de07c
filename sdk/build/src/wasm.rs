//! The compiler for `wasm32-unknown-unknown`: rustup's where it can be had, else Debian's with a std built here.
//! It knows how to find and call a compiler; it knows nothing about plugins, and installs nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tool::{capture, rustc, write_program};

/// The target plugins are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages of a compiler that can build the target's standard library.
pub const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Debian's compiler: its package that carries the standard library's source.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "lib/rustlib/src/rust";

/// SIMD is in every runtime that plugins are loaded into.
const SIMD: &str = "-Ctarget-feature=+simd128";

/// What plugins are built with, whatever their manifest says: small, and with names and lines so
/// that a trap has a readable backtrace.
pub(crate) const PROFILE: [&str; 17] = [
    "profile.plugin.inherits=\"release\"",
    "profile.plugin.opt-level=3",
    "profile.plugin.lto=true",
    "profile.plugin.codegen-units=1",
    "profile.plugin.panic=\"abort\"",
    "profile.plugin.debug=\"line-tables-only\"",
    "profile.plugin.strip=false",
    "profile.plugin.debug-assertions=false",
    "profile.plugin.overflow-checks=false",
    "profile.plugin.incremental=false",
    "profile.plugin.rpath=false",
    "profile.plugin.split-debuginfo=\"off\"",
    // A profile takes what the one that it inherits from says of dependencies.
    "profile.plugin.package.'*'.opt-level=3",
    "profile.plugin.package.'*'.codegen-units=1",
    "profile.plugin.package.'*'.debug=\"line-tables-only\"",
    "profile.plugin.package.'*'.debug-assertions=false",
    "profile.plugin.package.'*'.overflow-checks=false",
];

/// What stands between cargo and the compiler.
const COMPILER: &str = include_str!("compiler.sh");
/// Says that a crate is built for a component; and keeps what is built apart from what cargo named.
const COMPONENT: &str = "--cfg=attune_component";

/// Which compiler makes wasm here.
pub enum WasmToolchain {
    /// The current toolchain has the target's standard library.
    Installed,
    /// Another compiler of the system's builds its standard library from source, once per target folder.
    BuildStd {
        /// The compiler.
        rustc: PathBuf,
        /// The standard library's source.
        source: PathBuf,
        /// The linker, from the current toolchain.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// The one that is there, if there is one.
    pub fn find() -> Option<Self> {
        if target_is_installed() {
            return Some(Self::Installed);
        }
        build_std()
    }

    /// The one that is there, or advice.
    pub fn require() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if capture(rustc().arg("--version")).is_err() {
            bail!(
                "no Rust compiler was found\nhint: install Rust with rustup (https://rustup.rs), then \
                 `rustup target add {TARGET}`"
            );
        }
        bail!(
            "the compiler cannot make {TARGET}\nhint: run `rustup target add {TARGET}`; or, where rustup \
             cannot fetch it, `apt-get install {}` as root",
            DEBIAN_PACKAGES.join(" ")
        )
    }

    /// What the compiler is told: paths below `renamed` or where the tools lie are not in what it makes.
    pub(crate) fn flags(&self, renamed: &[(PathBuf, &str)]) -> Vec<String> {
        let mut flags = vec![SIMD.to_owned(), COMPONENT.to_owned()];
        // The last one that fits is taken: from the general to the special.
        let homes = [(cargo_home(), "/cargo"), (self.source(), "/rustc")];
        let named = homes.into_iter().filter_map(|(from, to)| Some((from?, to)));
        for (from, to) in named.chain(renamed.iter().cloned()) {
            flags.push(rename(&from, to));
        }
        flags
    }

    /// Has a build of cargo use this compiler, by the script that names crates after what they are.
    pub(crate) fn choose(&self, command: &mut Command, target_folder: &Path) -> Result<()> {
        let script = target_folder.join("attune-compiler.sh");
        if std::fs::read(&script).ok().as_deref() != Some(COMPILER.as_bytes()) {
            write_program(&script, COMPILER.as_bytes())?;
        }
        command.env("RUSTC_WRAPPER", script);
        if let Some(source) = self.source() {
            command.env("ATTUNE_STD", source);
        }
        if let Self::BuildStd { rustc, linker, .. } = self {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", rustc)
                // -Zbuild-std is a nightly flag; this is how a distribution's stable compiler is told to take it.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(())
    }

    /// Where the standard library's source lies, when it is compiled here.
    fn source(&self) -> Option<PathBuf> {
        match self {
            Self::Installed => None,
            Self::BuildStd { source, .. } => Some(source.clone()),
        }
    }
}

/// The compiler's flag that writes `to` where it would write `from`.
pub fn rename(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

fn cargo_home() -> Option<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(home) if !home.is_empty() => Some(home.into()),
        _ => Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")),
    }
}

fn target_is_installed() -> bool {
    capture(rustc().args(["--print", "target-libdir", "--target", TARGET])).is_ok_and(|folder| {
        std::fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some())
    })
}

/// The platform that the current toolchain's compiler is for by itself.
pub(crate) fn host() -> Result<String> {
    let said = capture(rustc().arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .context("rustc does not say which platform it is for")?
        .to_owned())
}

/// Debian's compiler with its source, if both are there.
fn build_std() -> Option<WasmToolchain> {
    let compiler = PathBuf::from(DEBIAN_RUSTC);
    let sysroot = capture(Command::new(&compiler).args(["--print", "sysroot"])).ok()?;
    let source = Path::new(sysroot.trim()).join(DEBIAN_SOURCE);
    let own = capture(rustc().args(["--print", "sysroot"])).ok()?;
    let host = host().ok()?;
    let linker = Path::new(own.trim())
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld");
    let found = source.join("library/std/Cargo.toml").exists() && linker.exists();
    found.then(|| WasmToolchain::BuildStd {
        rustc: compiler,
        // Debian's is a link; the compiler writes the place that it leads to.
        source: source.canonicalize().unwrap_or(source),
        linker,
    })
}
