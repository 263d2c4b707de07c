//! Cargo's builds: the same whatever the user's environment and configuration say of other builds, and asked where
//! they left what they made. It knows cargo's messages; it knows nothing about plugins.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::sdk;
use crate::tool::{COMPILING, Stderr, cargo, finish, shown, too_long};

/// Separates flags in the variable that holds them.
const BETWEEN: &str = "\u{1f}";

/// What cargo says of its work, a line each.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        filenames: Vec<PathBuf>,
    },
    #[serde(rename = "compiler-message")]
    Said {
        package_id: String,
        message: Diagnostic,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

/// The dynamic libraries that a build made.
#[derive(Default)]
pub(crate) struct Artifacts(Vec<(PathBuf, Vec<PathBuf>)>);

impl Artifacts {
    /// The library of the package in `folder`, as a file that ends so.
    pub(crate) fn of(&self, folder: &Path, end: &str) -> Option<&Path> {
        let here = |(manifest, _): &&(PathBuf, Vec<PathBuf>)| manifest.parent() == Some(folder);
        let (_, files) = self.0.iter().find(here)?;
        let mut files = files.iter().map(PathBuf::as_path);
        files.find(|file| file.extension().is_some_and(|this| this == end))
    }
}

/// One build, before it is run.
pub(crate) struct Build<'a> {
    /// `build` or `rustc`.
    pub(crate) subcommand: &'a str,
    /// The workspace's folder.
    pub(crate) root: &'a Path,
    /// The platform; without it cargo would take the one that a configuration names.
    pub(crate) target: &'a str,
    /// Where cargo keeps its work.
    pub(crate) folder: &'a Path,
    /// `KEY=VALUE` of cargo's configuration: above all, what a profile is.
    pub(crate) settings: &'a [&'a str],
    /// What the compiler is told.
    pub(crate) flags: &'a [String],
    /// Whether the SDK is the one in this program.
    pub(crate) has_own_sdk: bool,
    /// Whether cargo says only what is wrong.
    pub(crate) quiet: bool,
}

impl Build<'_> {
    /// The call; `--package` and the like may be added to it.
    pub(crate) fn command(&self) -> Result<Command> {
        let mut command = cargo(self.root);
        command.args([self.subcommand, "--target", self.target, "--target-dir"]);
        command
            .arg(self.folder)
            .args(["--message-format", format()]);
        for setting in self.settings {
            command.args(["--config", setting]);
        }
        if self.has_own_sdk {
            command.args(["--config", &patch()?]);
        }
        // What a variable says goes before what any configuration does, even if it says nothing.
        command
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags.join(BETWEEN))
            .env("CARGO_BUILD_BUILD_DIR", self.folder)
            .env("CARGO_INCREMENTAL", "0")
            .env("RUSTC_WRAPPER", "")
            .env("RUSTC_WORKSPACE_WRAPPER", "");
        if self.quiet {
            command.env("CARGO_TERM_QUIET", "true");
        }
        Ok(command)
    }
}

/// Has cargo take the SDK in this program for the released crate.
pub(crate) fn patch() -> Result<String> {
    let place = toml::Value::from(sdk::of_rust()?.display().to_string());
    Ok(format!("patch.crates-io.attune-sdk.path={place}"))
}

/// Diagnostics come with what is built; whoever prints them has to know how they should look.
fn format() -> &'static str {
    match std::io::stderr().is_terminal() {
        true => "json-diagnostic-rendered-ansi",
        false => "json",
    }
}

/// Runs a build, whose words the reader sees as they come. `explained` says what it knows of a package that did not
/// compile.
pub(crate) fn run(
    command: &mut Command,
    explained: impl Fn(&str) -> Option<anyhow::Error>,
) -> Result<Artifacts> {
    let shown = shown(command);
    let mut made = Artifacts::default();
    let mut broken = None;
    let ended = finish(
        command,
        COMPILING,
        Stderr::Shown,
        &mut |line| match serde_json::from_slice(line) {
            Ok(Message::CompilerArtifact {
                manifest_path,
                target,
                filenames,
            }) if target.crate_types.iter().any(|kind| kind == "cdylib") => {
                made.0.push((manifest_path, filenames));
            }
            Ok(Message::Said {
                package_id,
                message,
            }) => {
                let text = message.rendered.unwrap_or_default();
                let _ = std::io::stderr().write_all(text.as_bytes());
                if message.level == "error" {
                    broken.get_or_insert(package_id);
                }
            }
            _ => {}
        },
    )?;
    if let Some(limit) = ended.stopped {
        return Err(too_long(
            "cargo",
            limit,
            "a build script or a macro may never end",
        ));
    }
    if !ended.status.success() {
        if let Some(explained) = broken.as_deref().and_then(explained) {
            return Err(explained);
        }
        bail!(
            "`{shown}` failed with {}\nhint: what is wrong is said above",
            ended.status
        );
    }
    Ok(made)
}
