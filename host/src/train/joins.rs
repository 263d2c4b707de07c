//! Whether texts that follow each other are the same texts once they are tokens, as a response goes on after its
//! query. Some tokenizers write all letters small, others put spaces where none were.

use serde_json::Value;

use crate::tokenizer::Tokenizer;

/// How many rows are looked at.
pub(crate) const MOST: usize = 1000;
/// How much of a text a person is shown, in characters.
const SHOWN: usize = 30;

/// What became of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joins {
    /// Rows that were looked at.
    pub rows: usize,
    /// Those of which some text was another afterwards.
    pub changed: usize,
    /// Where the first of them differs: its number, what it says there, and what that became.
    pub first: Option<(u64, String, String)>,
}

/// What a tokenizer makes of numbered rows of texts, in two parts each.
pub fn measure<'a>(
    tokenizer: &Tokenizer,
    rows: impl IntoIterator<Item = (u64, Vec<(&'a str, &'a str)>)>,
) -> Joins {
    let mut joins = Joins::default();
    for (number, texts) in rows.into_iter().take(MOST) {
        joins.rows += 1;
        let mut read = texts.iter().map(|(text, next)| {
            let whole = format!("{text}{next}");
            (tokenizer.read_back(text, next), whole)
        });
        if let Some((read, whole)) = read.find(|(read, whole)| read != whole) {
            joins.changed += 1;
            let place = || (number, excerpt(&whole, &read), excerpt(&read, &whole));
            joins.first.get_or_insert_with(place);
        }
    }
    joins
}

/// The texts of a row of data, each cut in two before the word in its middle.
pub fn halves(row: &Value) -> Vec<(&str, &str)> {
    match row {
        Value::String(text) => vec![text.split_at(middle(text))],
        Value::Array(list) => list.iter().flat_map(halves).collect(),
        Value::Object(fields) => fields.values().flat_map(halves).collect(),
        _ => Vec::new(),
    }
}

/// Where the white space next to the middle is, or the middle itself.
fn middle(text: &str) -> usize {
    let middle = text.len() / 2;
    let spaces = text.char_indices().filter(|(_, c)| c.is_whitespace());
    let nearest = spaces
        .map(|(at, _)| at)
        .min_by_key(|at| at.abs_diff(middle));
    nearest.unwrap_or_else(|| text.floor_char_boundary(middle))
}

/// A text from shortly before the place where another differs.
fn excerpt(text: &str, other: &str) -> String {
    let same = text.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    let from = same.count().saturating_sub(SHOWN / 3);
    text.chars().skip(from).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_cut_before_a_word() {
        let row = json!({"title": "One two three", "lines": ["ab", "é語"], "year": 1999});
        assert_eq!(
            halves(&row),
            [("One two", " three"), ("a", "b"), ("é", "語")]
        );
    }

    #[test]
    fn what_changes_is_counted_and_shown() {
        let mut json: Value = serde_json::from_slice(&tokenizer_json()).unwrap();
        json["normalizer"] = json!({"type": "Lowercase"});
        let lower = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
        let rows: [Value; 3] = [
            json!("all small"),
            json!("It was Not there"),
            json!({"a": "A", "b": 1}),
        ];
        let numbered = || (1..).zip(rows.iter().map(halves));
        let joins = measure(&lower, numbered());
        let first = (
            2,
            "It was Not there".to_owned(),
            "it was not there".to_owned(),
        );
        assert_eq!(
            joins,
            Joins {
                rows: 3,
                changed: 2,
                first: Some(first)
            }
        );
        let exact = measure(&Tokenizer::bytes(), numbered());
        assert_eq!((exact.rows, exact.changed), (3, 0));
    }

    fn tokenizer_json() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        Tokenizer::bytes().save(folder.path()).unwrap();
        std::fs::read(folder.path().join("tokenizer.json")).unwrap()
    }
}
