//! Numbers with where they stand: a page says of each in which file and where in it it is, and gives it as the file does.

use serde_json::Value;

use super::html::{escaped, is_seen};

/// Bytes of a place in a file that is told: a name in it may be of any length, or of characters that nobody sees.
const LONGEST: usize = 1000;

/// A value of a file of JSON, and where it stands in it.
#[derive(Debug, Clone)]
pub(crate) struct Cited<'a> {
    file: &'a str,
    pointer: String,
    value: &'a Value,
}

impl<'a> Cited<'a> {
    /// A whole file.
    pub(crate) fn of(file: &'a str, value: &'a Value) -> Cited<'a> {
        Cited {
            file,
            pointer: String::new(),
            value,
        }
    }

    /// The value itself.
    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    /// What stands under a key; none where there is nothing, or null.
    pub(crate) fn get(&self, key: &str) -> Option<Cited<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.inside(key, value))
    }

    /// What stands at a place of a list.
    pub(crate) fn at(&self, place: usize) -> Option<Cited<'a>> {
        let value = self.value.get(place).filter(|value| !value.is_null())?;
        Some(self.inside(&place.to_string(), value))
    }

    /// All of a list under a key.
    pub(crate) fn list(&self, key: &str) -> Vec<Cited<'a>> {
        let list = self.get(key);
        let len = list
            .as_ref()
            .and_then(|list| list.value.as_array())
            .map_or(0, Vec::len);
        (0..len)
            .filter_map(|place| list.as_ref()?.at(place))
            .collect()
    }

    /// All of a table under a key, by name.
    pub(crate) fn table(&self, key: &str) -> Vec<(&'a str, Cited<'a>)> {
        let Some(table) = self.get(key) else {
            return Vec::new();
        };
        let names = table.value.as_object().into_iter().flatten();
        names
            .filter_map(|(name, _)| Some((name.as_str(), table.get(name)?)))
            .collect()
    }

    /// A text under a key; an empty one where there is none.
    pub(crate) fn text(&self, key: &str) -> &'a str {
        self.value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A number under a key.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.value.get(key).and_then(Value::as_f64)
    }

    fn inside(&self, key: &str, value: &'a Value) -> Cited<'a> {
        Cited {
            file: self.file,
            pointer: format!("{}/{}", self.pointer, token(key)),
            value,
        }
    }

    /// The number as HTML; a dash where it is none.
    pub(crate) fn html(&self) -> String {
        self.shown(short)
    }

    /// The same in hundredths.
    pub(crate) fn percent(&self) -> String {
        self.shown(|value| format!("{:.1} %", 100.0 * value))
    }

    fn shown(&self, words: impl Fn(f64) -> String) -> String {
        match (self.value.as_f64(), self.value) {
            (Some(number), Value::Number(exact)) => {
                data(self.file, &self.pointer, &exact.to_string(), &words(number))
            }
            _ => NONE.to_owned(),
        }
    }

    /// A mean or share with its interval.
    pub(crate) fn interval(&self) -> String {
        self.spread(Cited::html)
    }

    /// A share with its interval, in hundredths.
    pub(crate) fn share(&self) -> String {
        self.spread(Cited::percent)
    }

    fn spread(&self, words: impl Fn(&Cited<'a>) -> String) -> String {
        let part = |key: &str| self.get(key).map(|part| words(&part));
        match (part("value"), part("low"), part("high")) {
            (Some(value), Some(low), Some(high)) => {
                format!("{value} <span class=\"interval\">{low} to {high}</span>")
            }
            (Some(value), ..) => value,
            _ => NONE.to_owned(),
        }
    }
}

/// What stands where there is no number.
pub(crate) const NONE: &str = "<span class=\"none\">–</span>";

/// What there is, or a dash.
pub(crate) fn or_none(html: Option<String>) -> String {
    html.unwrap_or_else(|| NONE.to_owned())
}

/// A number of a line of a file of lines, at the keys and places that lead to it.
pub(crate) fn of_line(file: &str, line: usize, path: &[&str], value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let path = path.iter().map(|key| format!("/{}", token(key)));
    let pointer = format!("/{line}{}", path.collect::<String>());
    data(
        file,
        &pointer,
        &Value::from(value).to_string(),
        &short(value),
    )
}

fn data(file: &str, pointer: &str, exact: &str, words: &str) -> String {
    if pointer.len() > LONGEST || !is_seen(&format!("{file}{pointer}")) {
        return format!("<data value=\"{exact}\">{words}</data>");
    }
    let from = escaped(&format!("{file}#{pointer}"));
    format!(
        "<data value=\"{exact}\" data-from=\"{from}\" title=\"{exact} in {from}\">{words}</data>"
    )
}

/// A key as a JSON pointer has it (RFC 6901).
fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A number for people: four digits that count.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e15 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.2e}");
    }
    let before = size.log10().floor() as i32;
    let digits = (3 - before).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    match digits {
        0 => text,
        _ => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}
