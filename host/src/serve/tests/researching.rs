//! What researchers see and decide.

use super::*;
use crate::label::format::FORMATS;

/// Two people who have judged the same two comparisons, and differ.
async fn judged() -> (Lab, String) {
    let rules = Rules {
        overlap: 1.0,
        people_per_comparison: 2,
        ..plain()
    };
    let mut lab = Lab::new(2, rules);
    for name in ["ann", "bob"] {
        let cookie = lab.person(name, Role::Labeler).await;
        for number in 0..2 {
            let next = lab.get(&cookie, "/api/label/next").await.json();
            let item = &next["item"];
            let wanted = if name == "ann" { "one" } else { "two" };
            let place = item["responses"].as_array().unwrap();
            let place = place.iter().position(|text| text == wanted).unwrap();
            let said = given(item, &format!("{name}{number}"), json!({ "best": place }));
            let reply = lab.post(&cookie, "/api/label/answer", &said).await;
            assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        }
    }
    let cookie = lab.person("eve", Role::Researcher).await;
    (lab, cookie)
}

#[tokio::test]
async fn people_are_counted_and_left_out_by_name() {
    let (lab, cookie) = judged().await;
    let quality = lab.get(&cookie, "/api/people").await.json();
    let people = quality["people"].as_array().unwrap();
    let of = |name: &str| people.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(of("ann")["answers"], 2);
    assert_eq!(of("bob")["excluded"], false);
    let said = json!({ "name": "bob", "excluded": true, "why": "guesses" });
    let reply = lab.post(&cookie, "/api/people/exclude", &said).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    let people = lab.room.people().unwrap();
    let excluded = people.iter().filter(|person| person.excluded);
    assert_eq!(
        excluded.map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["bob"]
    );
    let nobody = json!({ "name": "zoe", "excluded": true, "why": "" });
    let reply = lab.post(&cookie, "/api/people/exclude", &nobody).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn disagreements_are_decided() {
    let (lab, cookie) = judged().await;
    let found = lab.get(&cookie, "/api/people/disagreements").await.json();
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["said"].as_array().unwrap().len(), 2);
    let said = json!({ "key": found[0]["key"], "answer": { "best": 1 } });
    let reply = lab.post(&cookie, "/api/people/adjudicate", &said).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{reply:?}");
    let limited = lab
        .get(&cookie, "/api/people/disagreements?limit=1")
        .await
        .json();
    assert_eq!(limited.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn all_formats_are_files() {
    let (lab, cookie) = judged().await;
    for format in FORMATS {
        let path = format!("/api/people/export?format={}", format.name);
        let reply = lab.get(&cookie, &path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {reply:?}");
        assert!(
            reply
                .header("content-disposition")
                .starts_with("attachment; filename=\"labels-")
        );
        let lost: Value = serde_json::from_str(reply.header("x-attune-lost")).unwrap();
        assert!(lost["lost"].is_object(), "{lost}");
        if format.name == "jsonl" {
            let lines = String::from_utf8(reply.bytes.clone()).unwrap();
            assert_eq!(lines.lines().count(), lab.store().labels().unwrap().len());
            assert_eq!(lost["lost"], json!({}));
        }
    }
}

#[tokio::test]
async fn who_is_invited_comes_in_until_the_link_is_revoked() {
    let (lab, cookie) = judged().await;
    let said = json!({ "name": "zoe", "role": "labeler" });
    let link = lab.post(&cookie, "/api/people/invite", &said).await.json();
    let token = link["link"]
        .as_str()
        .unwrap()
        .split('#')
        .nth(1)
        .unwrap()
        .to_owned();
    let zoe = lab.enter(&token).await;
    assert_eq!(lab.get(&zoe, "/api/me").await.json()["name"], "zoe");
    let said = json!({ "name": "zoe" });
    let reply = lab.post(&cookie, "/api/people/revoke", &said).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(
        lab.get(&zoe, "/api/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    let reply = lab.post("", "/api/enter", &json!({ "token": token })).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}
