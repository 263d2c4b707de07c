//! Plugins that are looked at, swapped by a line, and refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune::config::PluginLimits;
use attune::plugin::{self, Limits, Spec};
use attune::role::{CallContext, Group, Judgement, Outcome, Query, Sample, Split, Trust};
use attune::tokenizer::Tokenizer;
use attune::train::score::{Ahead, Linear, Scorers, Source};
use serde_json::json;

use crate::support::{Lab, attune, failure, lines, succeed};

mod refused;

/// Those in Rust, and their kinds.
pub(crate) const SHIPPED: [(&str, &str); 7] = [
    ("continuation", "task"),
    ("valence", "labeler"),
    ("overlap", "labeler"),
    ("brevity-coverage", "labeler"),
    ("descriptive", "labeler"),
    ("repetition", "shaper"),
    ("length", "shaper"),
];

/// A lexicon in which common letters have a rating.
const LEXICON: &str = "a\t2.0\nof\t1.0\nplain\t3.0\nno\t-2.0\n";

pub(crate) fn component(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let place = |folder: &str| {
        root.join("target")
            .join(folder)
            .join(name)
            .with_extension("wasm")
    };
    let shipped = place("plugins");
    if shipped.is_file() {
        shipped
    } else {
        place("test-plugins")
    }
}

#[test]
fn shipped_plugins_describe_themselves() {
    let list = succeed(&["plugin", "list"]);
    for (name, kind) in SHIPPED {
        let line = list
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        assert!(line.is_some_and(|line| line.contains(kind)), "{list}");
        let json = succeed(&["plugin", "describe", name, "--json"]);
        let description: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(description["kind"], kind);
        assert_eq!(description["name"], name);
        assert_eq!(description["sha256"].as_str().unwrap().len(), 64);
        assert!(description["schema"]["properties"].is_object(), "{json}");
        let text = succeed(&["plugin", "describe", name]);
        let setting = description["schema"]["properties"].as_object().unwrap();
        let setting = setting.keys().next().unwrap();
        assert!(text.contains(kind) && text.contains(setting), "{text}");
    }
    let by_path = component("length").display().to_string();
    assert_eq!(
        succeed(&["plugin", "describe", &by_path]),
        succeed(&["plugin", "describe", "length"])
    );
    let message = failure(&mut attune(&["plugin", "describe", "lenght"]));
    assert!(message.contains("did you mean `length`?"), "{message}");
}

/// The whole of a plugin, with its tests, is read in one sitting.
#[test]
fn shipped_plugins_are_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = ["python/continuation", "python/valence", "python/length"];
    for name in SHIPPED.map(|(name, _)| name).into_iter().chain(python) {
        let folder = root.join("plugins").join(name);
        let mut lines = 0;
        for folder in [folder.clone(), folder.join("src")] {
            for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let ending = file.path().extension().unwrap_or_default().to_owned();
                if ending == "rs" || ending == "py" {
                    let text = std::fs::read_to_string(file.path()).unwrap();
                    lines += text.lines().count();
                }
            }
        }
        assert!((20..=150).contains(&lines), "{name}: {lines} lines");
        for file in ["README.md", "cases.jsonl"] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            assert!(text.lines().count() >= 5, "{name}: {file}");
        }
    }
}

/// On snippets of movie reviews, each with the mean of what many people rated.
#[test]
fn valence_agrees_with_people() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.deps/data");
    let spec = Spec {
        path: component("valence"),
        trust: Trust::Sandboxed,
        settings: json!({}),
        assets: [("lexicon".to_owned(), data.join("lexicon.txt"))].into(),
        limits: Limits::default(),
    };
    let labeler = plugin::load_labeler(&spec, Arc::new(Tokenizer::bytes())).unwrap();
    let snippets = lines(&data.join("movie_reviews.test.jsonl"));
    let groups: Vec<Group> = (0..)
        .zip(&snippets)
        .map(|(id, snippet)| Group {
            id,
            query: Query::default(),
            responses: vec![snippet["text"].as_str().unwrap().to_owned()],
        })
        .collect();
    let context = CallContext {
        seed: 1,
        update: 0,
        split: Split::Test,
    };
    let judged = labeler.judge(context, &groups).unwrap();
    let score = |judged: &Outcome<Judgement>| judged.value().unwrap().scores[0];
    let scores: Vec<f64> = judged.iter().map(|one| f64::from(score(one))).collect();
    let ratings: Vec<f64> = snippets
        .iter()
        .map(|snippet| snippet["rating"].as_f64().unwrap())
        .collect();
    let n = scores.len() as f64;
    assert!(n > 2000.0, "{n} snippets");
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mx, my) = (mean(&scores), mean(&ratings));
    let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 {
        a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum()
    };
    let r = product(&scores, mx, &ratings, my)
        / (product(&scores, mx, &scores, mx) * product(&ratings, my, &ratings, my)).sqrt();
    assert!(r >= 0.4, "Pearson's r is {r}");
}

