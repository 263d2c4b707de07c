//! Argilla's records as JSON: `fields`, of which one is the query and the numbered ones are responses,
//! and `responses`, in which users answer questions: a ranking of fields, the name of a field, the names
//! of several that are equally good, or a number. The files of version 1 differ in `responses`.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::fields::{self, count_unread};
use super::stream::{for_objects, wrong};
use super::talk::Besides;
use super::{Imported, count, prompt, time};
use crate::label::{Comparison, Label, Labeler, Passage};
use crate::rows::opened::Opened;

mod said;
mod write;

use said::{Judgement, judgements};
pub(super) use write::write;

/// The question that we ask of responses that are equally good.
const EQUALLY_GOOD: &str = "equally_good";

pub(super) fn read(file: Opened, into: &mut Imported) -> Result<()> {
    for_objects(file.reader, "argilla", |record: &Map<String, Value>| {
        push(record, into)
    })
}

/// What the program keeps of a record for itself.
const BOOKKEEPING: [&str; 8] = [
    "id",
    "external_id",
    "_server_id",
    "status",
    "inserted_at",
    "updated_at",
    "dataset_id",
    "metadata",
];

/// Adds the labels of a record.
fn push(record: &Map<String, Value>, into: &mut Imported) -> Result<()> {
    let all = record.get("fields").and_then(Value::as_object);
    let all = all.context(
        "has no object `fields`\nhint: export records as Argilla does, by `dataset.records.to_json(path)`",
    )?;
    let mut besides = Besides::default();
    let names = fields::responses(all, &[]);
    let known = names.as_deref().unwrap_or_default();
    let (asked, query) = fields::query(all, known, &mut besides).context("`fields`")?;
    let names = names.context("`fields`")?;
    let metadata = record.get("metadata").and_then(Value::as_object);
    let source = metadata.and_then(fields::source);
    let said = names
        .iter()
        .map(|name| fields::passage(&all[*name], name, &mut besides));
    let apart = prompt::apart(&query, &said.collect::<Result<Vec<_>>>()?);
    let comparison = Comparison {
        query: Passage::of_text(apart.query),
        responses: apart.responses.into_iter().map(Passage::of_text).collect(),
        source,
    };
    besides.count(&mut into.left);
    let is_read = |name: &str| name == asked || names.contains(&name);
    count_unread(all, "fields.", is_read, &mut into.left);
    count_besides(record, metadata, comparison.source.is_some(), into);
    let time = time_of(metadata)?;
    let said = judgements(record, &names, into)?;
    if said.is_empty() {
        count(&mut into.left, "records that nobody has judged");
    }
    let origin = record.get("id").and_then(origin);
    for Judgement {
        answer,
        place,
        user,
    } in said
    {
        let mut comparison = comparison.clone();
        if let Some(place) = place {
            comparison.responses = vec![comparison.responses.swap_remove(place)];
        }
        let label = Label {
            comparison,
            answer,
            labeler: labeler(user)?,
            time,
        };
        if apart.is_twice {
            prompt::note_doubled(into);
        }
        into.push_from(label, origin.clone())?;
    }
    Ok(())
}

/// When it was judged, where the record says so as we do.
fn time_of(metadata: Option<&Map<String, Value>>) -> Result<Option<i64>> {
    let Some(at) = metadata.and_then(|all| all.get("labeled_at")) else {
        return Ok(None);
    };
    let time = at.as_str().and_then(time::parse);
    let time = time.with_context(|| wrong("metadata.labeled_at", at, "a time", time::HINT))?;
    Ok(Some(time))
}

/// How a record is known. Its number may be written as one or as a text.
fn origin(id: &Value) -> Option<String> {
    let id = match id {
        Value::Null => return None,
        Value::Number(number) => Value::from(number.to_string()),
        other => other.clone(),
    };
    Some(format!("argilla record {id}"))
}

/// Counts what of a record is not read, but for its fields.
fn count_besides(
    record: &Map<String, Value>,
    metadata: Option<&Map<String, Value>>,
    has_source: bool,
    into: &mut Imported,
) {
    let is_known =
        |name: &str| ["fields", "responses"].contains(&name) || BOOKKEEPING.contains(&name);
    count_unread(record, "", is_known, &mut into.left);
    let of_source = ["checkpoint", "config"];
    let is_read = |name: &str| name == "labeled_at" || has_source && of_source.contains(&name);
    if let Some(metadata) = metadata {
        count_unread(metadata, "metadata.", is_read, &mut into.left);
    }
}

fn labeler(user: &Value) -> Result<Labeler> {
    Ok(match user {
        Value::Null => Labeler::Unknown,
        // Argilla writes Python's word for nobody.
        Value::String(name) if name == "None" => Labeler::Unknown,
        Value::String(name) => Labeler::Person(name.clone()),
        other => bail!(wrong(
            "user_id",
            other,
            "the id of a user",
            "write it as text, such as \"7\", or leave it out"
        )),
    })
}
