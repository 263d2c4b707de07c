//! The programs that builds start: what never ends, what ends with a word too many, and what is left when we are ended.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{new_in, plugin};
use crate::support::failure;

/// A project in JavaScript, and a folder with a Node that does as the script says when it is to build.
fn with_node(folder: &Path, script: &str) -> (PathBuf, Command) {
    let project = new_in("js", folder, "waits", "shaper");
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let node = bin.join("node");
    let script = format!("#!/bin/sh\n[ \"$1\" = --version ] && echo v20.0.0 && exit\n{script}\n");
    std::fs::write(&node, script).unwrap();
    std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Nothing has to be fetched.
    std::fs::create_dir_all(folder.join("cache/attune/js/componentize-qjs-0.4.5")).unwrap();
    let mut build = plugin(&project, "build", &[]);
    let path = std::env::var("PATH").unwrap();
    build
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("XDG_CACHE_HOME", folder.join("cache"));
    (project, build)
}

#[test]
fn a_tool_that_never_ends_is_stopped_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut build) = with_node(folder.path(), "sleep 86400 & sleep 86400");
    let message = failure(build.env("ATTUNE_TOOL_SECONDS", "2"));
    for part in [
        "`waits.js`",
        "did not end within 2 s",
        "ATTUNE_TOOL_SECONDS=10",
    ] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let message = failure(build.env("ATTUNE_TOOL_SECONDS", "soon"));
    assert!(
        message.contains("ATTUNE_TOOL_SECONDS is `soon`"),
        "{message}"
    );
}

#[test]
fn endless_words_of_a_tool_are_shortened_and_nobody_answers_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cat; seq 1 3000000; echo first >&2; seq 1 3000000 >&2; echo last >&2; exit 1";
    let (_, mut build) = with_node(folder.path(), script);
    let message = failure(&mut build);
    for part in ["first\n1\n2\n", "lines left out", "\nlast\n"] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(message.len() < 10_000, "{}", message.len());
    let (_, mut build) = with_node(&new_folder(folder.path()), "exit 3");
    assert!(failure(&mut build).contains("without a word"));
}

fn new_folder(folder: &Path) -> PathBuf {
    let place = folder.join("another");
    std::fs::create_dir(&place).unwrap();
    place
}

/// What begins in the background of a shell without a terminal, such as this suite, is deaf to Ctrl-C, and so
/// is all that it starts.
fn hearing_signals(command: &mut Command) {
    // SAFETY: between fork and exec only `signal` is called, which may be.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
}

#[test]
fn nothing_is_left_of_a_build_that_is_ended() {
    for signal in [2, 15, 1, 9] {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        // The tool holds the pipe open, and so does what it starts; that ends with the group alone.
        let inner = if signal == 9 { "" } else { "sleep 86400 & " };
        let script = format!("exec 3>'{}'; {inner}exec sleep 86400", fifo.display());
        let (_, mut build) = with_node(folder.path(), &script);
        build.env("TMPDIR", folder.path().join("cache"));
        hearing_signals(&mut build);
        let mut build = build
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // This waits until the tool opens it.
        let mut pipe = std::fs::File::open(&fifo).unwrap();
        let id = build.id().to_string();
        let kill = Command::new("kill")
            .args([format!("-{signal}"), id])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(build.wait().unwrap().signal(), Some(signal));
        // And this until nobody has it open.
        assert_eq!(pipe.read(&mut [0]).unwrap(), 0);
        if signal != 9 {
            let left = std::fs::read_dir(folder.path().join("cache")).unwrap();
            assert_eq!(left.count(), 1, "the stage is still there");
        }
    }
}

/// A Python module that cannot be imported, and what is said of it.
const UNIMPORTABLE: [(&str, &[&str]); 7] = [
    (
        "raise SystemExit(3)",
        &["SystemExit: 3", "calm.py\", line 10"],
    ),
    (
        "import sys; sys.exit('no more')",
        &["SystemExit: no more", "calm.py\", line 10"],
    ),
    (
        "import os; os._exit(0)",
        &["`os._exit` cannot be used", "calm.py\", line 10"],
    ),
    (
        "import os; os.abort()",
        &["`os.abort` cannot be used", "calm.py\", line 10"],
    ),
    ("1 / 0", &["ZeroDivisionError", "calm.py\", line 10"]),
    ("def f(:", &["SyntaxError", "calm.py\", line 10"]),
    (
        "input('why? ')",
        &["`input` cannot be used", "calm.py\", line 10"],
    ),
];

#[test]
fn a_module_in_python_that_ends_its_import_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let project = new_in("python", folder.path(), "calm", "shaper");
    let module = project.join("calm.py");
    let source = std::fs::read_to_string(&module).unwrap();
    let lines: Vec<&str> = source.lines().collect();
    for (code, parts) in UNIMPORTABLE {
        let broken = format!(
            "{}\n{code}\n{}\n",
            lines[..9].join("\n"),
            lines[9..].join("\n")
        );
        std::fs::write(&module, broken).unwrap();
        let message = failure(&mut plugin(&project, "build", &[]));
        for part in parts {
            assert!(
                message.contains(part),
                "{code}: `{part}` is not in: {message}"
            );
        }
        assert!(message.lines().count() < 20, "{code}: {message}");
    }
}

#[test]
fn a_module_in_python_that_is_imported_for_ever_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let project = new_in("python", folder.path(), "calm", "shaper");
    let module = project.join("calm.py");
    let source = std::fs::read_to_string(&module).unwrap();
    std::fs::write(
        &module,
        format!("{source}\n\ncount = 0\nwhile True:\n    count += 1\n"),
    )
    .unwrap();
    let mut build = plugin(&project, "build", &[]);
    let message = failure(build.env("ATTUNE_TOOL_SECONDS", "60"));
    for part in [
        "calm.py\", line 3",
        "still here after",
        "did not end within 60 s",
    ] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_module_in_javascript_that_ends_its_import_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let project = new_in("js", folder.path(), "calm", "shaper");
    let module = project.join("calm.js");
    let source = std::fs::read_to_string(&module).unwrap();
    for (code, parts) in [
        (
            "process.exit(0);",
            &["process is not defined", "calm.js:"][..],
        ),
        ("throw new Error('not today');", &["not today", "calm.js:"]),
        ("throw 7;", &["is no Error", "7"]),
        ("let x = ;", &["unexpected token", "calm.js:"]),
    ] {
        std::fs::write(&module, format!("{source}\n{code}\n")).unwrap();
        let message = failure(&mut plugin(&project, "build", &[]));
        for part in parts {
            assert!(
                message.contains(part),
                "{code}: `{part}` is not in: {message}"
            );
        }
        assert!(message.lines().count() < 20, "{code}: {message}");
    }
}
