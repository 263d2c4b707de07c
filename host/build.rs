//! Bakes the folder of libtorch into the binary's search path, so that `cargo run` and
//! `cargo test` work with no environment variable to export; and before it PyTorch's, from where a wheel puts the binary.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Ok(libtorch) = std::env::var("LIBTORCH") else {
        return;
    };
    let lib = PathBuf::from(libtorch).join("lib");
    let lib = lib.canonicalize().unwrap_or(lib);
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../../torch/lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}
