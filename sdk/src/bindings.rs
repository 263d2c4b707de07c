//! The contract of `wit/0.1`, generated; `contract!` has its text. Authors never see it;
//! the traits of this crate wrap it. It knows nothing of settings, seeds or rows.
//!
//! Records can be packed, since a native host gets them as bytes.

#![allow(missing_docs, unreachable_pub, clippy::all)]

crate::contract!(
    "every",
    "wit_bindgen::rt",
    "export_every",
    true,
    [serde::Serialize, serde::Deserialize]
);

pub use attune::plugin::types;

impl serde::Serialize for types::Columns {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.bits().into())
    }
}

impl<'de> serde::Deserialize<'de> for types::Columns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = u32::deserialize(deserializer)?;
        let known = bits.try_into().ok().and_then(Self::from_bits);
        known.ok_or_else(|| serde::de::Error::custom("a column that the contract does not have"))
    }
}
