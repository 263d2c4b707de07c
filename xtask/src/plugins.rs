//! Builds every crate in `plugins/` to a WebAssembly component, `target/plugins/NAME.wasm`, and those
//! in `tests/`, which only tests use, to `target/test-plugins/NAME.wasm`. It knows cargo and the
//! component encoder; it knows nothing about what a plugin does.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wit_component::ComponentEncoder;

use crate::layout::Layout;
use crate::stamp::write_atomically;
use crate::step::{capture, cargo, run as run_command, step};
use crate::wasm::{TARGET, WasmToolchain};

/// The cargo profile plugins are built with.
const PROFILE: &str = "plugin";

/// One plugin's package.
struct Plugin {
    name: String,
    /// The file name stem of its core module; cargo writes underscores.
    module: String,
    /// Where the component goes.
    folder: PathBuf,
}

/// The `plugins` verb.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let toolchain = WasmToolchain::ensure()?;
    build(layout, &toolchain)
}

/// Builds all plugins; cargo decides what is stale, and a component is written only if it changed.
pub(crate) fn build(layout: &Layout, toolchain: &WasmToolchain) -> Result<()> {
    step("plugins: build as WebAssembly components", || {
        let plugins = plugins(layout)?;
        let folder = layout.plugins();
        let mut command = toolchain.cargo_build(layout.root(), &folder);
        command.args(["--quiet", "--profile", PROFILE]);
        for plugin in &plugins {
            command.args(["--package", &plugin.name]);
        }
        run_command(&mut command)?;
        for plugin in &plugins {
            let module = folder
                .join(TARGET)
                .join(PROFILE)
                .join(&plugin.module)
                .with_extension("wasm");
            fs::create_dir_all(&plugin.folder)?;
            let component = plugin.folder.join(&plugin.name).with_extension("wasm");
            let news = componentize(&module, &component)
                .with_context(|| format!("cannot make a component of plugin `{}`", plugin.name))?;
            println!("    {} {news}", layout.short(&component));
        }
        Ok(())
    })
}

/// The packages under `plugins/` and `tests/` that build a module.
fn plugins(layout: &Layout) -> Result<Vec<Plugin>> {
    let json =
        capture(cargo(layout.root()).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let json: serde_json::Value =
        serde_json::from_str(&json).context("cargo metadata is not JSON")?;
    let packages = json["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let found: Vec<_> = packages
        .iter()
        .filter_map(|package| plugin(layout, package))
        .collect();
    if found.is_empty() {
        bail!("no crate in plugins/ builds a cdylib");
    }
    Ok(found)
}

fn plugin(layout: &Layout, package: &serde_json::Value) -> Option<Plugin> {
    let manifest = PathBuf::from(package["manifest_path"].as_str()?);
    let places = [
        ("plugins", layout.plugins()),
        ("tests", layout.test_plugins()),
    ];
    let (_, folder) = places
        .into_iter()
        .find(|(sources, _)| manifest.starts_with(layout.root().join(sources)))?;
    let is_module = |target: &&serde_json::Value| {
        let kinds = target["crate_types"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
    };
    let target = package["targets"].as_array()?.iter().find(is_module)?;
    Some(Plugin {
        name: package["name"].as_str()?.to_owned(),
        module: target["name"].as_str()?.replace('-', "_"),
        folder,
    })
}

/// Encodes a core module as a component; says what happened to the file.
fn componentize(module: &Path, component: &Path) -> Result<String> {
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let bytes = ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let size = format!("({} KB)", bytes.len().div_ceil(1000));
    // An unchanged file keeps its time, and with it whatever was compiled from it.
    if fs::read(component).is_ok_and(|old| old == bytes) {
        return Ok(format!("unchanged {size}"));
    }
    write_atomically(component, &bytes)?;
    Ok(format!("written {size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let (module, component) = (folder.path().join("m.wasm"), folder.path().join("c.wasm"));
        // The smallest core module: the magic number and version 1.
        fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
        assert!(
            componentize(&module, &component)
                .unwrap()
                .starts_with("written")
        );
        assert!(
            componentize(&module, &component)
                .unwrap()
                .starts_with("unchanged")
        );
        // A component's header says layer 1 where a core module's says 0.
        assert_eq!(fs::read(&component).unwrap()[6..8], [1, 0]);
        fs::write(&module, b"not wasm").unwrap();
        assert!(componentize(&module, &component).is_err());
    }
}
