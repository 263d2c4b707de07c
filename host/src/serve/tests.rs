//! The server without a socket: requests go into the router, and what comes out is looked at.

use std::net::IpAddr;
use std::path::PathBuf;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::face::Peer;
use super::*;
use crate::label::store::Store;
use crate::label::{Comparison, Passage};

mod labeling;
mod refused;
mod researching;
mod tls;
mod watching;

/// A server with a store in a folder of its own.
struct Lab {
    folder: TempDir,
    app: Router,
    /// The token of whoever started it.
    host: String,
    room: Room,
}

/// What was answered.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.bytes);
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// Rules without checks, by which all that is asked is work.
fn plain() -> Rules {
    Rules {
        gold_every: 0,
        repeat_every: 0,
        attention_every: 0,
        overlap: 0.0,
        ..Rules::default()
    }
}

fn comparison(query: &str, responses: &[&str]) -> Comparison {
    Comparison {
        query: Passage::of_text(query),
        responses: responses
            .iter()
            .map(|text| Passage::of_text(*text))
            .collect(),
        source: None,
    }
}

impl Lab {
    /// With so many questions of two responses.
    fn new(questions: usize, rules: Rules) -> Lab {
        let asked = (0..questions).map(|at| comparison(&format!("question {at}"), &["one", "two"]));
        Lab::asking(asked.collect(), rules, Vec::new())
    }

    fn asking(asked: Vec<Comparison>, rules: Rules, runs: Vec<PathBuf>) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.db");
        let mut store = Store::create(&path).unwrap();
        let keyed = asked.iter().enumerate();
        let keyed = keyed.map(|(at, one)| (format!("run-0/{at:08}"), one));
        store.ask(keyed).unwrap();
        let host = room::token().unwrap();
        let site = Site::new("127.0.0.1", None, 8420, Cover::Plain);
        let face = Face {
            door: Door::new(&host, 8420, site.secure),
            labels: Some(
                labels(
                    Room::open(&path, rules.clone()).unwrap(),
                    path.clone(),
                    rules.clone(),
                )
                .unwrap(),
            ),
            watched: Watched::new(match runs.is_empty() {
                true => vec![folder.path().join("no-runs")],
                false => runs,
            }),
            log: Arc::new(|text| panic!("the server failed: {text}")),
            proxied: false,
            site,
        };
        Lab {
            app: app::app(Arc::new(face)),
            room: Room::open(&path, rules).unwrap(),
            folder,
            host,
        }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Reply {
            status: parts.status,
            headers: parts.headers,
            bytes: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    /// Asks from a machine.
    async fn get(&self, cookie: &str, path: &str) -> Reply {
        self.send(asking(cookie, path).body(Body::empty()).unwrap())
            .await
    }

    async fn post(&self, cookie: &str, path: &str, said: &Value) -> Reply {
        self.send(saying(cookie, path, said)).await
    }

    /// Comes in; returns the cookie.
    async fn enter(&self, token: &str) -> String {
        let reply = self
            .post("", "/api/enter", &json!({ "token": token }))
            .await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{reply:?}");
        let set = reply.header(SET_COOKIE.as_str());
        set.split(';').next().unwrap().to_owned()
    }

    /// Somebody who has come in.
    async fn person(&mut self, name: &str, role: Role) -> String {
        let token = self.room.invite(name, role, "", face::now()).unwrap();
        self.enter(&token).await
    }

    fn store(&self) -> Store {
        Store::read(&self.folder.path().join("labels.db")).unwrap()
    }
}

/// A request as a browser sends it.
fn asking(cookie: &str, path: &str) -> axum::http::request::Builder {
    let request = Request::builder().uri(path).header(HOST, "127.0.0.1:8420");
    match cookie {
        "" => request,
        cookie => request.header(COOKIE, cookie),
    }
}

/// The same that says something.
fn saying(cookie: &str, path: &str, said: &Value) -> Request<Body> {
    asking(cookie, path)
        .method("POST")
        .header(CONTENT_TYPE, "application/json")
        .header("x-attune", "1")
        .header("origin", "http://127.0.0.1:8420")
        .body(Body::from(said.to_string()))
        .unwrap()
}

/// The same from an address.
fn from(mut request: Request<Body>, address: &str) -> Request<Body> {
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(Peer(address));
    request
}

/// An answer to an item.
fn given(item: &Value, client: &str, answer: Value) -> Value {
    json!({
        "item": item["id"], "client": client, "answer": answer, "shown_ms": 5000, "changes": 0,
        "hints_shown": false,
    })
}
