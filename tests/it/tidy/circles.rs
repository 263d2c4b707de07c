//! Files of one module use each other in one direction.
//!
//! A file may use what its own ancestors hold: a folder and the file it is named after are one room. All
//! else that a file names by `crate::`, `super::` or `self::` is an arrow to the file that defines it, and a
//! file has an arrow to each of its submodules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{modules, source};

type Name = Vec<String>;

/// The module that a file is, such as `train::policy`.
fn name_of(path: &Path) -> Name {
    let inside = path.strip_prefix(source()).unwrap().with_extension("");
    let parts = inside
        .components()
        .map(|part| part.as_os_str().to_str().unwrap().to_owned());
    parts.collect()
}

/// All paths that begin at `from` in code, with what stands in braces spelled out.
fn spelled_out(code: &str, mut from: usize, begin: &[String], found: &mut Vec<Name>) -> usize {
    let mut path = begin.to_vec();
    loop {
        let rest = &code[from..];
        let word: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if rest.starts_with('{') {
            from += 1;
            while !code[from..].starts_with('}') {
                from += code[from..].len() - code[from..].trim_start().len();
                from = spelled_out(code, from, &path, found);
                from += code[from..].find([',', '}']).unwrap_or(0);
                from += usize::from(code[from..].starts_with(','));
                from += code[from..].len() - code[from..].trim_start().len();
            }
            return from + 1;
        }
        if word.is_empty() {
            break;
        }
        from += word.len();
        path.push(word);
        if !code[from..].starts_with("::") {
            break;
        }
        from += 2;
    }
    found.push(path);
    from
}

/// What a file names, from the crate's root.
fn named(own: &Name, code: &str) -> Vec<Name> {
    let mut found = Vec::new();
    for (word, begin) in [
        ("crate::", &own[..0]),
        ("super::", &own[..own.len() - 1]),
        ("self::", &own[..]),
    ] {
        for (at, _) in code.match_indices(word) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if !(before.is_alphanumeric() || "_:$".contains(before)) {
                spelled_out(code, at + word.len(), begin, &mut found);
            }
        }
    }
    found
}

/// Arrows from file to file of the host, without tests.
fn arrows() -> BTreeMap<Name, BTreeSet<Name>> {
    let code: BTreeMap<Name, String> = modules()
        .into_iter()
        .map(|(_, path, code)| (name_of(&path), code))
        .filter(|(name, _)| !name.contains(&"tests".to_owned()))
        .map(|(name, code)| {
            let end = code.find("#[cfg(test)]\nmod tests {");
            (name, code[..end.unwrap_or(code.len())].to_owned())
        })
        .collect();
    let file_of = |path: &Name| {
        let known = (1..=path.len()).rev().map(|len| path[..len].to_vec());
        known.into_iter().find(|path| code.contains_key(path))
    };
    let of = |own: &Name, code: &String| {
        let used = named(own, code)
            .into_iter()
            .filter_map(|path| file_of(&path));
        let used = used.filter(|used| !own.starts_with(used));
        used.collect::<BTreeSet<Name>>()
    };
    let mut arrows: BTreeMap<Name, BTreeSet<Name>> = code
        .iter()
        .map(|(own, code)| (own.clone(), of(own, code)))
        .collect();
    for child in code.keys().filter(|name| name.len() > 1) {
        let parent = child[..child.len() - 1].to_vec();
        arrows.entry(parent).or_default().insert(child.clone());
    }
    arrows
}

/// All that can be reached from a file.
fn reached(from: &Name, arrows: &BTreeMap<Name, BTreeSet<Name>>) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Name> = vec![from];
    while let Some(next) = open.pop() {
        for target in arrows.get(next).into_iter().flatten() {
            if found.insert(target.clone()) {
                open.push(target);
            }
        }
    }
    found
}

#[test]
fn files_stand_in_no_circle() {
    let arrows = arrows();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for file in arrows.keys() {
        let reach = reached(file, &arrows);
        if reach.contains(file) {
            let together = reach
                .iter()
                .filter(|other| reached(other, &arrows).contains(file));
            circles.insert(together.map(|name| name.join("::")).collect());
        }
    }
    assert!(
        circles.is_empty(),
        "files that need each other: {circles:#?}"
    );
    // The reader of paths reads them at all.
    let policy: Name = ["train", "policy"].map(str::to_owned).to_vec();
    let update: Name = ["train", "update"].map(str::to_owned).to_vec();
    assert!(arrows[&policy].contains(&update));
}
