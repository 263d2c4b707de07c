//! People are asked and answer, each their own, and nothing is kept twice.

use super::*;
use crate::label::{Answer, Labeler};

async fn item(lab: &Lab, cookie: &str) -> Value {
    let next = lab.get(cookie, "/api/label/next").await.json();
    assert_eq!(next["state"], "item", "{next}");
    next["item"].clone()
}

#[tokio::test]
async fn an_answer_is_kept_once() {
    let mut lab = Lab::new(3, plain());
    let cookie = lab.person("ann", Role::Labeler).await;
    let me = lab.get(&cookie, "/api/me").await.json();
    assert_eq!(me["name"], "ann");
    assert_eq!(me["role"], "labeler");
    assert_eq!(me["label"], true);
    for number in 0..3 {
        let item = item(&lab, &cookie).await;
        // A second look, as of a reload, or of another tab.
        assert_eq!(item, super::labeling::item(&lab, &cookie).await);
        let two = item["responses"].as_array().unwrap();
        let two = two.iter().position(|text| text == "two").unwrap();
        let said = given(&item, &format!("client-{number}"), json!({ "best": two }));
        let first = lab.post(&cookie, "/api/label/answer", &said).await;
        assert_eq!(first.status, StatusCode::OK, "{first:?}");
        assert_eq!(first.json()["kept"], true);
        // Said again by a page that did not hear the answer, or by somebody who recorded it.
        let again = lab.post(&cookie, "/api/label/answer", &said).await;
        assert_eq!(again.status, StatusCode::OK);
        assert_eq!(again.json()["answered"], number + 1);
    }
    let next = lab.get(&cookie, "/api/label/next").await.json();
    assert_eq!(next["state"], "wait", "{next}");
    let labels = lab.store().labels().unwrap();
    assert_eq!(labels.len(), 3);
    for (_, label) in labels {
        assert_eq!(label.answer, Answer::Best(1));
        assert_eq!(label.labeler, Labeler::Person("ann".to_owned()));
    }
}

#[tokio::test]
async fn one_word_by_one_name() {
    let mut lab = Lab::new(2, plain());
    let cookie = lab.person("ann", Role::Labeler).await;
    let item = item(&lab, &cookie).await;
    let said = given(&item, "one", json!({ "best": 0 }));
    assert_eq!(
        lab.post(&cookie, "/api/label/answer", &said).await.status,
        StatusCode::OK
    );
    let other = given(&item, "one", json!({ "best": 1 }));
    let reply = lab.post(&cookie, "/api/label/answer", &other).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    let unknown = given(&json!({ "id": "zzz" }), "two", json!({ "best": 1 }));
    let reply = lab.post(&cookie, "/api/label/answer", &unknown).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    let wrong = given(&item, "three", json!({ "best": 7 }));
    let reply = lab.post(&cookie, "/api/label/answer", &wrong).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(lab.store().labels().unwrap().len(), 1);
}

#[tokio::test]
async fn two_people_are_asked_different_things() {
    let mut lab = Lab::new(2, plain());
    let ann = lab.person("ann", Role::Labeler).await;
    let bob = lab.person("bob", Role::Labeler).await;
    let first = item(&lab, &ann).await;
    let second = item(&lab, &bob).await;
    assert_ne!(first["query"], second["query"]);
    // What is one's own is nobody else's.
    let said = given(&first, "x", json!({ "best": 0 }));
    let reply = lab.post(&bob, "/api/label/answer", &said).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{reply:?}");
    let kept = lab
        .post(&ann, "/api/label/keep", &json!({ "item": first["id"] }))
        .await;
    assert_eq!(kept.json()["kept"], true);
}

