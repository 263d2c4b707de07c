//! Builds every plugin in `plugins/` to `target/plugins/NAME.wasm`, and those in `tests/`, which only
//! tests use, to `target/test-plugins/NAME.wasm`; Rust and Python ones. It knows the folders; how a
//! plugin is built is `attune-build`'s.

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
    build(layout, &toolchain)
}

/// Builds all plugins; cargo decides what is stale, and a component is written only if it changed.
pub(crate) fn build(layout: &Layout, toolchain: &WasmToolchain) -> Result<()> {
    step("plugins: build as WebAssembly components", || {
        let workspace = Workspace::of(layout.root())?;
        let places = [
            ("plugins", layout.plugins()),
            ("tests", layout.test_plugins()),
        ];
        for (sources, folder) in places {
            let sources = layout.root().join(sources);
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
