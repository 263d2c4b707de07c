//! `attune serve`, and the same beside a run that people label for.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;

use crate::config::Config;
use crate::experiment::{people, several};
use crate::report;
use crate::serve::{Log, Options, Server, start};
use crate::terminal::Line;

#[derive(Args)]
pub(super) struct ServeArgs {
    /// Runs to watch, with their parts; those below `runs/` where none is named
    runs: Vec<PathBuf>,
    /// The store that people label in
    #[arg(long)]
    store: Option<PathBuf>,
    /// How they label: the `[people]` of this config
    #[arg(long, value_name = "CONFIG", requires = "store")]
    people: Option<PathBuf>,
    /// The address to listen at; other machines reach others than 127.0.0.1, by TLS alone
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port; one from 8420 on that is free, where none is named
    #[arg(long)]
    port: Option<u16>,
    /// Open the first link in a browser
    #[arg(long)]
    open: bool,
    /// A certificate, and those that lead to it, as PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The certificate's private key, as PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// What browsers call this server, such as label.example.org
    #[arg(long, value_name = "HOST")]
    name: Option<String>,
    /// A proxy that has a certificate stands before this server, and tells by X-Forwarded-For who asks
    #[arg(long, conflicts_with = "cert")]
    behind_proxy: bool,
}

#[derive(Args)]
pub(super) struct BesideArgs {
    /// Where people label, the port of their page; one from 8420 on that is free, where none is named
    #[arg(long)]
    port: Option<u16>,
    /// Where people label, open their page in a browser
    #[arg(long)]
    open: bool,
}

/// Serves until it is stopped.
pub(super) fn run(args: ServeArgs) -> Result<()> {
    if let Some(store) = args.store.as_deref().filter(|store| !store.is_file()) {
        let store = Line(store.display());
        bail!(
            "there is no store `{store}`\nhint: `attune label invite NAME --store {store}` makes one"
        );
    }
    if !args.runs.is_empty() {
        report::runs(&args.runs)?;
    }
    let config = args
        .people
        .map(|file| super::load(&file, &[]))
        .transpose()?;
    let rules = config.as_ref().map(people::rules).transpose()?;
    let server = begin(
        args.open,
        Options {
            runs: args.runs,
            store: args.store,
            rules: rules.unwrap_or_default(),
            host: args.host,
            port: args.port,
            name: args.name,
            tls: args.cert.zip(args.key),
            behind_proxy: args.behind_proxy,
            log: log(),
        },
    )?;
    server.wait();
    Ok(())
}

/// The servers for people who label for a run, one for each store; they end when the run does.
pub(super) fn beside(config: &Config, args: &BesideArgs) -> Result<Vec<Server>> {
    let parts = several::check(config)?.into_iter().map(|(_, own)| own);
    let all: Vec<Config> = if config.part.is_empty() {
        vec![config.clone()]
    } else {
        parts.collect()
    };
    let mut servers = Vec::new();
    for own in all
        .iter()
        .filter(|own| own.collect.as_ref().is_some_and(|it| it.by == "people"))
    {
        let collect = own.collect()?;
        servers.push(begin(
            args.open,
            Options {
                runs: vec![config.run.dir.clone()],
                store: Some(
                    collect
                        .store
                        .clone()
                        .unwrap_or_else(|| own.run.dir.join("labels.db")),
                ),
                rules: people::rules(own)?,
                host: "127.0.0.1".to_owned(),
                port: args.port,
                name: None,
                tls: None,
                behind_proxy: false,
                log: log(),
            },
        )?);
    }
    Ok(servers)
}

fn log() -> Log {
    Arc::new(|text| eprintln!("warning: {}", Line(text)))
}

/// Starts a server and says where it is.
fn begin(open: bool, options: Options) -> Result<Server> {
    let server = start(options)?;
    println!("face       {}", Line(&server.base));
    if let Some(link) = &server.first {
        println!("label      {}", Line(link));
    }
    println!("watch      {}", Line(&server.link));
    let people = server.people.len();
    if people > 0 {
        println!(
            "people     {people}; `attune label invite NAME` prints a link for one more, or a new one"
        );
    }
    if open {
        let link = server.first.as_ref().unwrap_or(&server.link);
        let program = if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        if Command::new(program)
            .arg(link)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .is_err()
        {
            eprintln!("warning: `{program}` opens no browser here\nhint: open the link yourself");
        }
    }
    Ok(server)
}
