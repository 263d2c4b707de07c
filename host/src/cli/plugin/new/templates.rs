//! The files of a new project, as they are kept in `sdk/templates`, with places to fill in.

use anyhow::{Result, bail};

use super::{Kind, Lang};

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../sdk/templates/",
            $path
        ))
    };
}

const RUST: [(&str, &str); 3] = [
    ("Cargo.toml", template!("rust/Cargo.toml.in")),
    (".gitignore", template!("rust/gitignore.in")),
    ("README.md", template!("rust/README.md.in")),
];

const PYTHON: [(&str, &str); 3] = [
    ("pyproject.toml", template!("python/pyproject.toml.in")),
    (".gitignore", template!("python/gitignore.in")),
    ("README.md", template!("python/README.md.in")),
];

const JS: [(&str, &str); 3] = [
    ("package.json", template!("js/package.json.in")),
    (".gitignore", template!("js/gitignore.in")),
    ("README.md", template!("js/README.md.in")),
];

/// What the language is called.
pub(super) fn name(lang: Lang) -> &'static str {
    match lang {
        Lang::Rust => "Rust",
        Lang::Python => "Python",
        Lang::Js => "JavaScript",
    }
}

/// A file by which the SDK's folder is known.
pub(super) fn sign(lang: Lang) -> &'static str {
    match lang {
        Lang::Rust => "Cargo.toml",
        Lang::Python => "python/attune_sdk/__init__.py",
        Lang::Js => "js/package.json",
    }
}

fn cases(kind: Kind) -> &'static str {
    match kind {
        Kind::Task => template!("cases/task.jsonl.in"),
        Kind::Labeler => template!("cases/labeler.jsonl.in"),
        Kind::Shaper => template!("cases/shaper.jsonl.in"),
    }
}

fn source(lang: Lang, kind: Kind) -> Vec<(&'static str, &'static str)> {
    const RUST: &str = "src/lib.rs";
    const JS: &str = "{{name}}.js";
    const PYTHON: [&str; 2] = ["{{module}}.py", "test_{{module}}.py"];
    match (lang, kind) {
        (Lang::Rust, Kind::Task) => vec![(RUST, template!("rust/task/lib.rs.in"))],
        (Lang::Rust, Kind::Labeler) => vec![(RUST, template!("rust/labeler/lib.rs.in"))],
        (Lang::Rust, Kind::Shaper) => vec![(RUST, template!("rust/shaper/lib.rs.in"))],
        (Lang::Python, Kind::Task) => vec![
            (PYTHON[0], template!("python/task/plugin.py.in")),
            (PYTHON[1], template!("python/task/test.py.in")),
        ],
        (Lang::Python, Kind::Labeler) => vec![
            (PYTHON[0], template!("python/labeler/plugin.py.in")),
            (PYTHON[1], template!("python/labeler/test.py.in")),
        ],
        (Lang::Python, Kind::Shaper) => vec![
            (PYTHON[0], template!("python/shaper/plugin.py.in")),
            (PYTHON[1], template!("python/shaper/test.py.in")),
        ],
        (Lang::Js, Kind::Task) => vec![(JS, template!("js/task/plugin.js.in"))],
        (Lang::Js, Kind::Labeler) => vec![(JS, template!("js/labeler/plugin.js.in"))],
        (Lang::Js, Kind::Shaper) => vec![(JS, template!("js/shaper/plugin.js.in"))],
    }
}

/// Names and texts of a project's files.
pub(super) fn of(
    lang: Lang,
    kind: Kind,
    values: &[(&str, String)],
) -> Result<Vec<(String, String)>> {
    let common = match lang {
        Lang::Rust => RUST,
        Lang::Python => PYTHON,
        Lang::Js => JS,
    };
    let files = common.into_iter().chain(source(lang, kind));
    files
        .chain([("cases.jsonl", cases(kind))])
        .map(|(name, text)| Ok((filled(name, values)?, filled(text, values)?)))
        .collect()
}

/// The text with every `{{place}}` filled in.
fn filled(text: &str, values: &[(&str, String)]) -> Result<String> {
    let mut text = text.to_owned();
    for (place, value) in values {
        text = text.replace(&format!("{{{{{place}}}}}"), value);
    }
    if let Some(start) = text.find("{{") {
        let end = text[start..]
            .find('\n')
            .map_or(text.len(), |end| start + end);
        bail!(
            "a template has a place that is not filled in: {}",
            &text[start..end]
        );
    }
    Ok(text)
}
