//! Stores through the binary, and where nothing can be written.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use attune::label::store::Store;
use attune::label::{Answer, Comparison, Label, Labeler, Passage};

use crate::reward::comparisons;
use crate::support::{Lab, attune, failure, lines, succeed};

mod corrected;
mod harmless;

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
