//! The files of the original implementation (openai/lm-human-preferences): a JSON array whose rows
//! have token ids `query` and `sample0` … with `best`, or with `difference`, or `sample` with `score`.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::Written;
use crate::label::{Answer, Comparison, Label, Labeler, Passage};

pub(super) fn read(text: &str) -> Result<Vec<Label>> {
    let rows: Vec<Value> = serde_json::from_str(text).context("it is no JSON array of labels")?;
    let one = |(number, row): (usize, &Value)| {
        let about = || format!("row {number}, counted from 0");
        let row = row.as_object();
        let label = label(row.context("is no JSON object").with_context(about)?);
        let label = label.with_context(about)?;
        label.check().with_context(about)?;
        Ok(label)
    };
    rows.iter().enumerate().map(one).collect()
}

fn label(row: &Map<String, Value>) -> Result<Label> {
    let numbered = |number: usize| format!("sample{number}");
    let names: Vec<String> = (0..)
        .map(numbered)
        .take_while(|n| row.contains_key(n))
        .collect();
    let (names, answer) = if let Some(best) = row.get("best") {
        let best = best
            .as_u64()
            .with_context(|| wrong("best", best, "a number from 0"))?;
        (names, Answer::Best(best as usize))
    } else if let Some(value) = row.get("difference") {
        (names, Answer::Difference(number("difference", value)?))
    } else if let Some(value) = row.get("score") {
        (
            vec!["sample".to_owned()],
            Answer::Rating(number("score", value)?),
        )
    } else {
        bail!("has none of `best`, `difference` and `score`");
    };
    let responses = names.iter().map(|name| passage(row, name));
    Ok(Label {
        comparison: Comparison {
            query: passage(row, "query")?,
            responses: responses.collect::<Result<_>>()?,
            source: None,
        },
        answer,
        labeler: Labeler::Unknown,
        time: None,
    })
}

fn number(name: &str, value: &Value) -> Result<f64> {
    value
        .as_f64()
        .with_context(|| wrong(name, value, "a number"))
}

fn passage(row: &Map<String, Value>, name: &str) -> Result<Passage> {
    let value = row.get(name).with_context(|| format!("has no `{name}`"))?;
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = value
        .as_array()
        .and_then(|ids| ids.iter().map(id).collect());
    let ids = ids.with_context(|| wrong(name, value, "a list of token ids"))?;
    Ok(Passage::of_tokens(ids))
}

fn wrong(name: &str, value: &Value, wanted: &str) -> String {
    let mut shown = value.to_string();
    if let Some((end, _)) = shown.char_indices().nth(60) {
        shown.truncate(end);
        shown.push('…');
    }
    format!("`{name}` is {shown}, must be {wanted}")
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    let mut written = Written::default();
    let mut rows = Vec::new();
    for label in labels {
        match row(label) {
            Ok(row) => {
                rows.push(row);
                note_losses(label, &mut written);
            }
            Err(what) => written.lose(format!("the label: {what}")),
        }
    }
    written.labels = rows.len();
    written.bytes = serde_json::to_vec(&rows)?;
    Ok(written)
}

/// The row, or why there can be none.
fn row(label: &Label) -> Result<Value, &'static str> {
    let Comparison {
        query, responses, ..
    } = &label.comparison;
    let mut row = Map::new();
    let mut put = |name: String, passage: &Passage| -> Result<(), &'static str> {
        let ids = passage.tokens.clone().ok_or("there are no token ids")?;
        row.insert(name, ids.into());
        Ok(())
    };
    put("query".to_owned(), query)?;
    let single = matches!(label.answer, Answer::Rating(_));
    for (place, response) in responses.iter().enumerate() {
        let name = if single {
            String::new()
        } else {
            place.to_string()
        };
        put(format!("sample{name}"), response)?;
    }
    let (name, value) = match label.answer {
        Answer::Best(place) => ("best", place.into()),
        Answer::Difference(value) => ("difference", value.into()),
        Answer::Rating(value) => ("score", value.into()),
        Answer::Tie(_) => return Err("a tie"),
        Answer::Abstain => return Err("an abstention"),
        Answer::Skip => return Err("skipped"),
    };
    row.insert(name.to_owned(), value);
    Ok(Value::Object(row))
}

fn note_losses(label: &Label, written: &mut Written) {
    let Comparison {
        query,
        responses,
        source,
    } = &label.comparison;
    let mut passages = responses.iter().chain([query]);
    for (lost, what) in [
        (passages.any(|passage| passage.text.is_some()), "texts"),
        (source.is_some(), "where the responses are from"),
        (label.labeler != Labeler::Unknown, "who judged"),
        (label.time.is_some(), "when it was judged"),
    ] {
        if lost {
            written.lose(what);
        }
    }
}
