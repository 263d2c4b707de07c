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

/// What the language is called.
pub(super) fn name(lang: Lang) -> &'static str {
    match lang {
        Lang::Rust => "Rust",
    }
}

/// A file by which the SDK's folder is known.
pub(super) fn sign(lang: Lang) -> &'static str {
    match lang {
        Lang::Rust => "Cargo.toml",
    }
}

/// Names and texts of a project's files.
pub(super) fn of(
    lang: Lang,
    kind: Kind,
    values: &[(&str, String)],
) -> Result<Vec<(&'static str, String)>> {
    let own = match (lang, kind) {
        (Lang::Rust, Kind::Task) => [
            ("src/lib.rs", template!("rust/task/lib.rs.in")),
            ("cases.jsonl", template!("rust/task/cases.jsonl.in")),
        ],
        (Lang::Rust, Kind::Labeler) => [
            ("src/lib.rs", template!("rust/labeler/lib.rs.in")),
            ("cases.jsonl", template!("rust/labeler/cases.jsonl.in")),
        ],
        (Lang::Rust, Kind::Shaper) => [
            ("src/lib.rs", template!("rust/shaper/lib.rs.in")),
            ("cases.jsonl", template!("rust/shaper/cases.jsonl.in")),
        ],
    };
    let common = match lang {
        Lang::Rust => RUST,
    };
    let fill = |(name, text): (&'static str, &str)| Ok((name, filled(text, values)?));
    common.into_iter().chain(own).map(fill).collect()
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
