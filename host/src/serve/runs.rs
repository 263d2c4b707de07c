//! What researchers see of runs: which there are, what they are, their numbers, what was sampled, and the report.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::face::Face;
use super::heard::{Asked, Named};
use super::refusal::{Answered, Refusal};
use crate::digest;
use crate::label::store::Store;
use crate::report::data::Header;
use crate::report::metrics::Series;
use crate::report::samples::{self, Sample};
use crate::report::{self, RunRef};
use crate::run_dir::RunDir;

/// Points of a curve: as asked, within these.
const POINTS: std::ops::RangeInclusive<usize> = 10..=20_000;
/// Updates whose samples are sent, at most.
const UPDATES: usize = 200;
/// What a report may do: be looked at.
const REPORT: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// All runs.
pub(super) async fn list(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Answered<Json<Vec<Value>>> {
    face.researcher(&headers).await?;
    let watched = Arc::clone(&face);
    let runs = face
        .aside(move || {
            let runs = watched.watched.all()?;
            let runs = runs.iter().map(|run| Ok(serde_json::to_value(&**run)?));
            runs.collect::<Result<Vec<Value>>>()
        })
        .await?;
    Ok(Json(runs))
}

/// The run of this name, for a researcher.
pub(super) async fn of(face: &Arc<Face>, headers: &HeaderMap, id: &str) -> Answered<Arc<RunRef>> {
    face.researcher(headers).await?;
    let (watched, id) = (Arc::clone(face), id.to_owned());
    let run = face.aside(move || watched.watched.find(&id)).await?;
    run.ok_or_else(Refusal::nowhere)
}

/// What a run is, and how far.
pub(super) async fn header(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Named(id): Named,
) -> Answered<Json<Value>> {
    let run = of(&face, &headers, &id).await?;
    let store = face.labels.as_ref().map(|labels| labels.store.clone());
    let header = face
        .aside(move || {
            let mut header = serde_json::to_value(Header::read(&run)?)?;
            if header["labels"].is_null() {
                header["labels"] = labels(&run, store)?;
            }
            Ok(header)
        })
        .await?;
    Ok(Json(header))
}

/// How many labels a run has asked for, and how many were given; null for one that asks for none.
fn labels(run: &RunRef, store: Option<PathBuf>) -> Result<Value> {
    let store = store.unwrap_or_else(|| run.dir.join("labels.db"));
    let config = std::fs::read(RunDir::at(&run.dir).config());
    let (Ok(config), true) = (config, store.is_file()) else {
        return Ok(Value::Null);
    };
    // As the run names what it asks.
    let own = format!("run-{}/", &digest::of_bytes(&config)[..16]);
    let store = Store::read(&store)?;
    let given = store.labels_under(&own)?.len();
    let due = given + store.pending(&own)?.len();
    Ok(match due {
        0 => Value::Null,
        due => json!({ "due": due, "given": given }),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Curves {
    keys: Option<String>,
    points: Option<usize>,
}

/// Some of the numbers, so many points of each.
pub(super) async fn metrics(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Named(id): Named,
    Asked(Curves { keys, points }): Asked<Curves>,
) -> Answered<Json<Series>> {
    let run = of(&face, &headers, &id).await?;
    let points = points.unwrap_or(1000).clamp(*POINTS.start(), *POINTS.end());
    let keys = keys.unwrap_or_default();
    let keys = keys.split(',').filter(|key| !key.is_empty());
    let keys: Vec<String> = keys.map(str::to_owned).collect();
    let watched = Arc::clone(&face);
    let series = face
        .aside(move || {
            let path = RunDir::at(&run.dir).metrics();
            Ok(watched.watched.metrics(&path)?.down_sampled(&keys, points))
        })
        .await?;
    Ok(Json(series))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Last {
    last: Option<usize>,
}

/// What was sampled in the last updates.
pub(super) async fn sampled(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Named(id): Named,
    Asked(Last { last }): Asked<Last>,
) -> Answered<Json<Vec<Sample>>> {
    let run = of(&face, &headers, &id).await?;
    let last = last.unwrap_or(8).min(UPDATES);
    let samples = face
        .aside(move || samples::last(&RunDir::at(&run.dir).samples(), last))
        .await?;
    Ok(Json(samples))
}

/// The report, as `attune report` makes it.
pub(super) async fn report(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Named(id): Named,
) -> Answered<Response> {
    let run = of(&face, &headers, &id).await?;
    let one = face.watched.makers.acquire().await;
    let page = face
        .aside(move || report::page(std::slice::from_ref(&run.dir)))
        .await?;
    drop(one);
    let mut response = page.into_response();
    let said = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    said.insert(CONTENT_TYPE, html);
    let policy = HeaderValue::from_static(REPORT);
    said.insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
