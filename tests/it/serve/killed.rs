//! A server that is killed at any moment: what was acknowledged is there, and nothing is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use attune::seed::Stream;

use super::*;

/// How often it is killed, where nobody says otherwise by `ATTUNE_KILLS`.
const KILLS: usize = 12;

#[test]
fn what_was_acknowledged_survives_and_is_there_once() {
    let kills = std::env::var("ATTUNE_KILLS")
        .ok()
        .and_then(|text| text.parse().ok());
    let kills: usize = kills.unwrap_or(KILLS);
    let folder = tempfile::tempdir().unwrap();
    let path = store(&folder.path().join("labels.db"), 60 * kills, two);
    let port = free_port();
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = ["ann", "bob", "eve"]
        .map(|name| {
            let token = invite(&path, name, Role::Labeler);
            let worker = Worker::new(&format!("127.0.0.1:{port}"), name, &token);
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || work(worker, &stop))
        })
        .into();
    let mut random = Stream::new(8);
    let port = port.to_string();
    for _ in 0..kills {
        let served = Served::new(&path, &["--port", &port]);
        std::thread::sleep(Duration::from_millis((400.0 * random.uniform()) as u64));
        served.kill();
    }
    let served = Served::new(&path, &["--port", &port]);
    stop.store(true, Ordering::Relaxed);
    let acknowledged: Vec<(String, usize)> = workers
        .into_iter()
        .flat_map(|worker| worker.join().unwrap())
        .collect();
    served.kill();
    let kept = labels(&path);
    assert!(acknowledged.len() > kills, "{} answers", acknowledged.len());
    assert_eq!(kept.len(), acknowledged.len());
    for (query, place) in acknowledged {
        assert_eq!(kept[&query].answer, Answer::Best(place), "{query}");
    }
}

/// Answers until it is told to stop, and the last answer is acknowledged; returns what was, by stored places.
fn work(mut worker: Worker, stop: &AtomicBool) -> Vec<(String, usize)> {
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Some(item) = worker.next() else {
            break;
        };
        let stored = acknowledged.len() % 2;
        let shown = place(&item, ["one", "two"][stored]);
        worker.answer(&item, &json!({ "best": shown }), 3000);
        acknowledged.push((item["query"].as_str().unwrap().to_owned(), stored));
    }
    acknowledged
}
