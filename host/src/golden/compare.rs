//! Where an answer is not what was expected.
//! Does not know what is compared.

use serde_json::{Value, json};

/// One place where an answer differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The row, from 0.
    pub row: usize,
    /// Where in the row's answer, such as `terms.brevity`; empty for all of it.
    pub place: String,
    /// What the case says.
    pub expected: Value,
    /// What came; absent when there is nothing at that place.
    pub got: Option<Value>,
    /// What came beside it under names that nobody expected: the name may be wrong.
    pub instead: Vec<String>,
}

impl Difference {
    /// Whether what came says why the row has no value.
    #[must_use]
    pub fn is_reason(&self) -> bool {
        let has = |got: &Value| REASONS.iter().any(|key| got.get(key).is_some());
        REASONS.contains(&self.place.as_str()) || self.got.as_ref().is_some_and(has)
    }
}

/// All places where `got` is not `expected`. A key that `expected` leaves out is not compared, and
/// why a row has no value need only contain the expected words. A row without a value that nobody expected
/// is a difference by itself, and not what is missing because of it.
#[must_use]
pub fn differences(expected: &[Value], got: &[Value], tolerance: f64) -> Vec<Difference> {
    let mut found = Vec::new();
    for (row, expected) in expected.iter().enumerate() {
        let before = found.len();
        let mut walk = Walk {
            row,
            tolerance,
            found: &mut found,
        };
        walk.compare("", expected, got.get(row));
        let failure = got.get(row).and_then(|got| unexpected(expected, got));
        if let Some(failure) = failure {
            found.truncate(before);
            found.push(Difference {
                row,
                place: String::new(),
                expected: expected.clone(),
                got: Some(failure),
                instead: Vec::new(),
            });
        }
    }
    found
}

/// What `got` says of a row without a value, where `expected` does not know that it has none.
pub fn unexpected(expected: &Value, got: &Value) -> Option<Value> {
    let mut keys = REASONS.into_iter();
    let known = |key: &str| expected.get(key).is_some() || expected == key;
    let key = keys.find(|key| got.get(*key).is_some() && !known(key))?;
    Some(json!({ key: got[key] }))
}

/// What stands for a row that is not the plugin's business, by itself or with the reason.
const NOT_APPLICABLE: &str = "not-applicable";
/// Keys under which an answer that is no value says why.
const REASONS: [&str; 3] = ["error", "invalid", NOT_APPLICABLE];

struct Walk<'a> {
    row: usize,
    tolerance: f64,
    found: &'a mut Vec<Difference>,
}

impl Walk<'_> {
    fn compare(&mut self, place: &str, expected: &Value, got: Option<&Value>) {
        match (expected, got) {
            (Value::Object(wanted), Some(Value::Object(there))) => {
                let others = there.keys().filter(|key| !wanted.contains_key(*key));
                for (key, expected) in wanted {
                    let before = self.found.len();
                    self.compare(&below(place, key), expected, there.get(key));
                    if let (None, Some(missing)) = (there.get(key), self.found.get_mut(before)) {
                        missing.instead = others.clone().cloned().collect();
                    }
                }
            }
            (Value::Array(wanted), Some(Value::Array(there))) if wanted.len() == there.len() => {
                for (index, (expected, got)) in wanted.iter().zip(there).enumerate() {
                    self.compare(&below(place, &index.to_string()), expected, Some(got));
                }
            }
            (expected, Some(got)) if self.same(place, expected, got) => {}
            (expected, got) => self.found.push(Difference {
                row: self.row,
                place: place.to_owned(),
                expected: expected.clone(),
                got: got.cloned(),
                instead: Vec::new(),
            }),
        }
    }

    fn same(&self, place: &str, expected: &Value, got: &Value) -> bool {
        match (expected, got) {
            (Value::Number(expected), Value::Number(got)) => {
                let (expected, got) = (expected.as_f64(), got.as_f64());
                let (Some(expected), Some(got)) = (expected, got) else {
                    return false;
                };
                // Plugins compute in f32: a longer decimal in a file means the nearest of those.
                expected == got
                    || expected as f32 == got as f32
                    || (expected - got).abs() <= self.tolerance * expected.abs().max(1.0)
            }
            (Value::String(part), Value::String(text)) if REASONS.contains(&place) => {
                text.contains(part.as_str())
            }
            // Why a row is not the plugin's business need not be expected.
            (Value::String(_), Value::Object(said)) => {
                place.is_empty() && expected == NOT_APPLICABLE && said.contains_key(NOT_APPLICABLE)
            }
            _ => expected == got,
        }
    }
}

fn below(place: &str, key: &str) -> String {
    if place.is_empty() {
        key.to_owned()
    } else {
        format!("{place}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(expected: Value, got: Value, tolerance: f64) -> Vec<String> {
        let found = differences(&[expected], &[got], tolerance);
        found
            .into_iter()
            .map(|difference| difference.place)
            .collect()
    }

    #[test]
    fn what_is_left_out_is_not_compared() {
        let got = json!({"terms": {"a": 1.5, "b": 2.0}, "per_token": [1.0]});
        assert!(places(json!({"terms": {"a": 1.5}}), got.clone(), 0.0).is_empty());
        assert_eq!(
            places(json!({"terms": {"a": 1.4, "c": 0}}), got.clone(), 0.0),
            ["terms.a", "terms.c"]
        );
        let found = differences(&[json!({"terms": {"a": 1.4, "c": 0}})], &[got], 0.0);
        assert_eq!(found[0].instead, Vec::<String>::new());
        assert_eq!(found[1].instead, ["b"]);
    }

    #[test]
    fn numbers_are_compared_as_plugins_compute_them() {
        let third = f64::from(1.0_f32 / 3.0);
        assert!(places(json!({"a": third}), json!({"a": 0.333_333_34}), 0.0).is_empty());
        assert_eq!(places(json!({"a": 0.33}), json!({"a": 0.3333}), 0.0), ["a"]);
        assert!(places(json!({"a": 0.33}), json!({"a": 0.3333}), 0.01).is_empty());
        assert_eq!(places(json!([1, 2]), json!([1, 2, 3]), 0.0), [""]);
    }

    #[test]
    fn errors_need_only_contain_the_words() {
        let got = json!({"error": "`shape`: cannot stand row 0\n  at src/lib.rs:3"});
        assert!(places(json!({"error": "cannot stand"}), got.clone(), 0.0).is_empty());
        assert_eq!(
            places(json!({"error": "likes it"}), got.clone(), 0.0),
            ["error"]
        );
        assert_eq!(places(json!({"terms": {}, "x": 1}), got.clone(), 0.0), [""]);
        assert_eq!(places(json!({}), got.clone(), 0.0), [""]);
        assert_eq!(
            places(json!("not-applicable"), json!({"terms": {}}), 0.0),
            [""]
        );
    }

    #[test]
    fn why_a_row_does_not_apply_need_not_be_expected() {
        let got = json!({"not-applicable": "fewer than 8 tokens"});
        for expected in [
            json!("not-applicable"),
            json!({"not-applicable": "8 tokens"}),
        ] {
            assert!(places(expected, got.clone(), 0.0).is_empty());
        }
        let other = json!({"not-applicable": "is empty"});
        assert_eq!(places(other.clone(), got.clone(), 0.0), ["not-applicable"]);
        assert_eq!(places(other, json!("not-applicable"), 0.0), [""]);
        // What is missing because of it is not told.
        let value = json!({"text": "a", "tokens": [97]});
        assert_eq!(places(value, got.clone(), 0.0), [""]);
        assert_eq!(places(json!("accepted"), got, 0.0), [""]);
    }
}
