//! Who comes in: personal tokens become sessions, and too many wrong ones are not looked at. Sessions are in memory
//! alone: after a restart the page comes in again by the token that it keeps. Knows nothing of what people may do.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use super::refusal::{Answered, Refusal};
use crate::digest;
use crate::label::room;

/// A session that nobody uses ends after so long.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// Sessions of one token; a further one ends the one that was used least lately.
const SESSIONS_OF_ONE: usize = 16;
/// Sessions and addresses that are remembered.
const REMEMBERED: usize = 10_000;
/// Tokens are shorter.
const LONGEST_TOKEN: usize = 256;

/// So many a second, and at most so many at once.
const REQUESTS: Rate = Rate {
    each_second: 20.0,
    at_once: 60.0,
};
/// Wrong tokens of one address.
const WRONG: Rate = Rate {
    each_second: 10.0 / 60.0,
    at_once: 10.0,
};

/// How often something may be done.
#[derive(Debug, Clone, Copy)]
struct Rate {
    each_second: f64,
    at_once: f64,
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Bucket {
        Bucket {
            left: rate.at_once,
            at: now,
        }
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * rate.each_second).min(rate.at_once);
        self.at = now;
    }

    /// Whether it may be done once more.
    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

/// Who a session is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// Whoever started the server, by the link that it printed.
    Host,
    /// Whoever the store knows by this token.
    Token(Arc<str>),
}

#[derive(Debug)]
struct Session {
    caller: Caller,
    used: Instant,
    requests: Bucket,
}

/// The door of one server.
pub(super) struct Door {
    /// SHA-256 of the host's token.
    host: String,
    /// What the cookie is called: cookies know no ports, and two servers of a machine are two.
    cookie: String,
    /// Whether the cookie may go through TLS alone.
    secure: bool,
    sessions: Mutex<HashMap<String, Session>>,
    wrong: Mutex<HashMap<IpAddr, Bucket>>,
    /// SHA-256 of tokens that nobody has. A page with a dead link says the same one again and again, which is no guess.
    strangers: Mutex<HashSet<String>>,
}

impl Door {
    /// A door that the holder of `token` may pass as the host.
    pub(super) fn new(token: &str, port: u16, secure: bool) -> Door {
        Door {
            host: digest::of_bytes(token.as_bytes()),
            cookie: format!("attune-{port}"),
            secure,
            sessions: Mutex::default(),
            wrong: Mutex::default(),
            strangers: Mutex::default(),
        }
    }

    /// Who a token may be of, where the address has not said too many wrong ones.
    pub(super) fn knock(&self, token: &str, from: IpAddr, now: Instant) -> Answered<Caller> {
        let digest = digest::of_bytes(token.as_bytes());
        if locked(&self.strangers).contains(&digest) {
            return Err(Refusal::stranger());
        }
        let mut wrong = locked(&self.wrong);
        if let Some(bucket) = wrong.get_mut(&subnet(from)) {
            bucket.fill(WRONG, now);
            if bucket.left < 1.0 {
                return Err(Refusal::too_often());
            }
        }
        drop(wrong);
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(self.wrong(token, from, now));
        }
        // Compared as hashes, which tell nothing of the token by how long that takes.
        match digest == self.host {
            true => Ok(Caller::Host),
            false => Ok(Caller::Token(token.into())),
        }
    }

    /// Counts a token that nobody has.
    pub(super) fn wrong(&self, token: &str, from: IpAddr, now: Instant) -> Refusal {
        let mut strangers = locked(&self.strangers);
        if strangers.len() >= REMEMBERED {
            strangers.clear();
        }
        strangers.insert(digest::of_bytes(token.as_bytes()));
        drop(strangers);
        let mut wrong = locked(&self.wrong);
        if wrong.len() >= REMEMBERED {
            wrong.retain(|_, bucket| {
                bucket.fill(WRONG, now);
                bucket.left < WRONG.at_once
            });
        }
        // When all of them are in use, somebody has a great many addresses, and none is told apart.
        if wrong.len() >= REMEMBERED {
            return Refusal::too_often();
        }
        let bucket = wrong
            .entry(subnet(from))
            .or_insert_with(|| Bucket::full(WRONG, now));
        bucket.take(WRONG, now);
        Refusal::stranger()
    }

    /// Begins a session; returns what the browser is to keep, as the value of `set-cookie`.
    pub(super) fn admit(&self, caller: Caller, now: Instant) -> Result<String> {
        let id = room::token()?;
        let mut sessions = locked(&self.sessions);
        sessions.retain(|_, session| now.saturating_duration_since(session.used) < IDLE);
        thin(&mut sessions, SESSIONS_OF_ONE, |one| one.caller == caller);
        thin(&mut sessions, REMEMBERED, |_| true);
        let session = Session {
            caller,
            used: now,
            requests: Bucket::full(REQUESTS, now),
        };
        sessions.insert(id.clone(), session);
        Ok(self.set(&id, IDLE.as_secs()))
    }

    /// Ends a session; returns the value of `set-cookie` by which the browser forgets it.
    pub(super) fn leave(&self, headers: &HeaderMap) -> String {
        if let Some(id) = self.id(headers) {
            locked(&self.sessions).remove(id);
        }
        self.set("", 0)
    }

    /// Who asks, by the cookie; counts the request.
    pub(super) fn caller(&self, headers: &HeaderMap, now: Instant) -> Answered<Caller> {
        let id = self.id(headers).ok_or_else(Refusal::stranger)?;
        let mut sessions = locked(&self.sessions);
        let session = sessions.get_mut(id).ok_or_else(Refusal::stranger)?;
        if now.saturating_duration_since(session.used) >= IDLE {
            sessions.remove(id);
            return Err(Refusal::stranger());
        }
        session.used = now;
        match session.requests.take(REQUESTS, now) {
            true => Ok(session.caller.clone()),
            false => Err(Refusal::too_often()),
        }
    }

    fn set(&self, id: &str, seconds: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = &self.cookie;
        format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
    }

    fn id<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let all = headers.get_all(COOKIE).into_iter();
        let all = all.filter_map(|value| value.to_str().ok());
        let mut pairs = all.flat_map(|value| value.split(';'));
        pairs.find_map(|pair| {
            let (name, id) = pair.trim().split_once('=')?;
            (name == self.cookie).then_some(id)
        })
    }
}

