//! Builds of plugins in JavaScript: the same bytes again, and what is said where there is none.

use std::path::{Path, PathBuf};

use super::component;
use crate::support::{attune, failure};
use crate::twins::root;

/// A copy of the odd project, in a folder of its own.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    std::fs::create_dir(path.join("lib")).unwrap();
    for file in ["package.json", "odd.js", "lib/divide.js"] {
        std::fs::copy(root().join("tests/js/odd").join(file), path.join(file)).unwrap();
    }
    (folder, path)
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let kept = std::fs::read(component()).unwrap();
    let (_folder, project) = copy();
    // Another file system, where there is one, and another place on earth.
    let shared = Path::new("/dev/shm");
    let elsewhere = if shared.is_dir() { shared } else { &project };
    let build = || {
        let mut command = attune(&["plugin", "build"]);
        command.arg(&project).env("TMPDIR", elsewhere);
        let output = command.env("TZ", "Asia/Tokyo").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = build();
    assert!(said.contains(" KB, new) in "), "{said}");
    let built = std::fs::read(project.join("target/plugins/odd-js.wasm")).unwrap();
    assert!(built == kept, "built again it is another component");
    let said = build();
    assert!(said.contains(" KB, as it was) in "), "{said}");
}

#[test]
fn what_cannot_be_built_is_said_with_its_place() {
    let (_folder, project) = copy();
    let module = project.join("odd.js");
    let source = std::fs::read_to_string(&module).unwrap();
    for (from, to, parts) in [
        ("const kept = [];", "const kept = [;", &["at odd.js:"][..]),
        (
            "const kept = [];",
            "const kept = [Date.now()];",
            &["`Date.now` cannot be used", "(odd.js:"],
        ),
        (
            "const kept = [];",
            "const kept = [Math.random()];",
            &["outside a row", "(odd.js:"],
        ),
        (
            "./lib/divide.js",
            "./lib/div.js",
            &["./lib/div.js", "'/odd.js'"],
        ),
        ("\"attune-sdk\"", "\"lodash\"", &["lodash", "attune-sdk"]),
        (
            "boolean, choice",
            "boolean, choyce",
            &["'choyce'", "'attune-sdk'"],
        ),
        (
            "export default class",
            "export class",
            &["odd.js has no default export that extends Shaper"],
        ),
        (
            "{ minimum: 1, below: 10 }",
            "{ min: 1 }",
            &["`min` bounds nothing", "(odd.js:"],
        ),
        (
            "static terms = [\"length\"]",
            "static terms = \"length\"",
            &["`static terms` is \"length\"", "array of texts"],
        ),
        (
            "\"responseText\",",
            "\"response\",",
            &["\"response\"", "responseText"],
        ),
    ] {
        assert!(source.contains(from), "{from}");
        std::fs::write(&module, source.replacen(from, to, 1)).unwrap();
        let message = failure(attune(&["plugin", "build"]).arg(&project));
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn what_a_build_needs_is_said() {
    let (_folder, project) = copy();
    let empty = tempfile::tempdir().unwrap();
    let build = |set: &[(&str, &str)]| {
        let mut command = attune(&["plugin", "build"]);
        command.arg(&project).env("XDG_CACHE_HOME", empty.path());
        failure(command.envs(set.iter().copied()))
    };
    let message = build(&[("PATH", "/nowhere")]);
    for part in ["no Node.js 18 or newer", "apt-get install nodejs npm"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let cache = empty.path().join("npm");
    let message = build(&[
        ("npm_config_offline", "true"),
        ("npm_config_cache", cache.to_str().unwrap()),
    ]);
    for part in ["cannot install componentize-qjs@", "npm_config_registry"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let manifest = project.join("package.json");
    std::fs::write(&manifest, r#"{"name": "some-tool", "version": "1.0.0"}"#).unwrap();
    let message = build(&[]);
    assert!(message.contains("with an entry \"attune\""), "{message}");
}
