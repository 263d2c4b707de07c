//! The wheel: packed, installed into an environment of its own, in a folder whose name has a blank, and used there with
//! no checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Lab, failure};
use crate::twins::root;

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{errors}");
    said
}

/// Packs the program that is tested.
fn packed(folder: &Path) -> PathBuf {
    let program = folder.join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_attune"), &program).unwrap();
    // Where there is no `strip`, it is only larger.
    let _ = Command::new("strip")
        .arg("--strip-debug")
        .arg(&program)
        .status();
    let scripts = root().join("xtask/src/wheel");
    let mut pack = Command::new("python3");
    pack.arg(scripts.join("pack.py")).arg(&program);
    pack.arg(root().join("target/plugins"))
        .arg(scripts.join("launch.py"));
    done(pack.arg("1.2.3").arg(folder)).trim().into()
}

/// Where the libtorch is that the tests run with.
fn libtorch() -> PathBuf {
    let exported = std::env::var_os("LIBTORCH").filter(|folder| !folder.is_empty());
    let folder = exported.map_or_else(|| root().join(".deps/libtorch"), PathBuf::from);
    folder.canonicalize().unwrap()
}

#[test]
fn an_installed_wheel_needs_no_checkout() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = packed(folder.path());
    let environment = folder.path().join("an environment");
    done(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
    );
    let python = environment.join("bin/python");
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index"];
    done(Command::new(&python).args(install).arg(&wheel));
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    // Another user, who has set nothing.
    let attune = |arguments: &[&str]| {
        let mut command = Command::new(environment.join("bin/attune"));
        command
            .args(arguments)
            .current_dir(&home)
            .env_clear()
            .env("HOME", &home);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command
    };
    let message = failure(&mut attune(&["doctor"]));
    assert!(
        message.contains("no PyTorch") && message.contains("pip install 'torch==2.11.*'"),
        "{message}"
    );

    let ask = "import sysconfig; print(sysconfig.get_path('platlib'))";
    let packages = PathBuf::from(done(Command::new(&python).args(["-c", ask])).trim());
    std::os::unix::fs::symlink(libtorch(), packages.join("torch")).unwrap();
    let said = done(&mut attune(&["doctor"]));
    assert!(said.contains("attune/plugins"), "{said}");
    let fetched = done(&mut attune(&["fetch"]));
    assert!(fetched.contains("sentiment: "), "{fetched}");

    // What was fetched before need not be fetched again.
    let tools = attune_build::cache::folder("js").unwrap();
    std::fs::create_dir_all(home.join(".cache/attune")).unwrap();
    std::os::unix::fs::symlink(tools, home.join(".cache/attune/js")).unwrap();
    done(&mut attune(&[
        "plugin",
        "new",
        "kind-words",
        "--kind",
        "labeler",
        "--lang",
        "js",
    ]));
    let said = done(&mut attune(&["plugin", "test", "kind-words"]));
    assert!(said.contains(" 0 failed"), "{said}");
    let lab = Lab::new();
    let component = home.join("kind-words/target/plugins/kind-words.wasm");
    lab.edit("\"letters\"", &format!("{:?}", component.to_str().unwrap()));
    let config = lab.path("config.toml");
    let run = [
        "train",
        "policy",
        config.to_str().unwrap(),
        "--set",
        "ppo.total_episodes=80",
    ];
    done(&mut attune(&run));
    let metrics = std::fs::read_to_string(lab.path("run/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 10);
}
