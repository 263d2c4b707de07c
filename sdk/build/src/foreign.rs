//! Crates that expect a browser or an operating system where a plugin has neither: by what a module imports, or by a
//! crate that does not compile, the dependency that brings them, and what to use in its place.
//! It knows the names of such crates; it knows nothing about how they are compiled.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow};
use serde::Deserialize;
use wasmparser::{Parser, Payload};

use crate::cargo::patch;
use crate::tool::{capture, cargo};
use crate::wasm::TARGET;

/// Crates by which others reach what a plugin has not.
const GATES: [&str; 5] = ["getrandom", "wasm-bindgen", "wasi", "wasip2", "wasip3"];

/// What to do about crates, by the beginnings of their names.
const ADVICE: [(&[&str], &str); 5] = [
    (
        &["chrono"],
        "write `chrono = { version = \"…\", default-features = false, features = [\"alloc\"] }`: without its clock it \
         needs no browser; what time it is comes as a setting or in a row",
    ),
    (
        &["uuid"],
        "make the number of `row.rng()`, and hand it to `uuid::Builder`: leave out the features `v4`, `v7`, `js`, \
         `rng`",
    ),
    (
        &[
            "rand",
            "getrandom",
            "fastrand",
            "ahash",
            "nanoid",
            "ulid",
            "oorandom",
        ],
        "draw from `row.rng()`, which the run's seed decides, or seed a generator with it: leave out the crate, or its \
         features that ask a system for chance (`default-features = false`)",
    ),
    (
        &["instant", "web-time", "wasm-timer", "time", "quanta"],
        "leave it out: a plugin has no clock; count work in steps, and know the run's progress by the update's number, \
         `row.context().update`",
    ),
    (
        &[
            "tokio",
            "mio",
            "socket2",
            "async-std",
            "smol",
            "reqwest",
            "hyper",
            "ureq",
            "rustls",
            "ring",
        ],
        "leave it out: a plugin is asked and answers at once, without network, threads and waiting; what it should know \
         comes as an asset, a setting or in a row",
    ),
];
const OTHERWISE: &str = "leave the crate out, or its features for browsers (`default-features = false`; they are often called \
     `js`, `wasm-bindgen` or `wasmbind`): a plugin has the row's `rng()` for chance, and neither clock, files nor network";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None where the crate is part of what is built.
    kind: Option<String>,
}

/// What is wrong with a core module that asks for more than a plugin's imports; None where it does not.
pub(crate) fn refusal(core: &[u8], folder: &Path, own_sdk: bool) -> Option<Error> {
    let (module, name) = foreign_import(core)?;
    let wants = match module.as_str() {
        _ if module.starts_with("__wbindgen") => "is for a browser".to_owned(),
        _ if module.starts_with("wasi") => {
            "is for a system of files, clocks and chance (WASI)".to_owned()
        }
        _ => "was not linked with all that it calls".to_owned(),
    };
    let asks = |package: &Package| match module.as_str() {
        _ if module.starts_with("__wbindgen") => package.name == "wasm-bindgen",
        _ if module.starts_with("wasi") => package.name == "wasi",
        _ => package.declares(&name),
    };
    let imports =
        format!("the module {wants}: it imports `{name}` of `{module}`, which no plugin has");
    let way = way_to(asks, folder, own_sdk).ok().flatten();
    Some(told(&imports, way.as_deref()))
}

/// What is wrong where a crate of others does not compile: most often it knows no such platform.
pub(crate) fn broken(package_id: &str, folder: &Path, own_sdk: bool) -> Option<Error> {
    let name = name_of(package_id);
    let what = match name {
        _ if GATES.contains(&name) => {
            format!("`{name}` knows no source of chance where plugins run")
        }
        // A crate that lies beside the project may be its author's, who reads what is wrong above.
        _ if package_id.starts_with("path+") || !package_id.contains("://") => return None,
        _ => {
            format!("`{name}` does not compile for {TARGET}, where plugins run; why is said above")
        }
    };
    let way = way_to(|package| package.name == name, folder, own_sdk);
    Some(told(&what, way.ok().flatten().as_deref()))
}

/// `getrandom` of `registry+https://…#getrandom@0.2.15`, or of `path+file:///…/getrandom#0.2.15`.
fn name_of(package_id: &str) -> &str {
    let (place, rest) = package_id.rsplit_once('#').unwrap_or(("", package_id));
    match rest.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next().unwrap_or_default(),
    }
}

