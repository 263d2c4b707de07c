//! The face: a small web server in the program, where people label while a model trains, and runs are watched. Knows
//! HTTP, sessions and files; what a label or a run is, it has others say. It trains nothing and costs a training nothing:
//! it reads the files that a run writes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use tokio::sync::oneshot;

use self::desk::Desk;
use self::door::Door;
use self::face::{Face, Labels};
use self::listen::{Listening, listen};
use self::site::{Cover, Site};
use self::watched::Watched;
use crate::label::room::{self, Role, Room, Rules};
use crate::terminal::Line;

mod app;
mod desk;
mod door;
mod entering;
mod face;
mod guard;
mod heard;
mod labeling;
mod listen;
mod pages;
mod patient;
mod people;
mod refusal;
mod runs;
mod site;
mod stream;
mod tail;
mod tls;
mod watched;

pub(crate) use self::face::Log;

/// Ports that are tried where none is named; when all are taken, the system chooses one.
const PORTS: std::ops::Range<u16> = 8420..8440;
/// Who is invited to a store that nobody was invited to.
const ME: &str = "me";

/// What is served, and where.
pub(crate) struct Options {
    /// Runs that are watched, with their parts; none for those below `runs/`.
    pub(crate) runs: Vec<PathBuf>,
    /// The store that people label in; made when it is not there.
    pub(crate) store: Option<PathBuf>,
    /// How they do.
    pub(crate) rules: Rules,
    /// The address that is listened at.
    pub(crate) host: String,
    /// The port; none for one that is free.
    pub(crate) port: Option<u16>,
    /// What browsers call the server, with a port or without.
    pub(crate) name: Option<String>,
    /// Files of a certificate and of its key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Whether a proxy before the server has the certificate.
    pub(crate) behind_proxy: bool,
    /// Hears of what goes wrong.
    pub(crate) log: Log,
}

/// A server at work; it ends when this is dropped.
pub(crate) struct Server {
    /// Where it is.
    pub(crate) base: String,
    /// The link of whoever started it, good until it ends: for watching runs and for what researchers do.
    pub(crate) link: String,
    /// The personal link of the first person, where the store had none.
    pub(crate) first: Option<String>,
    /// The names of all people who have links.
    pub(crate) people: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a server on a thread of its own.
///
/// # Errors
/// The address cannot be served, or not safely; or the store or the certificate cannot be used.
pub(crate) fn start(options: Options) -> Result<Server> {
    let address = address(&options)?;
    let acceptor = match &options.tls {
        Some((cert, key)) => Some(tls::acceptor(cert, key)?),
        None => None,
    };
    let listener = bind(address, options.port)?;
    let port = listener.local_addr()?.port();
    let cover = match (&acceptor, options.behind_proxy) {
        (Some(_), _) => Cover::Own,
        (None, true) => Cover::Proxy,
        (None, false) => Cover::Plain,
    };
    let site = Site::new(&options.host, options.name.as_deref(), port, cover);
    let mut first = None;
    let mut people = Vec::new();
    let labels = match options.store {
        None => None,
        Some(store) => {
            let mut room = Room::open(&store, options.rules.clone())?;
            people = room.people()?.into_iter().map(|one| one.name).collect();
            if people.is_empty() {
                let token = room.invite(ME, Role::Researcher, ME, face::now())?;
                first = Some(site.link(&token));
                people.push(ME.to_owned());
            }
            Some(labels(room, store, options.rules)?)
        }
    };
    let token = room::token()?;
    let face = Face {
        door: Door::new(&token, port, site.secure),
        labels,
        watched: Watched::new(options.runs),
        log: options.log,
        proxied: options.behind_proxy,
        site,
    };
    let (base, link) = (face.site.base.clone(), face.site.link(&token));
    let (stop, stopped) = oneshot::channel();
    let proxied = face.proxied;
    let app = app::app(Arc::new(face));
    let thread = spawn(listener, stopped, move |listener| Listening {
        listener,
        app,
        tls: acceptor,
        proxied,
    })?;
    Ok(Server {
        base,
        link,
        first,
        people,
        stop: Some(stop),
        thread: Some(thread),
    })
}

impl Server {
    /// Waits for its end, which is that of the process.
    pub(crate) fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The address, where it may be served.
fn address(options: &Options) -> Result<IpAddr> {
    let host = Line(&options.host);
    let address: IpAddr = match options.host.as_str() {
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        host => host.parse().with_context(|| {
            let host = Line(host);
            format!(
                "`{host}` is no address\nhint: `--host` takes an address of this machine, such as 127.0.0.1 or \
                 0.0.0.0; `--name {host}` says what browsers call it"
            )
        })?,
    };
    if let Some(name) = &options.name
        && !Site::is_name(name)
    {
        let name = Line(name);
        bail!(
            "`{name}` is no name of a server\nhint: `--name` is what stands in a link between `//` and `/`, such as \
             label.example.org"
        );
    }
    let is_safe = options.tls.is_some() || options.behind_proxy;
    if !address.is_loopback() && !is_safe {
        bail!(
            "`{host}` can be reached from other machines, and links and answers would go there for all to read\n\
             hint: give a certificate by `--cert FILE --key FILE`, or have a proxy do so and say `--behind-proxy`; \
             without `--host`, this machine alone can reach the server"
        );
    }
    if address.is_unspecified() && options.name.is_none() {
        bail!(
            "`{host}` is no address that browsers can call\nhint: say by `--name HOST` what they call this server, \
             such as label.example.org"
        );
    }
    Ok(address)
}

fn bind(address: IpAddr, port: Option<u16>) -> Result<TcpListener> {
    let listener = match port {
        Some(port) => TcpListener::bind(SocketAddr::new(address, port)).with_context(|| {
            format!(
                "port {port} of `{address}` cannot be listened at\nhint: name another by `--port`, or none for one \
                 that is free"
            )
        })?,
        None => PORTS
            .chain([0])
            .find_map(|port| TcpListener::bind(SocketAddr::new(address, port)).ok())
            .with_context(|| {
                format!(
                    "no port of `{address}` can be listened at\nhint: `--host` takes an address of this machine"
                )
            })?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn labels(room: Room, store: PathBuf, rules: Rules) -> Result<Labels> {
    let settings = labeling::settings(&rules);
    let id = room.id()?;
    let looking = Room::read(&store, rules)?;
    Ok(Labels {
        desk: Desk::open("labels", room)?,
        looking: Desk::open("researchers", looking)?,
        settings,
        store,
        room: id,
    })
}

/// Serves on a thread of its own until it is told to stop. What is under way then, browsers say again.
fn spawn(
    listener: TcpListener,
    stopped: oneshot::Receiver<()>,
    listening: impl FnOnce(tokio::net::TcpListener) -> Listening + Send + 'static,
) -> Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(8)
        .build()
        .context("the server cannot be started")?;
    let serve = move || {
        runtime.block_on(async {
            // It is a listener that the system has made already.
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                tokio::select! {
                    () = listen(listening(listener)) => {}
                    _ = stopped => {}
                }
            }
        });
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    };
    std::thread::Builder::new()
        .name("face".to_owned())
        .spawn(serve)
        .context("the server cannot be started")
}

#[cfg(test)]
mod tests;
