//! Why a request is not answered: a status, what is wrong, and what to do about it, as JSON.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::label::room;

/// Says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// What is wrong.
    pub(super) error: String,
    /// What to do about it.
    pub(super) hint: String,
}

/// What a handler gives.
pub(super) type Answered<T> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        error: impl Into<String>,
        hint: impl Into<String>,
    ) -> Refusal {
        Refusal {
            status,
            error: error.into(),
            hint: hint.into(),
        }
    }

    /// Nobody is known by this cookie or token.
    pub(super) fn stranger() -> Refusal {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "nobody is known by this",
            "open your personal link again",
        )
    }

    /// Somebody who may not do this.
    pub(super) fn forbidden(error: &str, hint: &str) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, error, hint)
    }

    /// Nothing is there.
    pub(super) fn nowhere() -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "there is nothing here",
            "begin at the first page, `/`",
        )
    }

    /// It is there, and is not asked so.
    pub(super) fn otherwise() -> Refusal {
        Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this is not asked that way",
            "docs/serve.md has a table of all that may be asked",
        )
    }

    /// Something that a person who asks can do nothing about; what it was is in the server's log.
    pub(super) fn ours() -> Refusal {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server could not do this",
            "try again; if it stays so, tell whoever runs the server, whose terminal says why",
        )
    }

    /// Too much at once.
    pub(super) fn busy() -> Refusal {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too much is asked at once",
            "say it again in a second",
        )
    }

    /// Too often.
    pub(super) fn too_often() -> Refusal {
        Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "asked too often",
            "wait a second, and say it again",
        )
    }

    /// What the room says no to, where that is the asker's fault.
    pub(super) fn of_room(error: &anyhow::Error) -> Option<Refusal> {
        let refusal = error.downcast_ref::<room::Refusal>()?;
        let status = match refusal {
            room::Refusal::Unknown(_) => StatusCode::NOT_FOUND,
            room::Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            room::Refusal::Conflict(_) => StatusCode::CONFLICT,
        };
        Some(Refusal::told(status, &refusal.to_string()))
    }

    /// What a message with `hint: ` lines says.
    pub(super) fn told(status: StatusCode, message: &str) -> Refusal {
        let (hints, said): (Vec<&str>, Vec<&str>) =
            message.lines().partition(|line| line.starts_with("hint: "));
        let hints: Vec<&str> = hints
            .into_iter()
            .filter_map(|line| line.strip_prefix("hint: "))
            .collect();
        Refusal::new(status, said.join("\n"), hints.join("\n"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal {
            status,
            error,
            hint,
        } = self;
        let said = Json(json!({ "error": error, "hint": hint }));
        let mut response = (status, said).into_response();
        let again = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        if again.contains(&status) {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
