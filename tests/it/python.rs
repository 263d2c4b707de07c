//! Plugins in Python: equal to their twins in Rust, and as confined as they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use attune::plugin::{self, Spec};
use attune::role::{Group, Outcome, Query, Trust};
use serde_json::{Value, json};

use crate::support::{attune, failure};
use crate::twins::{CONTEXT, bytes, patient, root, samples, texts};

mod odd;

fn spec(file: &str, settings: Value) -> Spec {
    Spec {
        path: root().join("target").join(file).with_extension("wasm"),
        trust: Trust::Sandboxed,
        settings,
        assets: [].into(),
        limits: patient(),
    }
}

#[test]
fn shapers_in_rust_and_python_give_the_same_bits() {
    let samples = samples(&texts());
    for settings in [
        json!({}),
        json!({"target": 7, "scale": 3.3}),
        json!({"unit": "tokens", "target": 60, "scale": 0.7}),
    ] {
        let [rust, python] = ["plugins/length", "plugins/length-py"].map(|file| {
            let shaper = plugin::load_shaper(&spec(file, settings.clone()), bytes()).unwrap();
            shaper.shape(CONTEXT, &samples).unwrap()
        });
        assert_eq!(rust, python);
    }
}

#[test]
fn labelers_in_rust_and_python_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let lexicon = folder.path().join("lexicon.txt");
    let words = "good\t1.9\t0.9\nbad\t-2.5\ngreat\t3.1\n:)\t2.0\nno\t-1.2\nplugin\t0.3\nerror\t-1.7\nfails\t-2.2\n\
                 limit\t-0.4\nthe\t0.1\nit\t0.05\nso\t1.1\nσίσυφος\t-3.3\nplain\t1.31\n";
    std::fs::write(&lexicon, words).unwrap();
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
    for settings in [
        json!({}),
        json!({"judge": "text", "alpha": 3.7, "tie_margin": 0.1, "negation_window": 1}),
    ] {
        let [rust, python] = ["plugins/valence", "plugins/valence-py"].map(|file| {
            let mut spec = spec(file, settings.clone());
            spec.assets.insert("lexicon".into(), lexicon.clone());
            let labeler = plugin::load_labeler(&spec, bytes()).unwrap();
            let hints = labeler.annotate(CONTEXT, &groups).unwrap();
            (labeler.judge(CONTEXT, &groups).unwrap(), hints)
        });
        assert_eq!(rust, python);
        let marked = rust
            .1
            .iter()
            .filter(|hints| !matches!(hints, Outcome::Value(hints) if hints.is_empty()));
        assert!(marked.count() > 20);
    }
}

/// Texts that cleaning changes: each line of our own documents as programs show it that take UTF-8 for Latin-1, once and twice,
/// and what begins news.
fn untidy() -> Vec<String> {
    let misread = |text: &String| text.bytes().map(char::from).collect::<String>();
    let once: Vec<String> = texts().iter().map(misread).collect();
    let twice: Vec<String> = once.iter().take(40).map(misread).collect();
    let news = [
        "By A\nB\n(CNN)  -- x (CNN) -- y\u{2018}z\u{2019}",
        "and Some_one\nUPDATED:\n 12:34 UPDATED: 01:02 | 6\nIt \u{2028}went",
        "PARIS (CNN)\u{a0}It\r\n\r\n\r\n\r\nwent @highlight\n\n so \n@highlight\n\n@highlight on",
        "Itâ€™s “café” â\u{80}\u{9c}x\u{9d} \u{85}\u{81}",
        "&amp;lt; &#x27; &#150; &#xD800; &#1114112; &; &hellip &mdash; &nope; a<b>c &amp;\n&amp;",
        "\u{1b}[1;31mred\u{1b}[x\u{7f} ﬁ ＡＢ\u{3000}\u{feff}\u{fffc}",
    ];
    let news = news.into_iter().map(str::to_owned);
    once.into_iter().chain(twice).chain(news).collect()
}

#[test]
fn tasks_in_rust_and_python_give_the_same_bits() {
    let mut texts = texts();
    texts.extend(untidy());
    let samples = samples(&texts);
    let mut rows: Vec<(u64, String)> = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let row = match number % 3 {
            0 => json!(text),
            1 => json!({"text": text, "tldr": "short"}),
            _ => json!({"text": 3, "tldr": text}),
        };
        rows.push((number as u64, row.to_string()));
    }
    for settings in [
        json!({}),
        json!({"query_len": 9, "start_text": "", "end_text": " ", "truncate_token": "e", "truncate_after": 5,
               "prefix": "Q:", "suffix": " A:", "penalty": -0.3, "min_query_tokens": 4}),
        json!({"reference_field": "tldr", "truncate_token": null}),
        json!({"cleaning": "cnndm", "start_text": "", "end_text": "", "query_len": 4000, "reference_field": "text"}),
        json!({"cleaning": "tldr", "start_text": "", "end_text": "", "query_len": 4000}),
    ] {
        let [rust, python] = ["plugins/continuation", "plugins/continuation-py"].map(|file| {
            let task = plugin::load_task(&spec(file, settings.clone()), bytes()).unwrap();
            let evaluated = task.evaluate(CONTEXT, &samples).unwrap();
            (
                task.layout().clone(),
                task.queries(CONTEXT, &rows).unwrap(),
                task.finish(CONTEXT, &samples).unwrap(),
                evaluated,
            )
        });
        assert_eq!(rust, python);
    }
}

