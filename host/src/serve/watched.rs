//! The runs that are watched: which there are, and their numbers, read when somebody looks and kept until they change.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use tokio::sync::Semaphore;

use crate::report::metrics::Metrics;
use crate::report::{self, RunRef};

/// How long a list of runs is good.
const FRESH: Duration = Duration::from_secs(1);
/// Runs whose numbers are kept.
const KEPT: usize = 8;
/// Watchers at a time.
const WATCHERS: usize = 256;

/// Length and time of a file.
type Stamp = Option<(u64, Option<SystemTime>)>;

/// The numbers of a file as it was.
struct Kept {
    path: PathBuf,
    stamp: Stamp,
    metrics: Arc<Metrics>,
}

/// All runs of one server.
pub(super) struct Watched {
    paths: Vec<PathBuf>,
    list: Mutex<Option<(Instant, Vec<Arc<RunRef>>)>>,
    kept: Mutex<Vec<Kept>>,
    /// One is held by whoever watches a run.
    pub(super) watchers: Arc<Semaphore>,
    /// One is held by whoever has a report made.
    pub(super) makers: Semaphore,
}

impl Watched {
    /// Runs at these paths, with their parts; where there are none, those below `runs/`.
    pub(super) fn new(paths: Vec<PathBuf>) -> Watched {
        Watched {
            paths,
            list: Mutex::default(),
            kept: Mutex::default(),
            watchers: Arc::new(Semaphore::new(WATCHERS)),
            makers: Semaphore::new(1),
        }
    }

    /// Those that there are.
    pub(super) fn all(&self) -> Result<Vec<Arc<RunRef>>> {
        let mut list = locked(&self.list);
        if let Some((at, runs)) = &*list
            && at.elapsed() < FRESH
        {
            return Ok(runs.clone());
        }
        // A run that is about to begin is none yet, and may have no folder.
        let at = |path: &PathBuf| report::runs(std::slice::from_ref(path)).unwrap_or_default();
        let mut runs = match self.paths.as_slice() {
            [] => report::runs(&[])?,
            paths => paths.iter().flat_map(at).collect(),
        };
        let mut known = HashSet::new();
        runs.retain(|run| known.insert(run.id.clone()));
        let runs: Vec<Arc<RunRef>> = runs.into_iter().map(Arc::new).collect();
        *list = Some((Instant::now(), runs.clone()));
        Ok(runs)
    }

    /// The run of this name; a name is looked for among those that there are, and leads nowhere else.
    pub(super) fn find(&self, id: &str) -> Result<Option<Arc<RunRef>>> {
        Ok(self.all()?.into_iter().find(|run| run.id == id))
    }

    /// The numbers of a file.
    pub(super) fn metrics(&self, path: &Path) -> Result<Arc<Metrics>> {
        let mut kept = locked(&self.kept);
        let stamp = stamp(path);
        let at = kept.iter().position(|one| one.path == path);
        let known = at.map(|at| kept.remove(at));
        let metrics = match known {
            Some(known) if known.stamp == stamp => known.metrics,
            _ => Arc::new(Metrics::read(path)?),
        };
        kept.truncate(KEPT - 1);
        let newest = Kept {
            path: path.to_owned(),
            stamp,
            metrics: Arc::clone(&metrics),
        };
        kept.insert(0, newest);
        Ok(metrics)
    }
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.len(), about.modified().ok()))
}

/// What a mutex holds; nothing here can be left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
