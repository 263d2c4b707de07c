//! The `fuzz` verb: builds `fuzz/` with libFuzzer's instrumentation and runs its targets. It knows
//! cargo's and libFuzzer's options; it knows nothing about what is fuzzed.

use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::layout::Layout;
use crate::step::{capture, cargo, run as run_command, step};

/// All targets: the programs of `fuzz/`.
const TARGETS: [&str; 4] = ["answers", "component", "golden", "settings"];

/// What `cargo fuzz` asks of the compiler, without the sanitizers, which a stable compiler has not:
/// what is fuzzed here has no unsafe code of its own.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
];

#[derive(Args)]
pub(crate) struct Options {
    /// Which targets; all when left out
    #[arg(value_name = "TARGET", value_parser = TARGETS)]
    targets: Vec<String>,
    /// For how long each runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
}

/// Builds the targets and runs them one after the other, each until its time is up or it fails.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    let host = capture(Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say for which machine it compiles")?;
    let folder = layout.root().join("target/fuzz");
    step("fuzz: build", || {
        // With a target named, the flags are not for build scripts.
        let mut command = cargo(&layout.root().join("fuzz"));
        command
            .args(["build", "--bins", "--target", host, "--target-dir"])
            .arg(&folder)
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
        run_command(&mut command)
    })?;
    let all: Vec<String> = TARGETS.map(str::to_owned).to_vec();
    let chosen = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    for target in chosen {
        let corpus = folder.join("corpus").join(target);
        let found = folder.join("found").join(target);
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&found)?;
        step(&format!("fuzz: {target}"), || {
            let mut command = Command::new(folder.join(host).join("debug").join(target));
            command
                .arg(&corpus)
                .arg(format!("-artifact_prefix={}/", found.display()))
                .arg(format!("-max_total_time={}", options.seconds))
                .args(["-timeout=30", "-rss_limit_mb=4096", "-max_len=16384"])
                .args(["-print_final_stats=1", "-verbosity=0"])
                .env("ATTUNE_FUZZ_SEEDS", &corpus);
            let status = command.status().context("the target cannot be started")?;
            if !status.success() {
                bail!(
                    "{target} failed; the input is in {}\nhint: the target's program takes the file as its \
                     argument and runs it alone",
                    layout.short(&found)
                );
            }
            Ok(())
        })?;
    }
    Ok(())
}