#[test]
fn settings_are_described_and_refused_as_in_rust() {
    for (name, kind) in [
        ("length", "shaper"),
        ("valence", "labeler"),
        ("continuation", "task"),
    ] {
        let [rust, python] = [name.to_owned(), format!("{name}-py")].map(|name| {
            let said = attune(&["plugin", "describe", &name, "--json"])
                .output()
                .unwrap();
            serde_json::from_slice::<Value>(&said.stdout).unwrap()
        });
        assert_eq!(python["kind"], kind);
        assert!(
            python["sdk"].as_str().unwrap().contains("python"),
            "{python}"
        );
        for same in ["summary", "columns", "assets", "metrics"] {
            assert_eq!(rust[same], python[same], "{name}: {same}");
        }
        let settings = |about: &Value| about["schema"]["properties"].as_object().unwrap().clone();
        let (rust, python) = (settings(&rust), settings(&python));
        assert_eq!(rust.len(), python.len());
        for (key, property) in rust {
            for same in ["description", "minimum"] {
                assert_eq!(property.get(same), python[&key].get(same), "{name}: {key}");
            }
        }
    }
    for (settings, parts) in [
        (json!({"scale": 0}), &["`/scale`: must be above 0"][..]),
        (json!({"target": -1}), &["/target", "minimum"]),
        (
            json!({"unit": "pages"}),
            &["/unit", "\"tokens\" or \"words\""],
        ),
        (
            json!({"tarket": 3}),
            &["unknown setting `tarket`", "did you mean `target`?"],
        ),
    ] {
        let refused = plugin::load_shaper(&spec("plugins/length-py", settings), bytes());
        let message = format!("{:#}", refused.err().unwrap());
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

/// A copy of a project, in a folder of its own.
fn copy_of(project: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root().join(project)).unwrap().flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let kept = std::fs::read(spec("plugins/length-py", Value::Null).path).unwrap();
    let (_folder, project) = copy_of("plugins/python/length");
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
    let built = std::fs::read(project.join("target/plugins/length-py.wasm")).unwrap();
    assert!(built == kept, "built again it is another component");
    let said = build();
    assert!(said.contains(" KB, as it was) in "), "{said}");
}

#[test]
fn what_cannot_be_built_is_said_with_its_place() {
    let (_folder, project) = copy_of("plugins/python/length");
    let module = project.join("length.py");
    let source = std::fs::read_to_string(&module).unwrap();
    let build = || failure(attune(&["plugin", "build"]).arg(&project));
    for (from, to, parts) in [
        (
            "        if self.settings.unit",
            "        import colorsys\n        if self.settings.unit",
            &[
                " imports `colorsys` inside `shape`",
                "at the top of the module",
            ][..],
        ),
        (
            "f32, setting",
            "f32, no_such_name",
            &["length.py", "no_such_name"],
        ),
        (
            "class Length(",
            "class Longth(",
            &["`Length`", "[tool.attune] plugin"],
        ),
    ] {
        assert!(source.contains(from), "{from}");
        let edited = source.replace(from, to);
        std::fs::write(&module, edited).unwrap();
        let message = build();
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn what_a_build_needs_is_said() {
    let (_folder, project) = copy_of("plugins/python/length");
    let empty = tempfile::tempdir().unwrap();
    let build = |set: &[(&str, &str)]| {
        let mut command = attune(&["plugin", "build"]);
        command.arg(&project).env("XDG_CACHE_HOME", empty.path());
        failure(command.envs(set.iter().copied()))
    };
    let message = build(&[("PATH", "/nowhere")]);
    assert!(message.contains("no Python 3.9 or newer"), "{message}");
    let message = build(&[("PIP_NO_INDEX", "1"), ("PIP_CONFIG_FILE", "/dev/null")]);
    for part in ["cannot install componentize-py==", "PIP_INDEX_URL"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn the_sdk_and_the_plugins_pass_their_own_tests_natively() {
    let python = attune_build::python::interpreter().unwrap();
    let sdk = root().join("sdk/python");
    let plugins = root().join("plugins/python");
    let folders = ["length", "valence", "continuation"].map(|name| plugins.join(name));
    for folder in folders.iter().chain([&sdk.join("tests")]) {
        let mut command = Command::new(python);
        command
            .args(["-B", "-m", "unittest", "discover"])
            .current_dir(folder)
            .env("PYTHONPATH", &sdk);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.contains("OK"),
            "{}: {said}",
            folder.display()
        );
    }
}
