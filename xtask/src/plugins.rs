//! Builds every plugin in `plugins/` to `target/plugins/NAME.wasm`, and those in `tests/`, which only
//! tests use, to `target/test-plugins/NAME.wasm`; Rust and Python ones, the Rust ones natively too.
//! It knows the folders; how a plugin is built is `attune-build`'s.

use std::path::PathBuf;

use anyhow::{Result, bail};
use attune_build::Built;
use attune_build::project::keep;
use attune_build::python;
use attune_build::rust::{Package, Workspace};
use attune_build::wasm::WasmToolchain;

use crate::layout::Layout;
use crate::step::step;
use crate::wasm;

/// The `plugins` verb.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let toolchain = wasm::ensure()?;
    build(layout, &toolchain)?;
    build_native(layout)
}

/// Builds the Rust plugins natively too, each beside its component: the tests compare the two.
pub(crate) fn build_native(layout: &Layout) -> Result<()> {
    step("plugins: build natively", || {
        let workspace = Workspace::of(layout.root())?;
        let places = places(layout);
        let folder = |package: &Package| {
            let mut places = places.iter();
            let place = places.find(|(sources, _)| package.folder.starts_with(sources))?;
            Some(place.1.clone())
        };
        let plugins: Vec<(&Package, PathBuf)> = workspace
            .plugins
            .iter()
            .filter_map(|package| Some((package, folder(package)?)))
            .collect();
        let packages: Vec<&Package> = plugins.iter().map(|(package, _)| *package).collect();
        let libraries =
            workspace.build_native(&packages, &workspace.target.join("native"), true)?;
        for ((plugin, folder), library) in plugins.iter().zip(libraries) {
            let path = folder.join(format!("{}{}", plugin.name, std::env::consts::DLL_SUFFIX));
            tell(layout, &keep(&plugin.name, path, &library)?);
        }
        Ok(())
    })
}

/// Folders with the source of plugins, and where they go.
fn places(layout: &Layout) -> [(PathBuf, PathBuf); 2] {
    let source = |folder: &str| layout.root().join(folder);
    [
        (source("plugins"), layout.plugins()),
        (source("tests"), layout.test_plugins()),
    ]
}

/// Builds all plugins; cargo decides what is stale, and a component is written only if it changed.
pub(crate) fn build(layout: &Layout, toolchain: &WasmToolchain) -> Result<()> {
    step("plugins: build as WebAssembly components", || {
        let workspace = Workspace::of(layout.root())?;
        for (sources, folder) in places(layout) {
            let plugins: Vec<&Package> = workspace
                .plugins
                .iter()
                .filter(|package| package.folder.starts_with(&sources))
                .collect();
            if plugins.is_empty() {
                bail!("no crate in {} builds a plugin", layout.short(&sources));
            }
            let bytes = workspace.build(toolchain, &plugins, &layout.plugins(), true)?;
            for (plugin, bytes) in plugins.iter().zip(bytes) {
                let path = folder.join(&plugin.name).with_extension("wasm");
                tell(layout, &keep(&plugin.name, path, &bytes)?);
            }
            for project in python::projects(&sources.join("python"))? {
                tell(layout, &python::build(&project, Some(&folder))?);
            }
        }
        Ok(())
    })
}

fn tell(layout: &Layout, built: &Built) {
    let news = if built.changed {
        "written"
    } else {
        "unchanged"
    };
    println!(
        "    {} {news} ({} KB)",
        layout.short(&built.path),
        built.len.div_ceil(1000)
    );
}
