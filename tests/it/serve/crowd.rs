//! Fifty people at once. How long answers take is printed and bounds nothing here; that none is lost or doubled does.

use std::time::Instant;

use attune::seed::{Stream, derive};

use super::*;

/// People at a time.
const PEOPLE: usize = 50;

#[test]
fn fifty_people_at_once_lose_nothing() {
    let seconds = std::env::var("ATTUNE_LOAD_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let seconds: u64 = seconds.unwrap_or(4);
    let folder = tempfile::tempdir().unwrap();
    let questions = PEOPLE * (seconds as usize + 2) * 2;
    let path = store(&folder.path().join("labels.db"), questions, two);
    let names: Vec<String> = (0..PEOPLE)
        .map(|number| format!("person {number}"))
        .collect();
    let tokens: Vec<String> = names
        .iter()
        .map(|name| invite(&path, name, Role::Labeler))
        .collect();
    let served = Served::new(&path, &[]);
    let until = Instant::now() + Duration::from_secs(seconds);
    let people: Vec<_> = names
        .iter()
        .zip(&tokens)
        .enumerate()
        .map(|(number, (name, token))| {
            let worker = Worker::new(&served.address, name, token);
            std::thread::spawn(move || label(worker, number as u64, until))
        })
        .collect();
    let mut acknowledged = Vec::new();
    let mut times = Vec::new();
    for person in people {
        let (answered, took) = person.join().unwrap();
        acknowledged.extend(answered);
        times.extend(took);
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{} answers of {PEOPLE} people in {seconds} s: p50 {:?}, p99 {:?}, longest {:?}",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    drop(served);
    let kept = labels(&path);
    let answered: std::collections::BTreeSet<String> = acknowledged.iter().cloned().collect();
    assert_eq!(
        answered.len(),
        acknowledged.len(),
        "two were asked the same"
    );
    assert_eq!(
        kept.into_keys().collect::<std::collections::BTreeSet<_>>(),
        answered
    );
}

/// Labels at a person's speed; returns what was answered, and how long each acknowledgement took.
fn label(mut worker: Worker, number: u64, until: Instant) -> (Vec<String>, Vec<Duration>) {
    let mut random = Stream::new(derive(7, "think", number));
    let (mut answered, mut took) = (Vec::new(), Vec::new());
    while Instant::now() < until {
        let Some(item) = worker.next() else {
            break;
        };
        std::thread::sleep(Duration::from_secs_f64(0.5 + random.uniform()));
        let begun = Instant::now();
        worker.answer(&item, &json!({ "best": 0 }), 1000);
        took.push(begun.elapsed());
        answered.push(item["query"].as_str().unwrap().to_owned());
    }
    (answered, took)
}