fn told(what: &str, way: Option<&[String]>) -> Error {
    let Some([first, others @ ..]) = way else {
        return anyhow!("{what}\nhint: {OTHERWISE}");
    };
    let through = match others {
        [] => String::new(),
        _ => format!(" (through `{}`)", others.join("`, `")),
    };
    let advice = ADVICE.iter().find(|(names, _)| {
        names.iter().any(|name| {
            first
                .strip_prefix(name)
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        })
    });
    let advice = advice.map_or(OTHERWISE, |(_, advice)| *advice);
    anyhow!("{what}\nit comes with the dependency `{first}`{through}\nhint: {advice}")
}

/// The first import of a core module that is neither the contract's nor the encoder's own.
fn foreign_import(core: &[u8]) -> Option<(String, String)> {
    for payload in Parser::new(0).parse_all(core) {
        if let Ok(Payload::ImportSection(imports)) = payload {
            let found = imports.into_imports().flatten().find(|import| {
                let ours = ["attune:", "[export]", "$root", "cm32p2"];
                !ours.iter().any(|begin| import.module.starts_with(begin))
            })?;
            return Some((found.module.to_owned(), found.name.to_owned()));
        }
    }
    None
}

impl Package {
    /// Whether its source says that a function of that name is found elsewhere.
    fn declares(&self, function: &str) -> bool {
        let declaration = format!("fn {function}(");
        let source = self.manifest_path.with_file_name("src");
        let mut folders = vec![source];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(path).unwrap_or_default();
                let mut outside = text.split("extern \"C\"").skip(1);
                let block = |rest: &str| rest.split('}').next().unwrap_or_default().to_owned();
                if outside.any(|rest| block(rest).contains(&declaration)) {
                    return true;
                }
            }
        }
        false
    }
}

/// The dependencies that lead from the package in `folder` to the one that is looked for, first its own; the shortest
/// way.
fn way_to(
    is_sought: impl Fn(&Package) -> bool,
    folder: &Path,
    own_sdk: bool,
) -> Result<Option<Vec<String>>> {
    let mut command = cargo(folder);
    command.args([
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        TARGET,
    ]);
    if own_sdk {
        command.args(["--config", &patch()?]);
    }
    let metadata: Metadata = serde_json::from_str(&capture(&mut command)?)?;
    let about: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let start = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path.parent() == Some(folder));
    let mut ways = VecDeque::from_iter(start.map(|package| vec![package.id.as_str()]));
    let mut seen = std::collections::BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let here = way[way.len() - 1];
        if about.get(here).is_some_and(|package| is_sought(package)) {
            let names = way[1..].iter().map(|id| about[id].name.clone());
            return Ok(Some(names.collect()));
        }
        let node = metadata.resolve.nodes.iter().find(|node| node.id == here);
        for next in node.into_iter().flat_map(|node| &node.deps) {
            let is_built = next.dep_kinds.iter().any(|kind| kind.kind.is_none());
            if is_built && seen.insert(next.pkg.as_str()) {
                ways.push_back([&way[..], &[next.pkg.as_str()]].concat());
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_of_package_ids() {
        assert_eq!(
            name_of("registry+https://a.b/c#getrandom@0.2.15"),
            "getrandom"
        );
        assert_eq!(name_of("path+file:///a/few-words#0.1.0"), "few-words");
    }

    #[test]
    fn a_crate_of_others_that_does_not_compile_is_named_and_the_author_s_is_not() {
        let nowhere = Path::new("/nowhere");
        let said = |id: &str| broken(id, nowhere, false).map(|error| error.to_string());
        let uuid = said("registry+https://a.b/c#uuid@1.26.1").unwrap();
        assert!(uuid.starts_with("`uuid` does not compile for wasm32-unknown-unknown"));
        assert_eq!(said("path+file:///a/few-words#0.1.0"), None);
    }

    #[test]
    fn what_to_use_instead_follows_from_the_dependency() {
        let said = |names: &[&str]| {
            let way: Vec<String> = names.iter().map(ToString::to_string).collect();
            told("it asks", Some(&way)).to_string()
        };
        let chrono = said(&["chrono", "js-sys", "wasm-bindgen"]);
        assert!(
            chrono.contains("`chrono` (through `js-sys`, `wasm-bindgen`)\nhint: write `chrono"),
            "{chrono}"
        );
        assert!(said(&["rand_core", "getrandom"]).contains("row.rng()"));
        assert!(said(&["getrandom"]).contains("`getrandom`\nhint: draw"));
        assert!(said(&["timely", "wasi"]).contains("leave the crate out"));
    }
}
