//! The cargo workspace that a new crate would lie in: one whose members are patterns would take it in, and a plugin's
//! crate is a workspace of its own, so that cargo would refuse to work in either.
//! It knows manifests of workspaces; it knows nothing about plugins.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// Refuses a crate's folder that a workspace above it counts among its members.
///
/// # Errors
/// Such a workspace is above it, or a manifest there cannot be read.
pub fn check(folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    // The folder is not there yet; what is may be a link.
    let parent = folder
        .ancestors()
        .skip(1)
        .find_map(|above| above.canonicalize().ok());
    let (Some(parent), Some(name)) = (parent, folder.file_name()) else {
        return Ok(());
    };
    for root in parent.ancestors() {
        let manifest = root.join("Cargo.toml");
        let Ok(text) = std::fs::read_to_string(&manifest) else {
            continue;
        };
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("cannot read `{}`", manifest.display()))?;
        let Some(workspace) = table.get("workspace") else {
            continue;
        };
        let place = parent.strip_prefix(root)?.join(name);
        let place: Vec<_> = place.iter().map(|part| part.to_string_lossy()).collect();
        let place: Vec<&str> = place.iter().map(AsRef::as_ref).collect();
        let among = |key: &str| {
            let listed = workspace.get(key).and_then(toml::Value::as_array);
            let mut patterns = listed.into_iter().flatten().filter_map(toml::Value::as_str);
            patterns.find(|pattern| {
                let parts: Vec<&str> = pattern
                    .split('/')
                    .filter(|part| !["", "."].contains(part))
                    .collect();
                match key {
                    "exclude" => place.starts_with(&parts),
                    _ => fits(&parts, &place),
                }
            })
        };
        if let (Some(pattern), None) = (among("members"), among("exclude")) {
            let place = place.join("/");
            bail!(
                "`{}` is a workspace whose members are `{pattern}`, so that `{place}` would be one of them; and a \
                 plugin's crate is a workspace of its own\nhint: write `exclude = [\"{place}\"]` in its [workspace], \
                 or name another folder by --in",
                manifest.display()
            );
        }
        return Ok(()); // Cargo looks no further up.
    }
    Ok(())
}

/// Whether a path fits a pattern, part by part.
fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=path.len()).any(|skipped| fits(rest, &path[skipped..])),
        ([one, rest @ ..], [part, parts @ ..]) => {
            let (one, part): (Vec<char>, Vec<char>) =
                (one.chars().collect(), part.chars().collect());
            fits_part(&one, &part) && fits(rest, parts)
        }
        _ => false,
    }
}

/// Whether a name fits one with `*` and `?`.
fn fits_part(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|skipped| fits_part(rest, &name[skipped..])),
        (['?', rest @ ..], [_, left @ ..]) => fits_part(rest, left),
        ([one, rest @ ..], [letter, left @ ..]) => one == letter && fits_part(rest, left),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_that_would_take_the_crate_in_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("Cargo.toml");
        std::fs::create_dir(folder.path().join("plugins")).unwrap();
        let place = folder.path().join("plugins/few-words");
        for (workspace, refused) in [
            ("[workspace]\nmembers = [\"plugins/*\"]", true),
            ("[workspace]\nmembers = [\"a\", \"./plugins/few-*\"]", true),
            ("[workspace]\nmembers = [\"**\"]", true),
            ("[workspace]\nmembers = [\"*\"]", false),
            (
                "[workspace]\nmembers = [\"plugins/*\"]\nexclude = [\"plugins\"]",
                false,
            ),
            ("[workspace]\nmembers = [\"plugins/many-?\"]", false),
            ("[workspace]", false),
            ("[package]\nname = \"a\"", false),
        ] {
            std::fs::write(&manifest, workspace).unwrap();
            let checked = check(&place);
            assert_eq!(checked.is_err(), refused, "{workspace}: {checked:?}");
            if let Err(error) = checked {
                let said = error.to_string();
                assert!(
                    said.contains("hint: write `exclude = [\"plugins/few-words\"]`"),
                    "{said}"
                );
            }
        }
    }
}
