//! Runs as they are watched: from files alone, while they grow and when they are cut.

use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::pin::Pin;

use futures_core::Stream;

use super::*;

const CONFIG: &str = "[run]\ndir = 'run'\n[ppo]\ntotal_episodes = 80\nbatch_size = 8\n";

fn numbers(updates: std::ops::Range<u64>) -> String {
    updates.fold(String::new(), |mut text, update| {
        let kl = update as f64 / 8.0;
        writeln!(
            text,
            "{{\"update\":{update},\"objective/kl\":{kl},\"time/update\":2.0}}"
        )
        .unwrap();
        text
    })
}

fn sample(update: u64, response: &str) -> String {
    let line = json!({
        "update": update, "query": "q", "response": response, "score": 1.5, "kl": 0.25, "valid": true,
    });
    format!("{line}\n")
}

fn add(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let mut file = options.create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A server that watches a run of so many updates; and the run's folder, and the cookie of who watches.
async fn watched(updates: u64) -> (Lab, TempDir, String) {
    let run = tempfile::tempdir().unwrap();
    std::fs::write(run.path().join("config.toml"), CONFIG).unwrap();
    add(&run.path().join("metrics.jsonl"), &numbers(0..updates));
    add(
        &run.path().join("samples.jsonl"),
        &sample(updates - 1, "<b>\u{202e}a"),
    );
    let lab = Lab::asking(Vec::new(), plain(), vec![run.path().to_owned()]);
    let cookie = lab.enter(&lab.host).await;
    (lab, run, cookie)
}

async fn id(lab: &Lab, cookie: &str) -> String {
    let runs = lab.get(cookie, "/api/runs").await.json();
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    runs[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_run_is_shown_from_its_files() {
    let (lab, run, cookie) = watched(5).await;
    let id = id(&lab, &cookie).await;
    let header = lab.get(&cookie, &format!("/api/runs/{id}")).await.json();
    assert_eq!(header["update"], 5);
    assert_eq!(header["updates"], 10);
    assert_eq!(header["state"], "stopped");
    assert_eq!(header["config"], CONFIG);
    assert_eq!(header["labels"], Value::Null);
    let path = format!("/api/runs/{id}/metrics?keys=objective/kl,nothing&points=100");
    let series = lab.get(&cookie, &path).await.json();
    assert_eq!(series["update"], json!([0, 1, 2, 3, 4]));
    assert_eq!(
        series["series"],
        json!({"objective/kl": [0.0, 0.125, 0.25, 0.375, 0.5]})
    );
    // What was kept is not shown when there is more.
    add(&run.path().join("metrics.jsonl"), &numbers(5..6));
    let series = lab.get(&cookie, &path).await.json();
    assert_eq!(series["update"], json!([0, 1, 2, 3, 4, 5]));
    let samples = lab
        .get(&cookie, &format!("/api/runs/{id}/samples"))
        .await
        .json();
    assert_eq!(samples[0]["response"], "<b>\u{202e}a");
    assert_eq!(samples[0]["parts"], json!([]));
    let nowhere = lab.get(&cookie, "/api/runs/0123456789abcdef").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn labels_of_a_run_are_counted() {
    let (lab, _run, cookie) = watched(2).await;
    let own = &crate::digest::of_bytes(CONFIG.as_bytes())[..16];
    let path = lab.folder.path().join("labels.db");
    let asked = comparison("q", &["a", "b"]);
    let keyed = (0..3).map(|at| (format!("run-{own}/{at:08}"), &asked));
    Store::create(&path).unwrap().ask(keyed).unwrap();
    let header = lab
        .get(&cookie, &format!("/api/runs/{}", id(&lab, &cookie).await))
        .await;
    assert_eq!(header.json()["labels"], json!({ "due": 3, "given": 0 }));
}

#[tokio::test]
async fn a_report_may_be_looked_at_and_do_nothing() {
    let (lab, _run, cookie) = watched(3).await;
    let path = format!("/api/runs/{}/report", id(&lab, &cookie).await);
    let reply = lab.get(&cookie, &path).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    let policy = reply.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"),
        "{policy}"
    );
    assert!(!policy.contains("script"), "{policy}");
}

/// What a run says as it goes on.
struct Happening {
    body: axum::body::BodyDataStream,
    text: String,
}

impl Happening {
    async fn of(lab: &Lab, cookie: &str, path: &str) -> Happening {
        let request = asking(cookie, path).body(Body::empty()).unwrap();
        let response = lab.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Happening {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event that is not about where the run stands: what it is, and what it says.
    async fn next(&mut self) -> (String, Value) {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .to_owned()
                };
                let (name, data) = (field("event: "), field("data: "));
                if !["state", ""].contains(&name.as_str()) {
                    return (name, serde_json::from_str(&data).unwrap());
                }
            }
            let body = &mut self.body;
            let chunk = std::future::poll_fn(|context| Pin::new(&mut *body).poll_next(context));
            let chunk = chunk.await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn what_happens_is_told() {
    let (lab, run, cookie) = watched(3).await;
    let id = id(&lab, &cookie).await;
    let mut told = Happening::of(&lab, &cookie, &format!("/api/runs/{id}/stream?after=1")).await;
    let (name, data) = told.next().await;
    assert_eq!((name.as_str(), &data["update"]), ("metrics", &json!([2])));
    assert_eq!(data["series"]["objective/kl"], json!([0.25]));
    let (name, data) = told.next().await;
    assert_eq!((name.as_str(), &data["update"]), ("sample", &json!(2)));
    assert_eq!(data["tokens"], json!([]));
    let torn = numbers(3..5);
    let (first, rest) = torn.split_at(torn.len() - 9);
    add(&run.path().join("metrics.jsonl"), first);
    let (name, data) = told.next().await;
    assert_eq!((name.as_str(), &data["update"]), ("metrics", &json!([3])));
    add(&run.path().join("metrics.jsonl"), rest);
    let alarm = json!({"event": "alarm", "alarm": "kl", "state": "begins", "update": 4});
    add(
        &run.path().join("events.jsonl"),
        "{\"event\":\"extended\"}\n",
    );
    let (_, data) = told.next().await;
    assert_eq!(data["update"], json!([4]));
    add(&run.path().join("events.jsonl"), &format!("{alarm}\n"));
    assert_eq!(told.next().await, ("alarm".to_owned(), alarm));
    // A run that goes on from a checkpoint makes again what was made after it.
    let metrics = run.path().join("metrics.jsonl");
    let file = OpenOptions::new().write(true).open(&metrics).unwrap();
    file.set_len(numbers(0..2).len() as u64).unwrap();
    assert_eq!(told.next().await, ("restart".to_owned(), json!({})));
    add(&metrics, &numbers(2..3));
    let (name, data) = told.next().await;
    assert_eq!((name.as_str(), &data["update"]), ("metrics", &json!([2])));
}

#[tokio::test]
async fn who_lost_the_connection_goes_on_there() {
    let (lab, run, cookie) = watched(4).await;
    let path = format!("/api/runs/{}/stream", id(&lab, &cookie).await);
    let request = asking(&cookie, &path)
        .header("last-event-id", "0")
        .body(Body::empty());
    let response = lab.app.clone().oneshot(request.unwrap()).await.unwrap();
    let mut told = Happening {
        body: response.into_body().into_data_stream(),
        text: String::new(),
    };
    let (_, data) = told.next().await;
    assert_eq!(data["update"], json!([1, 2, 3]));
    // From now on, where nobody says from when.
    let mut now = Happening::of(&lab, &cookie, &path).await;
    add(&run.path().join("metrics.jsonl"), &numbers(4..5));
    assert_eq!(now.next().await.1["update"], json!([4]));
}
