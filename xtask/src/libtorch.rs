//! libtorch 2.11: finds one that is there or fetches one, and links `.deps/libtorch` to it.
//! It knows where each distribution writes its version; it knows nothing about how the host uses it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use attune_build::pip::Python;

use crate::layout::Layout;
use crate::stamp::{Stamp, make_folder};
use crate::step::{exists, step, up_to_date};

/// The version the `tch` crate is made for.
const VERSION: &str = "2.11";

/// The CPU's share of PyTorch: its libraries link the two CUDA ones even where there is no GPU.
const WHEELS: [&str; 3] = [
    "torch==2.11.0",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cupti==13.0.85",
];

/// Makes `.deps/libtorch` a libtorch 2.11.
pub(crate) fn ensure(layout: &Layout) -> Result<()> {
    require_cpp_compiler()?;
    let exported = exported(layout);
    let key = format!("{WHEELS:?} {exported:?}");
    let stamp = Stamp::new(layout, "libtorch", key);
    let link = layout.libtorch();
    if stamp.is_current(&[&link.join("lib"), &link.join("include")]) {
        up_to_date("libtorch 2.11");
        return Ok(());
    }
    step(
        "libtorch 2.11: use the one that is here, or fetch it",
        || {
            let found = match exported {
                Some(folder) => checked(folder)?,
                None => found_or_fetched(layout)?,
            };
            println!("    {} -> {}", layout.short(&link), found.display());
            replace_link(&link, &found)?;
            stamp.set()
        },
    )
}

/// `torch-sys` compiles a C++ file; without a compiler its build fails late and with many words.
fn require_cpp_compiler() -> Result<()> {
    let named = std::env::var("CXX").unwrap_or_default();
    if [named.as_str(), "c++", "g++", "clang++"]
        .into_iter()
        .any(|name| !name.is_empty() && exists(name))
    {
        return Ok(());
    }
    bail!(
        "no C++ compiler found as c++, g++ or clang++\nhint: install one, e.g. `apt-get install g++`"
    )
}

/// What the user exported as `LIBTORCH`; `.cargo/config.toml` sets our own link when nothing is exported.
fn exported(layout: &Layout) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("LIBTORCH")?);
    (!folder.as_os_str().is_empty() && folder != layout.libtorch()).then_some(folder)
}

/// An exported folder, if it is what we need; another version would fail much later, in the C++ compiler.
fn checked(folder: PathBuf) -> Result<PathBuf> {
    match version(&folder) {
        Some(found) if is_right(&found) => Ok(fs::canonicalize(&folder)?),
        found => bail!(
            "LIBTORCH={} holds {}, expected libtorch {VERSION}\nhint: unset LIBTORCH to have the right one fetched",
            folder.display(),
            found.map_or("no libtorch".into(), |found| format!("libtorch {found}"))
        ),
    }
}

/// The Python's own PyTorch if it is 2.11, else the one under `.deps`, else a fetched one.
fn found_or_fetched(layout: &Layout) -> Result<PathBuf> {
    let python = Python::find()?;
    let usable = |folder: &Path| version(folder).is_some_and(|found| is_right(&found));
    if let Some(folder) = python
        .package_folder("torch")
        .filter(|folder| usable(folder))
    {
        return Ok(folder);
    }
    let home = layout.deps().join("python");
    // Relative, so that the checkout can be moved.
    let relative = PathBuf::from("python/torch");
    if usable(&home.join("torch")) {
        return Ok(relative);
    }
    println!(
        "    fetching {} (about 600 MB; 1.3 GB on disk)",
        WHEELS.join(" ")
    );
    make_folder(&layout.deps())?;
    let temporary = tempfile::Builder::new()
        .prefix("python.")
        .tempdir_in(layout.deps())
        .context("cannot make a temporary folder in .deps")?;
    python.install_into(temporary.path(), &WHEELS)?;
    if !usable(&temporary.path().join("torch")) {
        bail!("pip installed torch, but not libtorch {VERSION}");
    }
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("cannot remove {}", home.display()))?;
    }
    let kept = temporary.keep();
    fs::rename(&kept, &home).with_context(|| format!("cannot rename {}", kept.display()))?;
    Ok(relative)
}

fn is_right(version: &str) -> bool {
    version
        .strip_prefix(VERSION)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+']))
}

/// The version of the libtorch in a folder: the zip has `build-version`, the wheel `version.py`, and every
/// one of them the header.
fn version(folder: &Path) -> Option<String> {
    if !folder.join("lib").is_dir() || !folder.join("include").is_dir() {
        return None;
    }
    if let Ok(text) = fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_owned());
    }
    let headers = [
        "include/torch/headeronly/version.h",
        "include/torch/csrc/api/include/torch/version.h",
    ];
    headers.iter().find_map(|header| {
        let text = fs::read_to_string(folder.join(header)).ok()?;
        let number = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("#define {name} ")))?;
            line.split_whitespace().nth(2).map(str::to_owned)
        };
        Some(format!(
            "{}.{}",
            number("TORCH_VERSION_MAJOR")?,
            number("TORCH_VERSION_MINOR")?
        ))
    })
}

fn replace_link(link: &Path, target: &Path) -> Result<()> {
    let folder = link.parent().context("the link has no folder")?;
    make_folder(folder)?;
    if link.is_symlink() {
        fs::remove_file(link)?;
    } else if link.exists() {
        bail!(
            "{} is a real folder\nhint: move it away, then export LIBTORCH with its new place",
            link.display()
        );
    }
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("cannot make the link {}", link.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2_11_is_right() {
        for right in ["2.11", "2.11.0", "2.11.0+cpu", "2.11+cu130"] {
            assert!(is_right(right), "{right}");
        }
        for wrong in ["2.1", "2.110", "2.12.0", "12.11"] {
            assert!(!is_right(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_version_is_read_from_the_header_or_the_zips_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(version(folder.path()), None);
        let header = folder.path().join("include/torch/headeronly");
        fs::create_dir_all(&header).unwrap();
        fs::create_dir(folder.path().join("lib")).unwrap();
        fs::write(
            header.join("version.h"),
            "#define TORCH_VERSION_MAJOR 2\n\n#define TORCH_VERSION_MINOR 11\n",
        )
        .unwrap();
        assert_eq!(version(folder.path()).as_deref(), Some("2.11"));
        fs::write(folder.path().join("build-version"), "2.12.0+cpu\n").unwrap();
        assert_eq!(version(folder.path()).as_deref(), Some("2.12.0+cpu"));
    }
}
