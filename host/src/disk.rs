//! Writing files: none is ever half there under its name, and one that cannot be written is named, with how much
//! it takes and how much room there is. Does not know what is in them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

/// Writes a file beside its place and renames it once, so that readers see the old or the new. What
/// a kill leaves beside it, the next attempt overwrites.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let parent = path.parent().context("a file has a folder")?;
    fs::create_dir_all(parent).with_context(|| {
        let parent = parent.display();
        format!("cannot make the folder `{parent}`\nhint: name a place that may be written to")
    })?;
    replace_by(path, bytes.len() as u64, |beside| {
        let mut file = File::create(beside)?;
        file.write_all(bytes)?;
        Ok(file.sync_all()?)
    })
}

/// The same for what `write` writes to the path that it is given, about `size` bytes. What is left of a failure is
/// removed: a full disk should not stay full of it.
pub(crate) fn replace_by(
    path: &Path,
    size: u64,
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let beside = beside(path);
    let written = || {
        // As any new file is, whatever makes the one that takes its place.
        let usual = File::create(&beside)?.metadata()?.permissions();
        write(&beside)?;
        fs::set_permissions(&beside, usual)?;
        Ok(fs::rename(&beside, path)?)
    };
    written().map_err(|error| {
        let _ = fs::remove_file(&beside);
        unwritten(path, size, error)
    })
}

/// Adds bytes to the end of an open file.
pub(crate) fn append(file: &mut File, path: &Path, bytes: &[u8]) -> Result<()> {
    let written = file.write_all(bytes);
    written.map_err(|error| unwritten(path, bytes.len() as u64, error.into()))
}

/// Adds bytes to the end of the file at `path`, which is made where there is none.
pub(crate) fn append_to(path: &Path, bytes: &[u8]) -> Result<()> {
    let opened = File::options().create(true).append(true).open(path);
    let mut file = opened.with_context(|| format!("cannot open `{}`", path.display()))?;
    append(&mut file, path, bytes)
}

/// Copies a file.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let size = fs::metadata(from).map_or(0, |about| about.len());
    let copied = fs::copy(from, to);
    match copied {
        Ok(_) => Ok(()),
        Err(error) => Err(unwritten(to, size, error.into())),
    }
}

/// What is said where `size` bytes could not be written to `path`: with what to do, where it is for want of room.
#[must_use]
pub(crate) fn unwritten(path: &Path, size: u64, error: Error) -> Error {
    let name = path.display();
    let takes = format!("cannot write `{name}`, which takes {size} bytes");
    let cause = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<io::Error>());
    let hint = match cause.map(io::Error::kind) {
        Some(ErrorKind::StorageFull) => {
            let left = room(path);
            let left = left.map_or(String::new(), |left| {
                format!(", and there are {left} bytes left")
            });
            return error.context(format!(
                "{takes}{left}\nhint: make room on that disk, or write to another"
            ));
        }
        Some(ErrorKind::QuotaExceeded) => "make room, or have your quota raised",
        Some(ErrorKind::FileTooLarge) => {
            "files may not be that large here; raise the limit, which `ulimit -f` shows, or write to another disk"
        }
        Some(ErrorKind::ReadOnlyFilesystem) => "write to another disk; this one is read-only",
        Some(ErrorKind::PermissionDenied) => {
            "write elsewhere, or have yourself be given the right to write there"
        }
        _ => return error.context(takes),
    };
    error.context(format!("{takes}\nhint: {hint}"))
}

/// Has the system refuse a file that is larger than a process may write, rather than end the process, so that
/// the file can be named.
pub(crate) fn survive_limits() {
    #[cfg(unix)]
    // SAFETY: nothing of ours runs in a handler; the signal is ignored from here on.
    unsafe {
        let _ = libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Where a file is written before it is renamed.
fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    beside.into()
}

/// Bytes that may still be written to the disk of `path`.
#[cfg(unix)]
fn room(path: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let there = path.ancestors().find(|place| place.is_dir())?;
    let there = std::ffi::CString::new(there.as_os_str().as_bytes()).ok()?;
    let mut about = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends in a zero byte, and the call fills the place that it is given or says that it did not.
    let filled = unsafe { libc::statvfs(there.as_ptr(), about.as_mut_ptr()) } == 0;
    // SAFETY: it was filled.
    let about = filled.then(|| unsafe { about.assume_init() })?;
    #[allow(clippy::unnecessary_cast, reason = "the types differ between systems")]
    Some(about.f_bavail as u64 * about.f_frsize as u64)
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_the_file_and_the_room() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("model.safetensors");
        fs::write(&place, "old").unwrap();
        let full = || Error::from(io::Error::from(ErrorKind::StorageFull)).context("a writer");
        let error = replace_by(&place, 12_345, |beside| {
            fs::write(beside, "half")?;
            Err(full())
        });
        let message = format!("{:#}", error.unwrap_err());
        for part in [
            "model.safetensors",
            "takes 12345 bytes",
            "bytes left",
            "hint: make room",
        ] {
            assert!(message.contains(part), "{message}");
        }
        // The old one is as it was, and nothing takes up room beside it.
        assert_eq!(fs::read(&place).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let message = unwritten(&place, 7, io::Error::from(ErrorKind::FileTooLarge).into());
        assert!(message.to_string().contains("`ulimit -f`"), "{message}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_takes_no_more_is_named() {
        let full = Path::new("/dev/full");
        let message = format!("{:#}", append_to(full, b"a line\n").unwrap_err());
        assert!(
            message.contains("`/dev/full`, which takes 7 bytes"),
            "{message}"
        );
        let message = format!("{:#}", copy(Path::new("Cargo.toml"), full).unwrap_err());
        assert!(message.contains("`/dev/full`, which takes"), "{message}");
    }

    #[test]
    #[cfg(unix)]
    fn files_are_as_readable_as_any() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (usual, ours) = (folder.path().join("usual"), folder.path().join("ours"));
        fs::write(&usual, "").unwrap();
        let private = |beside: &Path| {
            let made = tempfile::NamedTempFile::new_in(folder.path())?;
            Ok(made.persist(beside).map(drop)?)
        };
        replace_by(&ours, 0, private).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&usual), mode(&ours));
    }
}
