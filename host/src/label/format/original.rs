//! The files of the original implementation (openai/lm-human-preferences): a JSON array whose rows
//! have token ids `query` and `sample0` … with `best`, or with `difference`, or `sample` with `score`.
//! All queries of a file are of one length, and all samples are.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::guess::{listed, missing};
use super::json::Json;
use super::stream::{for_objects, wrong};
use super::{Imported, Tally, Written, count, rows};
use crate::label::{Answer, Comparison, Label, Labeler, Passage};
use crate::rows::opened::Opened;

/// The fields of a row.
type Row = BTreeMap<String, Json>;

pub(super) fn read(file: Opened, into: &mut Imported) -> Result<()> {
    let mut lengths = None;
    for_objects(file.reader, "original", |row: &Row| {
        let label = label(row)?;
        // First what is wrong with the row itself.
        label.check()?;
        same_lengths(&label, &mut lengths)?;
        note_unknown(row, &label, &mut into.left);
        into.push(label)
    })
}

/// Refuses a label whose query or samples are not as long as those of the first.
fn same_lengths(label: &Label, first: &mut Option<[usize; 2]>) -> Result<()> {
    let Comparison {
        query, responses, ..
    } = &label.comparison;
    let query = length(query);
    let [query_length, sample_length] = *first.get_or_insert([query, length(&responses[0])]);
    let names = (0..).map(|place| match label.answer {
        Answer::Rating(_) => "sample".to_owned(),
        _ => format!("sample{place}"),
    });
    let samples = names.zip(responses.iter().map(length));
    let all = [("query".to_owned(), query, query_length)].into_iter();
    for (name, found, wanted) in all.chain(samples.map(|(name, n)| (name, n, sample_length))) {
        if found != wanted {
            bail!(
                "`{name}` has {found} token ids, must have {wanted} as in the first row\n\
                 hint: fill the shorter ones up with the padding token"
            );
        }
    }
    Ok(())
}

fn length(passage: &Passage) -> usize {
    passage.tokens.as_ref().map_or(0, Vec::len)
}

/// Counts what of a row is no part of its label.
fn note_unknown(row: &Row, label: &Label, left: &mut Tally) {
    let rated = matches!(label.answer, Answer::Rating(_));
    let known = |name: &str| match name.strip_prefix("sample") {
        Some("") => rated,
        Some(_) => !rated && numbered_sample(name).is_some(),
        None => name == "query" || ANSWERS.contains(&name),
    };
    for name in row.keys().filter(|name| !known(name)) {
        count(left, format!("`{name}`"));
    }
}

/// The number of a sample; `sample01` is none.
fn numbered_sample(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("sample")?;
    let number: usize = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// A row has one of them.
const ANSWERS: [&str; 3] = ["best", "difference", "score"];

fn label(row: &Row) -> Result<Label> {
    let answers: Vec<&str> = ANSWERS
        .into_iter()
        .filter(|name| row.contains_key(*name))
        .collect();
    if answers.len() > 1 {
        bail!(
            "has `{}`, must have one of them\nhint: make a row of each",
            answers.join("` and `")
        );
    }
    let numbered = |number: usize| format!("sample{number}");
    let names: Vec<String> = (0..)
        .map(numbered)
        .take_while(|n| row.contains_key(n))
        .collect();
    let number_of = |name: &String| numbered_sample(name);
    if let Some(far) = row.keys().find(|name| number_of(name) > Some(names.len())) {
        bail!(
            "has `{far}` and no `sample{}`\nhint: samples are numbered from 0, without a gap",
            names.len()
        );
    }
    if let (Some(answer @ ("best" | "difference")), 0 | 1) = (answers.first().copied(), names.len())
    {
        bail!(
            "has `{answer}`, but not two samples\nhint: they are called `sample0`, `sample1` and so on; one `sample` \
             alone has a `score`"
        );
    }
    let (names, answer) = if let Some(best) = row.get("best") {
        let best = best.shown();
        let best = best.as_u64().with_context(|| {
            wrong(
                "best",
                &best,
                "a number from 0",
                "0 is `sample0`, 1 is `sample1`",
            )
        })?;
        (names, Answer::Best(best as usize))
    } else if let Some(value) = row.get("difference") {
        (names, Answer::Difference(number("difference", value)?))
    } else if let Some(value) = row.get("score") {
        (
            vec!["sample".to_owned()],
            Answer::Rating(number("score", value)?),
        )
    } else {
        let has: Vec<&str> = row.keys().map(String::as_str).collect();
        bail!(
            "has none of `best`, `difference` and `score`, but {}\nhint: an answer is \"best\": 0 or \
             \"difference\": -0.5 of samples, or \"score\": 7 of one `sample`",
            listed(&has)
        );
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

fn number(name: &str, value: &Json) -> Result<f64> {
    let value = value.shown();
    value
        .as_f64()
        .with_context(|| wrong(name, &value, "a number", "0.5, without quotes"))
}

fn passage(row: &Row, name: &str) -> Result<Passage> {
    let value = row.get(name).with_context(|| {
        let has = row.keys().map(String::as_str);
        format!("has no `{name}`\n{}", missing(name, has))
    })?;
    let value = match value {
        Json::Ids(ids) => return Ok(Passage::of_tokens(ids.clone())),
        other => other.shown(),
    };
    let hint = match value {
        Value::String(_) => "this format has no texts; `jsonl` and `trl` have",
        _ => "token ids are whole numbers from 0 to 4294967295",
    };
    bail!(wrong(name, &value, "a list of token ids", hint))
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    // Of the lengths that occur, those that most labels have.
    let mut known: BTreeMap<[usize; 2], usize> = BTreeMap::new();
    for label in labels {
        if let Some(lengths) = lengths(label) {
            *known.entry(lengths).or_default() += 1;
        }
    }
    let most = known.into_iter().max_by_key(|(_, count)| *count);
    let most = most.map(|(lengths, _)| lengths);
    let one = |label: &Label| {
        let row = row(label)?;
        match lengths(label) {
            Some(lengths) if Some(lengths) == most => Ok(row),
            _ => Err("its query or responses are not as long as those of the others"),
        }
    };
    let (rows, mut written) = rows(labels, one, |row| label(&Row::deserialize(row)?))?;
    written.bytes = serde_json::to_vec(&rows)?;
    Ok(written)
}

/// How long the query is, and how long all of the responses are.
fn lengths(label: &Label) -> Option<[usize; 2]> {
    let Comparison {
        query, responses, ..
    } = &label.comparison;
    let all = length(responses.first()?);
    let same = responses.iter().all(|response| length(response) == all);
    same.then_some([length(query), all])
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
        Answer::Ranking(_) => return Err("a ranking"),
        Answer::Abstain => return Err("an abstention"),
        Answer::Skip => return Err("skipped"),
    };
    row.insert(name.to_owned(), value);
    Ok(Value::Object(row))
}
