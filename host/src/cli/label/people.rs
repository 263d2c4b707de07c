//! Who judges what runs ask: `attune label invite`, `people`, `exclude` and `revoke`.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::StoreArgs;
use crate::experiment::collect::now;
use crate::label::room::{Role, Room, Rules};
use crate::terminal::Line;

#[derive(Subcommand)]
pub(in crate::cli) enum PeopleCommand {
    /// Make a personal link; whoever was invited before has a new one, and the old one leads nowhere
    Invite {
        /// What the person is called beside all labels
        name: String,
        #[command(flatten)]
        store: StoreArgs,
        /// Who sees and decides what others did is a researcher; without it, a person stays what they were, and a new one
        /// is a labeler
        #[arg(long, value_parser = ["labeler", "researcher"])]
        role: Option<String>,
    },
    /// Print how many answers people gave, how fast, how right and how consistent; `docs/people.md` says how it is computed
    People {
        #[command(flatten)]
        store: StoreArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Print everything that people said instead, a JSON line for each item
        #[arg(long, conflicts_with = "json")]
        judgements: bool,
    },
    /// Have the next reward model learn nothing of what a person says
    Exclude {
        /// The person
        name: String,
        #[command(flatten)]
        store: StoreArgs,
        /// Why; it is kept
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Have it learn that again
        #[arg(long)]
        undo: bool,
    },
    /// Have a person's link lead nowhere any more
    Revoke {
        /// The person
        name: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Who decides what is decided here.
const HERE: &str = "the command line";

pub(super) fn run(command: &PeopleCommand) -> Result<()> {
    let Some(now) = now() else {
        bail!("the clock is before 1970\nhint: set it");
    };
    // What is decided of people who are not there is no reason to make a store.
    let room = |store: &StoreArgs| {
        Room::read(&store.store, Rules::default())?;
        Room::open(&store.store, Rules::default())
    };
    match command {
        PeopleCommand::Invite { name, store, role } => {
            invite(name, &store.store, role.as_deref(), now)
        }
        PeopleCommand::People {
            store,
            json,
            judgements,
        } => people(&store.store, now, *json, *judgements),
        PeopleCommand::Exclude {
            name,
            store,
            why,
            undo,
        } => room(store)?.exclude(name, !undo, why, HERE, now),
        PeopleCommand::Revoke { name, store } => room(store)?.revoke(name, HERE, now),
    }
}

fn invite(name: &str, store: &Path, role: Option<&str>, now: i64) -> Result<()> {
    let is_new = !store.exists();
    let mut room = Room::open(store, Rules::default())?;
    let known = room.people()?.into_iter().find(|known| known.name == name);
    let role = match (role, known) {
        (Some("researcher"), _) => Role::Researcher,
        (Some(_), _) => Role::Labeler,
        (None, known) => known.map_or(Role::Labeler, |known| known.role),
    };
    let token = room.invite(name, role, HERE, now)?;
    if is_new {
        eprintln!("made the store {}", Line(store.display()));
    }
    println!("/enter#{token}");
    let what = match role {
        Role::Labeler => "a labeler",
        Role::Researcher => "a researcher",
    };
    println!(
        "the personal link of {}, {what}: put it after the address that `attune serve` prints",
        Line(name)
    );
    Ok(())
}

fn people(store: &Path, now: i64, json: bool, judgements: bool) -> Result<()> {
    let room = Room::read(store, Rules::default())?;
    if judgements {
        for judged in room.judgements()? {
            println!("{}", serde_json::to_string(&judged)?);
        }
        return Ok(());
    }
    let quality = room.quality(now)?;
    match json {
        true => println!("{}", serde_json::to_string(&quality)?),
        false => quality.lines().iter().for_each(|line| println!("{line}")),
    }
    Ok(())
}
