//! Lists the files of the SDKs, which are built into the program so that it needs no checkout; and compiles
//! `src/pin.rs`, which is loaded into another process, for the one platform that it knows. On others there is an
//! empty file, and builds of Python and JavaScript plugins cannot be repeated to the bit.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name of each list, the folder below `sdk/` that it is of, what of it is there, and how its files end.
const LISTS: [(&str, &str, &[&str], &[&str]); 3] = [
    (
        "RUST",
        "",
        &["Cargo.toml", "src", "wit"],
        &["toml", "rs", "wit"],
    ),
    ("PYTHON", "python/attune_sdk", &["."], &["py", "typed"]),
    ("JS", "js", &["package.json", "src"], &["json", "js"]),
];

fn main() {
    list_sdks();
    compile_pin();
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn out(name: &str) -> PathBuf {
    PathBuf::from(variable("OUT_DIR")).join(name)
}

/// Writes one constant for each list: the files' paths, with `/` between folders, and their texts.
fn list_sdks() {
    let sdk = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let sdk = sdk.parent().expect("the crate lies in the SDK's folder");
    let mut code = String::new();
    for (name, folder, parts, ends) in LISTS {
        let folder = sdk.join(folder);
        let mut files = Vec::new();
        for part in parts {
            println!("cargo::rerun-if-changed={}", folder.join(part).display());
            collect(&folder.join(part), ends, &mut files);
        }
        files.sort();
        writeln!(code, "pub(crate) const {name}: Files = &[").expect("memory can be written to");
        for file in files {
            let short = file.strip_prefix(&folder).expect("it was found in there");
            let short = short.to_str().expect("names of our files are texts");
            writeln!(code, "    ({short:?}, include_str!({file:?})),")
                .expect("memory can be written to");
        }
        code.push_str("];\n");
    }
    std::fs::write(out("sdks.rs"), code).expect("cargo's own folder can be written to");
}

/// The files at `place`, itself or below it.
fn collect(place: &Path, ends: &[&str], files: &mut Vec<PathBuf>) {
    let place = place.components().collect::<PathBuf>();
    if place.is_dir() {
        let entries = std::fs::read_dir(&place).expect("the SDK can be read");
        for entry in entries
            .flatten()
            .filter(|entry| entry.file_name() != "__pycache__")
        {
            collect(&entry.path(), ends, files);
        }
    } else if place
        .extension()
        .is_some_and(|end| ends.iter().any(|one| end == *one))
    {
        files.push(place);
    }
}

fn compile_pin() {
    let source = "src/pin.rs";
    println!("cargo::rerun-if-changed={source}");
    let platform = ["ARCH", "OS", "ENV"].map(|part| variable(&format!("CARGO_CFG_TARGET_{part}")));
    let out = out("pin.so");
    if platform != ["x86_64", "linux", "gnu"] {
        std::fs::write(&out, []).expect("cargo's own folder can be written to");
        return;
    }
    let status = Command::new(variable("RUSTC"))
        .args(["--edition", "2024", "--crate-type", "cdylib", "-O"])
        .args(["-Cpanic=abort", "-Cstrip=symbols", "--target"])
        .args([&variable("TARGET"), source, "-o"])
        .arg(&out)
        .status()
        .expect("rustc can be started");
    assert!(status.success(), "{source} cannot be compiled");
}
