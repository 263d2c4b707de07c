//! Coming in by a personal link, going out, and who one is.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::face::{Address, Face, Known};
use super::heard::Said;
use super::refusal::Answered;
use crate::label::room::Role;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enter {
    token: String,
}

/// A session for whoever holds a link.
pub(super) async fn enter(
    State(face): State<Arc<Face>>,
    Address(from): Address,
    Said(said): Said<Enter>,
) -> Answered<Response> {
    let now = Instant::now();
    let caller = face.door.knock(&said.token, from, now)?;
    match face.of_caller(caller.clone()).await {
        Ok(_) => {}
        Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
            return Err(face.door.wrong(&said.token, from, now));
        }
        Err(refusal) => return Err(refusal),
    }
    let cookie = face
        .door
        .admit(caller, now)
        .map_err(|error| face.failed(&error))?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// The end of a session.
pub(super) async fn leave(State(face): State<Arc<Face>>, headers: HeaderMap) -> Response {
    let cookie = face.door.leave(&headers);
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
}

/// Who one is, and what there is to do and to see.
pub(super) async fn me(State(face): State<Arc<Face>>, headers: HeaderMap) -> Answered<Json<Value>> {
    let known = face.known(&headers).await?;
    let labels = face.labels.is_some() && known != Known::Host;
    let runs = match known.role() {
        Role::Labeler => 0,
        Role::Researcher => {
            let watched = Arc::clone(&face);
            face.aside(move || Ok(watched.watched.all()?.len())).await?
        }
    };
    Ok(Json(json!({
        "name": known.name(),
        "role": known.role(),
        "label": labels,
        "runs": runs,
        "store": face.labels.is_some(),
        "room": face.labels.as_ref().map(|labels| &labels.room),
    })))
}
