//! The server as a process, and a browser that is as small as can be.

use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use attune::label::room::{Role, Room, Rules};
use attune::label::store::Store;
use attune::label::{Comparison, Passage};
use serde_json::{Value, json};

use crate::support::attune;

/// No answer takes longer, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rules by which all that is asked is work, and each question is one person's.
const PLAIN: &str = "[run]\ndir = \"run\"\n[model]\npath = \"model\"\n[people]\ngold_every = 0\n\
                     repeat_every = 0\noverlap = 0.0\n";

/// The rules of a store, which a test may write otherwise before it is served.
pub(super) fn rules(store: &Path) -> PathBuf {
    store.with_file_name("people.toml")
}

/// A store, with rules beside it, whose first run asks so many questions, each by what `responses` gives for its number.
pub(super) fn store(
    path: &Path,
    questions: usize,
    responses: impl Fn(usize) -> Vec<String>,
) -> PathBuf {
    let comparison = |at: usize| Comparison {
        query: Passage::of_text(format!("question {at}")),
        responses: responses(at).into_iter().map(Passage::of_text).collect(),
        source: None,
    };
    let asked: Vec<Comparison> = (0..questions).map(comparison).collect();
    let keyed = asked.iter().enumerate();
    let keyed = keyed.map(|(at, one)| (format!("run-0/{at:08}"), one));
    Store::create(path).unwrap().ask(keyed).unwrap();
    std::fs::write(rules(path), PLAIN).unwrap();
    path.to_owned()
}

/// The token of somebody who is invited.
pub(super) fn invite(store: &Path, name: &str, role: Role) -> String {
    let mut room = Room::open(store, Rules::default()).unwrap();
    room.invite(name, role, "", 1).unwrap()
}

/// A port that nobody listens at.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// `attune serve`, until it is dropped.
pub(super) struct Served {
    child: Child,
    /// Address and port.
    pub(super) address: String,
    /// The token of whoever started it.
    pub(super) host: String,
    _out: BufReader<ChildStdout>,
}

impl Served {
    /// Serves a store.
    pub(super) fn new(store: &Path, extra: &[&str]) -> Served {
        let mut command = attune(&["serve", "--store", store.to_str().unwrap()]);
        command.arg("--people").arg(rules(store));
        let command = command.args(extra).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let address = said(&mut out, "face");
        let link = said(&mut out, "watch");
        Served {
            address: address.strip_prefix("http://").unwrap().to_owned(),
            host: token(&link),
            _out: out,
            child,
        }
    }

    /// SIGKILL, as a crash is.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn enter(&self, token: &str) -> Client {
        let mut client = Client::new(&self.address);
        assert_eq!(client.enter(token).unwrap(), 204);
        client
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stands after a word in the lines that a program prints.
pub(super) fn said(out: &mut impl BufRead, word: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(
            out.read_line(&mut line).unwrap() > 0,
            "it ended before it said `{word}`"
        );
        if let Some(rest) = line.strip_prefix(word) {
            return rest.trim().to_owned();
        }
    }
}

/// The token of a link.
pub(super) fn token(link: &str) -> String {
    link.split_once("/enter#").unwrap().1.to_owned()
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        let text = || format!("{}: {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", text()))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Somebody's browser.
pub(super) struct Client {
    address: String,
    cookie: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(super) fn new(address: &str) -> Client {
        Client {
            address: address.to_owned(),
            cookie: String::new(),
            stream: None,
        }
    }

    /// Comes in; returns the status.
    pub(super) fn enter(&mut self, token: &str) -> Result<u16> {
        let reply = self.post("/api/enter", &json!({ "token": token }))?;
        if let Some(set) = reply.header("set-cookie") {
            self.cookie = set.split(';').next().unwrap().to_owned();
        }
        Ok(reply.status)
    }

    pub(super) fn get(&mut self, path: &str) -> Result<Reply> {
        self.request("GET", path, "")
    }

    pub(super) fn post(&mut self, path: &str, said: &Value) -> Result<Reply> {
        self.request("POST", path, &said.to_string())
    }

    /// Asks on a connection that is kept. An error may be before or after the server heard it.
    fn request(&mut self, method: &str, path: &str, body: &str) -> Result<Reply> {
        let answered = self.asked(method, path, body);
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }

    fn asked(&mut self, method: &str, path: &str, body: &str) -> Result<Reply> {
        let (address, cookie) = (self.address.clone(), self.cookie.clone());
        if self.stream.is_none() {
            let stream = TcpStream::connect(&address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\nx-attune: 1\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.get_mut().write_all(head.as_bytes())?;
        let reply = reply(stream)?;
        if reply.header("connection") == Some("close") {
            self.stream = None;
        }
        Ok(reply)
    }
}

/// What a server answers on a connection.
pub(super) fn reply(stream: &mut impl BufRead) -> Result<Reply> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if stream.read_line(&mut head)? == 0 {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        if head[before..] == *"\r\n" {
            break;
        }
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let mut reply = Reply {
        status: status.ok_or(ErrorKind::InvalidData)?,
        head,
        body: Vec::new(),
    };
    let length = reply.header("content-length").unwrap_or("0");
    reply.body = vec![0; length.parse().map_err(|_| ErrorKind::InvalidData)?];
    stream.read_exact(&mut reply.body)?;
    Ok(reply)
}

/// Somebody who is asked and answers, whatever becomes of the server meanwhile.
pub(super) struct Worker {
    pub(super) client: Client,
    token: String,
    name: String,
    answers: u64,
}

impl Worker {
    pub(super) fn new(address: &str, name: &str, token: &str) -> Worker {
        Worker {
            client: Client::new(address),
            token: token.to_owned(),
            name: name.to_owned(),
            answers: 0,
        }
    }

    /// Asks until it is answered, as a page does; comes in again where nobody is known any more.
    pub(super) fn patiently(&mut self, ask: impl Fn(&mut Client) -> Result<Reply>) -> Reply {
        loop {
            let reply = match ask(&mut self.client) {
                Ok(reply) => reply,
                Err(_) => {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
            };
            match reply.status {
                401 => {
                    let token = self.token.clone();
                    let entered = self.client.enter(&token);
                    assert!(
                        !entered.is_ok_and(|status| status != 204),
                        "{} may come in",
                        self.name
                    );
                }
                429 | 503 => std::thread::sleep(Duration::from_millis(60)),
                _ => return reply,
            }
        }
    }

    /// The next item; none where there is nothing to do.
    pub(super) fn next(&mut self) -> Option<Value> {
        let next = self.patiently(|client| client.get("/api/label/next"));
        assert_eq!(next.status, 200, "{}", String::from_utf8_lossy(&next.body));
        let next = next.json();
        (next["state"] == "item").then(|| next["item"].clone())
    }

    /// Says something of an item until that is acknowledged; under a name that only this answer has.
    pub(super) fn answer(&mut self, item: &Value, answer: &Value, shown_ms: u64) -> Value {
        self.answers += 1;
        let said = json!({
            "item": item["id"], "client": format!("{}-{}", self.name, self.answers), "answer": answer,
            "shown_ms": shown_ms, "changes": 0, "hints_shown": false,
        });
        let reply = self.patiently(|client| client.post("/api/label/answer", &said));
        assert_eq!(
            reply.status,
            200,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        assert_eq!(reply.json()["kept"], true);
        reply.json()
    }
}
