//! The `test` and `ci` verbs. They know cargo's checks and their order, cheapest first.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::plugins;
use crate::setup;
use crate::step::{cargo, run as run_command, step};

/// Sets up and runs every test; `args` go to `cargo test`.
pub(crate) fn test(layout: &Layout, args: &[String]) -> Result<()> {
    setup::run(layout)?;
    plugins::build_native(layout)?;
    step("tests: cargo test --workspace", || run_tests(layout, args))
}

/// Everything a change must pass.
pub(crate) fn ci(layout: &Layout) -> Result<()> {
    let start = Instant::now();
    lint(layout)?;
    fuzz(layout)?;
    test(layout, &[])?;
    println!("ci took {:.1} s: all passed", start.elapsed().as_secs_f64());
    Ok(())
}

/// What can be said of the code without running it.
pub(crate) fn lint(layout: &Layout) -> Result<()> {
    let root = layout.root();
    step("formatting", || {
        run_command(cargo(root).args(["fmt", "--all", "--check"]))
    })?;
    setup::run(layout)?;
    step("lints", || {
        let lint = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        run_command(cargo(root).args(lint))
    })?;
    step("documentation", || {
        run_command(
            cargo(root)
                .args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })
}

/// What else can be said of it, which takes minutes more.
fn fuzz(layout: &Layout) -> Result<()> {
    let root = layout.root();
    // They compile the host's files by themselves, which no other step does; what these stand on was checked for the
    // lints, in the same folder.
    step("fuzz targets", || {
        let check = ["check", "--bins", "--quiet", "--target-dir", "../target"];
        run_command(cargo(&root.join("fuzz")).args(check))
    })
}

/// What the test binaries' closing lines say, added up.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.trim().strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<_> = rest
            .split([' ', ';', '.'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

fn run_tests(layout: &Layout, args: &[String]) -> Result<()> {
    // All binaries run even if one fails: a run is long, and one should learn all of it.
    let mut tests = cargo(layout.root());
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        // One more than there are cores: many wait for a program or a page.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        tests.env("RUST_TEST_THREADS", (cores + 1).to_string());
    }
    let mut child = tests
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo test")?;
    let stdout = child.stdout.take().context("cargo test has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read what cargo test says")?;
        println!("{line}");
        tally.add(&line);
    }
    let status = child.wait().context("cannot wait for cargo test")?;
    let Tally {
        passed,
        failed,
        ignored,
    } = tally;
    println!("    {passed} passed, {failed} failed, {ignored} ignored");
    if !status.success() {
        bail!(
            "cargo test failed with {status}: {failed} of {} tests failed",
            passed + failed
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn the_binaries_results_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.31s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 12.01s",
        ] {
            tally.add(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 5,
                failed: 1,
                ignored: 1
            }
        );
    }
}
