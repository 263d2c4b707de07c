//! `attune doctor`: what was found and what is missing.

use anyhow::Result;

use crate::experiment::parts::search_path;
use crate::model::device;

pub(super) fn run() -> Result<()> {
    println!("attune      {}", env!("CARGO_PKG_VERSION"));
    match device::libtorch_folder() {
        Some(folder) => println!("libtorch    {}", folder.display()),
        None => println!("libtorch    folder unknown; export LIBTORCH to use CUDA"),
    }
    println!("cpu         {} threads", tch::get_num_threads());
    match device::load_cuda() {
        Ok(()) => println!("cuda        loaded, {} devices", tch::Cuda::device_count()),
        Err(problem) => println!("cuda        not available: {problem}"),
    }
    let folders = search_path();
    if folders.is_empty() {
        println!("plugins     no folder found; build them by `cargo xtask plugins`");
    }
    for folder in folders {
        let count = std::fs::read_dir(&folder)?
            .flatten()
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|ending| ending == "wasm")
            })
            .count();
        println!("plugins     {count} in {}", folder.display());
    }
    Ok(())
}
