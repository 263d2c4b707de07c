//! The files of a new project, as they are kept in `sdk/templates`, with places to fill in.

use anyhow::{Result, bail};
use attune_build::Language;

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

/// The versions of all that a project is made of, so that its first build is the same for everyone.
const LOCK: &str = template!("rust/Cargo.lock.in");

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

/// What the builder knows it as.
pub(super) fn language(lang: Lang) -> Language {
    match lang {
        Lang::Rust => Language::Rust,
        Lang::Python => Language::Python,
        Lang::Js => Language::JavaScript,
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
    let files = files.chain([("cases.jsonl", cases(kind))]);
    let files = files.map(|(name, text)| Ok((filled(name, values)?, filled(text, values)?)));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    if lang == Lang::Rust {
        let lock = sorted(&filled(LOCK, values)?);
        files.extend(lock.map(|lock| ("Cargo.lock".to_owned(), lock)));
    }
    Ok(files)
}

/// A lock with its packages in cargo's order, whatever the project is called. None where it is called as one of the
/// others, which cargo tells apart by longer names: it makes that lock itself.
fn sorted(lock: &str) -> Option<String> {
    const PACKAGE: &str = "\n[[package]]\nname = ";
    let (head, packages) = lock.split_once(PACKAGE)?;
    let mut packages: Vec<&str> = packages.split(PACKAGE).map(str::trim_end).collect();
    let name = |package: &&str| package.lines().next().unwrap_or_default().to_owned();
    // The project's own is the first in the template.
    let own = name(packages.first()?);
    if packages
        .iter()
        .filter(|package| name(package) == own)
        .count()
        > 1
    {
        return None;
    }
    packages.sort_by_key(|package| name(package).trim_matches('"').to_owned());
    Some(format!(
        "{head}{PACKAGE}{}\n",
        packages.join(&format!("\n{PACKAGE}"))
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_its_packages_in_cargo_s_order() {
        let lock = "# a\nversion = 4\n\n[[package]]\nname = \"NAME\"\n\n[[package]]\nname = \"a-b\"\n\n[[package]]\n\
                    name = \"c\"\nversion = \"1\"\n\n[[package]]\nname = \"c\"\nversion = \"2\"\n";
        let names = |name: &str| {
            let lock = sorted(&lock.replace("NAME", name))?;
            assert!(
                lock.starts_with("# a\nversion = 4\n\n[[package]]\n"),
                "{lock}"
            );
            assert!(
                lock.ends_with("\"2\"\n") || lock.ends_with("\"z\"\n"),
                "{lock}"
            );
            let names = lock.lines().filter_map(|line| line.strip_prefix("name = "));
            Some(names.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(names("b").unwrap(), r#""a-b" "b" "c" "c""#);
        assert_eq!(names("z").unwrap(), r#""a-b" "c" "c" "z""#);
        assert_eq!(names("a").unwrap(), r#""a" "a-b" "c" "c""#);
        assert_eq!(names("c"), None);
    }

    #[test]
    fn new_projects_lock_the_versions_that_the_sdk_is_built_with() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap();
        let ours = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
        let packages = |lock: &str| -> Vec<String> {
            let blocks = lock.split("[[package]]\n").skip(1);
            let locked = blocks.filter(|block| block.contains("\nchecksum = "));
            let kept = |block: &str| {
                block
                    .split("dependencies = [")
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            };
            locked.map(kept).collect()
        };
        let ours = packages(&ours);
        for package in packages(LOCK) {
            assert!(ours.contains(&package), "Cargo.lock has another: {package}");
        }
    }
}
