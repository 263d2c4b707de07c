//! A JSON value that is read from end to end, and of which nothing is kept but what kind it is.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// What a value is.
pub(super) enum Looked<'a> {
    /// An object, with its names as they stand there, one that is there twice as well.
    Object(Vec<Cow<'a, str>>),
    /// A text or a list.
    Sound,
    /// A number, a truth value or nothing.
    No(Value),
}

impl<'de> Deserialize<'de> for Looked<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Looking)
    }
}

struct Looking;

impl<'de> Visitor<'de> for Looking {
    type Value = Looked<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Looked<'de>, A::Error> {
        let mut names = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            names.push(name);
            map.next_value::<Read>()?;
        }
        Ok(Looked::Object(names))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Looked<'de>, A::Error> {
        Read.visit_seq(list).map(|_| Looked::Sound)
    }

    fn visit_str<E>(self, _: &str) -> Result<Looked<'de>, E> {
        Ok(Looked::Sound)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Looked<'de>, E> {
        Ok(Looked::No(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Looked<'de>, E> {
        Ok(Looked::No(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Looked<'de>, E> {
        Ok(Looked::No(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Looked<'de>, E> {
        Ok(Looked::No(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Looked<'de>, E> {
        Ok(Looked::No(Value::Null))
    }
}

/// A name, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value inside of another; its texts are texts and its numbers numbers.
struct Read;

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Read)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Read;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        while map.next_entry::<Name<'_>, Read>()?.is_some() {}
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Read, A::Error> {
        while list.next_element::<Read>()?.is_some() {}
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Read, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Read, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Read, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Read, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Read, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(self)
    }
}
