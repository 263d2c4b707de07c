//! Plugins that a config trusts natively: the same answers as their components, recorded as held by no
//! sandbox, and never loaded unless somebody said so.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attune::plugin::{self, Limits, Spec, TokenizerHost};
use attune::role::{CallContext, Group, Outcome, Query, Sample, Split, Trust};
use attune::tokenizer::Tokenizer;
use serde_json::{Value, json};

use crate::support::{Lab, attune, failure, lines, succeed};

const SHIPPED: [&str; 4] = ["continuation", "valence", "repetition", "length"];

const CONTEXT: CallContext = CallContext {
    seed: 11,
    update: 3,
    split: Split::Train,
};

const LEXICON: &str = "good\t1.9\nbad\t-2.5\ngreat\t3.1\nno\t-1.2\nplugin\t0.3\nerror\t-1.7\nfails\t-2.2\nthe\t0.1\n\
     a\t0.07\nplain\t1.31\nof\t0.4\nreward\t1.1\nmodel\t0.9\nσίσυφος\t-3.3\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

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
        limits: Limits {
            // Room for a busy machine.
            deadline: Duration::from_secs(20),
            ..Limits::default()
        },
    }
}

fn bytes() -> Arc<dyn TokenizerHost> {
    Arc::new(Tokenizer::bytes())
}

