//! The contract of `wit/0.1`, generated; `contract!` has its text. Authors never see it;
//! the traits of this crate wrap it. It knows nothing of settings, seeds or rows.

#![allow(missing_docs, unreachable_pub, clippy::all)]

crate::contract!("every", "wit_bindgen::rt", "export_every", true);

pub use attune::plugin::types;
