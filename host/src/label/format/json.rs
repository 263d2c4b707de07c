//! JSON as files of labels have it: no object has a name twice, of which one would be lost in silence, and
//! lists of token ids, which can be very long, are kept small. Does not know what the fields mean.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::terminal::Line;

/// A value of JSON, whose fields are kept in `O` where it is an object.
pub(super) enum Json<O = Map<String, Value>> {
    /// An object.
    Object(O),
    /// A list of whole numbers from 0 on, as token ids are; or an empty one.
    Ids(Vec<u32>),
    /// Anything else.
    Other(Value),
}

/// The fields of an object.
pub(super) trait Fields: Default {
    /// Adds one.
    fn put(&mut self, name: String, value: Json);
    /// Whether there is one of this name.
    fn has(&self, name: &str) -> bool;
    /// What they are called.
    fn names(&self) -> Vec<&str>;
}

impl Fields for Map<String, Value> {
    fn put(&mut self, name: String, value: Json) {
        self.insert(name, value.into());
    }

    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }
}

impl Fields for BTreeMap<String, Json> {
    fn put(&mut self, name: String, value: Json) {
        self.insert(name, value);
    }

    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }
}

/// A list as a message shows it.
pub(super) fn beginning(ids: &[u32]) -> Value {
    const MOST: usize = 64;
    ids.iter().copied().take(MOST).collect()
}

impl Json {
    /// The value for a message, which shows no more than the beginning of a list.
    pub(super) fn shown(&self) -> Value {
        match self {
            Json::Object(fields) => Value::Object(fields.clone()),
            Json::Ids(ids) => beginning(ids),
            Json::Other(value) => value.clone(),
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Value {
        match json {
            Json::Object(fields) => fields.into(),
            Json::Ids(ids) => ids.into(),
            Json::Other(value) => value,
        }
    }
}

impl<'de, O: Fields> Deserialize<'de> for Json<O> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reading(PhantomData))
    }
}

struct Reading<O>(PhantomData<O>);

impl<'de, O: Fields> Visitor<'de> for Reading<O> {
    type Value = Json<O>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<O>, E> {
        Ok(Json::Other(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<O>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<O>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<O>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<O>, E> {
        let number = Number::from_f64(value);
        Ok(Json::Other(number.map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<O>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json<O>, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<O>, A::Error> {
        let mut ids = Vec::new();
        let first = loop {
            let Some(value) = list.next_element::<Json>()? else {
                return Ok(Json::Ids(ids));
            };
            let value = Value::from(value);
            match value.as_u64().and_then(|id| u32::try_from(id).ok()) {
                Some(id) => ids.push(id),
                None => break value,
            }
        };
        let mut values: Vec<Value> = ids.into_iter().map(Value::from).collect();
        values.push(first);
        while let Some(value) = list.next_element::<Json>()? {
            values.push(value.into());
        }
        Ok(Json::Other(values.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<O>, A::Error> {
        let mut fields = O::default();
        while let Some(name) = map.next_key::<String>()? {
            if fields.has(&name) {
                let name = Line(&name);
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
            fields.put(name, map.next_value()?);
        }
        Ok(Json::Object(fields))
    }
}