/// Makes room for one more of those that are meant: without the one that was used least lately.
fn thin(sessions: &mut HashMap<String, Session>, most: usize, meant: impl Fn(&Session) -> bool) {
    let all = sessions.iter().filter(|(_, session)| meant(session));
    if all.clone().count() < most {
        return;
    }
    let oldest = all.min_by_key(|(_, session)| session.used);
    if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
        sessions.remove(&oldest);
    }
}

/// What one household has: of IPv6 a whole /64.
pub(super) fn subnet(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() >> 64 << 64;
            IpAddr::V6(std::net::Ipv6Addr::from_bits(bits))
        }
        address => address,
    }
}

/// What a mutex holds; nothing here can be left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    fn headers(set: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let cookie = format!("theme=dark; {}; b=c", set.split(';').next().unwrap());
        headers.insert(COOKIE, cookie.parse().unwrap());
        headers
    }

    #[test]
    fn a_session_has_so_many_requests_a_second() {
        let (door, mut now) = (Door::new("secret", 1, false), Instant::now());
        let cookie = headers(&door.admit(Caller::Host, now).unwrap());
        let passed = |now: Instant| {
            let all = (0..1000).map(|_| door.caller(&cookie, now));
            all.filter(Result::is_ok).count()
        };
        assert_eq!(passed(now), 60);
        now += Duration::from_secs(1);
        assert_eq!(passed(now), 20);
        now += Duration::from_secs(60);
        assert_eq!(passed(now), 60);
        // Each session has its own.
        let other = headers(&door.admit(Caller::Host, now).unwrap());
        assert!(door.caller(&other, now).is_ok());
        now += IDLE;
        let refused = door.caller(&other, now).unwrap_err();
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn an_address_has_so_many_wrong_tokens_a_minute() {
        let (door, mut now) = (Door::new("secret", 1, false), Instant::now());
        let [one, same, other] = ["2001:db8::1", "2001:db8::2", "2001:db8:1::1"];
        let [one, same, other] = [one, same, other].map(|text| text.parse().unwrap());
        for number in 0..10 {
            let guess = format!("guess {number}");
            assert!(door.knock(&guess, one, now).is_ok());
            let refused = door.wrong(&guess, one, now);
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
            // Once more it is no further guess.
            let again = door.knock(&guess, one, now).unwrap_err();
            assert_eq!(again.status, StatusCode::UNAUTHORIZED);
        }
        for address in [one, same] {
            let refused = door.knock("secret", address, now).unwrap_err();
            assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        }
        assert_eq!(door.knock("secret", other, now), Ok(Caller::Host));
        now += Duration::from_secs(7);
        assert_eq!(door.knock("secret", one, now), Ok(Caller::Host));
        let long = "x".repeat(LONGEST_TOKEN + 1);
        assert!(door.knock(&long, other, now).is_err());
    }

    #[test]
    fn sessions_are_few() {
        let (door, now) = (Door::new("secret", 1, true), Instant::now());
        let caller = Caller::Token("ann".into());
        let mut cookies = Vec::new();
        for number in 0..SESSIONS_OF_ONE as u64 + 1 {
            let at = now + Duration::from_secs(number);
            let set = door.admit(caller.clone(), at).unwrap();
            assert!(set.ends_with("; Secure"), "{set}");
            cookies.push(headers(&set));
        }
        let now = now + Duration::from_secs(100);
        assert!(door.caller(&cookies[0], now).is_err());
        assert_eq!(door.caller(&cookies[1], now), Ok(caller));
        door.leave(&cookies[1]);
        assert!(door.caller(&cookies[1], now).is_err());
        assert!(door.caller(&cookies[2], now).is_ok());
    }
}
