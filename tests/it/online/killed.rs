//! The loop killed at any moment and in each phase: what goes on ends with the same bits.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attune::seed::Stream;

use super::{begin, lab, run};
use crate::kills;

/// How often a run is killed.
const KILLS: usize = 50;

#[test]
fn killed_at_random_moments_of_the_loop() {
    let lab = lab();
    let whole = run(&lab, "warm", &[]);
    let clock = Instant::now();
    whole.assert_same(&run(&lab, "whole", &[]), "a second run");
    let duration = clock.elapsed();
    kills::at_random_moments(
        &lab,
        (2019, KILLS),
        duration,
        |name| begin(&lab, name),
        |name, about| whole.assert_same(&run(&lab, name, &[]), about),
    );
}

/// A phase of the loop, by what lies in the run directory just then.
type Phase = (&'static str, fn(&Path) -> bool);

const PHASES: [Phase; 5] = [
    ("sampling", |run| {
        run.join("labels.db").is_file() && unanswered(run) == Some((0, 0))
    }),
    ("labeling", |run| {
        unanswered(run).is_some_and(|(asked, answered)| asked > answered)
    }),
    ("training a reward model", |run| {
        rewards(run).any(|model| model.join("metrics.jsonl").is_file() && !is_trained(&model))
    }),
    // Checkpoints are made after even numbers of updates.
    ("PPO", |run| {
        let lines = std::fs::read_to_string(run.join("policy/metrics.jsonl"));
        lines.is_ok_and(|lines| lines.lines().count() % 2 == 1)
    }),
    ("checkpointing", kills::writing),
];
/// How often a run is killed in each phase.
const KILLS_IN_PHASE: usize = 3;

/// How many labels were asked for, and how many are there.
fn unanswered(run: &Path) -> Option<(i64, i64)> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = rusqlite::Connection::open_with_flags(run.join("labels.db"), flags).ok()?;
    let counts = "SELECT (SELECT COUNT(*) FROM asked), (SELECT COUNT(*) FROM labels)";
    let read = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?));
    store.query_row(counts, [], read).ok()
}

fn rewards(run: &Path) -> impl Iterator<Item = PathBuf> {
    let run = run.to_owned();
    (0..3).map(move |number| run.join(format!("reward-{number:02}")))
}

fn is_trained(model: &Path) -> bool {
    model.join("report.json").is_file()
}

#[test]
fn killed_in_each_phase_of_the_loop() {
    let lab = lab();
    let whole = run(&lab, "whole", &[]);
    let clock = Instant::now();
    run(&lab, "timed", &[]);
    let duration = clock.elapsed();
    let mut random = Stream::new(1909);
    for (phase, is_there) in PHASES {
        let (mut kills, mut runs) = (0, 0);
        while kills < KILLS_IN_PHASE {
            let name = format!("{phase} {runs}");
            let root = lab.path(&name);
            let mut child = begin(&lab, &name);
            // Not always the first time that the phase comes.
            if phase != "sampling" {
                std::thread::sleep(duration.mul_f64(0.8 * random.uniform()));
            }
            while child.try_wait().unwrap().is_none() {
                if is_there(&root) {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    // It may have gone on before it died.
                    kills += usize::from(is_there(&root));
                    break;
                }
                // Who sleeps is woken at once, also where all others want the one processor.
                std::thread::sleep(Duration::from_micros(200));
            }
            whole.assert_same(&run(&lab, &name, &[]), &name);
            runs += 1;
            assert!(runs < 20 * KILLS_IN_PHASE, "{phase} is never met");
        }
    }
}
