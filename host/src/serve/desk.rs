//! Where labels are asked for and given: one thread that has a room to itself. Requests queue up for it, so that
//! nobody waits for a lock on the disk but that thread, and what is said together is kept one after the other.
//! Knows nothing of HTTP.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use super::refusal::{Answered, Refusal};
use crate::label::room::Room;

/// Requests that may wait; with more of them the server says that it is busy.
const WAITING: usize = 1024;

type Job = Box<dyn FnOnce(&mut Room) + Send>;

/// The way to a room.
pub(super) struct Desk {
    jobs: SyncSender<Job>,
}

impl Desk {
    /// A thread with this room. It ends when the desk is dropped.
    pub(super) fn open(name: &str, mut room: Room) -> Result<Desk> {
        let (jobs, waiting) = sync_channel::<Job>(WAITING);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                for job in waiting {
                    // A transaction that was open is rolled back; whoever asked is told that it failed.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&mut room)));
                }
            })
            .context("no thread for the store could be started")?;
        Ok(Desk { jobs })
    }

    /// Does something with the room when it is free. It is done even if nobody waits for the result any more.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Room) -> T + Send + 'static,
    ) -> Answered<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |room| {
            let _ = reply.send(act(room));
        });
        self.jobs.try_send(job).map_err(|_| Refusal::busy())?;
        answer.await.map_err(|_| Refusal::ours())
    }
}
