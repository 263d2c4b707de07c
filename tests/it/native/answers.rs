//! The same answers as a component's, to the bit; and the same words where there is none.

use attune::plugin;
use attune::role::{Group, Outcome, Query};
use attune::tokenizer::Tokenizer;
use serde_json::json;

use super::*;
use crate::twins::{CONTEXT, bytes, samples, texts};

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
        ("overlap", json!({"shortest": 3, "copied_words": 1})),
        (
            "brevity-coverage",
            json!({"faithfulness": 0.3, "target": 2}),
        ),
        ("descriptive", json!({"repeat": 0.7, "full": 0.1})),
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
                "repetition" | "length" => {
                    Role::Shaper(plugin::load_shaper(&spec, bytes()).unwrap())
                }
                _ => Role::Labeler(plugin::load_labeler(&spec, bytes()).unwrap()),
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
