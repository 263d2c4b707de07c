//! What researchers see of people and decide: who labels how, who is invited, what counts, and all labels as a file.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::face::Face;
use super::heard::{Asked, Said};
use super::refusal::{Answered, Refusal};
use crate::label::format::{self, FORMATS, Format, Written};
use crate::label::room::{Disagreement, Quality, Role};
use crate::label::store::Store;
use crate::label::{Answer, Label};

/// Disagreements that are shown at a time, at most.
const MOST: usize = 1000;

/// Who, how many, how fast, how consistent.
pub(super) async fn quality(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Answered<Json<Quality>> {
    let quality = face.look(&headers, |room, now| room.quality(now)).await?;
    Ok(Json(quality))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exclude {
    name: String,
    excluded: bool,
    #[serde(default)]
    why: String,
}

/// Leaves somebody out of what is learned next, or takes them in again.
pub(super) async fn exclude(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Said(said): Said<Exclude>,
) -> Answered<StatusCode> {
    face.as_researcher(&headers, move |room, by, now| {
        room.exclude(&said.name, said.excluded, &said.why, by, now)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invite {
    name: String,
    role: Role,
}

/// A personal link, which nobody can be shown again.
pub(super) async fn invite(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Said(said): Said<Invite>,
) -> Answered<Json<Value>> {
    let token = face
        .as_researcher(&headers, move |room, by, now| {
            room.invite(&said.name, said.role, by, now)
        })
        .await?;
    Ok(Json(json!({ "link": face.site.link(&token) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    name: String,
}

/// Has a personal link lead nowhere.
pub(super) async fn revoke(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Said(said): Said<Revoke>,
) -> Answered<StatusCode> {
    face.as_researcher(&headers, move |room, by, now| {
        room.revoke(&said.name, by, now)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    limit: Option<usize>,
}

/// What people say differently of the same.
pub(super) async fn disagreements(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Asked(Limit { limit }): Asked<Limit>,
) -> Answered<Json<Vec<Disagreement>>> {
    let limit = limit.unwrap_or(50).min(MOST);
    let found = face
        .look(&headers, move |room, _| room.disagreements(limit))
        .await?;
    Ok(Json(found))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adjudicate {
    key: String,
    answer: Answer,
}

/// Decides between people.
pub(super) async fn adjudicate(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Said(said): Said<Adjudicate>,
) -> Answered<StatusCode> {
    face.as_researcher(&headers, move |room, by, now| {
        room.adjudicate(&said.key, said.answer, by, now)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    format: Option<String>,
}

/// All labels as a file, with what it cannot carry in the header `x-attune-lost`.
pub(super) async fn export(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Asked(Export { format }): Asked<Export>,
) -> Answered<Response> {
    face.researcher(&headers).await?;
    let name = format.as_deref().unwrap_or("jsonl");
    let format = Format::named(name).ok_or_else(|| {
        let known: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let hint = format!("ask for one of: {}", known.join(", "));
        Refusal::new(StatusCode::NOT_FOUND, "no format has this name", hint)
    })?;
    let store = face.labels()?.store.clone();
    let written = face
        .aside(move || {
            let labels = Store::read(&store)?.labels()?;
            let labels: Vec<Label> = labels.into_iter().map(|(_, label)| label).collect();
            // What a format says no to, such as labels of two kinds, is for whoever asks.
            Ok(format::write(&labels, format).map_err(|error| format!("{error:#}")))
        })
        .await?;
    let written = written.map_err(|message| Refusal::told(StatusCode::CONFLICT, &message))?;
    Ok(file(format, written))
}

fn file(format: &Format, written: Written) -> Response {
    let (kind, ending) = match format.name {
        "csv" => ("text/csv; charset=utf-8", "csv"),
        "parquet" => ("application/vnd.apache.parquet", "parquet"),
        "label-studio" | "argilla" => ("application/json", "json"),
        _ => ("application/x-ndjson", "jsonl"),
    };
    let name = format!("attachment; filename=\"labels-{}.{ending}\"", format.name);
    let mut response = written.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let lost = ascii(&json!({ "labels": written.labels, "lost": written.lost }));
    for (header, value) in [
        (CONTENT_DISPOSITION, name),
        (axum::http::HeaderName::from_static("x-attune-lost"), lost),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(header, value);
        }
    }
    response
}

/// JSON as a header can carry it.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for unit in value.to_string().encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ b' '..=b'~') => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\u{unit:04x}")),
        }
    }
    text
}
