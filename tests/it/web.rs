//! The pages in a real Chromium, in front of the real server: what `web/tests/label.browser.ts` holds of a server in
//! memory, it holds of this one. By keyboard alone, undone, in two tabs, by two people, and at a hundred random moments
//! broken by a reload, a SIGKILL of the server or a network that is gone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use attune::label::store::Store;
use attune::label::{Comparison, Passage};

use crate::support::{Lab, attune};
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

/// Runs a file of tests in Chromium, with what it needs to know in the environment.
fn browse(file: &str, told: &[(&str, &str)]) {
    let npm = |arguments: &[&str]| {
        let mut command = Command::new("npm");
        command.args(arguments).current_dir(root().join("web"));
        command.env("NO_COLOR", "1").envs(told.iter().copied());
        command.output().unwrap()
    };
    if !root().join("web/node_modules").exists() {
        let install = npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        assert!(install.status.success(), "npm ci failed in web/");
    }
    let tests = npm(&["run", "--silent", "browser", "--", file]);
    assert!(
        tests.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tests.stdout),
        String::from_utf8_lossy(&tests.stderr)
    );
}

#[test]
fn people_label_in_a_real_browser() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.db");
    store(&path);
    browse(
        "tests/label.browser.ts",
        &[
            ("ATTUNE_BINARY", env!("CARGO_BIN_EXE_attune")),
            ("ATTUNE_STORE", path.to_str().unwrap()),
        ],
    );
}

/// A run that asks for 16 choices, in two turns.
const ASKS: &str = r##"
[reward]
batch_size = 4
lr = 1e-3
normalize_samples = 16
rollout_batch = 8
[collect]
by = "people"
responses = 2
initial = 8
total = 16
reward_models = 2
validation_share = 0.25
[people]
title = "Which?"
instructions_text = "# Read\n\nand choose."
mode = "pair"
repeat_every = 0
overlap = 0.0
"##;

/// A program that serves, until it is dropped.
struct Serving {
    child: Child,
    out: Option<BufReader<ChildStdout>>,
}

impl Serving {
    fn begin(mut command: Command) -> Serving {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = child.stdout.take().map(BufReader::new);
        Serving { child, out }
    }

    /// The link that it prints behind this word. What it prints after it is read, so that it never waits for us.
    fn link(&mut self, word: &str) -> String {
        let mut out = self.out.take().unwrap();
        let mut line = String::new();
        while out.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.strip_prefix(word) {
                std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("it ended before it said `{word}`");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_run_asks_in_the_browser_learns_and_its_report_opens() {
    let lab = Lab::new();
    lab.edit("[ppo]", &format!("{ASKS}\n[ppo]"));
    let mut run = Serving::begin(lab.command(&["run"], "run", &[]));
    let link = run.link("label");
    browse(
        "tests/whole.browser.ts",
        &[("ATTUNE_LABEL", &link), ("ATTUNE_ANSWERS", "16")],
    );
    assert!(run.child.wait().unwrap().success());
    let labels = Store::read(&lab.path("run").join("labels.db"));
    assert_eq!(labels.unwrap().labels_under("run-").unwrap().len(), 16);

    let mut command = attune(&["serve"]);
    command.arg(lab.path("run"));
    let mut served = Serving::begin(command);
    let link = served.link("watch");
    browse("tests/whole.browser.ts", &[("ATTUNE_WATCH", &link)]);
}
