//! Bakes the folder of libtorch into the binary's search path, so that `cargo run` and
//! `cargo test` work with no environment variable to export; and before it PyTorch's, from where a wheel puts the binary.
//! Lists the pages that were built from `web/`, which are in the program, so that it needs no file and no Node.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    list_pages();
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Ok(libtorch) = std::env::var("LIBTORCH") else {
        return;
    };
    let lib = PathBuf::from(libtorch).join("lib");
    let lib = lib.canonicalize().unwrap_or(lib);
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../../torch/lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}

/// Writes the constant `WEB`: the names of the files in `web/dist`, with `/` between folders, and their bytes.
fn list_pages() {
    let host = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let web = host
        .parent()
        .expect("the crate lies in the repository")
        .join("web");
    let dist = web.join("dist");
    // Cargo runs this each time for what is not there.
    for folder in [&dist, &web]
        .into_iter()
        .filter(|folder| folder.is_dir())
        .take(1)
    {
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    let mut files = Vec::new();
    collect(&dist, &mut files);
    files.sort();
    let mut code = String::from("const WEB: &[(&str, &[u8])] = &[\n");
    for file in files {
        let short = file.strip_prefix(&dist).expect("it was found in there");
        let parts = short.components().map(|part| part.as_os_str().to_str());
        let parts: Option<Vec<&str>> = parts.collect();
        let name = parts.expect("names of our files are texts").join("/");
        writeln!(code, "    ({name:?}, include_bytes!({file:?})),")
            .expect("memory can be written to");
    }
    code.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").unwrap_or_default()).join("web.rs");
    std::fs::write(out, code).expect("cargo's own folder can be written to");
}

/// All files below a folder; none where there is no folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}
