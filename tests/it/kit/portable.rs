//! Projects that travel: to another folder, another user, into another's environment; nothing of the machine is in
//! them, and they are built to the same bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{done, new, new_in, plugin, replace_in, root};
use crate::support::failure;

/// Files of a folder, in it and below, but what no repository keeps.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true if [".attune", "target"].contains(&entry.file_name().to_str().unwrap()) => {}
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// What a colleague has who cloned the project.
fn cloned(project: &Path, to: &Path) -> PathBuf {
    for file in files(project) {
        let copy = to.join(file.strip_prefix(project).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(file, copy).unwrap();
    }
    to.to_owned()
}

fn sha(said: &str) -> String {
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("sha256 "), "{said}");
    last.to_owned()
}

fn cargo() -> PathBuf {
    std::env::var_os("CARGO").unwrap_or("cargo".into()).into()
}

#[test]
fn a_project_that_is_cloned_is_built_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for lang in ["rust", "python", "js"] {
        let project = new_in(lang, folder.path(), &format!("my-{lang}"), "shaper");
        let here = folder.path().to_str().unwrap();
        let checkout = root().to_str().unwrap();
        for file in files(&project) {
            let text = std::fs::read_to_string(&file).unwrap();
            for place in [here, checkout] {
                assert!(!text.contains(place), "{}: {text}", file.display());
            }
        }
        let first = sha(&done(&mut plugin(&project, "build", &[])));
        let copy = cloned(&project, &folder.path().join("elsewhere/a b").join(lang));
        // Another user's: nothing is in the cache but what is fetched.
        let cache = folder.path().join("cache");
        for (tool, of) in [("python", "python"), ("js", "js")] {
            let usual = attune_build::cache::folder(tool).unwrap();
            std::fs::create_dir_all(cache.join("attune")).unwrap();
            let _ = std::os::unix::fs::symlink(usual, cache.join("attune").join(of));
        }
        let mut build = plugin(&copy, "build", &[]);
        assert_eq!(
            first,
            sha(&done(build.env("XDG_CACHE_HOME", &cache))),
            "{lang}"
        );
        assert!(copy.join(".attune/sdk").is_dir(), "{lang}");
    }
}

#[test]
fn a_new_crate_is_locked_and_tested_by_cargo_alone() {
    let folder = tempfile::tempdir().unwrap();
    let project = new(folder.path(), "few-words", "shaper");
    let lock = || std::fs::read_to_string(project.join("Cargo.lock")).unwrap();
    let made = lock();
    let test = || {
        let mut test = Command::new(cargo());
        test.args(["test", "--quiet", "--offline", "--target-dir"]);
        test.arg(root().join("target/kit")).current_dir(&project);
        test
    };
    done(&mut test());
    done(&mut plugin(&project, "build", &[]));
    assert_eq!(
        lock(),
        made,
        "the lock of the template is not what cargo makes of it"
    );
    // After cloning, a build is all that it takes; what the author has in cargo's configuration stays.
    std::fs::remove_dir_all(project.join(".attune")).unwrap();
    assert!(!test().output().unwrap().status.success());
    done(&mut plugin(&project, "build", &["--native"]));
    done(&mut test());
    assert_eq!(lock(), made);
}

/// What may stand in a shell or above a project, and has nothing to do with a plugin.
const CARGO_CONFIG: &str = r#"
[build]
target = "wasm32-unknown-unknown"
target-dir = "/nowhere/target"
rustflags = ["-Copt-level=0", "--cfg=mine"]
rustc-wrapper = "/nowhere/wrapper"
rustc-workspace-wrapper = "/nowhere/wrapper"
[target.wasm32-unknown-unknown]
rustflags = ["-Copt-level=1"]
[profile.release]
overflow-checks = true
debug-assertions = true
lto = "off"
incremental = true
[profile.release.package."*"]
opt-level = 0
debug-assertions = true
[profile.dev]
debug-assertions = true
overflow-checks = true
panic = "abort"
"#;

