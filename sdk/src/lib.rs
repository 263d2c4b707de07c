//! Write tasks, labelers and reward shapers for Attune.
//!
//! A plugin is a struct that implements [`Plugin`] (settings, assets, columns) and one of
//! [`Task`], [`Labeler`] and [`Shaper`]. You write about one row; the batch loop, the errors of
//! single rows, seeds, settings and their schema are the SDK's. A whole plugin:
//!
//! ```
//! use attune_sdk::prelude::*;
//!
//! #[derive(Deserialize, Serialize, JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! struct Settings {
//!     /// Taken off for each word above `free`.
//!     per_word: f32,
//!     /// So many words cost nothing.
//!     free: usize,
//! }
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Self { per_word: 0.1, free: 2 }
//!     }
//! }
//!
//! struct Brevity(Settings);
//!
//! impl Plugin for Brevity {
//!     type Settings = Settings;
//!     const COLUMNS: Columns = Columns::RESPONSE_TEXT;
//!
//!     fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
//!         Problems::default()
//!             .require(settings.per_word >= 0.0, "/per_word", "must not be negative")
//!             .done()?;
//!         Ok(Self(settings))
//!     }
//! }
//!
//! impl Shaper for Brevity {
//!     const TERMS: &'static [&'static str] = &["brevity"];
//!
//!     fn shape(&self, row: Rollout<'_>) -> RowResult<Shaped> {
//!         let words = row.response_text().split_whitespace().count();
//!         Ok(Shaped::term(-self.0.per_word * words.saturating_sub(self.0.free) as f32))
//!     }
//! }
//!
//! attune_sdk::export!(shaper: Brevity, "Prefers short answers");
//!
//! // Natively, without WebAssembly:
//! let plugin: Brevity = testing::build(r#"{"free": 1}"#, &[]).unwrap();
//! let rows = testing::shape(&plugin, &testing::Batch::of(&[("How?", "like this now")]));
//! assert_eq!(rows[0].as_ref().unwrap().terms, [-0.2]);
//! ```
//!
//! The crate's `crate-type` is `["cdylib", "rlib"]`; it is built for `wasm32-unknown-unknown`. Built for
//! the host's own machine it is a shared library, which a host loads that trusts it, for debuggers and
//! profilers.

#[doc(hidden)]
pub mod bindings;
pub mod cleaning;
mod column;
#[doc(hidden)]
pub mod contract;
mod labeler;
pub mod lexicon;
pub mod log;
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
pub mod native;
mod outcome;
mod plugin;
mod rng;
mod rollout;
pub mod rules;
mod shaper;
mod task;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod tokenizer;

#[doc(hidden)]
pub use wit_bindgen;

pub use labeler::{Group, Hint, Judgement, Labeler, Verdict};
pub use outcome::{Row, RowResult};
#[doc(hidden)]
pub use plugin::Component;
pub use plugin::{AssetSpec, Assets, Columns, MetricSpec, NoSettings, Plugin, Problems};
pub use rng::Rng;
pub use rollout::{CallContext, DataRow, Rollout, Split};
pub use shaper::{Shaped, Shaper};
pub use task::{Ending, Layout, Query, Task};

/// All that a plugin usually needs.
pub mod prelude {
    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::testing;
    pub use crate::{
        AssetSpec, Assets, Columns, DataRow, Ending, Group, Hint, Judgement, Labeler, Layout,
        MetricSpec, NoSettings, Plugin, Problems, Query, Rollout, Row, RowResult, Shaped, Shaper,
        Task, Verdict, log, tokenizer,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}

/// Makes a plugin a component: `export!(shaper: Brevity, "Prefers short answers");`, with `task`,
/// `labeler` or `shaper`. Name and version are the crate's.
#[macro_export]
macro_rules! export {
    (task: $plugin:ty, $summary:literal) => {
        $crate::export!(@component $plugin, $summary, task, "task", empty());
    };
    (labeler: $plugin:ty, $summary:literal) => {
        $crate::export!(@component $plugin, $summary, labeler, "labeler", QUERY_TEXT.union($crate::prelude::Columns::RESPONSE_TEXT));
    };
    (shaper: $plugin:ty, $summary:literal) => {
        $crate::export!(@component $plugin, $summary, shaper, "shaper", empty());
    };
    (@component $plugin:ty, $summary:literal, $kind:ident, $world:literal, $($columns:tt)+) => {
        #[doc(hidden)]
        #[allow(dead_code)]
        struct AttuneComponent;

        impl $crate::Component for AttuneComponent {
            type Plugin = $plugin;
            const NAME: &'static str = env!("CARGO_PKG_NAME");
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
            const SUMMARY: &'static str = $summary;
            const COLUMNS: $crate::prelude::Columns = <$plugin as $crate::Plugin>::COLUMNS
                .union($crate::prelude::Columns::$($columns)+);

            fn cell() -> &'static ::std::sync::OnceLock<$plugin> {
                static INSTANCE: ::std::sync::OnceLock<$plugin> = ::std::sync::OnceLock::new();
                &INSTANCE
            }
        }

        // Natively the symbols would clash when two plugins are linked into one test.
        #[cfg(target_arch = "wasm32")]
        #[allow(unused, missing_docs, unreachable_pub, clippy::all)]
        mod attune_world {
            use super::AttuneComponent;
            // Only for the world's type and its export macro: the types are the SDK's.
            $crate::contract!($world, "attune_sdk::wit_bindgen::rt", "export_world", false, []);
            export_world!(AttuneComponent with_types_in $crate::bindings);
        }

        // Named by the crate, so that two plugins can be linked into one test.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            #[unsafe(export_name = concat!("attune_plugin_1_", env!("CARGO_CRATE_NAME")))]
            static TABLE: $crate::native::Table = $crate::native::$kind::<AttuneComponent>();
        };
    };
}
