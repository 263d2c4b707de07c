//! What is refused, and that it is refused cheaply.

use super::*;

/// All that may be asked, with a labeler's share of it first.
const GET: [&str; 4] = [
    "/api/me",
    "/api/label/settings",
    "/api/label/next",
    "/api/label/back?steps=1",
];
const RESEARCHERS: [&str; 5] = [
    "/api/people",
    "/api/people/disagreements",
    "/api/people/export",
    "/api/runs",
    "/api/runs/0/metrics",
];

#[tokio::test]
async fn every_response_has_a_policy() {
    let lab = Lab::new(1, plain());
    let mut replies = Vec::new();
    for path in [
        "/",
        "/label",
        "/nowhere",
        "/assets/nothing.js",
        "/api/nothing",
        "/api/me",
    ] {
        replies.push((path, lab.get("", path).await));
    }
    replies.push(("post", lab.post("", "/api/me", &json!({})).await));
    let elsewhere = Request::builder().uri("/").header(HOST, "evil.org");
    replies.push((
        "host",
        lab.send(elsewhere.body(Body::empty()).unwrap()).await,
    ));
    for (path, reply) in replies {
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), value, "{path}: {name}");
        }
        if reply.status.is_client_error() {
            let said = reply.json();
            assert!(!said["hint"].as_str().unwrap().is_empty(), "{path}: {said}");
        }
    }
}

#[tokio::test]
async fn strangers_are_told_nothing() {
    let lab = Lab::new(1, plain());
    for path in GET.iter().chain(&RESEARCHERS) {
        for cookie in ["", "attune-8420=0123", "other=1; attune-8420="] {
            let reply = lab.get(cookie, path).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(
                reply.json()["hint"]
                    .as_str()
                    .unwrap()
                    .contains("personal link")
            );
        }
    }
    let reply = lab
        .post("", "/api/enter", &json!({ "token": "0".repeat(64) }))
        .await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("set-cookie"), "");
}