/// Lines of our own documents, and some that are odd.
fn texts() -> Vec<String> {
    let odd = [
        "",
        " ",
        "a\u{85}c\u{a0}d",
        "so GOOD, hardly good; somewhat bad!",
        "𝄞 ä Σίσυφος ΣΣ",
        "x x x x y x x x",
    ];
    let documents = ["README.md", "docs/plugins.md", "docs/ARCHITECTURE.md"];
    let lines = documents.into_iter().flat_map(|file| {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    odd.into_iter().map(str::to_owned).chain(lines).collect()
}

fn samples(texts: &[String]) -> Vec<Sample> {
    let sample = |(id, text): (usize, &String)| {
        let tokens = Tokenizer::bytes().encode(text);
        let numbers = |scale: f32| (0..tokens.len()).map(|n| scale / (n + 3) as f32).collect();
        Sample {
            id: id as u64,
            query: Query {
                text: "It is not".into(),
                ..Query::default()
            },
            text: text.clone(),
            logprobs: numbers(-1.7),
            ref_logprobs: numbers(-1.3),
            values: numbers(0.1),
            score: (id % 3 > 0).then_some(id as f32 / 7.0),
            tokens,
        }
    };
    texts.iter().enumerate().map(sample).collect()
}

/// What `of` makes of the component must be what it makes of the library, to the bit: numbers are
/// written so that no two of them look alike.
fn twins(name: &str, settings: &Value, of: impl Fn(&Spec) -> String) -> String {
    let [component, library] = [Trust::Sandboxed, Trust::Native].map(|trust| {
        let mut spec = spec(name, trust, settings);
        if name == "valence" {
            let lexicon = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(lexicon.path(), LEXICON).unwrap();
            spec.assets.insert("lexicon".into(), lexicon.path().into());
            return of(&spec);
        }
        of(&spec)
    });
    assert!(component == library, "{name}: {settings}");
    library
}

#[test]
fn shapers_answer_the_same_bits() {
    let samples = samples(&texts());
    for (name, settings) in [
        ("length", json!({})),
        ("length", json!({"target": 7, "scale": 3.3})),
        (
            "length",
            json!({"unit": "tokens", "target": 60, "scale": 0.7}),
        ),
        ("repetition", json!({})),
    ] {
        let said = twins(name, &settings, |spec| {
            let shaper = plugin::load_shaper(spec, bytes()).unwrap();
            assert_eq!(shaper.identity().unsandboxed, spec.trust == Trust::Native);
            format!("{:?}", shaper.shape(CONTEXT, &samples).unwrap())
        });
        assert!(said.matches("Value").count() == samples.len(), "{name}");
    }
}

#[test]
fn labelers_answer_the_same_bits() {
    let texts = texts();
    let group = |(id, responses): (usize, &[String])| Group {
        id: id as u64,
        query: Query {
            text: "It is not".into(),
            ..Query::default()
        },
        responses: responses.to_vec(),
    };
    let groups: Vec<Group> = texts.chunks(3).enumerate().map(group).collect();
    for (name, settings) in [
        ("valence", json!({})),
        (
            "valence",
            json!({"judge": "text", "alpha": 3.7, "tie_margin": 0.1, "negation_window": 1}),
        ),
        ("letters", json!({})),
    ] {
        twins(name, &settings, |spec| {
            let labeler = plugin::load_labeler(spec, bytes()).unwrap();
            let hints = labeler.annotate(CONTEXT, &groups).unwrap();
            format!("{:?} {hints:?}", labeler.judge(CONTEXT, &groups).unwrap())
        });
    }
}

#[test]
fn tasks_answer_the_same_bits() {
    let texts = texts();
    let samples = samples(&texts);
    let row = |(number, text): (usize, &String)| {
        let row = match number % 3 {
            0 => json!(text),
            1 => json!({"text": text, "tldr": "short"}),
            _ => json!({"text": 3, "tldr": text}),
        };
        (number as u64, row.to_string())
    };
    let rows: Vec<(u64, String)> = texts.iter().enumerate().map(row).collect();
    for settings in [
        json!({}),
        json!({"query_len": 9, "start_text": "", "end_text": " ", "truncate_token": "e",
               "truncate_after": 5, "prefix": "Q:", "suffix": " A:", "penalty": -0.3}),
    ] {
        let said = twins("continuation", &settings, |spec| {
            let task = plugin::load_task(spec, bytes()).unwrap();
            let queries = task.queries(CONTEXT, &rows).unwrap();
            let made: Vec<Query> = queries
                .iter()
                .filter_map(|query| query.value().cloned())
                .collect();
            format!(
                "{:?} {queries:?} {:?} {:?} {:?}",
                task.layout(),
                task.finish(CONTEXT, &samples).unwrap(),
                task.evaluate(CONTEXT, &samples).unwrap(),
                task.baselines(CONTEXT, &made).unwrap(),
            )
        });
        assert!(said.contains("Query {"), "{settings}");
    }
}

#[test]
fn golden_cases_pass_natively() {
    let tokenizer = Tokenizer::bytes();
    let mut count = 0;
    for name in SHIPPED {
        let folder = root().join("plugins").join(name);
        for case in attune::golden::read(&folder.join("cases.jsonl")).unwrap() {
            let mut spec = spec(name, Trust::Native, &case.settings);
            let assets = case.assets.iter();
            spec.assets = assets
                .map(|(name, path)| (name.clone(), folder.join(path)))
                .collect();
            use attune::golden::{Call, Role};
            if case.call == Call::Configure {
                continue;
            }
            let role = match name {
                "continuation" => Role::Task(plugin::load_task(&spec, bytes()).unwrap()),
                "valence" => Role::Labeler(plugin::load_labeler(&spec, bytes()).unwrap()),
                _ => Role::Shaper(plugin::load_shaper(&spec, bytes()).unwrap()),
            };
            let got = attune::golden::ask(&case, &role, &tokenizer)
                .unwrap_or_else(|_| panic!("{name}: {} is not answered", case.name));
            let different = attune::golden::differences(&case.expect, &got, case.tolerance);
            assert!(different.is_empty(), "{name}: {}: {got:?}", case.name);
            count += 1;
        }
    }
    assert!(count > 15, "{count} cases");
}

/// Settings that the plugin cannot use are refused in the same words.
#[test]
fn refusals_are_the_same() {
    let refused = |name: &str, settings: Value| {
        twins(name, &settings, |spec| {
            let refused = match name {
                "continuation" => plugin::load_task(spec, bytes()).err(),
                _ => plugin::load_shaper(spec, bytes()).err(),
            };
            let text = format!("{:#}", refused.unwrap());
            // But for the file's name.
            text.split_once("`: ").unwrap().1.to_owned()
        })
    };
    let text = refused("length", json!({"scale": 0}));
    assert!(text.contains("`/scale`: must be above 0"), "{text}");
    let text = refused("length", json!({"tarket": 0}));
    assert!(text.contains("did you mean `target`?"), "{text}");
    let text = refused("continuation", json!({"end_text": "ab"}));
    assert!(text.contains("/end_text"), "{text}");
}

/// One library, configured in several ways at once, and called from several threads.
#[test]
fn a_library_is_several_plugins() {
    let samples = samples(&texts());
    let load = |target: u64, trust| {
        let settings = json!({"target": target, "scale": 5});
        plugin::load_shaper(&spec("length", trust, &settings), bytes()).unwrap()
    };
    let targets = [3, 9, 27];
    let natives = targets.map(|target| load(target, Trust::Native));
    let components = targets.map(|target| load(target, Trust::Sandboxed));
    std::thread::scope(|scope| {
        for (native, component) in natives.iter().zip(&components) {
            for _ in 0..4 {
                scope.spawn(|| {
                    let answer = native.shape(CONTEXT, &samples).unwrap();
                    assert_eq!(answer, component.shape(CONTEXT, &samples).unwrap());
                });
            }
        }
    });
}

/// What is said of each row of a shaper that misbehaves on every fourth.
fn hostile(mode: &str, trust: Trust) -> Vec<Outcome<attune::role::Shaped>> {
    let spec = spec("hostile-shaper", trust, &json!({"mode": mode}));
    let shaper = plugin::load_shaper(&spec, bytes()).unwrap();
    shaper.shape(CONTEXT, &samples(&texts()[..40])).unwrap()
}

#[test]
fn a_row_that_panics_is_its_own_error() {
    for mode in ["panic", "not-a-number", "error", "too-few-tokens"] {
        let component = hostile(mode, Trust::Sandboxed);
        let native = hostile(mode, Trust::Native);
        for (row, (component, native)) in component.iter().zip(&native).enumerate() {
            match (component, native) {
                (Outcome::Error(component), Outcome::Error(native)) => {
                    // The sandbox knows the frames above as well.
                    let first = |text: &str| text.lines().next().unwrap().to_owned();
                    assert_eq!(first(component), *native, "{mode}: row {row}");
                }
                _ => assert_eq!(component, native, "{mode}: row {row}"),
            }
        }
        let failed = native.iter().filter(|row| matches!(row, Outcome::Error(_)));
        // A row of one token has no fewer.
        assert!(failed.count() >= 5, "{mode}");
    }
    let Outcome::Error(text) = &hostile("panic", Trust::Native)[4] else {
        panic!("row 4 has a value");
    };
    let said = "`shape`: panic: cannot stand row 4 at tests/hostile-shaper/src/lib.rs:";
    assert!(text.starts_with(said), "{text}");
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
    for name in SHIPPED {
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
    for name in SHIPPED {
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
        assert_eq!(plugins.len(), SHIPPED.len());
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
