//! The plugin host's own files, compiled without what needs libtorch.

use std::path::PathBuf;

#[path = "../../host/src"]
mod host {
    pub mod digest;
    pub mod golden;
    pub mod outside;
    pub mod plugin;
    pub mod role;
    pub mod spelling;
    pub mod terminal;
}

pub use host::{digest, golden, outside, plugin, role, spelling, terminal};

/// Writes what a target begins with into the folder that `ATTUNE_FUZZ_SEEDS` names.
pub fn seed(target: &str) {
    let Some(folder) = std::env::var_os("ATTUNE_FUZZ_SEEDS").map(PathBuf::from) else {
        return;
    };
    let mut all = plugin::fuzz::seeds();
    all.push(("golden", golden::fuzz::seeds()));
    for (name, seeds) in all {
        for (number, seed) in seeds.into_iter().enumerate().filter(|_| name == target) {
            std::fs::write(folder.join(format!("seed-{number}")), seed)
                .expect("a folder for seeds");
        }
    }
}
