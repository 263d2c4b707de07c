//! What all kinds of plugin share: settings, assets, columns, metrics, and their description to
//! the host. It does not know the kinds.

use std::sync::OnceLock;

use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, de::DeserializeOwned};

pub use crate::bindings::types::Columns;
use crate::bindings::{
    exports::attune::plugin::plugin::{
        Asset, AssetDescription, Description, Guest, MetricDescription,
    },
    types::{ConfigProblem, Error},
};

/// The part that every plugin has, whatever its kind.
pub trait Plugin: Sized + Send + Sync + 'static {
    /// A struct with `#[serde(default, deny_unknown_fields)]`; its doc comments and defaults are
    /// what users see. [`NoSettings`] if there are none.
    type Settings: DeserializeOwned + JsonSchema + Default;
    /// Columns that the plugin reads; reading another one panics.
    const COLUMNS: Columns = Columns::empty();
    /// Files that the config may hand over.
    const ASSETS: &'static [AssetSpec] = &[];
    /// Numbers that the plugin reports for each row, in this order.
    const METRICS: &'static [MetricSpec] = &[];

    /// Builds the plugin, once; every problem found should be in the answer.
    fn configure(settings: Self::Settings, assets: &Assets) -> Result<Self, Problems>;
}

/// For plugins without settings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// A file that a plugin can be given.
#[derive(Debug, Clone, Copy)]
pub struct AssetSpec {
    /// The name in the config.
    pub name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Whether the plugin cannot work without it.
    pub required: bool,
}

impl AssetSpec {
    /// A file that the plugin cannot work without.
    pub const fn required(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            required: true,
        }
    }
}

/// A number that a plugin reports for each row.
#[derive(Debug, Clone, Copy)]
pub struct MetricSpec {
    /// Its name in the run's metrics.
    pub name: &'static str,
    /// What it measures.
    pub help: &'static str,
}

impl MetricSpec {
    /// A number of this name.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help }
    }
}

/// The files from the config.
#[derive(Debug, Default)]
pub struct Assets(pub(crate) Vec<(String, Vec<u8>)>);

impl Assets {
    /// The bytes of asset `name`, if it was given.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, data)| data.as_slice())
    }

    /// The text of asset `name`; a problem when it is missing or not UTF-8.
    pub fn text(&self, name: &str) -> Result<&str, Problems> {
        let path = format!("assets/{name}");
        let data = self
            .get(name)
            .ok_or_else(|| Problems::at(&path, "asset is missing"))?;
        std::str::from_utf8(data)
            .map_err(|error| Problems::at(&path, format!("not UTF-8: {error}")))
    }
}

/// Settings or assets that cannot be used, each with its place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Problems(pub Vec<(String, String)>);

impl Problems {
    /// One problem at `path`: a JSON pointer such as `/target`, or `assets/NAME`.
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        Self(vec![(path.to_owned(), message.into())])
    }

    /// Adds a problem at `path` unless `holds`.
    #[must_use]
    pub fn require(mut self, holds: bool, path: &str, message: impl Into<String>) -> Self {
        if !holds {
            self.0.push((path.to_owned(), message.into()));
        }
        self
    }

    /// `Ok` when there is none.
    pub fn done(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    pub(crate) fn into_error(self) -> Error {
        Error::Config(
            self.0
                .into_iter()
                .map(|(path, message)| ConfigProblem { path, message })
                .collect(),
        )
    }
}

/// What `export!` makes of a plugin: its name and the place where the one instance lives.
#[doc(hidden)]
pub trait Component: 'static {
    /// The plugin.
    type Plugin: Plugin;
    /// Crate name.
    const NAME: &'static str;
    /// Crate version.
    const VERSION: &'static str;
    /// One line for lists.
    const SUMMARY: &'static str;
    /// What the plugin asks for, and what its kind always needs.
    const COLUMNS: Columns;
    /// The instance that `configure` makes.
    fn cell() -> &'static OnceLock<Self::Plugin>;

    /// The instance, or an error that says what the host forgot.
    fn instance() -> Result<&'static Self::Plugin, Error> {
        Self::cell()
            .get()
            .ok_or_else(|| Error::Input("called before configure".to_owned()))
    }
}

