//! SHA-256 of files, by which a run knows what it was begun with.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Of bytes, in hexadecimal.
pub fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// Of bytes one after the other, in hexadecimal.
pub fn of_parts(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hexadecimal(hasher)
}

/// Of a file, in hexadecimal.
pub fn of_file(path: &Path) -> Result<String> {
    let about = || format!("cannot read `{}`", path.display());
    let mut hasher = Sha256::new();
    let mut file = File::open(path).with_context(about)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).with_context(about)? {
            0 => return Ok(hexadecimal(hasher)),
            len => hasher.update(&buffer[..len]),
        }
    }
}

fn hexadecimal(hasher: Sha256) -> String {
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), abc);
        assert_eq!(of_file(file.path()).unwrap(), abc);
        assert!(of_file(Path::new("no/such/file")).is_err());
    }
}
