//! A plugin's life by the commands of the kit: made, built, tested, checked, locked, replayed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::support::{Lab, attune, failure, lines};

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
fn from_nothing_to_training() {
    let edit = ("-self.0.per_word", "-2.0 * self.0.per_word");
    from_nothing("rust", "src/lib.rs", edit);
}

#[test]
fn from_nothing_to_training_in_python() {
    let edit = ("-f32(self", "-2 * f32(self");
    from_nothing("python", "few_words.py", edit);
}

/// Made, built, tested, edited by a line, tested again, checked, and trained with.
#[allow(
    clippy::print_stdout,
    reason = "says how long an author waits, where a test's words are shown"
)]
fn from_nothing(lang: &str, source: &str, (from, to): (&str, &str)) {
    let lab = Lab::new();
    let begun = Instant::now();
    let project = new_in(lang, &lab.path("."), "few-words", "shaper");
    done(&mut plugin(&project, "build", &[]));
    let passed = done(&mut plugin(&project, "test", &[]));
    let natively = passed.contains("2 passed, 0 failed, natively");
    assert!(
        passed.contains("2 passed, 0 failed, in WebAssembly"),
        "{passed}"
    );
    assert!(natively, "{passed}");
    println!(
        "new, built and tested in {:.1} s",
        begun.elapsed().as_secs_f64()
    );

    // One line is edited: the plugin answers otherwise, and the case says where.
    let edited = Instant::now();
    replace_in(&project.join(source), from, to);
    let mut test = plugin(&project, "test", &[]);
    let said = String::from_utf8(test.output().unwrap().stdout).unwrap();
    for part in [
        "FAIL words above",
        "row 1, terms.words",
        "- expected -1.5",
        "+ got      -3",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    println!(
        "from an edit to its result in {:.1} s",
        edited.elapsed().as_secs_f64()
    );
    assert!(failure(&mut test).contains("--update"));
    done(&mut plugin(&project, "test", &["--update"]));
    done(&mut plugin(&project, "test", &[]));
    let checked = done(&mut plugin(&project, "check", &[]));
    for part in [
        "contract",
        "size",
        "settings",
        "2 golden cases pass",
        "the same bits again",
    ] {
        assert!(checked.contains(part), "`{part}` is not in: {checked}");
    }

    lab.edit(
        "[ppo]",
        "[[shaper]]\nplugin = \"few-words/target/plugins/few-words.wasm\"\n[ppo]",
    );
    let trained = lab.train("run", &[]);
    assert_eq!(trained.metric("shaper/few-words/words").len(), 6);
    println!(
        "from nothing to a trained policy in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
}

#[test]
fn every_kind_builds_and_passes_its_tests_as_made() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["task", "labeler", "shaper"] {
        let project = new(folder.path(), &format!("my-{kind}"), kind);
        let said = done(&mut plugin(folder.path(), "test", &[&format!("my-{kind}")]));
        assert!(said.contains("0 failed"), "{said}");
        done(&mut plugin(&project, "check", &[]));
        // Without WebAssembly, as an author who looks for a mistake would.
        let mut native = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        native
            .args(["test", "--quiet", "--target-dir"])
            .arg(root().join("target/kit"));
        done(native.current_dir(&project));
        let readme = std::fs::read_to_string(project.join("README.md")).unwrap();
        assert!(
            readme.contains("attune plugin build") && !readme.contains("{{"),
            "{readme}"
        );
    }
}

/// Python with the SDK on its path, about to run in `folder`.
fn python(folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", root().join("sdk/python"));
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder);
    command
}

#[test]
fn every_kind_in_python_passes_its_tests_as_made() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["task", "labeler", "shaper"] {
        let project = new_in("python", folder.path(), &format!("my-{kind}"), kind);
        done(python(&project).args(["-m", "unittest"]));
        let class = format!("My{}{}", kind[..1].to_uppercase(), &kind[1..]);
        answers_natively(&project, &format!("my_{kind}"), &class);
        if kind != "shaper" {
            let said = done(&mut plugin(&project, "test", &[]));
            assert!(said.contains(" 0 failed"), "{said}");
        }
    }
}

#[test]
fn reward_functions_from_elsewhere_are_plugins() {
    for (folder, module, class) in [
        ("trl", "whole_sentences", "WholeSentences"),
        ("verl", "right_answer", "RightAnswer"),
        ("openrlhf", "short_enough", "ShortEnough"),
    ] {
        answers_natively(&root().join("examples/migrate").join(folder), module, class);
    }
}

