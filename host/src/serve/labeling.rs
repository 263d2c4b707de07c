//! What a person is asked, and what the person says.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::face::Face;
use super::heard::{Asked, Said};
use super::refusal::Answered;
use crate::label::room::{Given, Next, Rules, Taken};

/// What the page is told of the rules. Not what is gold, and not how work is checked.
pub(super) fn settings(rules: &Rules) -> Value {
    json!({
        "title": rules.title,
        "instructions": rules.instructions,
        "mode": rules.mode,
        "ties": rules.ties,
        "naive": rules.naive,
        "confidence": rules.confidence,
        "strength": rules.strength,
        "notes": rules.notes,
        "hints": rules.hints,
        "scale": [rules.scale.0, rules.scale.1],
        "abstain_reasons": rules.abstain_reasons,
    })
}

/// What people are told to do.
pub(super) async fn told(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Answered<Json<Value>> {
    face.known(&headers).await?;
    Ok(Json(face.labels()?.settings.clone()))
}

/// The next comparison.
pub(super) async fn next(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
) -> Answered<Json<Value>> {
    let next = face
        .as_person(&headers, |room, person, now| room.next(person.id, now))
        .await?;
    Ok(Json(match next {
        Next::Item(item, progress) => {
            json!({ "state": "item", "item": item, "progress": progress })
        }
        Next::Wait(progress) => json!({ "state": "wait", "progress": progress }),
        Next::Excluded => json!({ "state": "excluded" }),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    steps: u32,
}

/// What the person answered so many answers ago.
pub(super) async fn back(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Asked(Back { steps }): Asked<Back>,
) -> Answered<Json<Value>> {
    let item = face
        .as_person(&headers, move |room, person, now| {
            room.back(person.id, steps, now)
        })
        .await?;
    Ok(Json(json!({ "item": item })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keep {
    item: String,
}

/// The person still thinks about it.
pub(super) async fn keep(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Said(Keep { item }): Said<Keep>,
) -> Answered<Json<Value>> {
    let kept = face
        .as_person(&headers, move |room, person, now| {
            room.keep(person.id, &item, now)
        })
        .await?;
    Ok(Json(json!({ "kept": kept })))
}

/// An answer. What is acknowledged is on the disk; what is said again is kept once.
pub(super) async fn answer(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    Said(given): Said<Given>,
) -> Answered<Json<Taken>> {
    let taken = face
        .as_person(&headers, move |room, person, now| {
            room.answer(person.id, &given, now)
        })
        .await?;
    Ok(Json(taken))
}
