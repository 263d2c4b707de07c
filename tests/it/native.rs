//! Plugins that a config trusts natively: the same answers as their components, recorded as held by no
//! sandbox, and never loaded unless somebody said so.

use std::path::{Path, PathBuf};

use attune::plugin::Spec;
use attune::role::Trust;
use serde_json::Value;

use crate::support::{Lab, attune, failure, lines, succeed};
use crate::twins::{patient, root};

mod answers;

const SHIPPED: [&str; 7] = [
    "continuation",
    "valence",
    "overlap",
    "brevity-coverage",
    "descriptive",
    "repetition",
    "length",
];

/// Those in the lab's config.
const IN_LAB: [&str; 4] = ["continuation", "valence", "repetition", "length"];

const LEXICON: &str = "good\t1.9\nbad\t-2.5\ngreat\t3.1\nno\t-1.2\nplugin\t0.3\nerror\t-1.7\nfails\t-2.2\nthe\t0.1\n\
     a\t0.07\nplain\t1.31\nof\t0.4\nreward\t1.1\nmodel\t0.9\nσίσυφος\t-3.3\n";

/// A plugin's file: `cargo xtask plugins` leaves component and library side by side.
fn built(name: &str, trust: Trust) -> PathBuf {
    let ending = match trust {
        Trust::Sandboxed => ".wasm",
        Trust::Native => std::env::consts::DLL_SUFFIX,
    };
    let folder = match SHIPPED.contains(&name) {
        true => "target/plugins",
        false => "target/test-plugins",
    };
    root().join(folder).join(format!("{name}{ending}"))
}

fn spec(name: &str, trust: Trust, settings: &Value) -> Spec {
    Spec {
        path: built(name, trust),
        trust,
        settings: settings.clone(),
        assets: [].into(),
        limits: patient(),
    }
}

/// A lab whose every plugin is shipped, on which a run depends.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("lexicon.txt", LEXICON);
    lab.edit(
        "plugin = \"letters\"",
        "plugin = \"valence\"\nassets.lexicon = \"lexicon.txt\"",
    );
    lab.edit(
        "[ppo]",
        "[[shaper]]\nplugin = \"length\"\n[[shaper]]\nplugin = \"repetition\"\n[ppo]",
    );
    lab
}

