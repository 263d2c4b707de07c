//! Simulated people of whom it is known how they judge: a good one, one who guesses fast, and one who takes the first.
//! What the researcher is shown finds the careless two, and leaving one out is kept.

use attune::seed::Stream;

use super::*;

/// Comparisons that all three judge.
const QUESTIONS: usize = 30;

/// Two texts of about the same length, of which one is worth more.
fn responses(at: usize) -> Vec<String> {
    let text = |worth: usize| {
        format!(
            "worth {worth}: {}",
            "the same words again and again ".repeat(4)
        )
    };
    match at.is_multiple_of(2) {
        true => vec![text(1), text(9)],
        false => vec![text(9), text(1)],
    }
}

fn gold() -> String {
    let line = |at: usize| {
        let texts = responses(at)
            .into_iter()
            .map(|text| json!({ "text": text }));
        json!({
            "comparison": {
                "query": { "text": format!("gold {at}") }, "responses": texts.collect::<Vec<_>>(),
            },
            "answer": { "best": 1 - at % 2 },
            "labeler": { "person": "who knows" },
        })
    };
    (0..12).map(|at| format!("{}\n", line(at))).collect()
}

const CONFIG: &str = r#"
[run]
dir = "run"
[model]
path = "model"
[people]
gold = "gold.jsonl"
gold_every = 3
repeat_every = 6
overlap = 1.0
people_per_comparison = 3
"#;

/// How somebody judges.
type Judge = fn(&Value, &mut Stream) -> (usize, u64);

fn best(item: &Value) -> usize {
    let responses = item["responses"].as_array().unwrap().iter();
    let mut texts = responses.map(|text| text.as_str().unwrap());
    texts.position(|text| text.starts_with("worth 9")).unwrap()
}

#[test]
fn the_careless_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(&folder.path().join("labels.db"), QUESTIONS, responses);
    std::fs::write(folder.path().join("gold.jsonl"), gold()).unwrap();
    std::fs::write(client::rules(&path), CONFIG).unwrap();
    let people: [(&str, Judge); 3] = [
        ("good", |item, _| (best(item), 12_000)),
        ("hasty", |_, random| {
            ((2.0 * random.uniform()) as usize, 150)
        }),
        ("first", |_, _| (0, 9_000)),
    ];
    let tokens = people.map(|(name, _)| invite(&path, name, Role::Labeler));
    let served = Served::new(&path, &[]);
    let mut workers: Vec<Worker> = people
        .iter()
        .zip(&tokens)
        .map(|((name, _), token)| Worker::new(&served.address, name, token))
        .collect();
    let mut random = Stream::new(1);
    let mut waiting = 0;
    // In turns, so that nobody has all of it.
    while waiting < workers.len() {
        waiting = 0;
        for (worker, (_, judge)) in workers.iter_mut().zip(people) {
            let Some(item) = worker.next() else {
                waiting += 1;
                continue;
            };
            let (place, shown_ms) = judge(&item, &mut random);
            worker.answer(&item, &json!({ "best": place }), shown_ms);
        }
    }
    let mut host = served.enter(&served.host);
    let quality = host.get("/api/people").unwrap().json();
    let of = |quality: &Value, name: &str| {
        let mut people = quality["people"].as_array().unwrap().iter();
        people.find(|one| one["name"] == name).unwrap().clone()
    };
    let [good, hasty, first] = ["good", "hasty", "first"].map(|name| of(&quality, name));
    let share = |one: &Value, what: &str, part: &str| {
        let of = one[what]["of"].as_f64().unwrap();
        assert!(of > 5.0, "{what}: {one}");
        one[what][part].as_f64().unwrap() / of
    };
    assert_eq!(share(&good, "gold", "right"), 1.0, "{good}");
    assert!(share(&hasty, "gold", "right") < 0.9, "{hasty}");
    assert!(share(&first, "gold", "right") < 0.9, "{first}");
    assert_eq!(good["too_fast"], 0, "{good}");
    assert!(
        hasty["too_fast"].as_u64() > Some(QUESTIONS as u64 / 2),
        "{hasty}"
    );
    assert_eq!(first["first_place"]["share"], 1.0, "{first}");
    assert_eq!(good["alarms"], json!([]), "{good}");
    for careless in [&hasty, &first] {
        assert!(
            !careless["alarms"].as_array().unwrap().is_empty(),
            "{careless}"
        );
    }
    // One click.
    let said = json!({ "name": "hasty", "excluded": true, "why": "guesses" });
    assert_eq!(host.post("/api/people/exclude", &said).unwrap().status, 204);
    let quality = host.get("/api/people").unwrap().json();
    assert_eq!(of(&quality, "hasty")["excluded"], true);
    assert_eq!(of(&quality, "good")["excluded"], false);
    let next = workers[1].patiently(|client| client.get("/api/label/next"));
    assert_eq!(next.json()["state"], "excluded");
}