/// Puts the golden cases of a Python project to its class, without WebAssembly.
fn answers_natively(project: &Path, module: &str, class: &str) {
    let cases = std::fs::read_to_string(project.join("cases.jsonl")).unwrap();
    let cases = attune::golden::parse(&cases).unwrap();
    let script = format!(
        "import json, attune_sdk.cases as cases, attune_sdk.testing as testing, {module} as plugin\n\
         testing.use_bytes()\n\
         for line in open('cases.jsonl'): print(json.dumps(cases.answer(plugin.{class}, json.loads(line))))"
    );
    let said = done(python(project).args(["-c", &script]));
    assert_eq!(said.lines().count(), cases.len());
    for (case, line) in cases.iter().zip(said.lines()) {
        let answers: Vec<serde_json::Value> = serde_json::from_str(line).unwrap();
        let differences = attune::golden::differences(&case.expect, &answers, case.tolerance);
        assert!(differences.is_empty(), "{}: {differences:?}", case.name);
    }
}

#[test]
fn the_same_source_gives_the_same_bytes_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let sha = |said: String| said.lines().last().unwrap().to_owned();
    let one = new(folder.path(), "some-words", "labeler");
    let deeper = folder.path().join("a/b");
    std::fs::create_dir_all(&deeper).unwrap();
    let other = new(&deeper, "some-words", "labeler");
    let first = sha(done(&mut plugin(&one, "build", &[])));
    assert!(first.starts_with("sha256 "), "{first}");
    assert_eq!(first, sha(done(&mut plugin(&other, "build", &[]))));
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
    refused(
        "new",
        &["a", "--kind", "task", "--sdk", "."],
        &["no SDK", "--sdk"],
    );
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
}

