//! What every request passes and every response has: the names of the site, bounds on what is sent and how long it
//! takes, and headers by which a browser lets a page do no more than ours does.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::face::Face;
use super::refusal::{Answered, Refusal};

/// Bytes of a request's body, at most.
const LONGEST_BODY: usize = 256 << 10;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Characters of a path with its query, at most.
const LONGEST_PATH: usize = 4096;

/// What a page of ours may do: nothing but ask us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Lets through what is meant for this server, whole and in time.
pub(super) async fn guard(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    let mut response = match checked(&face, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => {
            let mut response = refusal.into_response();
            // What was not read of the request is not read any more.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
            response
        }
    };
    dress(response.headers_mut());
    response
}

async fn checked(face: &Face, request: Request) -> Answered<Request> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    if path.len() > LONGEST_PATH {
        let hint = "addresses of this server are short";
        return Err(Refusal::new(
            StatusCode::URI_TOO_LONG,
            "the address is too long",
            hint,
        ));
    }
    face.site
        .check(&parts.method, parts.uri.path(), &parts.headers)?;
    let told = parts.headers.get(CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| length > LONGEST_BODY as u64) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(PATIENCE, to_bytes(body, LONGEST_BODY));
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => {
            let hint = "send it at once";
            return Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "what was sent took too long",
                hint,
            ));
        }
    };
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn too_large() -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("more was sent than {LONGEST_BODY} bytes"),
        "say it in fewer words",
    )
}

/// Puts on what a response does not say otherwise.
fn dress(headers: &mut HeaderMap) {
    let mut say = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    say(CONTENT_SECURITY_POLICY, POLICY);
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(REFERRER_POLICY, "no-referrer");
    let own = HeaderName::from_static("cross-origin-opener-policy");
    say(own, "same-origin");
    let own = HeaderName::from_static("cross-origin-resource-policy");
    say(own, "same-origin");
    let none = HeaderName::from_static("permissions-policy");
    say(none, "camera=(), geolocation=(), microphone=()");
    // What is said of people and runs is not kept by browsers.
    say(CACHE_CONTROL, "no-store");
}
