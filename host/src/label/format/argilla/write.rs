//! Labels as records of Argilla.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::super::{Imported, Written, rows, time};
use super::{EQUALLY_GOOD, push};
use crate::label::{Answer, Comparison, Label, Labeler};

pub(in super::super) fn write(all: &[Label]) -> Result<Written> {
    let (records, mut written) = rows(all, record, |record| {
        let mut back = Imported::default();
        push(record.as_object().context("is no JSON object")?, &mut back)?;
        back.labels.pop().context("has no responses")
    })?;
    written.bytes = serde_json::to_vec(&records)?;
    Ok(written)
}

fn record(label: &Label) -> Result<Value, &'static str> {
    let Comparison {
        query,
        responses,
        source,
    } = &label.comparison;
    if !label.comparison.has_texts() {
        return Err("there are no texts");
    }
    let name = |place: usize| format!("response{}", place + 1);
    let mut fields = Map::new();
    fields.insert("prompt".to_owned(), query.text.clone().into());
    for (place, response) in responses.iter().enumerate() {
        fields.insert(name(place), response.text.clone().into());
    }
    let (question, value) = match &label.answer {
        Answer::Best(place) => ("best", name(*place).into()),
        Answer::Tie(places) => (EQUALLY_GOOD, places.iter().copied().map(name).collect()),
        Answer::Ranking(groups) => {
            let ranked = (1..).zip(groups).flat_map(|(rank, group): (u64, _)| {
                group
                    .iter()
                    .map(move |place| json!({"value": name(*place), "rank": rank}))
            });
            ("ranking", ranked.collect())
        }
        // Argilla's ratings are whole numbers of a scale that ends there.
        Answer::Rating(value) if value.fract() == 0.0 && (0.0..=10.0).contains(value) => {
            ("rating", (*value as u64).into())
        }
        Answer::Rating(_) => return Err("a rating that is no whole number from 0 to 10"),
        Answer::Difference(_) => return Err("a difference"),
        Answer::Abstain => return Err("an abstention"),
        Answer::Skip => ("best", Value::Null),
    };
    let status = match label.answer {
        Answer::Skip => "discarded",
        _ => "submitted",
    };
    let user = match &label.labeler {
        Labeler::Person(name) => Some(name),
        Labeler::Plugin { .. } | Labeler::Unknown => None,
    };
    let mut metadata = Map::new();
    if let Some(source) = source {
        metadata.insert("checkpoint".to_owned(), source.checkpoint.clone().into());
        metadata.insert("config".to_owned(), source.config.clone().into());
    }
    if let Some(at) = label.time.and_then(time::text) {
        metadata.insert("labeled_at".to_owned(), at.into());
    }
    Ok(json!({
        "fields": fields,
        "metadata": metadata,
        "responses": {question: [{"value": value, "user_id": user, "status": status}]},
    }))
}
