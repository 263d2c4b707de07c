//! A plugin's life by the commands of the kit: made, built, tested, checked, locked, replayed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{attune, failure};

mod cases;
mod foreign;
mod made;
mod portable;
mod runs;
mod tools;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where the shipped plugins are built, so that what all plugins share is compiled once.
fn target() -> PathBuf {
    root().join("target/plugins")
}

/// `attune plugin VERB PLUGIN …`, in `folder`.
fn plugin(folder: &Path, verb: &str, arguments: &[&str]) -> Command {
    let mut command = attune(&["plugin", verb]);
    command.args(arguments).current_dir(folder);
    if ["build", "test", "check", "bench"].contains(&verb) {
        command.arg("--target-dir").arg(target());
    }
    command
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{errors}");
    said
}

/// Makes a plugin's project and returns its folder.
fn new(folder: &Path, name: &str, kind: &str) -> PathBuf {
    new_in("rust", folder, name, kind)
}

fn new_in(lang: &str, folder: &Path, name: &str, kind: &str) -> PathBuf {
    let arguments = [name, "--kind", kind, "--lang", lang];
    let said = done(&mut plugin(folder, "new", &arguments));
    assert!(said.contains("attune plugin build"), "{said}");
    folder.join(name)
}

fn replace_in(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "`{from}` is not in {}", path.display());
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn names_and_folders_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let refused = |verb, arguments: &[&str], parts: &[&str]| {
        let message = failure(&mut plugin(at, verb, arguments));
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    refused(
        "new",
        &["Few_Words", "--kind", "task"],
        &["`Few_Words`", "lower-case"],
    );
    refused("new", &["../a", "--kind", "task"], &["`../a`"]);
    std::fs::create_dir(at.join("there")).unwrap();
    refused("new", &["there", "--kind", "task"], &["is there already"]);
    refused(
        "build",
        &["there"],
        &["neither a Cargo.toml", "attune plugin new"],
    );
    refused("build", &["nowhere"], &["no folder `nowhere`"]);
    std::fs::write(
        at.join("there/Cargo.toml"),
        "[package]\nname = \"a\"\n[lib]\npath = \"l.rs\"\n[workspace]\n",
    )
    .unwrap();
    std::fs::write(at.join("there/l.rs"), "").unwrap();
    refused("build", &["there"], &["builds no plugin", "cdylib"]);
    refused(
        "test",
        &["length", "--cases", "none.jsonl"],
        &["no golden cases", "none.jsonl"],
    );
    assert!(!at.join("Few_Words").exists());
    let mut describe = plugin(at, "describe", &["few-words"]);
    let message = failure(describe.env("ATTUNE_PLUGINS", "/no/such"));
    assert!(
        message.contains("ATTUNE_PLUGINS names `/no/such`, which is no folder"),
        "{message}"
    );
}

#[test]
fn shipped_plugins_have_golden_cases_and_pass() {
    for name in [
        "continuation",
        "valence",
        "overlap",
        "brevity-coverage",
        "descriptive",
        "repetition",
        "length",
    ] {
        let folder = root().join("plugins").join(name);
        // By its name, from anywhere: the cases are those of the project that it was built of.
        let said = done(&mut plugin(
            &std::env::temp_dir(),
            "test",
            &[name, "--in", "both"],
        ));
        for place in ["in WebAssembly", "natively"] {
            assert!(said.contains(&format!(" 0 failed, {place}")), "{said}");
        }
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.len() > 200, "{name}: {readme}");
    }
    for name in ["continuation", "valence", "length"] {
        let component = format!("{name}-py");
        let said = done(&mut plugin(&std::env::temp_dir(), "test", &[&component]));
        assert!(said.contains(" 0 failed, in WebAssembly"), "{said}");
    }
}

#[test]
fn a_plugin_is_native_only_where_it_can_and_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let python = new_in("python", folder.path(), "calm", "shaper");
    let message = failure(&mut plugin(&python, "build", &["--native"]));
    assert!(
        message.contains("in Python has no native build"),
        "{message}"
    );
    let length = root().join("plugins/length");
    let refused = [
        "length",
        "--cases",
        "cases.jsonl",
        "--in",
        "native",
        "--sandboxed-only",
    ];
    let message = failure(&mut plugin(&length, "test", &refused));
    assert!(
        message.contains("--sandboxed-only lets nothing run outside the sandbox"),
        "{message}"
    );
    let rust = new(folder.path(), "brief", "shaper");
    let said = done(&mut plugin(&rust, "test", &["--sandboxed-only"]));
    assert!(
        said.contains("in WebAssembly") && !said.contains("natively"),
        "{said}"
    );
    let library = done(&mut plugin(&rust, "build", &["--native"]));
    let file = format!("target/plugins/brief{}", std::env::consts::DLL_SUFFIX);
    assert!(library.contains(&file), "{library}");
    assert!(rust.join(file).is_file());
}

#[test]
fn a_plugin_that_is_not_pure_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let project = new(folder.path(), "counting", "shaper");
    replace_in(
        &project.join("src/lib.rs"),
        "let over = words.saturating_sub(self.0.free);",
        "static ROWS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);\n        \
         let over = words.saturating_sub(self.0.free) + ROWS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);",
    );
    let mut check = plugin(&project, "check", &[]);
    let said = String::from_utf8(check.output().unwrap().stdout).unwrap();
    assert!(said.contains("FAIL   purity"), "{said}");
    assert!(said.contains("keep nothing between rows"), "{said}");
    assert!(failure(&mut check).contains("checks failed"));
}

#[test]
fn what_a_plugin_costs_is_measured() {
    let folder = root().join("plugins/length");
    let json = done(&mut plugin(
        &folder,
        "bench",
        &["length", "--rows", "64", "--json"],
    ));
    let cost: serde_json::Value = serde_json::from_str(&json).unwrap();
    for key in ["compile_seconds", "load_seconds", "call_seconds"] {
        assert!(cost[key].as_f64().unwrap() > 0.0, "{json}");
    }
    assert!(cost["native_call_seconds"].is_null(), "{json}");
    let json = done(&mut plugin(
        &folder,
        "bench",
        &["length", "--rows", "64", "--native", "--json"],
    ));
    let cost: serde_json::Value = serde_json::from_str(&json).unwrap();
    for key in ["native_call_seconds", "memory_bytes"] {
        assert!(cost[key].as_f64().unwrap() > 0.0, "{json}");
    }
    let message = failure(&mut plugin(&folder, "bench", &["length", "--rows", "3"]));
    assert!(message.contains("--rows is 3, below 8"), "{message}");
    let many = ["length", "--rows", "99999999999"];
    let message = failure(&mut plugin(&folder, "bench", &many));
    assert!(message.contains("tokens in all"), "{message}");
}

#[test]
fn a_plugin_that_needs_a_file_is_measured_with_that_of_its_cases() {
    let folder = tempfile::tempdir().unwrap();
    let said = done(&mut plugin(
        folder.path(),
        "bench",
        &["valence", "--rows", "64"],
    ));
    assert!(said.contains("µs a row"), "{said}");
    let component = root().join("target/plugins/valence.wasm");
    std::fs::copy(component, folder.path().join("valence.wasm")).unwrap();
    let message = failure(&mut plugin(folder.path(), "bench", &["valence.wasm"]));
    assert!(
        message.contains("there are no golden cases at") && message.contains("--cases"),
        "{message}"
    );
}