/// The SDK's name and version, for `describe`.
pub(crate) const SDK: &str = concat!("attune-sdk ", env!("CARGO_PKG_VERSION"), " (rust)");

/// Says what an integer's type holds, so that a number beyond it is refused with the bound, and by a
/// component, where `usize` has 32 bits, as by its native twin.
fn bounded(schema: &mut Schema) {
    let (low, high) = match schema.get("format").and_then(|format| format.as_str()) {
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32" | "uint") => (0, i64::from(u32::MAX)),
        Some("int8") => (i8::MIN.into(), i8::MAX.into()),
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("int32" | "int") => (i32::MIN.into(), i64::from(i32::MAX)),
        _ => (0, 0),
    };
    if high > low {
        for (key, bound) in [("minimum", low), ("maximum", high)] {
            if schema.get(key).is_none() {
                schema.insert(key.to_owned(), bound.into());
            }
        }
    }
    transform_subschemas(&mut bounded, schema);
}

/// JSON Schema of a settings struct; unknown keys are refused whatever its attributes say.
pub(crate) fn settings_schema<S: JsonSchema>() -> String {
    let mut schema = schemars::schema_for!(S);
    schema.insert("additionalProperties".to_owned(), false.into());
    transform_subschemas(&mut bounded, &mut schema);
    serde_json::to_string(&schema).expect("a schema is JSON")
}

/// Reads settings and builds the plugin; an error names the setting by its JSON pointer.
pub(crate) fn build<P: Plugin>(settings: &str, assets: &Assets) -> Result<P, Problems> {
    let json = if settings.trim().is_empty() {
        "{}"
    } else {
        settings
    };
    let mut reader = serde_json::Deserializer::from_str(json);
    let settings = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Problems::at(&pointer(error.path()), error.inner().to_string()))?;
    let missing = P::ASSETS
        .iter()
        .filter(|spec| spec.required && assets.get(spec.name).is_none());
    let problem = |spec: &AssetSpec| {
        let help = format!("asset is missing: {}", spec.help);
        (format!("assets/{}", spec.name), help)
    };
    let missing = Problems(missing.map(problem).collect());
    missing.done()?;
    P::configure(settings, assets)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

/// What the host is told of a plugin.
pub(crate) fn describe<C: Component>() -> Description {
    Description {
        name: C::NAME.to_owned(),
        version: C::VERSION.to_owned(),
        summary: C::SUMMARY.to_owned(),
        sdk: SDK.to_owned(),
        columns: C::COLUMNS,
        settings_schema: settings_schema::<<C::Plugin as Plugin>::Settings>(),
        assets: C::Plugin::ASSETS
            .iter()
            .map(|spec| AssetDescription {
                name: spec.name.to_owned(),
                help: spec.help.to_owned(),
                required: spec.required,
            })
            .collect(),
        metrics: C::Plugin::METRICS
            .iter()
            .map(|spec| MetricDescription {
                name: spec.name.to_owned(),
                help: spec.help.to_owned(),
            })
            .collect(),
    }
}

/// The plugin that the host's settings and files make.
pub(crate) fn configure<P: Plugin>(settings: &str, assets: Vec<Asset>) -> Result<P, Error> {
    let assets = assets
        .into_iter()
        .map(|asset| (asset.name, asset.data))
        .collect();
    build(settings, &Assets(assets)).map_err(Problems::into_error)
}

impl<C: Component> Guest for C {
    fn describe() -> Description {
        crate::log::install_panic_hook();
        describe::<C>()
    }

    fn configure(settings: String, assets: Vec<Asset>) -> Result<(), Error> {
        crate::log::install_panic_hook();
        C::cell()
            .set(configure(&settings, assets)?)
            .map_err(|_| Error::Input("configured twice".to_owned()))
    }
}
