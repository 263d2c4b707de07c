//! The pages in a real Chromium, in front of the real server: what `web/tests/label.browser.ts` holds of a server in
//! memory, it holds of this one. By keyboard alone, undone, in two tabs, by two people, and at a hundred random moments
//! broken by a reload, a SIGKILL of the server or a network that is gone.

use std::path::Path;
use std::process::Command;

use attune::label::store::Store;
use attune::label::{Comparison, Passage};

use crate::twins::root;

/// As many as `label.browser.ts` answers at most, and some.
const QUESTIONS: usize = 110;

/// Rules by which all that is asked is work, and each question is one person's.
const PLAIN: &str = "[run]\ndir = \"run\"\n[model]\npath = \"model\"\n[people]\ngold_every = 0\n\
                     repeat_every = 0\noverlap = 0.0\n";

/// A store that asks, with the rules beside it.
fn store(path: &Path) {
    let asked: Vec<Comparison> = (0..QUESTIONS)
        .map(|at| Comparison {
            query: Passage::of_text(format!("Package {at} draws graphs.")),
            responses: ["It draws", "It counts"]
                .map(|says| Passage::of_text(format!("{says}, number {at}.")))
                .into(),
            source: None,
        })
        .collect();
    let keyed = asked.iter().enumerate();
    let keyed = keyed.map(|(at, one)| (format!("run-0/{at:08}"), one));
    Store::create(path).unwrap().ask(keyed).unwrap();
    std::fs::write(path.with_file_name("people.toml"), PLAIN).unwrap();
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(root().join("web"));
    command
}

#[test]
fn people_label_in_a_real_browser() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.db");
    store(&path);
    if !root().join("web/node_modules").exists() {
        let install = npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).output();
        assert!(install.unwrap().status.success(), "npm ci failed in web/");
    }
    let tests = npm(&["run", "--silent", "browser", "--", "tests/label.browser.ts"])
        .env("ATTUNE_BINARY", env!("CARGO_BIN_EXE_attune"))
        .env("ATTUNE_STORE", &path)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(
        tests.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tests.stdout),
        String::from_utf8_lossy(&tests.stderr)
    );
}
