//! Crates that expect a browser or a system: named, with what to use in their place.

use std::path::{Path, PathBuf};

use super::{done, new, plugin, replace_in};
use crate::support::failure;

/// A crate beside the project, which depends on another or has code.
fn krate(folder: &Path, name: &str, depends: Option<&str>, code: &str) {
    let place = folder.join(name);
    std::fs::create_dir_all(place.join("src")).unwrap();
    let depends = depends.map_or(String::new(), |on| {
        format!("[dependencies]\n{on} = {{ path = \"../{on}\" }}\n")
    });
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.2.100\"\nedition = \"2024\"\n{depends}"
    );
    std::fs::write(place.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(place.join("src/lib.rs"), code).unwrap();
}

/// A shaper that calls a function of a crate beside it for every row.
fn calling(folder: &Path, krate: &str, call: &str) -> PathBuf {
    let project = new(folder, "outside", "shaper");
    let depends = format!("[dependencies]\n{krate} = {{ path = \"../{krate}\" }}\n");
    replace_in(&project.join("Cargo.toml"), "[dependencies]\n", &depends);
    replace_in(
        &project.join("src/lib.rs"),
        "let over = words",
        &format!("let words = words + {call};\n        let over = words"),
    );
    project
}

#[test]
fn a_crate_that_asks_a_browser_is_named_with_what_to_use_instead() {
    for (gate, module, way, hint) in [
        (
            "wasm-bindgen",
            "__wbindgen_placeholder__",
            "`chrono` (through `wasm-bindgen`)",
            "default-features = false",
        ),
        (
            "wasi",
            "wasi_snapshot_preview1",
            "`chrono` (through `wasi`)",
            "default-features = false",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let name = gate.replace('-', "_");
        let code = format!(
            "#[link(wasm_import_module = \"{module}\")] unsafe extern \"C\" {{ safe fn now() -> u32; }}\n\
             pub fn ask() -> usize {{ now() as usize }}\n"
        );
        krate(folder.path(), gate, None, &code);
        krate(
            folder.path(),
            "chrono",
            Some(gate),
            &format!("pub use {name}::ask;\n"),
        );
        let project = calling(folder.path(), "chrono", "chrono::ask()");
        let message = failure(&mut plugin(&project, "build", &[]));
        for part in [module, "`now`", way, hint] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn a_crate_whose_function_nobody_has_is_named_by_what_it_declares() {
    let folder = tempfile::tempdir().unwrap();
    let code = "unsafe extern \"C\" { fn now() -> f64; }\n\
                pub fn elapsed() -> usize { (unsafe { now() }) as usize }\n";
    krate(folder.path(), "instant", None, code);
    krate(
        folder.path(),
        "stopwatch",
        Some("instant"),
        "pub use instant::elapsed;\n",
    );
    let project = calling(folder.path(), "stopwatch", "stopwatch::elapsed()");
    let message = failure(&mut plugin(&project, "build", &[]));
    for part in [
        "imports `now` of `env`",
        "`stopwatch` (through `instant`)",
        "leave the crate out",
    ] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_crate_that_finds_no_source_of_chance_is_named_with_what_to_use_instead() {
    let folder = tempfile::tempdir().unwrap();
    let code = "#[cfg(target_arch = \"wasm32\")] compile_error!(\"not supported; enable the \\\"js\\\" feature\");\n\
                pub fn draw() -> usize { 4 }\n";
    krate(folder.path(), "getrandom", None, code);
    krate(
        folder.path(),
        "rand",
        Some("getrandom"),
        "pub use getrandom::draw;\n",
    );
    let project = calling(folder.path(), "rand", "rand::draw()");
    let message = failure(&mut plugin(&project, "build", &[]));
    for part in [
        "enable the \"js\" feature",
        "`rand` (through `getrandom`)",
        "draw from `row.rng()`",
    ] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_clock_that_is_not_there_is_said_with_the_author_s_line() {
    let folder = tempfile::tempdir().unwrap();
    let project = new(folder.path(), "timely", "shaper");
    replace_in(
        &project.join("src/lib.rs"),
        "let over = words",
        "let words = words + std::time::Instant::now().elapsed().as_secs() as usize;\n        let over = words",
    );
    done(&mut plugin(&project, "build", &[]));
    let said = plugin(&project, "test", &["--in", "wasm"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    for part in [
        "`Instant::now` and `SystemTime::now`",
        "the number of the update",
        "src/lib.rs:",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}