const VARIABLES: [(&str, &str); 14] = [
    ("CARGO_BUILD_TARGET", "wasm32-unknown-unknown"),
    ("CARGO_TARGET_DIR", "/nowhere/target"),
    ("CARGO_BUILD_TARGET_DIR", "/nowhere/target"),
    ("CARGO_BUILD_RUSTFLAGS", "-Copt-level=0"),
    (
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
        "-Copt-level=0",
    ),
    ("CARGO_ENCODED_RUSTFLAGS", "-Copt-level=0"),
    ("RUSTFLAGS", "-Copt-level=0 --cfg=mine"),
    ("RUSTC_WRAPPER", "/nowhere/wrapper"),
    ("RUSTC_WORKSPACE_WRAPPER", "/nowhere/wrapper"),
    ("CARGO_BUILD_RUSTC_WRAPPER", "/nowhere/wrapper"),
    ("CARGO_INCREMENTAL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
    ("CARGO_PROFILE_DEV_PANIC", "abort"),
];

#[test]
fn what_cargo_is_told_elsewhere_changes_no_byte_and_tests_no_other_library() {
    let folder = tempfile::tempdir().unwrap();
    let project = new(folder.path(), "some-words", "shaper");
    let first = sha(&done(&mut plugin(&project, "build", &[])));
    std::fs::create_dir(folder.path().join(".cargo")).unwrap();
    std::fs::write(folder.path().join(".cargo/config.toml"), CARGO_CONFIG).unwrap();
    let other = || {
        let mut commands = ["build", "test"].map(|verb| plugin(&project, verb, &[]));
        for command in &mut commands {
            command.envs(VARIABLES);
        }
        commands
    };
    let [mut build, mut test] = other();
    assert_eq!(first, sha(&done(&mut build)));
    let said = done(&mut test);
    assert!(said.contains(" 0 failed, natively"), "{said}");
    // What is tested natively is what stands in the source, and not what an earlier build left.
    replace_in(
        &project.join("src/lib.rs"),
        "-self.0.per_word",
        "-3.0 * self.0.per_word",
    );
    let [_, mut test] = other();
    assert!(failure(test.args(["--in", "native"])).contains("golden cases failed natively"));
    assert!(project.join("target/plugins/some-words.wasm").is_file());
}

#[test]
fn what_interpreters_are_told_elsewhere_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    for module in ["json.py", "sitecustomize.py", "componentize_py.py"] {
        std::fs::write(broken.join(module), "raise SystemExit('not this one')\n").unwrap();
    }
    for lang in ["python", "js"] {
        let project = new_in(lang, folder.path(), &format!("calm-{lang}"), "labeler");
        let first = sha(&done(&mut plugin(&project, "build", &[])));
        std::fs::remove_dir_all(project.join("target")).unwrap();
        let mut build = plugin(&project, "build", &[]);
        build
            .env("PYTHONPATH", &broken)
            .env("PYTHONHOME", &broken)
            .env("PYTHONSTARTUP", broken.join("json.py"))
            .env("PYTHONWARNINGS", "error")
            .env("VIRTUAL_ENV", &broken)
            .env("NODE_OPTIONS", "--require /nowhere/module.js")
            .env("NODE_PATH", &broken)
            .env("NODE_ENV", "production")
            .env("RUST_BACKTRACE", "full")
            .env("LC_ALL", "C")
            .env("npm_config_global", "true");
        assert_eq!(first, sha(&done(&mut build)), "{lang}");
        if lang == "python" {
            let mut test = plugin(&project, "test", &[]);
            let said = done(test.env("PYTHONPATH", &broken).env("PYTHONHOME", &broken));
            assert!(said.contains(" 0 failed, natively"), "{said}");
        }
    }
}

#[test]
fn a_workspace_above_a_project_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("Cargo.toml");
    std::fs::create_dir(folder.path().join("plugins")).unwrap();
    std::fs::write(&manifest, "[workspace]\nmembers = [\"plugins/*\"]\n").unwrap();
    let arguments = ["few-words", "--kind", "shaper", "--in", "plugins"];
    let message = failure(&mut plugin(folder.path(), "new", &arguments));
    assert!(
        message.contains("exclude = [\"plugins/few-words\"]"),
        "{message}"
    );
    assert!(!folder.path().join("plugins/few-words").exists());
    std::fs::write(
        &manifest,
        "[workspace]\nmembers = [\"plugins/*\"]\nexclude = [\"plugins/few-words\"]\n",
    )
    .unwrap();
    done(&mut plugin(folder.path(), "new", &arguments));
    let said = done(&mut plugin(folder.path(), "test", &["plugins/few-words"]));
    assert!(said.contains(" 0 failed, natively"), "{said}");
}
