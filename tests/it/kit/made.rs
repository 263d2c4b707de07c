//! Projects as they are made: from nothing to a trained policy, and the same bytes wherever they lie.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::{done, new, new_in, plugin, replace_in, root};
use crate::support::{Lab, attune, failure};

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

#[test]
fn from_nothing_to_training_in_javascript() {
    let edit = ("-Math.fround", "-2 * Math.fround");
    from_nothing("js", "few-words.js", edit);
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
    let natively = passed.contains(match lang {
        "js" => "not tested natively: a plugin in JavaScript",
        _ => "2 passed, 0 failed, natively",
    });
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
fn every_kind_in_javascript_passes_its_tests_as_made() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["task", "labeler"] {
        let project = new_in("js", folder.path(), &format!("my-{kind}"), kind);
        let said = done(&mut plugin(&project, "test", &[]));
        assert!(said.contains(" 0 failed"), "{said}");
        done(&mut plugin(&project, "check", &[]));
        let message = failure(&mut plugin(&project, "test", &["--in", "native"]));
        assert!(
            message.contains("in JavaScript runs in WebAssembly alone"),
            "{message}"
        );
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
    // So does the SDK elsewhere, where its crate has another name to cargo.
    let another = folder.path().join("another");
    std::fs::create_dir(&another).unwrap();
    let sdk = another.join("sdk");
    let copied = Command::new("cp")
        .arg("-R")
        .arg(root().join("sdk"))
        .arg(&sdk)
        .status();
    assert!(copied.unwrap().success());
    let workspace = another.join("Cargo.toml");
    std::fs::copy(root().join("Cargo.toml"), &workspace).unwrap();
    for line in ["members", "default-members"] {
        let text = std::fs::read_to_string(&workspace).unwrap();
        let begun = format!("{line} = [");
        let old = text.lines().find(|text| text.starts_with(&begun)).unwrap();
        replace_in(&workspace, old, &format!("{line} = [\"sdk\"]"));
    }
    let place = format!("attune-sdk = {{ path = {:?} }}", sdk.display().to_string());
    replace_in(&other.join("Cargo.toml"), "attune-sdk = \"0.1\"", &place);
    assert_eq!(first, sha(done(&mut plugin(&other, "build", &[]))));
}

/// Functions that machines' libraries compute with other last bits.
const FUNCTIONS: &str = "x.exp(), x.exp2(), x.exp_m1(), x.ln(), x.ln_1p(), x.log2(), x.log10(), x.powf(2.7), TEN.powf(x), \
     x.sin(), (50.0 * x).cos(), x.tan(), (1.0 / (1.0 + x)).asin(), (1.0 / (1.0 + x)).acos(), x.atan(), \
     x.atan2(0.3), x.sinh(), x.cosh(), x.tanh(), x.cbrt(), x.hypot(1.7), x.sin_cos().1";

#[test]
fn functions_of_numbers_have_the_same_bits_natively() {
    let folder = tempfile::tempdir().unwrap();
    let project = new(folder.path(), "curves", "shaper");
    let source = project.join("src/lib.rs");
    let names = (0..2 * FUNCTIONS.matches("), ").count() + 2).map(|term| format!("\"f{term}\""));
    let names: Vec<String> = names.collect();
    replace_in(&source, "&[\"words\"]", &format!("&[{}]", names.join(", ")));
    let body =
        |of: &str| format!("{{ const TEN: {of} = 10.0; let x = x as {of}; vec![{FUNCTIONS}] }}");
    let shape = format!(
        "let x = 0.013 + 0.0737 * row.response_text().len() as f32;
        let mut terms: Vec<f32> = {};
        let wide: Vec<f64> = {};
        terms.extend(wide.into_iter().map(|y| y as f32));
        if x > 0.0 {{
            return Ok(Shaped {{ terms, ..Shaped::default() }});
        }}
        let words = ",
        body("f32"),
        body("f64")
    );
    replace_in(&source, "let words = ", &shape);
    let rows = (0..200).map(|len| serde_json::json!({"response": "y".repeat(len)}));
    let rows: Vec<_> = rows.collect();
    let case = serde_json::json!({"name": "curves", "call": "shape", "rows": rows});
    std::fs::write(project.join("cases.jsonl"), format!("{case}\n")).unwrap();
    done(&mut plugin(&project, "test", &["--update"]));
    done(&mut plugin(&project, "test", &[]));
}

#[test]
fn what_projects_have_in_common_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    let built = |name: &str| {
        let project = new(folder.path(), name, "shaper");
        // A folder of its own: cargo compiles all anew after a build that renames other paths, and other tests make some.
        let target = folder.path().join("target");
        let mut build = attune(&["plugin", "build", "--target-dir"]);
        let output = build.arg(target).current_dir(&project).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        said
    };
    built("first");
    let said = built("second");
    let is_compiled = |line: &&str| line.trim_start().starts_with("Compiling ");
    let compiled = said.lines().filter(is_compiled).count();
    assert_eq!(compiled, 1, "{said}");
}

#[test]
fn projects_of_one_name_are_not_taken_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let made = ["a", "b"].map(|place| {
        let place = folder.path().join(place);
        std::fs::create_dir(&place).unwrap();
        new(&place, "twin-words", "shaper")
    });
    // Edited before the other is built: by its times alone it would be thought to be built.
    replace_in(
        &made[1].join("src/lib.rs"),
        "-self.0.per_word",
        "-7.0 * self.0.per_word",
    );
    for place in ["native", "wasm"] {
        let test = |project| plugin(project, "test", &["--in", place]);
        done(&mut test(&made[0]));
        assert!(failure(&mut test(&made[1])).contains("golden cases failed"));
        done(&mut test(&made[0]));
    }
}
