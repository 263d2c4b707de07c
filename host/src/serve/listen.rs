//! Connections: so many at a time and from one address, with a limit on how long a request may take to come.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::door::subnet;
use super::face::Peer;
use super::patient::Patient;

/// Connections at a time.
const CONNECTIONS: usize = 1024;
/// Connections of one address, or of one household of IPv6, at a time, where no proxy stands before all of them.
const OF_ONE: usize = 256;
/// How long a handshake, the head of a request, or the pause before the next one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait where the system has no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a request's head, at most.
const LONGEST_HEAD: usize = 64 << 10;

/// How a server takes connections.
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    pub(super) app: Router,
    pub(super) tls: Option<TlsAcceptor>,
    /// Whether all connections come from a proxy.
    pub(super) proxied: bool,
}

/// Takes connections for ever.
pub(super) async fn listen(listening: Listening) {
    let Listening {
        listener,
        app,
        tls,
        proxied,
    } = listening;
    let all = Arc::new(Semaphore::new(CONNECTIONS));
    let open = Arc::new(Open::default());
    loop {
        let Ok(one) = Arc::clone(&all).acquire_owned().await else {
            return;
        };
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(counted) = open.count(address.ip(), proxied) else {
            continue;
        };
        let (app, tls) = (app.clone(), tls.clone());
        tokio::spawn(async move {
            connected(stream, address, app, tls).await;
            drop((one, counted));
        });
    }
}

async fn connected(stream: TcpStream, address: SocketAddr, app: Router, tls: Option<TlsAcceptor>) {
    // Without it small answers wait; where it cannot be set, they do.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream);
    match tls {
        None => speak(stream, address, app).await,
        Some(tls) => {
            let greeted = tokio::time::timeout(PATIENCE, tls.accept(stream)).await;
            if let Ok(Ok(stream)) = greeted {
                speak(stream, address, app).await;
            }
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    app: Router,
) {
    let peer = Peer(address.ip());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        app.clone().oneshot(request.map(Body::new))
    });
    let spoken = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        // Depending on how a head arrives, it is refused at this size or at up to twice as much.
        .max_buf_size(LONGEST_HEAD / 2)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // Whoever was spoken to is gone, or speaks something else.
    drop(spoken);
}

/// How many connections each address has; of IPv6, each household.
#[derive(Default)]
struct Open(Mutex<HashMap<IpAddr, usize>>);

impl Open {
    /// One more, until what is returned is dropped; none where there are too many.
    fn count(self: &Arc<Open>, address: IpAddr, proxied: bool) -> Option<Counted> {
        let address = subnet(address);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= OF_ONE && !proxied {
            return None;
        }
        *count += 1;
        Some(Counted {
            open: Arc::clone(self),
            address,
        })
    }
}

/// A connection that is counted.
struct Counted {
    open: Arc<Open>,
    address: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// What the first line of the reply to a request is, with a header of so many bytes.
    fn replied(server: SocketAddr, bytes: usize) -> String {
        let mut stream = std::net::TcpStream::connect(server).unwrap();
        let head = format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-long: {}\r\n\r\n",
            "y".repeat(bytes)
        );
        // It may be refused, and closed, before all is sent.
        let _ = stream.write_all(head.as_bytes());
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply);
        reply.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn heads_of_requests_are_bounded() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = listener.local_addr().unwrap();
        tokio::spawn(listen(Listening {
            listener,
            app: Router::new(),
            tls: None,
            proxied: false,
        }));
        for (bytes, wanted) in [
            (8 << 10, "HTTP/1.1 404 Not Found"),
            (LONGEST_HEAD, "HTTP/1.1 431 Request Header Fields Too Large"),
        ] {
            let reply = tokio::task::spawn_blocking(move || replied(server, bytes));
            assert_eq!(reply.await.unwrap(), wanted, "{bytes} bytes");
        }
    }

    #[test]
    fn a_household_has_so_many_connections() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let open = Arc::new(Open::default());
        let from = |place: usize| address(&format!("2001:db8::{place:x}"));
        let held: Vec<_> = (0..OF_ONE)
            .map(|place| open.count(from(place), false))
            .collect();
        assert!(held.iter().all(Option::is_some));
        assert!(open.count(from(OF_ONE), false).is_none());
        // But those of others, and those that a proxy brings.
        assert!(open.count(address("2001:db8:0:1::1"), false).is_some());
        assert!(open.count(address("192.0.2.1"), false).is_some());
        assert!(open.count(from(OF_ONE), true).is_some());
        drop(held);
        assert!(open.0.lock().unwrap().is_empty());
    }
}
