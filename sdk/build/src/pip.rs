//! The Python that is found, its pip, and what of its standard library we borrow (archives): how packages are had from
//! an index. It knows nothing about what is fetched.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::python::interpreter;
use crate::tool::{INSTALLING, capture, capture_within, program};

/// Extracts one member of a zip or tar archive to a file: `archive member out`.
const EXTRACT: &str = r#"
import shutil, sys, tarfile, zipfile
archive, member, out = sys.argv[1:]
if zipfile.is_zipfile(archive):
    source = zipfile.ZipFile(archive).open(member)
else:
    source = tarfile.open(archive).extractfile(member)
with open(out, "wb") as target:
    shutil.copyfileobj(source, target)
"#;

/// A Python interpreter of version 3.9 or newer.
pub struct Python {
    program: &'static str,
}

/// One file of a package index.
pub struct Package {
    /// The package's name in pip's spelling.
    pub name: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// Whether the source archive is wanted instead of the wheel.
    pub source: bool,
    /// The version of Python and the platform that the wheel is for, where they do not matter: those of an index that has
    /// it for certain.
    pub built_for: Option<[&'static str; 2]>,
}

impl Python {
    /// The one that plugins are built with.
    pub fn find() -> Result<Self> {
        let program = interpreter()?;
        Ok(Self { program })
    }

    /// The interpreter, about to be run.
    pub fn command(&self) -> Command {
        program(self.program)
    }

    /// The folder of an importable package, found without importing it (which takes seconds).
    pub fn package_folder(&self, package: &str) -> Option<PathBuf> {
        // Without the empty entry: a folder of that name in the current folder is not an installed package.
        let script = "import importlib.util as u, sys; sys.path = [p for p in sys.path if p]; \
                      s = u.find_spec(sys.argv[1]); print(s.submodule_search_locations[0] if s else '')";
        let found = capture(Command::new(self.program).args(["-c", script, package])).ok()?;
        let found = found.trim();
        (!found.is_empty()).then(|| PathBuf::from(found))
    }

    /// Runs pip; its failure is told together with the likeliest fix.
    pub fn pip(&self, args: &[&str]) -> Result<()> {
        let pip = ["-m", "pip", "--disable-pip-version-check"];
        capture(self.command().args(pip).arg("--version")).with_context(|| {
            format!(
                "`{} -m pip` does not work\nhint: install pip, e.g. `apt-get install python3-pip`",
                self.program
            )
        })?;
        let result = capture_within(self.command().args(pip).args(args), INSTALLING);
        result.map(drop).map_err(|error| {
            let hint = pip_hint(&format!("{error:#}"));
            error.context(format!("pip failed\nhint: {hint}"))
        })
    }

    /// Installs pinned packages, without what they depend on, into a folder.
    pub fn install_into(&self, folder: &Path, packages: &[&str]) -> Result<()> {
        let folder = folder.to_string_lossy();
        let mut args = vec!["install", "--no-deps", "--only-binary", ":all:"];
        args.extend(["--quiet", "--target", &folder]);
        args.extend(packages);
        self.pip(&args)
    }

    /// Downloads one package's file into a folder of its own; its hash is the caller's to check.
    pub fn download(&self, package: &Package, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        let dest = folder.to_string_lossy();
        let wanted = format!("{}=={}", package.name, package.version);
        let mut args = vec!["download", "--no-deps", "--quiet", "--dest", &dest];
        // Naming the package, not `:all:`: the tools that read a source package's metadata may be wheels,
        // and pip's own build environment has them whether or not this Python has setuptools.
        let format = if package.source {
            "--no-binary"
        } else {
            "--only-binary"
        };
        match package.built_for {
            // What is for another machine pip only has for all packages.
            Some([version, platform]) => args.extend([
                "--only-binary",
                ":all:",
                "--python-version",
                version,
                "--platform",
                platform,
            ]),
            None => args.extend([format, package.name]),
        }
        if package.source {
            args.push("--use-pep517");
        }
        args.push(&wanted);
        self.pip(&args)?;
        let mut files = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
        match (files.pop(), files.is_empty()) {
            (Some(file), true) => Ok(file.path()),
            _ => bail!("pip left not exactly one file for {wanted} in {dest}"),
        }
    }

    /// Extracts one member of a zip or tar archive to the file `out`.
    pub fn extract(&self, archive: &Path, member: &str, out: &Path) -> Result<()> {
        capture(
            self.command()
                .args(["-I", "-c", EXTRACT])
                .args([archive, Path::new(member), out]),
        )
        .with_context(|| format!("cannot extract {member} from {}", archive.display()))
        .map(drop)
    }
}

/// What to do about a failure of pip, from what it said.
fn pip_hint(said: &str) -> &'static str {
    let any = |needles: &[&str]| needles.iter().any(|needle| said.contains(needle));
    if any(&["Permission denied", "Errno 13"]) {
        "check that you may write there and to pip's temporary folder (TMPDIR)"
    } else if any(&["No space left", "Errno 28"]) {
        "free some disk space: about 3 GB are needed while installing, where it goes and in TMPDIR"
    } else if any(&[
        "onnection",
        "resolve",
        "timed out",
        "ProxyError",
        "SSLError",
        "No matching",
    ]) {
        "check the network, or point pip at a reachable index (PIP_INDEX_URL); see below what pip said"
    } else {
        "see below what pip said"
    }
}

#[cfg(test)]
mod tests {
    use super::pip_hint;

    #[test]
    fn a_failure_of_pip_names_its_fix() {
        assert!(pip_hint("OSError: [Errno 28] No space left on device").contains("disk"));
        assert!(
            pip_hint("Temporary failure in name resolution, connection broken").contains("network")
        );
        assert!(pip_hint("[Errno 13] Permission denied: '/x'").contains("write"));
    }
}
