//! Reads the files that a config hands to a plugin, before anything of the plugin runs.
//!
//! Does not know what is in them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::AssetDescription;
use super::wit::exports::attune::plugin::plugin::Asset;
use crate::outside::{self, Kind};
use crate::spelling::nearest;
use crate::terminal::Line;

/// All assets of one plugin, read; together they may have `max_bytes`.
pub(super) fn read(
    described: &[AssetDescription],
    given: &BTreeMap<String, PathBuf>,
    max_bytes: usize,
) -> Result<Vec<Asset>> {
    let names: Vec<&str> = described.iter().map(|asset| asset.name.as_str()).collect();
    for name in given.keys() {
        if !names.contains(&name.as_str()) {
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => {
                    "this plugin takes none: leave `assets` out of its section, as `--set SECTION.assets={}` does".into()
                },
                None => format!("its assets are {}", names.join(", ")),
            };
            bail!("unknown asset `{name}`\nhint: {hint}");
        }
    }
    let mut total = 0;
    let mut assets = Vec::new();
    for asset in described {
        let Some(path) = given.get(&asset.name) else {
            if asset.required {
                bail!(
                    "asset `{0}` is missing\nhint: name a file by `assets.{0}`: {1}",
                    asset.name,
                    asset.help
                );
            }
            continue;
        };
        let about = || {
            format!(
                "asset `{}`: cannot read `{}`\nhint: paths are relative to the config's folder",
                asset.name,
                path.display()
            )
        };
        let meta = std::fs::metadata(path).with_context(about)?;
        if !meta.is_file() {
            bail!(
                "asset `{}`: `{}` is not a file\nhint: name a file, not a folder",
                asset.name,
                path.display()
            );
        }
        total += meta.len();
        if total > max_bytes as u64 {
            bail!(
                "asset `{}`: `{}` brings the assets to {total} bytes, more than {max_bytes}\n\
                 hint: they must fit into a quarter of the plugin's memory limit",
                asset.name,
                path.display()
            );
        }
        let data = std::fs::read(path).with_context(about)?;
        let kind = outside::kind_of(&data[..data.len().min(outside::HEAD)]);
        // An empty list or a document may be what is meant.
        let may_be = matches!(kind, Kind::Empty | Kind::Xml);
        if let Some(refusal) = kind.refusal(path).filter(|_| !may_be) {
            bail!("asset `{}`: {refusal}", asset.name);
        }
        assets.push(Asset {
            name: asset.name.clone(),
            data: match outside::text(&data) {
                // Editors put a mark before a text, which is no part of its first word; who joins texts joins the marks.
                Ok(text) => text.replace("\n\u{feff}", "\n").into_bytes(),
                Err(_) => data,
            },
        });
    }
    Ok(assets)
}

/// What a plugin says of its assets, with the files that they are, and what is to be done about those that are none
/// that a plugin reads.
pub(super) fn named(mut said: String, given: &BTreeMap<String, PathBuf>) -> String {
    let mut hints = String::new();
    for (name, path) in given {
        let place = format!("`assets/{name}`");
        if !said.contains(&place) {
            continue;
        }
        let shown = Line(path.display());
        said = said.replace(&place, &format!("{place} (`{shown}`)"));
        if let Ok(kind) = outside::look(path)
            && let Some(remedy) = kind.remedy()
        {
            let _ = write!(hints, "\nhint: `{shown}` is {}; {remedy}", kind.what());
        }
    }
    said + &hints
}
