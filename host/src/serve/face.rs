//! What all requests share: the way to the room, who may ask, the runs that are watched.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Error;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde_json::Value;

use super::desk::Desk;
use super::door::{Caller, Door};
use super::refusal::{Answered, Refusal};
use super::site::Site;
use super::watched::Watched;
use crate::label::room::{HOST, Person, Role, Room};

/// Says something to whoever runs the server.
pub(crate) type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The store that people label in.
pub(super) struct Labels {
    /// Where answers are kept.
    pub(super) desk: Desk,
    /// Where researchers look, so that counting makes no answer wait.
    pub(super) looking: Desk,
    /// What the page is told of the rules.
    pub(super) settings: Value,
    /// The file.
    pub(super) store: PathBuf,
    /// What tells it from others.
    pub(super) room: String,
}

/// One server.
pub(super) struct Face {
    pub(super) site: Site,
    pub(super) door: Door,
    pub(super) labels: Option<Labels>,
    pub(super) watched: Watched,
    pub(super) log: Log,
    /// Whether the address of whoever asks is told by a proxy.
    pub(super) proxied: bool,
}

/// Who asks, known by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// Whoever started the server.
    Host,
    /// Somebody of the store.
    Person(Person),
}

impl Known {
    /// As decisions are signed.
    pub(super) fn name(&self) -> &str {
        match self {
            Known::Host => HOST,
            Known::Person(person) => &person.name,
        }
    }

    pub(super) fn role(&self) -> Role {
        match self {
            Known::Host => Role::Researcher,
            Known::Person(person) => person.role,
        }
    }
}

impl Face {
    /// The store, where there is one.
    pub(super) fn labels(&self) -> Answered<&Labels> {
        self.labels.as_ref().ok_or_else(|| {
            Refusal::new(
                axum::http::StatusCode::NOT_FOUND,
                "nobody labels here",
                "start the server with `--store`",
            )
        })
    }

    /// Who asks.
    pub(super) async fn known(&self, headers: &HeaderMap) -> Answered<Known> {
        self.of_caller(self.door.caller(headers, Instant::now())?)
            .await
    }

    /// Who a session or a link is of, at this moment.
    pub(super) async fn of_caller(&self, caller: Caller) -> Answered<Known> {
        let token = match caller {
            Caller::Host => return Ok(Known::Host),
            Caller::Token(token) => token,
        };
        let labels = self.labels.as_ref().ok_or_else(Refusal::stranger)?;
        let who = labels.desk.with(move |room| room.who(&token)).await?;
        let who = who.map_err(|error| self.failed(&error))?;
        who.map(Known::Person).ok_or_else(Refusal::stranger)
    }

    /// Does what a person may do for oneself.
    pub(super) async fn as_person<T: Send + 'static>(
        &self,
        headers: &HeaderMap,
        act: impl FnOnce(&mut Room, &Person, i64) -> anyhow::Result<T> + Send + 'static,
    ) -> Answered<T> {
        let Caller::Token(token) = self.door.caller(headers, Instant::now())? else {
            return Err(Refusal::forbidden(
                "this link is for watching alone",
                "`attune label invite NAME` prints a link for who labels",
            ));
        };
        let desk = &self.labels()?.desk;
        let done = desk.with(move |room| match room.who(&token)? {
            Some(person) => act(room, &person, now()).map(Some),
            None => Ok(None),
        });
        let done = done.await?.map_err(|error| self.failed(&error))?;
        done.ok_or_else(Refusal::stranger)
    }

    /// Who asks, where it is a researcher.
    pub(super) async fn researcher(&self, headers: &HeaderMap) -> Answered<Known> {
        let known = self.known(headers).await?;
        match known.role() {
            Role::Researcher => Ok(known),
            Role::Labeler => Err(Refusal::forbidden(
                "this is for researchers",
                "`attune label invite NAME --role researcher` prints a link for one",
            )),
        }
    }

    /// Changes something of the room, signed by a researcher.
    pub(super) async fn as_researcher<T: Send + 'static>(
        &self,
        headers: &HeaderMap,
        act: impl FnOnce(&mut Room, &str, i64) -> anyhow::Result<T> + Send + 'static,
    ) -> Answered<T> {
        let by = self.researcher(headers).await?;
        let done = self
            .labels()?
            .desk
            .with(move |room| act(room, by.name(), now()));
        done.await?.map_err(|error| self.failed(&error))
    }

    /// Looks at the room for a researcher.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        headers: &HeaderMap,
        act: impl FnOnce(&Room, i64) -> anyhow::Result<T> + Send + 'static,
    ) -> Answered<T> {
        self.researcher(headers).await?;
        let done = self.labels()?.looking.with(move |room| act(room, now()));
        done.await?.map_err(|error| self.failed(&error))
    }

    /// Why something could not be done. What is the server's fault is told to whoever runs it, and to nobody else.
    pub(super) fn failed(&self, error: &Error) -> Refusal {
        Refusal::of_room(error).unwrap_or_else(|| {
            (self.log)(&format!("{error:#}"));
            Refusal::ours()
        })
    }

    /// Does something that reads files, beside the requests.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Answered<T> {
        let done = tokio::task::spawn_blocking(act).await;
        done.map_err(|_| Refusal::ours())?
            .map_err(|error| self.failed(&error))
    }
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// The address that a connection came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// The address of whoever asks.
pub(super) struct Address(pub(super) IpAddr);

impl FromRequestParts<Arc<Face>> for Address {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<Face>) -> Answered<Address> {
        let Peer(peer) = parts
            .extensions
            .get()
            .copied()
            .unwrap_or(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        // The last is what the proxy itself has seen; those before it, anybody may have written.
        let told = parts
            .headers
            .get_all("x-forwarded-for")
            .into_iter()
            .next_back();
        let told = told.filter(|_| face.proxied);
        let told = told.and_then(|all| all.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        Ok(Address(told.unwrap_or(peer)))
    }
}
