//! All that may be asked, and who answers.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::face::Face;
use super::refusal::Refusal;
use super::{entering, guard, labeling, pages, people, runs, stream};

/// The server but for its socket.
pub(super) fn app(face: Arc<Face>) -> Router {
    let api = Router::new()
        .route("/enter", post(entering::enter))
        .route("/leave", post(entering::leave))
        .route("/me", get(entering::me))
        .route("/label/settings", get(labeling::told))
        .route("/label/next", get(labeling::next))
        .route("/label/back", get(labeling::back))
        .route("/label/keep", post(labeling::keep))
        .route("/label/answer", post(labeling::answer))
        .route("/people", get(people::quality))
        .route("/people/exclude", post(people::exclude))
        .route("/people/invite", post(people::invite))
        .route("/people/revoke", post(people::revoke))
        .route("/people/disagreements", get(people::disagreements))
        .route("/people/adjudicate", post(people::adjudicate))
        .route("/people/export", get(people::export))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(runs::header))
        .route("/runs/{id}/metrics", get(runs::metrics))
        .route("/runs/{id}/samples", get(runs::sampled))
        .route("/runs/{id}/stream", get(stream::stream))
        .route("/runs/{id}/report", get(runs::report))
        .fallback(|| async { Refusal::nowhere() })
        .method_not_allowed_fallback(|| async { Refusal::otherwise() });
    let mut pages = Router::new().route("/assets/{*name}", get(pages::asset));
    for path in [
        "/",
        "/enter",
        "/label",
        "/runs",
        "/runs/{*more}",
        "/people",
        "/people/{*more}",
    ] {
        pages = pages.route(path, get(pages::index));
    }
    pages
        .fallback(pages::other)
        .method_not_allowed_fallback(|| async { Refusal::otherwise() })
        .nest("/api", api)
        .layer(from_fn_with_state(Arc::clone(&face), guard::guard))
        .with_state(face)
}