#[tokio::test]
async fn labelers_may_not_do_what_researchers_may() {
    let mut lab = Lab::new(1, plain());
    let cookie = lab.person("ann", Role::Labeler).await;
    for path in RESEARCHERS {
        assert_eq!(
            lab.get(&cookie, path).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    for (path, said) in [
        (
            "/api/people/exclude",
            json!({"name": "ann", "excluded": true, "why": "x"}),
        ),
        (
            "/api/people/invite",
            json!({"name": "bob", "role": "researcher"}),
        ),
        ("/api/people/revoke", json!({"name": "ann"})),
        (
            "/api/people/adjudicate",
            json!({"key": "run-0/00000000", "answer": {"best": 0}}),
        ),
    ] {
        let reply = lab.post(&cookie, path, &said).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(lab.room.people().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_of_others_cannot_ask() {
    let mut lab = Lab::new(1, plain());
    let cookie = lab.person("ann", Role::Researcher).await;
    let said = json!({"name": "bob", "role": "researcher"});
    let changed = |name: &'static str, value: Option<&'static str>| {
        let mut request = saying(&cookie, "/api/people/invite", &said);
        match value {
            Some(value) => request.headers_mut().insert(name, value.parse().unwrap()),
            None => request.headers_mut().remove(name),
        };
        request
    };
    for (name, value, status) in [
        ("host", Some("evil.org"), StatusCode::MISDIRECTED_REQUEST),
        (
            "host",
            Some("127.0.0.1.evil.org:8420"),
            StatusCode::MISDIRECTED_REQUEST,
        ),
        ("host", None, StatusCode::BAD_REQUEST),
        ("origin", Some("http://evil.org"), StatusCode::FORBIDDEN),
        (
            "origin",
            Some("http://127.0.0.1:8421"),
            StatusCode::FORBIDDEN,
        ),
        (
            "origin",
            Some("https://127.0.0.1:8420"),
            StatusCode::FORBIDDEN,
        ),
        ("origin", Some("null"), StatusCode::FORBIDDEN),
        ("sec-fetch-site", Some("cross-site"), StatusCode::FORBIDDEN),
        ("x-attune", None, StatusCode::FORBIDDEN),
        (
            "content-type",
            Some("text/plain"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("content-type", None, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let reply = lab.send(changed(name, value)).await;
        assert_eq!(reply.status, status, "{name}: {value:?}");
    }
    let mut twice = saying(&cookie, "/api/people/invite", &said);
    twice
        .headers_mut()
        .append(HOST, "127.0.0.1".parse().unwrap());
    assert_eq!(lab.send(twice).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(lab.room.people().unwrap().len(), 1);
    // What is ours passes, with an origin or without.
    let reply = lab.send(changed("origin", None)).await;
    assert_eq!(reply.status, StatusCode::OK);
    let link = reply.json()["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with("http://127.0.0.1:8420/enter#"), "{link}");
}

#[tokio::test]
async fn the_cookie_is_for_this_server_alone() {
    let lab = Lab::new(1, plain());
    let reply = lab
        .post("", "/api/enter", &json!({ "token": lab.host }))
        .await;
    let set = reply.header("set-cookie");
    for part in [
        "attune-8420=",
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Strict",
    ] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain") && !set.contains(&lab.host), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    assert_eq!(
        lab.get(&cookie, "/api/me").await.json()["role"],
        "researcher"
    );
    let left = lab.post(&cookie, "/api/leave", &json!({})).await;
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        lab.get(&cookie, "/api/me").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn wrong_tokens_are_counted_by_address() {
    let mut lab = Lab::new(1, plain());
    let token = lab
        .room
        .invite("ann", Role::Labeler, "", face::now())
        .unwrap();
    let enter = |token: &str, address: &str| {
        from(
            saying("", "/api/enter", &json!({ "token": token })),
            address,
        )
    };
    let mut statuses = Vec::new();
    for tried in 0..40 {
        let reply = lab.send(enter(&format!("{tried:064}"), "192.0.2.1")).await;
        statuses.push(reply.status);
    }
    assert!(
        statuses[..10]
            .iter()
            .all(|status| *status == StatusCode::UNAUTHORIZED)
    );
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS));
    let reply = lab.send(enter(&token, "192.0.2.1")).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.header("retry-after"), "1");
    // Who says so of oneself is no other address.
    let mut told = enter(&token, "192.0.2.1");
    told.headers_mut()
        .insert("x-forwarded-for", "192.0.2.9".parse().unwrap());
    assert_eq!(lab.send(told).await.status, StatusCode::TOO_MANY_REQUESTS);
    let reply = lab.send(enter(&token, "192.0.2.2")).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn large_bodies_are_refused_before_they_are_read() {
    let mut lab = Lab::new(1, plain());
    let cookie = lab.person("ann", Role::Labeler).await;
    // Said to be large: nothing of it is asked for.
    let request = asking(&cookie, "/api/label/answer")
        .method("POST")
        .header("content-type", "application/json")
        .header("x-attune", "1")
        .header("content-length", 100 << 20);
    let reply = lab
        .send(request.body(Body::from_stream(Never)).unwrap())
        .await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.header("connection"), "close");
    // Not said to be.
    let long = json!({ "token": "x".repeat(300 << 10) });
    let reply = lab.post("", "/api/enter", &long).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    let path = format!("/api/me?{}", "x".repeat(5000));
    assert_eq!(
        lab.get(&cookie, &path).await.status,
        StatusCode::URI_TOO_LONG
    );
}

/// A body that must not be asked for.
struct Never;

impl futures_core::Stream for Never {
    type Item = Result<axum::body::Bytes, std::io::Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        panic!("it was read");
    }
}

#[tokio::test]
async fn paths_lead_to_no_folder() {
    let lab = Lab::new(1, plain());
    let cookie = lab.enter(&lab.host).await;
    for path in [
        "/assets/../../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets//etc/passwd",
        "/etc/passwd",
        "/labels.db",
        "/api/runs/..%2f..%2fetc",
        "/api/runs/%00/metrics",
        "/api/runs/%ff/metrics",
        "/api/runs/C:%5C/samples",
        "/api/runs/..%2f/stream",
        "/api/people/export?format=../../x",
        "/api/../labels.db",
    ] {
        let reply = lab.get(&cookie, path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert!(
            !reply.json()["error"].as_str().unwrap().contains("etc"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_is_no_value_is_said_with_a_hint() {
    let mut lab = Lab::new(1, plain());
    let cookie = lab.person("ann", Role::Labeler).await;
    for (path, said) in [
        ("/api/label/answer", json!({"item": "1"})),
        ("/api/label/answer", json!([1, 2])),
        ("/api/label/keep", json!({"item": 3})),
        ("/api/label/keep", json!({"item": "x", "more": 1})),
    ] {
        let reply = lab.post(&cookie, path, &said).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path} {said}");
        assert!(!reply.json()["hint"].as_str().unwrap().is_empty());
    }
    for path in [
        "/api/label/back",
        "/api/label/back?steps=-1",
        "/api/label/back?steps=1&x=1",
    ] {
        assert_eq!(
            lab.get(&cookie, path).await.status,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
}

#[test]
fn other_machines_are_let_in_by_tls_alone() {
    let options = |host: &str, name: Option<&str>, behind_proxy: bool| Options {
        runs: Vec::new(),
        store: None,
        rules: plain(),
        host: host.to_owned(),
        port: None,
        name: name.map(str::to_owned),
        tls: None,
        behind_proxy,
        log: Arc::new(|_| {}),
    };
    let refused = |options: Options| address(&options).unwrap_err().to_string();
    let message = refused(options("192.0.2.7", None, false));
    assert!(
        message.contains("for all to read\nhint: give a certificate"),
        "{message}"
    );
    let message = refused(options("0.0.0.0", None, true));
    assert!(message.contains("say by `--name HOST`"), "{message}");
    let message = refused(options("label.org", None, true));
    assert!(message.contains("is no address\nhint: "), "{message}");
    let message = refused(options("127.0.0.1", Some("a/b"), false));
    assert!(
        message.contains("is no name of a server\nhint: "),
        "{message}"
    );
    assert!(address(&options("0.0.0.0", Some("label.org"), true)).is_ok());
    assert!(address(&options("::1", None, false)).is_ok());
    assert!(address(&options("localhost", None, false)).is_ok());
}
