//! Label Studio's JSON export: tasks with `data` and `annotations`, whose results are of a `Pairwise`,
//! a `Ranker`, a `Rating` or a `Number`. Which part of `data` is what, the project's configuration says
//! and the export does not; so it goes by what the results name, and by the names themselves.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::fields::{self, count_unread};
use super::stream::{for_objects, wrong};
use super::talk::{Besides, Said};
use super::{Imported, count, prompt, time};
use crate::label::{Comparison, Label, Labeler, Passage, Source};
use crate::rows::opened::Opened;

mod about;
mod answer;
mod list;
mod write;

pub(super) use write::write;

/// What the program keeps of tasks, annotations and items for itself.
const BOOKKEEPING: [&str; 28] = [
    "id",
    "inner_id",
    "project",
    "task",
    "unique_id",
    "created_at",
    "updated_at",
    "updated_by",
    "created_username",
    "draft_created_at",
    "lead_time",
    "file_upload",
    "total_annotations",
    "cancelled_annotations",
    "total_predictions",
    "comment_count",
    "unresolved_comment_count",
    "last_comment_updated_at",
    "comment_authors",
    "last_action",
    "last_created_by",
    "bulk_created",
    "import_id",
    "parent_annotation",
    "parent_prediction",
    "was_cancelled",
    "ground_truth",
    "result_count",
];

pub(super) fn read(file: Opened, into: &mut Imported) -> Result<()> {
    for_objects(file.reader, "label-studio", |task| push(task, into))
}

/// What is judged.
struct Task<'a> {
    data: &'a Map<String, Value>,
    query: Passage,
    /// What the results call each response.
    names: Vec<String>,
    responses: Vec<Passage>,
    source: Option<Source>,
    /// Whether all responses began with the query.
    is_twice: bool,
}

impl Task<'_> {
    /// What the results call each response.
    fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// Whether there is a field of this name.
    fn has(&self, name: &str) -> bool {
        self.data.contains_key(name)
    }

    /// The comparison of the responses at these places.
    fn comparison(&self, places: &[usize]) -> Comparison {
        Comparison {
            query: self.query.clone(),
            responses: places
                .iter()
                .map(|place| self.responses[*place].clone())
                .collect(),
            source: self.source.clone(),
        }
    }
}

fn push(row: &Map<String, Value>, into: &mut Imported) -> Result<()> {
    for what in ["predictions", "drafts"] {
        if let Some(Value::Array(others)) = row.get(what)
            && !others.is_empty()
        {
            count(&mut into.left, format!("`{what}`"));
        }
    }
    let data = row.get("data").and_then(Value::as_object);
    let data = data.context("has no `data`\nhint: export as JSON, not as JSON-MIN")?;
    let annotations = row.get("annotations").and_then(Value::as_array);
    let annotations = annotations.context(
        "has no list `annotations`\nhint: export as JSON, with annotations; these may be tasks for an import",
    )?;
    if annotations.is_empty() {
        count(&mut into.left, "tasks that nobody has judged");
        return Ok(());
    }
    let known = ["data", "annotations", "predictions", "drafts"];
    let is_known = |name: &str| known.contains(&name) || BOOKKEEPING.contains(&name);
    count_unread(row, "", is_known, &mut into.left);
    let results: Vec<&Value> = annotations
        .iter()
        .filter_map(|annotation| annotation.get("result")?.as_array())
        .flatten()
        .collect();
    let judged = judged(data, &results, into)?;
    for (at, annotation) in annotations.iter().enumerate() {
        push_annotation(annotation, row.get("id"), &judged, into)
            .with_context(|| format!("`annotations[{at}]`"))?;
    }
    Ok(())
}

