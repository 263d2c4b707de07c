//! Stores through the binary: read where nothing can be written, answers that are corrected, and names and
//! texts that would command a terminal.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use attune::label::store::Store;
use attune::label::{Answer, Comparison, Label, Labeler, Passage};
use serde_json::{Value, json};

use crate::reward::comparisons;
use crate::support::{Lab, attune, failure, lines, succeed};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The command, run by somebody who may not write what we have not allowed: everybody but root.
fn reader(mut command: Command) -> Command {
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    command
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn said(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// All files of a folder, byte for byte.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

fn label(number: usize, by: &str) -> Label {
    let passage = |text: &str| Passage::of_text(text);
    Label {
        comparison: Comparison {
            query: passage(&format!("q{number}")),
            responses: vec![passage("good"), passage("bad")],
            source: None,
        },
        answer: Answer::Best(number % 2),
        labeler: Labeler::Person(by.to_owned()),
        time: None,
    }
}

/// Adds `count` labels and a question, and leaves the store open.
fn filled(path: &Path, count: usize) -> Store {
    let mut store = Store::create(path).unwrap();
    let labels: Vec<Label> = (0..count).map(|number| label(number, "ann")).collect();
    let keyed = labels.iter().enumerate();
    let keyed = keyed.map(|(at, label)| (format!("k{at}"), label));
    store.add(keyed).unwrap();
    let asked = label(count, "").comparison;
    store.ask([("asked".to_owned(), &asked)]).unwrap();
    store
}

/// Reads everything that can be read of a store, as somebody who may not write there.
fn read_all(store: &Path, open: &Path, count: usize, about: &str) {
    let run = |arguments: &[&str]| {
        let all = [&["label"], arguments, &["--store", text(store)]].concat();
        said(reader(attune(&all)))
    };
    let stats = run(&["stats"]);
    assert!(
        stats.contains(&format!("labels          {count}")),
        "{about}: {stats}"
    );
    assert_eq!(run(&["list"]).lines().count(), count, "{about}");
    assert_eq!(run(&["pending"]).lines().count(), 1, "{about}");
    let file = open.join(format!("{about}.jsonl"));
    run(&["export", text(&file), "--format", "jsonl"]);
    assert_eq!(lines(&file).len(), count, "{about}");
}

#[test]
fn read_where_nothing_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    allow(folder.path(), 0o755);
    std::fs::create_dir(path("open")).unwrap();
    allow(&path("open"), 0o777);
    let shared = |name: &str| -> PathBuf {
        std::fs::create_dir(path(name)).unwrap();
        path(name).join("labels.db")
    };
    let check = |store: &Path, about: &str| {
        let folder = store.parent().unwrap();
        let before = files(folder);
        read_all(store, &path("open"), 3, about);
        assert!(files(folder) == before, "{about}: something was changed");
    };
    let closed = shared("closed");
    drop(filled(&closed, 3));
    allow(&closed, 0o444);
    allow(&path("closed"), 0o555);
    check(&closed, "closed");
    // A file that may not be written to, in a folder where files may be left.
    let littered = shared("littered");
    drop(filled(&littered, 3));
    allow(&littered, 0o444);
    allow(&path("littered"), 0o777);
    check(&littered, "littered");
    // As a kill leaves it, and as somebody copies it who does not know that there are three files.
    for (about, parts) in [
        (
            "killed",
            &["labels.db", "labels.db-wal", "labels.db-shm"][..],
        ),
        ("copied", &["labels.db", "labels.db-wal"]),
    ] {
        let store = shared(about);
        let source = shared(&format!("{about} from"));
        let writer = filled(&source, 3);
        for part in parts {
            let from = source.with_file_name(part);
            let to = store.with_file_name(part);
            std::fs::copy(from, &to).unwrap();
            allow(&to, 0o444);
        }
        drop(writer);
        allow(&path(about), 0o555);
        check(&store, about);
    }
    // While somebody who may writes.
    let live = shared("live");
    let mut writer = filled(&live, 2);
    for number in 2..6 {
        let label = label(number, "ann");
        writer.add([(format!("k{number}"), &label)]).unwrap();
        read_all(&live, &path("open"), number + 1, &format!("live {number}"));
    }
    drop(writer);
    // Writing is refused, and nothing of it is done.
    let file = path("more.jsonl");
    std::fs::write(&file, comparisons(4, 1)).unwrap();
    let import = |store: &Path| {
        let arguments = [
            "label",
            "import",
            text(&file),
            "--format",
            "jsonl",
            "--store",
        ];
        failure(&mut reader(attune(
            &[&arguments[..], &[text(store)]].concat(),
        )))
    };
    for store in [&closed, &littered, &live] {
        let refused = import(store);
        let parts = [
            "cannot write to the store",
            "may not be written",
            "hint: copy the store",
        ];
        for part in parts {
            assert!(refused.contains(part), "`{part}` is not in: {refused}");
        }
    }
    let refused = import(&path("closed").join("new.db"));
    assert!(
        refused.contains("folder that can be written to"),
        "{refused}"
    );
    allow(&path("closed"), 0o755);
}

#[test]
fn learned_from_where_nothing_can_be_written() {
    let lab = Lab::new();
    let root = lab.path("");
    allow(&root, 0o755);
    for entry in std::fs::read_dir(lab.path("model")).unwrap() {
        allow(&entry.unwrap().path(), 0o644);
    }
    for (name, mode) in [("shared", 0o755), ("runs", 0o777)] {
        std::fs::create_dir(lab.path(name)).unwrap();
        allow(&lab.path(name), mode);
    }
    lab.write("labels.jsonl", comparisons(16, 1));
    let store = lab.path("shared/labels.db");
    let (file, store) = (lab.path("labels.jsonl"), text(&store).to_owned());
    succeed(&[
        "label",
        "import",
        text(&file),
        "--format",
        "jsonl",
        "--store",
        &store,
    ]);
    lab.edit(
        "[ppo]",
        "[reward]\ntrain = [\"shared/labels.db\"]\nbatch_size = 8\nnormalize_samples = 0\n[ppo]",
    );
    let before = files(&lab.path("shared"));
    said(reader(lab.command(&["train", "reward"], "runs/rm", &[])));
    assert!(files(&lab.path("shared")) == before);
    assert!(lab.path("runs/rm/report.json").is_file());
}

#[test]
fn people_correct_what_they_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [store, file] = ["labels.db", "answers.jsonl"].map(path);
    let mut asking = Store::create(&store).unwrap();
    let asked = [0, 1].map(|number| label(number, "").comparison);
    let keyed = asked.iter().enumerate();
    let keyed = keyed.map(|(at, comparison)| (format!("k{at}"), comparison));
    asking.ask(keyed).unwrap();
    drop(asking);
    let with = |arguments: &[&str]| {
        let all = [&["label"], arguments, &["--store", text(&store)]].concat();
        attune(&all)
    };
    let give = |verb: &str, lines: &[Value]| {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&file, lines).unwrap();
        with(&[verb, text(&file)])
    };
    // The lines of `pending` with an answer, as they are.
    let pending = said(with(&["pending"]));
    let answered = pending.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["answer"] = json!({"best": 0});
        line["labeler"] = json!({"person": "ann"});
        line
    });
    let answered: Vec<Value> = answered.collect();
    assert!(said(give("answer", &answered)).contains("2 answers, 2 of them new"));
    // Another answer to the same question is no answer, but a correction.
    let mut changed = answered.clone();
    changed[1]["answer"] = json!({"best": 1});
    let refused = failure(&mut give("answer", &changed));
    assert!(
        refused.contains("hint: `attune label correct`"),
        "{refused}"
    );
    let corrected = said(give("correct", &changed));
    assert!(
        corrected.contains("2 answers, 1 of them corrections"),
        "{corrected}"
    );
    for again in [
        said(give("correct", &changed)),
        said(give("answer", &answered)),
    ] {
        assert!(again.contains("2 answers, 0 of them"), "{again}");
    }
    let stats = said(with(&["stats"]));
    for part in [
        "labels          2",
        "comparisons     2",
        "corrected       1",
    ] {
        assert!(stats.contains(part), "`{part}` is not in: {stats}");
    }
    let out = path("out.jsonl");
    said(with(&["export", text(&out), "--format", "jsonl"]));
    assert_eq!(lines(&out)[1]["answer"], json!({"best": 1}));
    // The lines of `list` can be edited and given back.
    let listed = said(with(&["list"]));
    let mut listed: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(listed[1]["earlier"][0]["answer"], json!({"best": 0}));
    listed[1]["answer"] = json!("skip");
    let corrected = said(give("correct", &listed));
    assert!(
        corrected.contains("2 answers, 1 of them corrections"),
        "{corrected}"
    );
    let kept = Store::read(&store).unwrap().history().unwrap();
    assert_eq!(kept[1].earlier.len(), 2);
    assert!(kept[1].label.time > kept[1].earlier[1].time);
    // Whatever is wrong is named with its line, and nothing is kept.
    let swapped = json!({"key": "k0", "comparison": asked[1], "answer": "skip",
        "labeler": {"person": "ann"}});
    for (line, parts) in [
        (
            json!({"key": "k0", "answer": "skip"}),
            ["line 2", "missing field `labeler`"],
        ),
        (
            swapped,
            [
                "line 2",
                "`comparison` is not what the store has under `k0`",
            ],
        ),
        (
            json!({"key": "k0", "answer": {"best": 7}, "labeler": {"person": "ann"}}),
            ["`k0`", "must be 0 to 1"],
        ),
        (
            json!({"key": "k0", "answer": "skip", "labeler": {"person": "bob"}}),
            ["is by `ann`", "by `bob`"],
        ),
    ] {
        let refused = failure(&mut give("correct", &[listed[0].clone(), line]));
        for part in parts {
            assert!(refused.contains(part), "`{part}` is not in: {refused}");
        }
    }
    assert_eq!(Store::read(&store).unwrap().history().unwrap(), kept);
}

