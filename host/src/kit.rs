//! What a plugin's author has done to a plugin: it is built, put to golden cases, checked, timed, and asked what it
//! would have said of a run. Data in, data out: prints nothing and knows no command line.

use std::path::Path;

use anyhow::{Context, Result};
use attune_build::{Built, Project};

use crate::role::Trust;

pub(crate) mod cases;
pub(crate) mod cost;
pub(crate) mod findings;
pub(crate) mod replayed;
pub(crate) mod subject;

/// The golden cases of a project, in its folder.
pub(crate) const CASES: &str = "cases.jsonl";

/// Builds a project to a component or a library; what goes wrong is said with its folder.
pub(crate) fn build(
    project: &Project,
    trust: Trust,
    out: Option<&Path>,
    target_dir: Option<&Path>,
) -> Result<Built> {
    let built = match trust {
        Trust::Sandboxed => project.build(out, target_dir),
        Trust::Native => project.build_native(out, target_dir),
    };
    built.with_context(|| format!("cannot build the plugin in `{}`", project.folder.display()))
}
