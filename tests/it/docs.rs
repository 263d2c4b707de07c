//! The commands of the documentation, as a reader would type them.

use std::path::Path;
use std::process::Command;

/// After a block nobody reads the weights of its runs, which would fill many a disk together.
const KEPT_NO_LONGER: &str = "rm -rf runs/*/checkpoints runs/*/policy\n";

/// The blocks of a Markdown file that a shell runs.
fn commands(page: &str) -> String {
    let mut script = String::from("set -eu\n");
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" if inside => {
                inside = false;
                script.push_str(KEPT_NO_LONGER);
            }
            command if inside => {
                script.push_str(command);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

/// A folder that looks like the root of a checkout, in which commands leave nothing behind.
fn checkout(root: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in [".deps", "examples", "plugins", "sdk", "target"] {
        std::os::unix::fs::symlink(root.join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// What a shell that tells its commands said last.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

#[test]
fn the_page_on_plugins_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/plugins.md")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_attune"));
    let script = commands(&page)
        // The binary is there, and a cargo in a cargo would wait for the other.
        .replacen("cargo build\n", "", 1)
        .replacen(
            "target/debug",
            &binary.parent().unwrap().display().to_string(),
            1,
        )
        .replacen("$PWD/", "", 1);
    let folder = checkout(root);
    let output = Command::new("bash")
        .args(["-x", "-c", &script])
        .current_dir(folder.path())
        // Where other tests build as well, an import may take more than a user would wait for.
        .env("ATTUNE_TOOL_SECONDS", "3600")
        .output()
        .unwrap();
    let errors = last_lines(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    let said = String::from_utf8_lossy(&output.stdout);
    for part in [
        "it answers otherwise now",
        "0 failed",
        "the same bits again",
        "pinned in",
        "share",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}\n{errors}");
    }
}