#[test]
fn golden_files_that_are_wrong_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases.jsonl");
    let good = r#"{"name":"a","call":"shape","rows":[{"response":"b"}],"expect":[{"terms":{}}]}"#;
    for (line, parts) in [
        ("{", &["line 2"][..]),
        (
            r#"{"name":"b","call":"shave","rows":[]}"#,
            &["line 2", "`call`", "shave"],
        ),
        (
            r#"{"name":"b","call":"shape","row":[]}"#,
            &["line 2", "row"],
        ),
        (good, &["line 2", "second case", "`a`"]),
        (
            r#"{"name":"b","call":"shape","rows":[]}"#,
            &["line 2", "`rows` is empty"],
        ),
        (
            r#"{"name":"b","call":"shape","rows":[{}],"expect":[1,2]}"#,
            &["2 answers, not 1"],
        ),
        (
            r#"{"name":"b","call":"shape","rows":[{}],"tolerance":-1}"#,
            &["`tolerance`", "-1"],
        ),
        (
            r#"{"name":"b","call":"shape","rows":[{}]} {}"#,
            &["line 2", "more after the case"],
        ),
    ] {
        std::fs::write(&cases, format!("{good}\n{line}\n")).unwrap();
        let arguments = ["length", "--cases", cases.to_str().unwrap()];
        let message = failure(&mut plugin(folder.path(), "test", &arguments));
        for part in parts.iter().chain(&["cases.jsonl"]) {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
    // What is wrong with the rows of one case is that case's failure.
    let bad =
        r#"{"name":"b","call":"shape","rows":[{"tokens":[1,2],"logprobs":[0.5]}],"expect":[{}]}"#;
    let other = r#"{"name":"c","call":"judge","rows":[{"responses":["a"]}],"expect":[{}]}"#;
    std::fs::write(&cases, format!("{bad}\n{other}\n")).unwrap();
    let mut test = plugin(
        folder.path(),
        "test",
        &["length", "--cases", cases.to_str().unwrap()],
    );
    let said = String::from_utf8(test.output().unwrap().stdout).unwrap();
    assert!(
        said.contains("row 0: `logprobs` has 1 numbers for 2 tokens"),
        "{said}"
    );
    assert!(said.contains("a shaper has no `judge`"), "{said}");
}

#[test]
fn shipped_plugins_have_golden_cases_and_pass() {
    for name in ["continuation", "valence", "repetition", "length"] {
        let folder = root().join("plugins").join(name);
        let said = done(&mut plugin(
            &folder,
            "test",
            &[name, "--cases", "cases.jsonl", "--in", "both"],
        ));
        for place in ["in WebAssembly", "natively"] {
            assert!(said.contains(&format!(" 0 failed, {place}")), "{said}");
        }
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.len() > 200, "{name}: {readme}");
    }
    for name in ["continuation", "valence", "length"] {
        let folder = root().join("plugins/python").join(name);
        let component = format!("{name}-py");
        let arguments = [component.as_str(), "--cases", "cases.jsonl"];
        let said = done(&mut plugin(&folder, "test", &arguments));
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
        message.contains("there is no native build of `length`"),
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
fn a_locked_experiment_refuses_another_plugin() {
    let lab = Lab::new();
    let component = |name: &str| root().join("target/test-plugins").join(name);
    std::fs::copy(component("letters.wasm"), lab.path("mine.wasm")).unwrap();
    lab.edit("plugin = \"letters\"", "plugin = \"mine.wasm\"");
    let config = lab.path("config.toml").display().to_string();
    let said = done(&mut plugin(&lab.path("."), "lock", &[&config]));
    assert!(
        said.contains("continuation") && said.contains("letters"),
        "{said}"
    );
    let locked = std::fs::read_to_string(lab.path("config.lock")).unwrap();
    lab.train("run", &["--set", "ppo.total_episodes=16"]);

    // The file changes under the experiment: both hashes are named.
    std::fs::copy(component("hostile.wasm"), lab.path("mine.wasm")).unwrap();
    let message = lab.refused("other", &[]);
    assert!(
        message.contains("config.lock") && message.contains("attune plugin lock"),
        "{message}"
    );
    std::fs::copy(
        root().join("target/plugins/valence.wasm"),
        lab.path("mine.wasm"),
    )
    .unwrap();
    let changed = changed_letters(&lab, &component("letters.wasm"));
    let message = lab.refused("other", &[]);
    let old = locked.lines().rfind(|line| line.starts_with("sha256"));
    let old = old.unwrap();
    assert!(
        message.contains(old.split('"').nth(1).unwrap()),
        "{message}"
    );
    assert!(message.contains(&changed), "{message}");

    // A run that goes on with it says so for ever.
    let resume = ["--set", "ppo.total_episodes=16", "--resume"];
    let message = lab.refused("run", &resume);
    assert!(message.contains(&changed), "{message}");
    lab.train("run", &[&resume[..], &["--allow-changed-plugins"]].concat());
    let events = lines(&lab.path("run/events.jsonl"));
    assert_eq!(events[0]["event"], "plugin changed");
    assert_eq!(events[0]["now"]["sha256"], changed.as_str());
    // So does one that begins with what the lock does not have.
    let begun = ["--set", "ppo.total_episodes=16", "--allow-changed-plugins"];
    lab.train("begun", &begun);
    let events = lines(&lab.path("begun/events.jsonl"));
    assert_eq!(events[0]["event"], "plugin not as locked");
    assert_eq!(events[0]["now"]["sha256"], changed.as_str());
    done(&mut plugin(&lab.path("."), "lock", &[&config]));
    lab.train("other", &["--set", "ppo.total_episodes=16"]);
}

#[test]
fn a_run_that_went_on_with_another_plugin_is_that_plugin_s_from_there() {
    let lab = Lab::new();
    let letters = root().join("target/test-plugins/letters.wasm");
    std::fs::copy(&letters, lab.path("mine.wasm")).unwrap();
    lab.edit("plugin = \"letters\"", "plugin = \"mine.wasm\"");
    lab.train("run", &[]);
    // Its last two updates are made again by another plugin.
    let last = lab.path("run/checkpoints/update-000006");
    std::fs::remove_dir_all(last).unwrap();
    let manifest = || std::fs::read_to_string(lab.path("run/manifest.json")).unwrap();
    let begun = manifest();
    let changed = changed_letters(&lab, &letters);
    lab.refused("run", &["--resume"]);
    assert_eq!(manifest(), begun, "a refusal leaves the run as it was");
    lab.train("run", &["--resume", "--allow-changed-plugins"]);
    assert!(manifest().contains(&changed));

    // It goes on with that one, and no longer with the first.
    lab.train("run", &["--resume"]);
    std::fs::copy(&letters, lab.path("mine.wasm")).unwrap();
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains(&changed), "{message}");
    assert_eq!(lines(&lab.path("run/events.jsonl")).len(), 1);
}

/// Puts the same plugin with other bytes in place: a custom section more. Returns its hash.
fn changed_letters(lab: &Lab, letters: &Path) -> String {
    let mut bytes = std::fs::read(letters).unwrap();
    bytes.extend([0, 3, 1, b'x', b'y']);
    lab.write("mine.wasm", &bytes);
    let json = done(&mut plugin(
        &lab.path("."),
        "describe",
        &["mine.wasm", "--json"],
    ));
    let about: serde_json::Value = serde_json::from_str(&json).unwrap();
    about["sha256"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_replayed_with_another_plugin() {
    let lab = Lab::new();
    lab.edit("[ppo]", "[[shaper]]\nplugin = \"length\"\n[ppo]");
    lab.train("run", &[]);
    let at = lab.path(".");
    // With itself, nothing changes.
    let said = done(&mut plugin(&at, "replay", &["run", "--plugin", "length"]));
    assert!(said.contains("48 responses of 6 updates"), "{said}");
    assert!(
        said.contains("changed 0, failed 0") && said.contains("kept: 100.0 %"),
        "{said}"
    );
    let said = done(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "length", "--set", "scale=3"],
    ));
    assert!(
        !said.contains("changed 0") && said.contains("change"),
        "{said}"
    );
    let json = done(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "repetition", "--json"],
    ));
    let rows: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 48);
    assert_eq!(rows[0]["against"], "length");
    assert!(
        rows.iter()
            .all(|row| row["before"].is_number() && row["now"].is_number())
    );
    let message = failure(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "continuation"],
    ));
    assert!(message.contains("is a task"), "{message}");
    let message = failure(&mut plugin(
        &at,
        "replay",
        &["run", "--plugin", "length", "--against", "lenght"],
    ));
    assert!(message.contains("no scores of `lenght`"), "{message}");
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
