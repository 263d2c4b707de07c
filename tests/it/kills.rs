//! Runs that are killed: when, and how often. What they are and what must hold of them is their tests'.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use attune::seed::Stream;

use crate::support::Lab;

/// Every so many kills one waits, from its moment on, until a checkpoint is being written.
const AIMED: usize = 4;
/// Parts of a run's time of which each is met before one is met again.
const PARTS: usize = 8;

/// Starts or goes on with a run, whichever its directory asks for.
pub(crate) fn begin(lab: &Lab, verb: &[&str], run: &str, extra: &[&str]) -> Child {
    let mut command = lab.command(verb, run, extra);
    if lab.path(run).join("config.toml").is_file() {
        command.arg("--resume");
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// SIGKILL; a run that has ended already is left as it is. Says whether it was killed.
pub(crate) fn kill(mut child: Child) -> bool {
    let _ = child.kill();
    child.wait().unwrap().signal().is_some()
}

/// Kills as soon as `seen` holds of the run's directory, or lets the run end.
pub(crate) fn kill_when(mut child: Child, seen: impl Fn() -> bool) -> bool {
    while child.try_wait().unwrap().is_none() && !seen() {
        // Who sleeps is woken at once, also where all others want the one processor.
        std::thread::sleep(Duration::from_micros(200));
    }
    kill(child)
}

/// Whether a checkpoint is being written in a run's directory, or in that of one of its parts.
pub(crate) fn writing(run: &Path) -> bool {
    let parts = run.read_dir().into_iter().flatten().flatten();
    let folders = parts.map(|part| part.path()).chain([run.to_owned()]);
    let mut files = folders.filter_map(|folder| folder.join("checkpoints").read_dir().ok());
    let begun =
        |file: std::fs::DirEntry| file.file_name().to_string_lossy().starts_with(".writing-");
    files.any(|files| files.flatten().any(begun))
}

/// Kills runs of a lab at random moments, `wanted` times in all: each at any moment of a whole run's `duration`, and once
/// more of what is left then. `begin` starts a run or goes on with it; `check` has it end, and says by its second argument
/// when it was killed if that end is not what it must be.
pub(crate) fn at_random_moments(
    lab: &Lab,
    (seed, wanted): (u64, usize),
    duration: Duration,
    begin: impl Fn(&str) -> Child,
    check: impl Fn(&str, &str),
) {
    let mut random = Stream::new(seed);
    let (mut kills, mut runs) = (0, 0);
    while kills < wanted {
        let run = format!("killed-{runs}");
        let any = (runs % PARTS) as f64 / PARTS as f64 + random.uniform() / PARTS as f64;
        let mut moments = Vec::new();
        for share in [any, 0.6 * random.uniform()] {
            let (child, moment) = (begin(&run), duration.mul_f64(share));
            std::thread::sleep(moment);
            let aimed = kills % AIMED == AIMED - 1;
            let killed = kill_when(child, || !aimed || writing(&lab.path(&run)));
            let how = if aimed {
                "and while a checkpoint is written"
            } else {
                ""
            };
            moments.push(format!("after {moment:?} {how}"));
            kills += usize::from(killed);
        }
        let about =
            format!("seed {seed}: {run} was killed {moments:?}, a whole run takes {duration:?}");
        check(&run, &about);
        runs += 1;
        assert!(runs < 2 * wanted, "most runs end before they are killed");
    }
}
