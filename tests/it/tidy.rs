//! The shape of the source: which module may use which, and where each engine stays.

use std::path::{Path, PathBuf};

mod circles;

/// Modules of the host from the top down, with those of their own crate that they may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "eval",
            "experiment",
            "train",
            "plugin",
            "model",
            "rl",
            "config",
            "digest",
            "disk",
            "fetch",
            "golden",
            "kit",
            "label",
            "metrics",
            "outside",
            "report",
            "role",
            "rows",
            "run_dir",
            "seed",
            "serve",
            "spelling",
            "terminal",
            "tokenizer",
        ],
    ),
    (
        "serve",
        &["digest", "label", "report", "run_dir", "terminal"],
    ),
    (
        "kit",
        &[
            "experiment",
            "train",
            "plugin",
            "config",
            "golden",
            "role",
            "run_dir",
            "terminal",
            "tokenizer",
        ],
    ),
    (
        "report",
        &["digest", "drawing", "eval", "run_dir", "terminal"],
    ),
    (
        "experiment",
        &[
            "drawing",
            "eval",
            "train",
            "plugin",
            "model",
            "rl",
            "config",
            "digest",
            "disk",
            "label",
            "metrics",
            "outside",
            "role",
            "rows",
            "run_dir",
            "seed",
            "spelling",
            "terminal",
            "tokenizer",
        ],
    ),
    (
        "train",
        &[
            "model",
            "rl",
            "config",
            "disk",
            "eval",
            "outside",
            "role",
            "rows",
            "run_dir",
            "seed",
            "terminal",
            "tokenizer",
            "metrics",
            "tensorboard",
        ],
    ),
    (
        "plugin",
        &["digest", "outside", "role", "spelling", "terminal"],
    ),
    (
        "model",
        &["cpu", "disk", "outside", "terminal", "tokenizer"],
    ),
    ("rl", &["cpu"]),
    ("cpu", &[]),
    (
        "label",
        &["digest", "outside", "rows", "spelling", "terminal"],
    ),
    ("config", &["outside", "role", "spelling"]),
    ("digest", &[]),
    ("eval", &["seed"]),
    ("fetch", &["digest", "model", "spelling"]),
    ("golden", &["outside", "role"]),
    ("outside", &["terminal"]),
    ("role", &[]),
    ("disk", &[]),
    ("drawing", &[]),
    ("rows", &["outside", "terminal"]),
    ("run_dir", &["disk"]),
    ("seed", &[]),
    ("spelling", &[]),
    ("terminal", &[]),
    ("tokenizer", &["disk", "outside"]),
    ("metrics", &["disk", "run_dir"]),
    ("tensorboard", &["disk"]),
];

/// Crates that belong to a few modules, so that one can be replaced without a hunt.
const ENGINES: &[(&str, &[&str])] = &[
    ("tch", &["model", "rl", "train", "experiment", "cli"]),
    ("wasmtime", &["plugin"]),
    ("wasmparser", &["plugin"]),
    ("addr2line", &["plugin"]),
    ("gimli", &["plugin"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("libloading", &["cpu", "model", "plugin"]),
    ("object", &["plugin"]),
    ("postcard", &["plugin"]),
    ("tokenizers", &["tokenizer"]),
    ("sha2", &["digest"]),
    ("rusqlite", &["label"]),
    ("csv", &["label", "rows"]),
    ("parquet", &["label", "rows"]),
    ("flate2", &["rows"]),
    ("zstd", &["rows"]),
    ("plotters", &["drawing", "experiment", "report"]),
    ("resvg", &["report"]),
    ("axum", &["serve"]),
    ("tokio", &["serve"]),
    ("tokio_rustls", &["serve"]),
    ("hyper", &["serve"]),
    ("hyper_util", &["serve"]),
    ("tower", &["serve"]),
    ("futures_core", &["serve"]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Name of the top module, path and code (without comments) of each file of the host.
fn modules() -> Vec<(String, PathBuf, String)> {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let module = |path: &Path| {
        let inside = path.strip_prefix(source()).unwrap();
        let first = inside.components().next().unwrap().as_os_str();
        first.to_str().unwrap().trim_end_matches(".rs").to_owned()
    };
    let code = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    found
        .into_iter()
        .map(|path| (module(&path), path.clone(), code(&path)))
        .filter(|(module, ..)| module != "lib")
        .collect()
}

/// Identifiers that follow `before` in `code`, where nothing of a longer word stands before it.
fn after<'a>(code: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(before).map(move |(at, _)| {
        let rest = &code[at + before.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn modules_use_only_what_is_below_them() {
    for (module, path, code) in modules() {
        let allowed = ARROWS.iter().find(|(name, _)| *name == module);
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("{}: which layer is this?", path.display()));
        for used in after(&code, "crate::") {
            let own = used == module || !ARROWS.iter().any(|(name, _)| *name == used);
            assert!(
                own || allowed.contains(&used),
                "{}: `{module}` must not use `{used}`",
                path.display()
            );
        }
    }
}

#[test]
fn engines_stay_where_they_belong() {
    for (module, path, code) in modules() {
        for (engine, homes) in ENGINES {
            let used = code.match_indices(&format!("{engine}::")).any(|(at, _)| {
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            assert!(
                !used || homes.contains(&module.as_str()),
                "{}: `{engine}` belongs to {homes:?}",
                path.display()
            );
        }
    }
}

/// What is computed belongs to modules that a program can use as well.
#[test]
fn the_command_line_is_words_alone() {
    let lines = modules()
        .into_iter()
        .filter(|(module, ..)| module == "cli")
        .map(|(_, path, _)| std::fs::read_to_string(path).unwrap().lines().count());
    let lines: usize = lines.sum();
    assert!(lines <= 4_800, "{lines} lines");
}

/// The tests that `docs/plugins/limits.md` names, each as the beginning of a function's name or as a file.
#[test]
fn limits_that_are_documented_are_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/plugins/limits.md")).unwrap();
    let mut sources = Vec::new();
    files(&source().join("plugin"), &mut sources);
    let mut code = String::new();
    for path in sources {
        code += &std::fs::read_to_string(path).unwrap();
    }
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let tests = rows.filter_map(|line| line.trim_end_matches(" |").rsplit_once("| "));
    let mut found = 0;
    for (_, tests) in tests {
        for name in tests
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains(['_', '/']))
        {
            if name.contains('/') {
                let places = [root.join(name), source().join("plugin").join(name)];
                let there = places.iter().any(|place| place.exists());
                assert!(there, "no file `{name}`");
                continue;
            }
            let name = name.rsplit("::").next().unwrap().trim_end_matches('…');
            if !name.starts_with("[") && !name.ends_with("_ms") {
                assert!(code.contains(&format!("fn {name}")), "no test `{name}`");
                found += 1;
            }
        }
    }
    assert!(found > 30, "{found} tests");
}
