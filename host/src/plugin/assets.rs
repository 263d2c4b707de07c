//! Reads the files that a config hands to a plugin, before anything of the plugin runs.
//!
//! Does not know what is in them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::AssetDescription;
use super::wit::exports::attune::plugin::plugin::Asset;

/// All assets of one plugin, read; together they may have `max_bytes`.
pub(super) fn read(
    described: &[AssetDescription],
    given: &BTreeMap<String, PathBuf>,
    max_bytes: usize,
) -> Result<Vec<Asset>> {
    for name in given.keys() {
        if !described.iter().any(|asset| asset.name == *name) {
            let names: Vec<&str> = described.iter().map(|asset| asset.name.as_str()).collect();
            let known = if names.is_empty() {
                "it takes none".into()
            } else {
                names.join(", ")
            };
            bail!("unknown asset `{name}`\nhint: its assets: {known}");
        }
    }
    let mut total = 0;
    let mut assets = Vec::new();
    for asset in described {
        let Some(path) = given.get(&asset.name) else {
            if asset.required {
                bail!("asset `{}` is missing\nhint: {}", asset.name, asset.help);
            }
            continue;
        };
        let about = || format!("asset `{}`: cannot read `{}`", asset.name, path.display());
        let meta = std::fs::metadata(path).with_context(about)?;
        if !meta.is_file() {
            bail!("asset `{}`: `{}` is not a file", asset.name, path.display());
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
        assets.push(Asset {
            name: asset.name.clone(),
            data,
        });
    }
    Ok(assets)
}