#[tokio::test]
async fn answers_are_gone_back_to_and_corrected() {
    let mut lab = Lab::new(3, plain());
    let cookie = lab.person("ann", Role::Labeler).await;
    for number in 0..2 {
        let item = item(&lab, &cookie).await;
        let said = given(&item, &format!("a{number}"), json!({ "best": 0 }));
        lab.post(&cookie, "/api/label/answer", &said).await;
    }
    let back = lab.get(&cookie, "/api/label/back?steps=2").await.json();
    assert_eq!(back["item"]["earlier"], json!({ "best": 0 }));
    let said = given(&back["item"], "again", json!("skip"));
    let reply = lab.post(&cookie, "/api/label/answer", &said).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(reply.json()["answered"], 2);
    let labels = lab.store().labels().unwrap();
    assert_eq!(labels.len(), 2);
    assert_eq!(labels[0].1.answer, Answer::Skip);
    let none = lab.get(&cookie, "/api/label/back?steps=9").await.json();
    assert_eq!(none["item"], Value::Null);
}

#[tokio::test]
async fn texts_come_back_as_they_are() {
    let long = "x".repeat(1 << 20);
    let hostile = [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "\u{202e}desrever\u{2066}\u{200b}\u{200d}",
        "\u{1b}[31m\u{7}\u{0}\r\n</pre>",
        "{{constructor}} ${x} %00 \\u0000 ' \" `",
        long.as_str(),
    ];
    let asked = hostile
        .map(|text| comparison(text, &[text, "plain"]))
        .to_vec();
    let mut lab = Lab::asking(asked, plain(), Vec::new());
    let cookie = lab.person("ann", Role::Labeler).await;
    let mut met = 0;
    for number in 0..hostile.len() {
        let reply = lab.get(&cookie, "/api/label/next").await;
        assert_eq!(reply.header("content-type"), "application/json");
        let item = reply.json()["item"].clone();
        let query = item["query"].as_str().unwrap();
        assert!(hostile.contains(&query));
        let responses = item["responses"].as_array().unwrap();
        met += usize::from(responses.iter().any(|text| text == query));
        // Who wrote a response, or where it stands in the store, is not told.
        let allowed = [
            "id",
            "query",
            "responses",
            "mode",
            "hints",
            "earlier",
            "number",
            "training",
        ];
        let fields = item.as_object().unwrap().keys();
        assert!(
            fields
                .clone()
                .all(|field| allowed.contains(&field.as_str())),
            "{fields:?}"
        );
        let said = given(&item, &format!("c{number}"), json!("abstain"));
        assert_eq!(
            lab.post(&cookie, "/api/label/answer", &said).await.status,
            StatusCode::OK
        );
    }
    assert_eq!(met, hostile.len());
}

#[tokio::test]
async fn the_page_is_told_no_more_than_it_shows() {
    let rules = Rules {
        title: "Which?".to_owned(),
        instructions: "# Do\n<script>".to_owned(),
        ..plain()
    };
    let mut lab = Lab::new(1, rules);
    let cookie = lab.person("ann", Role::Labeler).await;
    let settings = lab.get(&cookie, "/api/label/settings").await.json();
    assert_eq!(settings["title"], "Which?");
    assert_eq!(settings["instructions"], "# Do\n<script>");
    for secret in [
        "gold",
        "gold_every",
        "attention_text",
        "repeat_every",
        "overlap",
    ] {
        assert_eq!(settings.get(secret), None, "{secret}");
    }
    // The host watches, and is nobody in the store.
    let host = lab.enter(&lab.host).await;
    assert_eq!(
        lab.get(&host, "/api/label/next").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(lab.get(&host, "/api/me").await.json()["label"], false);
}

#[tokio::test]
async fn a_link_that_is_revoked_ends_its_sessions() {
    let mut lab = Lab::new(1, plain());
    let cookie = lab.person("ann", Role::Labeler).await;
    assert_eq!(
        lab.get(&cookie, "/api/label/next").await.status,
        StatusCode::OK
    );
    // By another process, as by the command line.
    lab.room.revoke("ann", "", face::now()).unwrap();
    for path in ["/api/label/next", "/api/me"] {
        assert_eq!(
            lab.get(&cookie, path).await.status,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
}
