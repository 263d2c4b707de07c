//! Where things lie in a run directory, and how they get there without ever being half there.
//!
//! ```text
//! config.toml        the resolved config            manifest.json    versions, hashes, device
//! metrics.jsonl      one line an update             samples.jsonl    some responses of each update
//! tensorboard/       the same metrics               checkpoints/     update-000010/ …
//! policy/            the trained model              eval/            held-out answers, before and after
//! reward_model/      the trained reward model       report.json      what it is worth on other labels
//! eval.json …        what a comparison came to   comparison/      what it was made of
//! rollouts.jsonl     some responses whole, to be put to other plugins
//! events.jsonl       what a person should know of later, such as alarms, or a plugin that changed
//! inputs.json        hashes of what stood at each path of the config when the run was begun
//! lock               held while a process trains here
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::disk::append_to;
pub use crate::disk::replace;

/// What every run has in its directory from its begin on.
const LOCK: &str = "lock";

/// How often a lock that somebody holds is tried again, and after how long.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// The folder of the reward model in the run directory of its training.
pub const REWARD_MODEL: &str = "reward_model";

/// A run directory.
#[derive(Debug, Clone)]
pub struct RunDir {
    root: PathBuf,
    /// Held by the process that writes; the system lets go of it when the process ends.
    _lock: Option<Arc<File>>,
}

impl RunDir {
    /// The directory of a new run: made here, refused when it holds a run already. One that failed
    /// before its first update is none.
    pub fn create(root: &Path, config: &str) -> Result<RunDir> {
        let mut run = RunDir::at(root);
        if run.metrics().exists() || run.checkpoints().exists() {
            bail!(
                "`{}` holds a run already\nhint: go on with it by `--resume`, or name another \
                 directory by `--set run.dir=…`",
                root.display()
            );
        }
        run.check_config(config)?;
        fs::create_dir_all(root).with_context(|| {
            format!(
                "cannot make run directory `{}`\nhint: name another by `--set run.dir=…`",
                root.display()
            )
        })?;
        run.lock()?;
        replace(&run.config(), config.as_bytes())?;
        Ok(run)
    }

    /// Refuses to write over a config that no run has put there, such as the one that it was begun with.
    fn check_config(&self, config: &str) -> Result<()> {
        let is_kept = self.root.join(LOCK).is_file();
        match fs::read(self.config()) {
            Ok(there) if !is_kept && there != config.as_bytes() => bail!(
                "`{}` is there already, and is no run's\nhint: name a directory of its own for the run by `--set \
                 run.dir=…`",
                self.config().display()
            ),
            _ => Ok(()),
        }
    }

    /// The directory of a run that is to go on, kept from other processes. Who calls compares the configs.
    pub fn resume(root: &Path) -> Result<RunDir> {
        let mut run = RunDir::open(root)?;
        run.lock()?;
        for folder in [run.policy(), run.root.join(REWARD_MODEL)] {
            tidy(&folder)?;
        }
        Ok(run)
    }

    /// The directory of a run that is there.
    pub fn open(root: &Path) -> Result<RunDir> {
        let run = RunDir::at(root);
        if !run.config().is_file() {
            bail!(
                "`{}` is no run directory: it has no config.toml\nhint: `attune train policy FILE` \
                 makes one",
                root.display()
            );
        }
        Ok(run)
    }

    /// The directory as it would be, whether a run is there or not.
    #[must_use]
    pub fn at(root: &Path) -> RunDir {
        RunDir {
            root: root.to_path_buf(),
            _lock: None,
        }
    }

    /// Keeps other processes from writing here.
    fn lock(&mut self) -> Result<()> {
        let path = self.root.join(LOCK);
        let about = || format!("cannot lock `{}`", path.display());
        let file = File::create(&path).with_context(about)?;
        let mut tries = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Whoever only looks whether somebody trains here is gone at once.
                Err(fs::TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(fs::TryLockError::WouldBlock) => bail!(
                    "`{}` is in use: another process trains there\nhint: wait until it ends, or stop it",
                    self.root.display()
                ),
                Err(fs::TryLockError::Error(error)) => return Err(error).with_context(about),
            }
        }
        self._lock = Some(Arc::new(file));
        Ok(())
    }

    /// Whether a process trains here. It is told by a lock that lookers share and let go of at once; a process that
    /// begins to train in that moment tries again.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        let file = File::open(self.root.join(LOCK));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The resolved config.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Adds a line to the events, with the time.
    pub fn record(&self, event: &serde_json::Value) -> Result<()> {
        let path = self.events();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let mut event = event.clone();
        event["unix_seconds"] = now.map_or(0, |since| since.as_secs()).into();
        append_to(&path, format!("{event}\n").as_bytes())
    }

    /// Adds a line to the events, unless one says the same already.
    pub fn record_once(&self, event: &serde_json::Value) -> Result<()> {
        let lines = fs::read_to_string(self.events()).unwrap_or_default();
        let said = lines.lines().any(|line| {
            let mut kept = serde_json::from_str(line).unwrap_or(serde_json::Value::Null);
            if let Some(kept) = kept.as_object_mut() {
                kept.remove("unix_seconds");
            }
            kept == *event
        });
        match said {
            true => Ok(()),
            false => self.record(event),
        }
    }

    /// What stood at each path of the config when the run was begun.
    pub fn held(&self) -> PathBuf {
        self.root.join("inputs.json")
    }

    /// What ran: versions, hashes, device.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    /// One JSON line an update.
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// What a person should know of later, a JSON line each.
    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }

    /// Some responses of each update.
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples.jsonl")
    }

    /// Some responses of each update, whole, with what each scorer said.
    pub fn rollouts(&self) -> PathBuf {
        self.root.join("rollouts.jsonl")
    }

    /// TensorBoard's event files.
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// The trained model, as a Hugging Face folder.
    pub fn policy(&self) -> PathBuf {
        self.root.join("policy")
    }

    /// The trained reward model, as a Hugging Face folder.
    pub fn reward_model(&self) -> PathBuf {
        self.root.join(REWARD_MODEL)
    }

    /// What a reward model is worth on labels that it never saw.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.json")
    }

    /// Held-out answers.
    pub fn eval(&self) -> PathBuf {
        self.root.join("eval")
    }

    /// The folder of all checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// What is kept of a batch that could not be learned from.
    pub fn failed(&self, update: u64) -> PathBuf {
        self.root.join(format!("failed-update-{update:06}.json"))
    }
}
/// Removes what the library that writes tensors leaves of a file where it was killed.
fn tidy(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(".tmp") && path.is_file() {
            fs::remove_file(&path)
                .with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_second_run() {
        let dir = tempfile::tempdir().unwrap();
        drop(RunDir::create(dir.path(), "[ppo]\nlr = 3\n").unwrap());
        let run = RunDir::create(dir.path(), "[ppo]\nlr = 1\n").unwrap();
        let message = RunDir::resume(dir.path()).unwrap_err().to_string();
        assert!(message.contains("in use"), "{message}");
        fs::write(run.metrics(), "{\"update\":0}\n").unwrap();
        let looked = RunDir::at(dir.path());
        assert!(looked.is_locked());
        drop(run);
        assert!(!looked.is_locked());
        assert!(
            RunDir::create(dir.path(), "")
                .unwrap_err()
                .to_string()
                .contains("--resume")
        );
        assert!(RunDir::resume(dir.path()).is_ok());
    }
}
