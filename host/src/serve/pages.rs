//! The pages: files that were built from `web/` and are in the program. A path is looked up among their names, and leads
//! to no folder.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;

include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// What a file is by the end of its name.
const KINDS: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("json", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("woff2", "font/woff2"),
    ("txt", "text/plain; charset=utf-8"),
];

/// The one page, which looks at the address itself.
pub(super) async fn index() -> Response {
    match found("index.html") {
        Some(bytes) => file("index.html", bytes, "no-cache"),
        None => Refusal::new(
            StatusCode::NOT_FOUND,
            "this program was built without its pages",
            "build them by `cargo xtask web`, then the program",
        )
        .into_response(),
    }
}

/// A file whose name follows from what is in it, so that browsers keep it.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let name = format!("assets/{name}");
    match found(&name) {
        Some(bytes) => file(&name, bytes, "public, max-age=31536000, immutable"),
        None => Refusal::nowhere().into_response(),
    }
}

/// Any other file.
pub(super) async fn other(uri: axum::http::Uri) -> Response {
    let name = uri.path().trim_start_matches('/');
    match found(name) {
        Some(bytes) => file(name, bytes, "no-cache"),
        None => Refusal::nowhere().into_response(),
    }
}

fn found(name: &str) -> Option<&'static [u8]> {
    let (_, bytes) = WEB.iter().find(|(known, _)| *known == name)?;
    Some(bytes)
}

fn file(name: &str, bytes: &'static [u8], keep: &'static str) -> Response {
    let ending = name.rsplit('.').next().unwrap_or_default();
    let kind = KINDS.iter().find(|(known, _)| *known == ending);
    let kind = kind.map_or("application/octet-stream", |(_, kind)| kind);
    let mut response = Bytes::from_static(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}
