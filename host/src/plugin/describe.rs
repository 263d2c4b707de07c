//! Holds what a plugin says of itself to what can be shown and kept: no texts without end, no names
//! that upset a terminal or a metrics file, a schema that can be checked.
//!
//! Does not know what any of it means.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::call::{clean, disturbs};
use super::wit::attune::plugin::types::Columns;
use super::wit::exports::attune::plugin::plugin as wit;
use super::{AssetDescription, Description, settings};
use crate::role::MetricDescription;

const MAX_TEXT: usize = 4096;
const MAX_NAME: usize = 100;
/// Of metrics, and of assets.
const MAX_ITEMS: usize = 256;

/// The description of a plugin of `kind`, if it can be used.
pub(super) fn check(
    kind: &str,
    sha256: String,
    described: wit::Description,
) -> Result<Description> {
    if described.name.is_empty() {
        bail!("it has no name\nhint: {MEND}");
    }
    for (what, text) in [
        ("name", &described.name),
        ("version", &described.version),
        ("summary", &described.summary),
        ("sdk", &described.sdk),
    ] {
        expect_text(&format!("its {what}"), text, MAX_TEXT)?;
    }
    let metrics = described.metrics.iter().map(|m| (&m.name, &m.help));
    expect_items("metric", metrics)?;
    let assets = described.assets.iter().map(|a| (&a.name, &a.help));
    expect_items("asset", assets)?;
    let columns = Columns::NAMES
        .iter()
        .filter(|(column, _)| described.columns.contains(*column))
        .map(|(_, name)| (*name).to_owned());
    let asset = |asset: wit::AssetDescription| AssetDescription {
        name: asset.name,
        help: clean(&asset.help),
        required: asset.required,
    };
    let metric = |metric: wit::MetricDescription| MetricDescription {
        name: metric.name,
        help: clean(&metric.help),
    };
    Ok(Description {
        kind: kind.to_owned(),
        schema: settings::read(&described.settings_schema)?,
        name: described.name,
        version: described.version,
        sha256,
        summary: described.summary,
        sdk: described.sdk,
        columns: columns.collect(),
        assets: described.assets.into_iter().map(asset).collect(),
        metrics: described.metrics.into_iter().map(metric).collect(),
    })
}

const MEND: &str = "mend what the plugin says of itself";

fn expect_text(what: &str, text: &str, most: usize) -> Result<()> {
    if text.len() > most {
        bail!(
            "{what} has {} bytes, more than {most}\nhint: {MEND}",
            text.len()
        );
    }
    if text.chars().any(disturbs) {
        let text = clean(text);
        bail!("{what}, `{text}`, has control characters\nhint: {MEND}");
    }
    Ok(())
}

/// Items need names of their own, and help that can be read.
fn expect_items<'a>(
    what: &str,
    items: impl ExactSizeIterator<Item = (&'a String, &'a String)>,
) -> Result<()> {
    if items.len() > MAX_ITEMS {
        bail!(
            "it describes {} {what}s, more than {MAX_ITEMS}\nhint: {MEND}",
            items.len()
        );
    }
    let mut names = BTreeSet::new();
    for (name, help) in items {
        if name.is_empty() {
            bail!("a {what} of it has no name\nhint: {MEND}");
        }
        expect_text(&format!("the name of a {what}"), name, MAX_NAME)?;
        if help.len() > MAX_TEXT {
            bail!(
                "the help of the {what} `{name}` has {} bytes, more than {MAX_TEXT}\nhint: {MEND}",
                help.len()
            );
        }
        if !names.insert(name) {
            bail!("it describes the {what} `{name}` twice\nhint: {MEND}");
        }
    }
    Ok(())
}

// As bytes, columns are bits in the contract's order.
impl serde::Serialize for Columns {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.as_array()[0])
    }
}

impl<'de> serde::Deserialize<'de> for Columns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = <u32 as serde::Deserialize>::deserialize(deserializer)?;
        let named = Columns::NAMES.iter().enumerate();
        Ok(named
            .filter(|(place, _)| bits >> place & 1 == 1)
            .fold(Columns::empty(), |all, (_, (column, _))| all | *column))
    }
}

impl Columns {
    const NAMES: [(Columns, &'static str); 10] = [
        (Columns::QUERY_TEXT, "query-text"),
        (Columns::QUERY_TOKENS, "query-tokens"),
        (Columns::RESPONSE_TEXT, "response-text"),
        (Columns::RESPONSE_TOKENS, "response-tokens"),
        (Columns::REFERENCE_TEXT, "reference-text"),
        (Columns::LOGPROBS, "logprobs"),
        (Columns::REF_LOGPROBS, "ref-logprobs"),
        (Columns::VALUES, "values"),
        (Columns::SCORE, "score"),
        (Columns::METADATA, "metadata"),
    ];
}