/// What a terminal would obey: a title, a cleared screen, an overwritten line, an advice of its own, a turned line.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\rgone\nhint: run evil\n\u{202e}live";

/// Whatever is said holds no control character but the ends of lines, and no line that is not ours.
fn assert_harmless(output: &Output, about: &str) {
    for stream in [&output.stdout, &output.stderr] {
        let said = String::from_utf8(stream.clone()).unwrap();
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(obeyed), "{about}: {said:?}");
        let advised = said.lines().any(|line| line.starts_with("hint: run evil"));
        assert!(!advised, "{about}: {said:?}");
    }
}

#[test]
fn nothing_that_a_file_says_commands_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    // Files may be called so as well.
    let place = folder.path().join(EVIL.replace('/', ""));
    std::fs::create_dir(&place).unwrap();
    let [file, store] = [place.join("file"), place.join("labels.db")];
    let import = |format: &str, content: &[u8]| {
        std::fs::write(&file, content).unwrap();
        let arguments = [
            "label",
            "import",
            text(&file),
            "--store",
            text(&store),
            "--format",
        ];
        let output = attune(&[&arguments[..], &[format]].concat())
            .output()
            .unwrap();
        assert_harmless(
            &output,
            &format!("{format}: {}", String::from_utf8_lossy(content)),
        );
        output.status.success()
    };
    let good = json!({"comparison": {"query": {"text": EVIL}, "responses": [{"text": "a"}, {"text": EVIL}]},
        "answer": {"best": 0}, "labeler": {"person": EVIL}});
    let other = json!({"comparison": good["comparison"], "answer": {"best": 1},
        "labeler": {"plugin": {"name": EVIL, "version": EVIL, "sha256": EVIL}}});
    assert!(import("jsonl", format!("{good}\n{other}\n").as_bytes()));
    let row = json!({"prompt": EVIL, "chosen": "a", "rejected": EVIL, EVIL: 1});
    assert!(import("trl", row.to_string().as_bytes()));
    let quoted = format!("\"{EVIL}\"");
    let header = format!("query,response0,response1,answer,value,labeler,{quoted}\n");
    assert!(import(
        "csv",
        format!("{header}q,a,{quoted},best,1,{quoted},{quoted}\n").as_bytes()
    ));
    for (format, row) in [
        ("jsonl", json!({EVIL: 1})),
        (
            "jsonl",
            json!({"comparison": {"query": {"text": "q"}, "responses": []}, "answer": {EVIL: 1}, "labeler": "unknown"}),
        ),
        (
            "jsonl",
            json!({"comparison": good["comparison"], "answer": EVIL, "labeler": EVIL}),
        ),
        (
            "trl",
            json!({"prompt": {EVIL: EVIL}, "chosen": "a", "rejected": "b"}),
        ),
        ("trl", json!({"chosen": [{EVIL: EVIL}], "rejected": EVIL})),
        (
            "original",
            json!([{"query": [1], "sample0": EVIL, "sample1": [1], "best": 0, EVIL: 1}]),
        ),
        (
            "original",
            json!([{"query": [1], "sample0": [1], "sample1": [1], "best": EVIL}]),
        ),
        (
            "label-studio",
            json!([{"data": {EVIL: 1}, "annotations": [{}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", "a1": "", "a2": "", format!("{EVIL}1"): "", format!("{EVIL}2"): ""}, "annotations": [{}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", EVIL: [{"id": EVIL}]}, "annotations": [{}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", "items": [{"id": EVIL, "body": ""}, {"id": "2", "body": ""}]},
            "annotations": [{"result": [{"type": "ranker", "value": {"ranker": {EVIL: [EVIL]}}}]}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", "text1": "", "text2": ""},
            "annotations": [{"result": [{"type": EVIL}]}]}]),
        ),
        ("argilla", json!([{"fields": {EVIL: 1}}])),
        (
            "argilla",
            json!([{"fields": {"prompt": "q", "r1": "", "r2": ""},
            "responses": {EVIL: [{"value": "r1"}], "best": [{"value": "r2"}]}}]),
        ),
        (
            "argilla",
            json!([{"fields": {"prompt": "q", "r1": "", "r2": ""}, "responses": {EVIL: EVIL}}]),
        ),
        (
            "argilla",
            json!([{"fields": {"prompt": "q", "r1": "", "r2": ""},
            "responses": {EVIL: [{"value": EVIL, "user_id": [EVIL], "status": EVIL}]}}]),
        ),
    ] {
        assert!(
            !import(format, row.to_string().as_bytes()),
            "{format}: {row}"
        );
    }
    for table in [
        format!("query,{quoted},{quoted}\n"),
        format!("{quoted}\n{quoted}\n"),
        format!("query,response0,response1,answer,value\nq,a,b,{quoted},1\n"),
        format!("query,response0,response1,answer,value\nq,a,b,best,{quoted}\n"),
    ] {
        assert!(!import("csv", table.as_bytes()), "{table}");
    }
    for format in [
        "jsonl",
        "trl",
        "original",
        "label-studio",
        "argilla",
        "csv",
        "parquet",
    ] {
        assert!(!import(format, EVIL.as_bytes()));
    }
    let asked = serde_json::from_value(good["comparison"].clone()).unwrap();
    let mut asking = Store::open(&store).unwrap();
    asking.ask([(EVIL.to_owned(), &asked)]).unwrap();
    drop(asking);
    let run = |arguments: &[&str]| {
        let all = [&["label"], arguments, &["--store", text(&store)]].concat();
        let output = attune(&all).output().unwrap();
        assert_harmless(&output, &format!("{arguments:?}"));
        output
    };
    for arguments in [
        &["stats"][..],
        &["stats", "--json"],
        &["pending"],
        &["list"],
    ] {
        assert!(run(arguments).status.success());
    }
    // Escaped, they are what they were.
    let pending: Value = serde_json::from_slice(&run(&["pending"]).stdout).unwrap();
    assert_eq!(
        (&pending["key"], &pending["comparison"]),
        (&json!(EVIL), &good["comparison"])
    );
    for format in [
        "jsonl",
        "csv",
        "parquet",
        "trl",
        "label-studio",
        "argilla",
        "original",
    ] {
        run(&["export", text(&place.join(format)), "--format", format]);
    }
    for line in [
        json!({"key": EVIL, "answer": {"best": 9}, "labeler": {"person": EVIL}}),
        json!({"key": format!("{EVIL}x"), "answer": {"best": 0}, "labeler": {"person": EVIL}}),
        json!({"key": EVIL, "answer": EVIL, "labeler": {EVIL: EVIL}, EVIL: 1}),
    ] {
        let answers = place.join("answers");
        std::fs::write(&answers, line.to_string()).unwrap();
        for verb in ["answer", "correct"] {
            assert!(!run(&[verb, text(&answers)]).status.success(), "{line}");
        }
    }
}
