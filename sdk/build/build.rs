//! Compiles `src/pin.rs`, which is loaded into another process, for the one platform that it
//! knows. On others there is an empty file, and builds of Python and JavaScript plugins cannot be repeated to the bit.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    let source = "src/pin.rs";
    println!("cargo::rerun-if-changed={source}");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let platform = ["ARCH", "OS", "ENV"].map(|part| variable(&format!("CARGO_CFG_TARGET_{part}")));
    let out = PathBuf::from(variable("OUT_DIR")).join("pin.so");
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
