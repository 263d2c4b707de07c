//! The machine that numbers were taken on, and the versions of what ran. It reads what the system says
//! and leaves out what it does not.

use std::fs;
use std::process::Command;

use crate::layout::Layout;
use crate::step::capture;

/// Lines of Markdown about machine and versions.
pub(super) fn describe(layout: &Layout, versions: &str, threads: usize) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = capture(Command::new("rustc").arg("--version"));
    let revision = capture(Command::new("git").current_dir(layout.root()).args([
        "describe",
        "--always",
        "--dirty",
        "--exclude",
        "*",
    ]));
    let or_unknown =
        |said: anyhow::Result<String>| said.map_or("?".into(), |s| s.trim().to_owned());
    format!(
        "- machine: {}, {cores} cores, {:.0} GiB of memory, {}; {threads} threads each\n\
         - versions: {versions}; revision {}; {} (profile dev: optimized)\n",
        cpu_model().unwrap_or("unknown CPU".into()),
        meminfo_gib("MemTotal:").unwrap_or(f64::NAN),
        std::env::consts::OS,
        or_unknown(revision),
        or_unknown(rustc),
    )
}

/// Memory that can be had without swapping.
pub(super) fn available_gib() -> Option<f64> {
    meminfo_gib("MemAvailable:")
}

/// The processor's name and the widest vectors that it has, which decide more than the name does.
fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let flags = field("flags").unwrap_or_default();
    let widest = ["amx_tile", "avx512f", "avx2"]
        .into_iter()
        .find(|wanted| flags.split_whitespace().any(|flag| flag == *wanted));
    let family = field("cpu family").unwrap_or_default();
    let model = field("model\t").unwrap_or_default();
    Some(format!(
        "{} (family {family}, model {model}, {})",
        field("model name")?,
        widest.unwrap_or("no AVX2")
    ))
}

fn meminfo_gib(name: &str) -> Option<f64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / (1024.0 * 1024.0))
}