#[test]
fn a_labeler_a_shaper_and_a_task_are_a_line_each() {
    let lab = Lab::new();
    lab.write("lexicon.txt", LEXICON);
    let letters = lab.train("letters", &[]);
    // Another labeler, by the same binary.
    lab.edit(
        "plugin = \"letters\"",
        "plugin = \"valence\"\nsettings.judge = \"text\"\nassets.lexicon = \"lexicon.txt\"",
    );
    let valence = lab.train("valence", &[]);
    assert_ne!(letters.samples, valence.samples);
    assert!(letters.metrics[0].contains_key("labeler/letters/score"));
    assert!(valence.metrics[0].contains_key("labeler/valence/score"));
    assert!(!valence.metrics[0].contains_key("labeler/letters/score"));
    // A shaper and another one.
    lab.edit("[ppo]", "[[shaper]]\nplugin = \"length\"\n[ppo]");
    let length = lab.train("length", &[]);
    assert!(length.metrics[0].contains_key("shaper/length/length"));
    lab.edit("plugin = \"length\"", "plugin = \"repetition\"");
    let repetition = lab.train("repetition", &[]);
    assert_ne!(length.samples, repetition.samples);
    let manifest = std::fs::read_to_string(lab.path("repetition/manifest.json")).unwrap();
    for name in ["continuation", "valence", "repetition"] {
        assert!(manifest.contains(&format!("\"{name}\"")), "{manifest}");
    }
    // A task by its path, under another name.
    std::fs::copy(component("continuation"), lab.path("mine.wasm")).unwrap();
    lab.edit("plugin = \"continuation\"", "plugin = \"mine.wasm\"");
    lab.train("mine", &[])
        .assert_same(&repetition, "the same task under another name");
}

#[test]
fn a_plugin_that_changed_does_not_go_on_with_a_run() {
    let lab = Lab::new();
    std::fs::copy(component("letters"), lab.path("mine.wasm")).unwrap();
    lab.edit("plugin = \"letters\"", "plugin = \"mine.wasm\"");
    lab.train("run", &[]);
    std::fs::copy(component("hostile"), lab.path("mine.wasm")).unwrap();
    let message = lab.refused("run", &["--resume"]);
    for part in ["`letters`", "`hostile`", "put the old file back"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    std::fs::remove_file(lab.path("mine.wasm")).unwrap();
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains("no plugin file"), "{message}");
    std::fs::copy(component("letters"), lab.path("mine.wasm")).unwrap();
    lab.train("run", &["--resume"]);
    // It is known by what it is, and not by where it lies.
    std::fs::rename(lab.path("mine.wasm"), lab.path("moved.wasm")).unwrap();
    lab.edit("plugin = \"mine.wasm\"", "plugin = \"moved.wasm\"");
    lab.train("run", &["--resume"]);
    std::fs::copy(component("hostile"), lab.path("moved.wasm")).unwrap();
    let message = lab.refused("run", &["--resume"]);
    assert!(message.contains("put the old file back"), "{message}");
}

/// What plugins say while the models read is what they say afterwards.
#[test]
fn answers_given_ahead_are_the_same() {
    let lexicon = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(lexicon.path(), LEXICON).unwrap();
    let spec = |name: &str, settings: serde_json::Value| Spec {
        path: component(name),
        trust: Trust::Sandboxed,
        settings,
        assets: match name {
            "valence" => [("lexicon".to_owned(), lexicon.path().to_owned())].into(),
            _ => [].into(),
        },
        limits: Limits::default(),
    };
    let bytes = || Arc::new(Tokenizer::bytes());
    let task = spec("continuation", json!({"truncate_after": 3, "penalty": -2}));
    let task = plugin::load_task(&task, bytes()).unwrap();
    assert!(!task.needs_models());
    let labeler = plugin::load_labeler(&spec("valence", json!({})), bytes()).unwrap();
    let shaper = plugin::load_shaper(&spec("length", json!({"unit": "tokens"})), bytes()).unwrap();
    let whole = Linear {
        offset: 0.25,
        weight: 1.5,
    };
    let scorers = Scorers {
        task: task.into(),
        sources: vec![(Source::Labeler(labeler), whole)],
        shapers: vec![(shaper, 0.5)],
        measures: Vec::new(),
        limits: PluginLimits::default(),
    };
    let texts = ["a plain. of no", "no end at all", ". . . . ", "plain.", ""];
    let bare = |(id, text): (u64, &&str)| Sample {
        id,
        text: (*text).to_owned(),
        tokens: Tokenizer::bytes().encode(text),
        ..Sample::default()
    };
    let bare: Vec<Sample> = (0..).zip(&texts).map(bare).collect();
    let mut samples = bare.clone();
    for sample in &mut samples {
        let column = vec![-1.5; sample.tokens.len()];
        sample.logprobs.clone_from(&column);
        sample.ref_logprobs.clone_from(&column);
        sample.values = column;
    }
    let decode = |_: &[u32], tokens: &[u32]| Tokenizer::bytes().decode(tokens);
    let context = CallContext {
        seed: 3,
        update: 1,
        split: Split::Train,
    };
    let score = |ahead: Ahead| {
        let mut scores = scorers
            .score(context, samples.clone(), ahead, &decode)
            .unwrap();
        scores.plugin_seconds = 0.0;
        format!("{scores:?}")
    };
    let ahead = std::thread::scope(|scope| {
        let readers = scorers.readers();
        let reading = scope.spawn(move || readers.read(context, bare, &decode));
        reading.join().unwrap()
    });
    assert_eq!(score(ahead), score(Ahead::default()));
}
