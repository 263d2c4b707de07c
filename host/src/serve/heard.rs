//! What a request says, as a value, or which part of it is none.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::refusal::{Answered, Refusal};

/// The value of a body of JSON.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Said<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Answered<Said<T>> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|error| unheard(&error.to_string()))?;
        let value = serde_json::from_slice(&bytes);
        value.map(Said).map_err(|error| unheard(&error.to_string()))
    }
}

/// The value of what follows the `?`.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answered<Asked<T>> {
        let Query(value) =
            Query::try_from_uri(&parts.uri).map_err(|error| unheard(&error.to_string()))?;
        Ok(Asked(value))
    }
}

/// The name in a path.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answered<Named> {
        // What is no text is no name of anything.
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(name)| Named(name))
            .map_err(|_| Refusal::nowhere())
    }
}

fn unheard(error: &str) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        format!("this is not what is said here: {error}"),
        "docs/serve.md has a table of all that may be asked",
    )
}
