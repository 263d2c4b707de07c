//! By which names a server is known, and what a request must say to be meant for it: a page of somewhere else has
//! another origin, and a name that somebody turned to this address is not one of ours.

use std::net::IpAddr;

use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};

use super::refusal::{Answered, Refusal};

/// Names that this machine has for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Who reads along on the way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// Whoever is on the way; for addresses that do not leave the machine.
    Plain,
    /// Nobody: the server has a certificate.
    Own,
    /// Nobody: a proxy before the server has one.
    Proxy,
}

/// Where a server is.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// What browsers may call it, without a port.
    names: Vec<String>,
    /// What stands before all paths, such as `http://127.0.0.1:8420`.
    pub(super) base: String,
    /// Whether browsers come by TLS.
    pub(super) secure: bool,
}

impl Site {
    /// A server that was told to be at `host` and, where it has one, is known by `name`.
    pub(super) fn new(host: &str, name: Option<&str>, port: u16, cover: Cover) -> Site {
        let (called, named_port) = name.and_then(split).unwrap_or((host, None));
        let is_loopback = host
            .parse()
            .map_or(host == "localhost", |address: IpAddr| address.is_loopback());
        let own = LOOPBACK.into_iter().filter(|_| is_loopback);
        let names = own.chain([host, called]).map(str::to_lowercase);
        let secure = cover != Cover::Plain;
        let scheme = if secure { "https" } else { "http" };
        let shown = match called.contains(':') {
            true => format!("[{called}]"),
            false => called.to_owned(),
        };
        let port = match (named_port, cover) {
            (Some(port), _) => format!(":{port}"),
            (None, Cover::Proxy) => String::new(),
            (None, Cover::Plain | Cover::Own) => format!(":{port}"),
        };
        Site {
            names: names.collect(),
            base: format!("{scheme}://{shown}{port}"),
            secure,
        }
    }

    /// Whether browsers can know a server by this name.
    pub(super) fn is_name(name: &str) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        split(name).is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_plain))
    }

    /// A personal link. The token is in the part that no browser sends and no server logs.
    pub(super) fn link(&self, token: &str) -> String {
        format!("{}/enter#{token}", self.base)
    }

    /// Refuses what is not meant for this server, or was sent by a page of another.
    pub(super) fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Answered<()> {
        let mut hosts = headers.get_all(HOST).into_iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(bad("a request has one `Host`", "ask by a browser"));
        };
        let host = host.to_str().unwrap_or_default();
        let known = split(host).is_some_and(|(name, _)| {
            self.names
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        });
        if !known {
            let status = StatusCode::MISDIRECTED_REQUEST;
            let hint = "use the address that the server printed; `--name` gives it another name";
            return Err(Refusal::new(status, "this server has another name", hint));
        }
        if path.starts_with("/api/") && said(headers, "sec-fetch-site") == Some("cross-site") {
            return Err(elsewhere());
        }
        if *method == Method::GET || *method == Method::HEAD {
            return Ok(());
        }
        if let Some(origin) = headers.get(ORIGIN) {
            let scheme = if self.secure { "https://" } else { "http://" };
            let origin = origin.to_str().unwrap_or_default();
            let own = origin.strip_prefix(scheme);
            if !own.is_some_and(|own| own.eq_ignore_ascii_case(host)) {
                return Err(elsewhere());
            }
        }
        if said(headers, "x-attune") != Some("1") {
            let hint = "send the header `x-attune: 1`, which no form of another page can";
            return Err(Refusal::forbidden("the header `x-attune` is absent", hint));
        }
        let kind = said(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        if kind.split(';').next().unwrap_or_default().trim() != "application/json" {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let hint = "send the header `content-type: application/json`";
            return Err(Refusal::new(status, "this is not said to be JSON", hint));
        }
        Ok(())
    }
}

fn said<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn bad(error: &str, hint: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, error, hint)
}

fn elsewhere() -> Refusal {
    Refusal::forbidden(
        "this comes from a page of another server",
        "use the page of this one",
    )
}

/// Name and port of what stands in a link between `//` and `/`; none where that is no such thing.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let (name, rest) = match authority.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => match authority.find(':') {
            Some(at) => authority.split_at(at),
            None => (authority, ""),
        },
    };
    match rest.strip_prefix(':') {
        Some(port) => Some((name, Some(port.parse().ok()?))),
        None => rest.is_empty().then_some((name, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_names_and_ports() {
        assert_eq!(split("localhost:80"), Some(("localhost", Some(80))));
        assert_eq!(split("[::1]:80"), Some(("::1", Some(80))));
        assert_eq!(split("label.org"), Some(("label.org", None)));
        for wrong in [
            "localhost:",
            "localhost:x",
            "[::1",
            "[::1]x",
            "a:1:2",
            "a@b:c",
        ] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn links_lead_to_where_the_server_is_known() {
        let link = |host: &str, name: Option<&str>, cover: Cover| {
            Site::new(host, name, 8420, cover).link("x")
        };
        let local = link("127.0.0.1", None, Cover::Plain);
        assert_eq!(local, "http://127.0.0.1:8420/enter#x");
        let local = link("::1", None, Cover::Plain);
        assert_eq!(local, "http://[::1]:8420/enter#x");
        let named = link("0.0.0.0", Some("label.org"), Cover::Proxy);
        assert_eq!(named, "https://label.org/enter#x");
        let named = link("0.0.0.0", Some("label.org"), Cover::Own);
        assert_eq!(named, "https://label.org:8420/enter#x");
        let named = link("0.0.0.0", Some("label.org:8443"), Cover::Proxy);
        assert_eq!(named, "https://label.org:8443/enter#x");
        for (name, is_name) in [
            ("label.org", true),
            ("a/b", false),
            ("", false),
            ("a:b", false),
        ] {
            assert_eq!(Site::is_name(name), is_name, "{name}");
        }
    }
}
