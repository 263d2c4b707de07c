//! The server through the binary: who comes in, what is kept, what is refused, and that nothing is lost.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use attune::label::room::Role;
use attune::label::store::Store;
use attune::label::{Answer, Label};
use serde_json::{Value, json};

use self::client::{Client, Served, Worker, free_port, invite, reply, said, store, token};
use crate::support::{Lab, attune, fail};

mod careless;
mod client;
mod crowd;
mod killed;

fn two(_: usize) -> Vec<String> {
    vec!["one".to_owned(), "two".to_owned()]
}

/// The place of a response on the page.
fn place(item: &Value, text: &str) -> usize {
    let responses = item["responses"].as_array().unwrap();
    responses
        .iter()
        .position(|response| response == text)
        .unwrap()
}

/// All labels of a store by what was asked, of which each is there once.
fn labels(path: &std::path::Path) -> BTreeMap<String, Label> {
    let all = Store::read(path).unwrap().labels().unwrap();
    let count = all.len();
    let by_query = all.into_iter().map(|(_, label)| {
        let query = label.comparison.query.text.clone().unwrap();
        (query, label)
    });
    let by_query: BTreeMap<String, Label> = by_query.collect();
    assert_eq!(by_query.len(), count, "something was answered twice");
    by_query
}

#[test]
fn a_person_comes_in_and_what_is_said_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(&folder.path().join("labels.db"), 4, two);
    let token = invite(&path, "ann", Role::Labeler);
    let served = Served::new(&path, &[]);
    let page = Client::new(&served.address).get("/label").unwrap();
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    let mut worker = Worker::new(&served.address, "ann", &token);
    while let Some(item) = worker.next() {
        worker.answer(&item, &json!({ "best": place(&item, "two") }), 4000);
    }
    let labels = labels(&path);
    assert_eq!(labels.len(), 4);
    assert!(labels.values().all(|label| label.answer == Answer::Best(1)));
    let mut host = served.enter(&served.host);
    let quality = host.get("/api/people").unwrap().json();
    assert_eq!(quality["people"][0]["answers"], 4, "{quality}");
}

#[test]
fn the_first_person_is_invited_by_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(&folder.path().join("labels.db"), 1, two);
    let mut command = attune(&["serve", "--store", path.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let address = said(&mut out, "face");
    let link = said(&mut out, "label");
    let mut client = Client::new(address.strip_prefix("http://").unwrap());
    assert_eq!(client.enter(&token(&link)).unwrap(), 204);
    let me = client.get("/api/me").unwrap().json();
    assert_eq!((&me["name"], &me["label"]), (&json!("me"), &json!(true)));
    child.kill().unwrap();
    child.wait().unwrap();
    // Nobody is invited twice, and the link stays good.
    let served = Served::new(&path, &[]);
    served.enter(&token(&link));
}

#[test]
fn what_cannot_be_served_is_said_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(&folder.path().join("labels.db"), 1, two);
    let path = path.to_str().unwrap();
    let nowhere = folder.path().join("nowhere.db");
    let taken = Served::new(std::path::Path::new(path), &[]);
    let port = taken.address.rsplit(':').next().unwrap();
    for (arguments, part) in [
        (
            vec!["--store", nowhere.to_str().unwrap()],
            "there is no store",
        ),
        (
            vec!["--store", path, "--host", "0.0.0.0"],
            "for all to read\nhint: ",
        ),
        (
            vec!["--store", path, "--port", port],
            "cannot be listened at",
        ),
        (
            vec!["--store", path, "--cert", path, "--key", path],
            "certificate",
        ),
        (vec!["no/such/run"], "is no run directory"),
    ] {
        let message = fail(&[&["serve"][..], &arguments].concat());
        assert!(
            message.contains(part) && message.contains("\nhint: "),
            "{arguments:?}: {message}"
        );
    }
}

#[test]
fn who_is_slow_or_sends_too_much_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(&folder.path().join("labels.db"), 1, two);
    let token = invite(&path, "ann", Role::Labeler);
    let served = Served::new(&path, &[]);
    let connect = || {
        let stream = TcpStream::connect(&served.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        stream
    };
    // Many who begin to ask and never end.
    let mut slow: Vec<TcpStream> = (0..100).map(|_| connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
    }
    // One who says that there is a great deal to come, and sends it.
    let mut large = connect();
    let head = format!(
        "POST /api/enter HTTP/1.1\r\nhost: {}\r\nx-attune: 1\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        served.address,
        100 << 20
    );
    large.write_all(head.as_bytes()).unwrap();
    let refused = reply(&mut BufReader::new(large.try_clone().unwrap())).unwrap();
    assert_eq!(refused.status, 413);
    let part = vec![b'x'; 1 << 20];
    let sent = (0..100)
        .take_while(|_| large.write_all(&part).is_ok())
        .count();
    assert!(sent < 100, "the server read {sent} MiB");
    // Others are answered meanwhile.
    assert_eq!(
        served.enter(&token).get("/api/label/next").unwrap().status,
        200
    );
    // And who was slow is let go.
    for stream in &mut slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
}

/// An experiment that people answer, whose face comes and goes with it.
#[test]
fn a_run_that_asks_people_serves_them() {
    let lab = Lab::new();
    lab.edit(
        "[ppo]",
        "[reward]\nbatch_size = 4\nlr = 1e-3\nnormalize_samples = 16\nrollout_batch = 8\n\
         [collect]\nby = \"people\"\ninitial = 8\ntotal = 16\nreward_models = 2\nresponses = 2\n\
         validation_share = 0.0\n[people]\nmode = \"pair\"\ngold_every = 0\nrepeat_every = 0\noverlap = 0.0\n[ppo]",
    );
    let mut command = lab.command(&["run"], "asked", &[]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut errors = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });
    let address = said(&mut out, "face");
    let link = said(&mut out, "label");
    let rest = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let mut client = Client::new(address.strip_prefix("http://").unwrap());
    assert_eq!(client.enter(&token(&link)).unwrap(), 204);
    let mut answered = 0;
    // Until the server is gone, which is when the run is over.
    while let Ok(next) = client.get("/api/label/next") {
        if next.status == 429 || next.json()["state"] != "item" {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        let item = &next.json()["item"];
        let said = json!({
            "item": item["id"], "client": format!("c{answered}"), "answer": {"best": 0},
            "shown_ms": 3000, "changes": 0, "hints_shown": false,
        });
        let reply = client.post("/api/label/answer", &said).unwrap();
        assert_eq!(
            reply.status,
            200,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        answered += 1;
    }
    let status = child.wait().unwrap();
    let errors = errors.join().unwrap();
    rest.join().unwrap().unwrap();
    assert!(status.success(), "{errors}");
    assert_eq!(answered, 16, "{errors}");
    let root = lab.path("asked");
    assert_eq!(
        Store::read(&root.join("labels.db"))
            .unwrap()
            .labels()
            .unwrap()
            .len(),
        16
    );
    assert!(root.join("policy/policy/model.safetensors").is_file());
}