fn trust_all(lab: &Lab) {
    for name in IN_LAB {
        let named = format!("plugin = \"{name}\"\n");
        lab.edit(&named, &format!("{named}trust = \"native\"\n"));
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_is_the_same_and_says_what_it_was() {
    let lab = lab();
    let sandboxed = lab.train("sandboxed", &["--sandboxed-only"]);
    assert!(!sandboxed.stderr.contains("natively"));
    trust_all(&lab);
    let native = lab.train("native", &[]);
    native.assert_same(&sandboxed, "native");
    for name in IN_LAB {
        let warning = native
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning: ") && line.contains("runs natively"))
            .filter(|line| line.contains(&format!("/{name}{}`", std::env::consts::DLL_SUFFIX)));
        assert_eq!(warning.count(), 1, "{}", native.stderr);
    }
    // The record says so, wherever it says who played a role; and nothing of those that were held.
    let states = |run: &str| {
        let manifest = read(&lab.path(run).join("manifest.json"));
        let checkpoint = lab.path(run).join("checkpoints/update-000006/state.json");
        [manifest, read(&checkpoint)]
    };
    for state in states("native") {
        let plugins = state["plugins"].as_array().unwrap();
        assert_eq!(plugins.len(), IN_LAB.len());
        assert!(plugins.iter().all(|one| one["unsandboxed"] == true));
        let sha256 = attune::digest::of_file(&built("continuation", Trust::Native)).unwrap();
        assert_eq!(plugins[0]["sha256"], sha256);
    }
    for state in states("sandboxed") {
        assert!(!state.to_string().contains("unsandboxed"), "{state}");
    }
    // A run does not go on with another trust than it had.
    let message = lab.refused("sandboxed", &["--resume"]);
    assert!(message.contains("trust"), "{message}");
    let plan = lab
        .command(&["plan"], "other", &["--set", "run.device=cpu"])
        .output();
    let plan = String::from_utf8(plan.unwrap().stdout).unwrap();
    assert!(plan.contains("…, unsandboxed)"), "{plan}");
}

#[test]
fn a_library_that_changed_does_not_go_on_with_a_run() {
    let lab = lab();
    let mine = lab.path(&format!("mine{}", std::env::consts::DLL_SUFFIX));
    std::fs::copy(built("length", Trust::Native), &mine).unwrap();
    let named = format!("plugin = \"{}\"", mine.file_name().unwrap().display());
    lab.edit(
        "plugin = \"length\"",
        &format!("{named}\ntrust = \"native\""),
    );
    lab.train("run", &[]);
    std::fs::remove_file(&mine).unwrap();
    std::fs::copy(built("repetition", Trust::Native), &mine).unwrap();
    let message = lab.refused("run", &["--resume"]);
    for part in [
        "`length`",
        "`repetition`",
        ", unsandboxed)",
        "put the old file back",
    ] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    // A lock says how it was loaded, too.
    succeed(&["plugin", "lock", lab.path("config.toml").to_str().unwrap()]);
    let lock = std::fs::read_to_string(lab.path("config.lock")).unwrap();
    assert_eq!(lock.matches("unsandboxed = true").count(), 1, "{lock}");
}

#[test]
fn nothing_runs_natively_unless_it_is_said() {
    let lab = lab();
    let library = built("length", Trust::Native).display().to_string();
    let refuse = |edit: (&str, &str), extra: &[&str], parts: &[&str]| {
        lab.edit(edit.0, edit.1);
        let message = lab.refused("run", extra);
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert!(!message.contains("runs natively"), "{message}");
        assert!(!lab.path("run").exists(), "{message}");
        lab.edit(edit.1, edit.0);
    };
    let length = "plugin = \"length\"";
    refuse(
        (length, &format!("plugin = \"{library}\"")),
        &[],
        &["in [[shaper]]", "machine code", "`trust = \"native\"`"],
    );
    let trusted = "plugin = \"length\"\ntrust = \"native\"";
    for extra in [
        &["--sandboxed-only"][..],
        &["--set", "labeler.trust=native", "--sandboxed-only"],
    ] {
        refuse(
            (length, trusted),
            extra,
            &["--sandboxed-only forbids", "leave out `trust = \"native\"`"],
        );
    }
    refuse(
        (length, "plugin = \"length\"\ntrust = \"blind\""),
        &[],
        &["unknown variant `blind`", "`sandboxed` or `native`"],
    );
    let describe = [
        "--sandboxed-only",
        "plugin",
        "describe",
        "--native",
        "length",
    ];
    let message = failure(&mut attune(&describe));
    assert!(
        message.contains("plugin `length` is to run natively"),
        "{message}"
    );
    // The same flag in another place, and without it.
    let said = succeed(&["plugin", "describe", "--native", "length"]);
    assert!(said.contains(std::env::consts::DLL_SUFFIX), "{said}");
    assert!(succeed(&["plugin", "list", "--sandboxed-only"]).contains("length"));
    lab.train("run", &["--sandboxed-only"]);
}

#[test]
fn files_that_are_no_native_plugins() {
    let lab = lab();
    let suffix = std::env::consts::DLL_SUFFIX;
    let mine = format!("mine{suffix}");
    lab.edit(
        "plugin = \"length\"",
        &format!("plugin = \"{mine}\"\ntrust = \"native\""),
    );
    let refuse = |parts: &[&str]| {
        let message = lab.refused("run", &[]);
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert!(!lab.path("run").exists(), "{message}");
    };
    refuse(&[
        "in [[shaper]]",
        &mine,
        "no plugin file",
        "attune plugin build --native",
    ]);
    let component = std::fs::read(built("length", Trust::Sandboxed)).unwrap();
    let library = std::fs::read(built("length", Trust::Native)).unwrap();
    // The same table, but of a version to come: what its name says is enough.
    let symbol = b"attune_plugin_1_length";
    let mut later = library.clone();
    let places: Vec<usize> = (0..later.len() - symbol.len())
        .filter(|at| later[*at..].starts_with(symbol))
        .collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| later[at + 14] = b'7');
    // A library of the machine's that is no plugin.
    let other = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let cases: [(&[u8], &str); 6] = [
        (b"", "the file is empty"),
        (b"#!/bin/sh", "not a shared library"),
        (&component, "leave out `trust = \"native\"`"),
        (&library[..5000], "shared library"),
        (
            &later,
            "version 7 of the native interface; this Attune supports 1 to 1",
        ),
        (&other, "is no plugin"),
    ];
    for (bytes, what) in cases {
        lab.write(&mine, bytes);
        refuse(&["in [[shaper]]", &mine, what]);
    }
    lab.edit(&format!("\"{mine}\""), "\"lenght\"");
    refuse(&["did you mean `length`?"]);
    // In the wrong place, it is told as a component is.
    lab.edit("\"lenght\"", "\"valence\" # here");
    refuse(&["`valence` is a labeler, not a shaper"]);
    lab.edit("\"valence\" # here", "\"length\"");
    lab.train("run", &[]);
}

#[test]
fn labels_say_who_was_not_held() {
    let lab = lab();
    trust_all(&lab);
    let store = lab.path("labels.db").display().to_string();
    let mut simulate = lab.command(&["label", "simulate"], "run", &["--count", "4"]);
    let output = simulate.args(["--store", &store]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let exported = lab.path("labels.jsonl");
    let file = exported.to_str().unwrap();
    succeed(&[
        "label", "export", file, "--format", "jsonl", "--store", &store,
    ]);
    let labels = lines(&exported);
    assert!(!labels.is_empty());
    for label in labels {
        let version = label["labeler"]["plugin"]["version"].as_str().unwrap();
        assert!(version.ends_with("+unsandboxed"), "{label}");
    }
}