/// Adds the labels of one annotation.
fn push_annotation(
    annotation: &Value,
    task_id: Option<&Value>,
    task: &Task<'_>,
    into: &mut Imported,
) -> Result<()> {
    let empty = Map::new();
    let annotation = annotation.as_object().unwrap_or(&empty);
    let known = ["result", "completed_by"];
    let is_known = |name: &str| known.contains(&name) || BOOKKEEPING.contains(&name);
    count_unread(annotation, "annotations[].", is_known, &mut into.left);
    let created = annotation.get("created_at").unwrap_or(&Value::Null);
    let time = match created {
        Value::Null => None,
        Value::Number(number) => number.as_f64().and_then(time::since_1970),
        other => other.as_str().and_then(time::parse),
    };
    if time.is_none() && !created.is_null() {
        bail!(wrong("created_at", created, "a time", time::HINT));
    }
    // Older exports have no `unique_id`, and an annotation is the same one in all of them.
    let ids = ["id", "unique_id"];
    let id = ids
        .iter()
        .find_map(|id| annotation.get(*id).and_then(id_text));
    let origin = id.map(|id| {
        let task = task_id.and_then(id_text).unwrap_or_default();
        format!("label-studio task {task} annotation {id}")
    });
    let labeler = labeler(annotation)?;
    for (answer, places) in answer::answers(annotation, task, into)? {
        let label = Label {
            comparison: task.comparison(&places),
            answer,
            labeler: labeler.clone(),
            time,
        };
        if task.is_twice {
            prompt::note_doubled(into);
        }
        into.push_from(label, origin.clone())?;
    }
    Ok(())
}

/// What is compared, by what the results name.
fn judged<'a>(
    data: &'a Map<String, Value>,
    results: &[&Value],
    into: &mut Imported,
) -> Result<Task<'a>> {
    let mut besides = Besides::default();
    let told: Vec<&str> = results
        .iter()
        .flat_map(|result| about::told(result))
        .collect();
    let is_ranked = results
        .iter()
        .any(|result| result.get("type") == Some(&"ranker".into()));
    let numbered = named(data, &told);
    let known = numbered.as_deref().unwrap_or_default();
    let (asked, query) = fields::query(data, known, &mut besides).context("`data`")?;
    // A ranking names the items of a list; all other results name fields.
    let list = match &numbered {
        Ok(_) if !is_ranked => None,
        _ => list::list_of(data, asked, &told, &answer::ranked(results)).context("`data`")?,
    };
    let (mut names, mut responses) = (Vec::<String>::new(), Vec::<Said>::new());
    let mut read = vec![asked];
    if let Some((list, items)) = list {
        read.push(list);
        for (at, item) in items.iter().enumerate() {
            let (name, response) = list::response_of(item, list, at, &names, &mut besides, into)?;
            names.push(name);
            responses.push(response);
        }
    } else {
        for name in numbered.context("`data`")? {
            responses.push(fields::passage(&data[name], name, &mut besides)?);
            names.push(name.to_owned());
            read.push(name);
        }
    }
    besides.count(&mut into.left);
    let source = fields::source(data);
    let is_read = |name: &str| {
        read.contains(&name) || (source.is_some() && ["checkpoint", "config"].contains(&name))
    };
    count_unread(data, "data.", is_read, &mut into.left);
    let apart = prompt::apart(&query, &responses);
    Ok(Task {
        data,
        query: Passage::of_text(apart.query),
        names,
        responses: apart.responses.into_iter().map(Passage::of_text).collect(),
        source,
        is_twice: apart.is_twice,
    })
}

/// Fields that are the responses: those that a result names as a pair, or those that are called so.
fn named<'a>(data: &'a Map<String, Value>, told: &[&str]) -> Result<Vec<&'a str>> {
    let numbered = fields::responses(data, told);
    let is_response = |name: &&str| !fields::QUERIES.contains(name) && told.contains(name);
    let named: Vec<&str> = data
        .keys()
        .map(String::as_str)
        .filter(is_response)
        .collect();
    match numbered {
        Ok(names) if names.len() > 1 => Ok(names),
        _ if named.len() > 1 => Ok(named),
        other => other,
    }
}

fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn labeler(annotation: &Map<String, Value>) -> Result<Labeler> {
    let by = annotation.get("completed_by").unwrap_or(&Value::Null);
    let who = match by {
        Value::Null => return Ok(Labeler::Unknown),
        Value::Object(person) => person.get("email").or(person.get("id")).and_then(id_text),
        other => id_text(other),
    };
    let who = who.with_context(|| {
        let wanted = "a number or a person with `email`";
        wrong(
            "completed_by",
            by,
            wanted,
            "leave it out where nobody knows",
        )
    })?;
    Ok(Labeler::Person(who))
}
