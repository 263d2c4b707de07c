//! A file as it is opened: what it is, and its bytes, unpacked where they are packed.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use flate2::read::MultiGzDecoder;

use crate::outside::{HEAD, Kind, kind_of};

/// A file that was looked at and not read yet.
pub(crate) struct Opened {
    /// What it is, or what is packed in it.
    pub(crate) kind: Kind,
    /// Its first bytes, unpacked: all, or [`HEAD`] of them.
    pub(crate) head: Vec<u8>,
    /// All bytes, unpacked.
    pub(crate) reader: Box<dyn Read>,
    /// The file itself.
    pub(crate) itself: Itself,
}

/// A file that is not packed.
pub(crate) struct Itself(Option<PathBuf>);

impl Opened {
    /// Opens the file at `path` and looks at what it is.
    ///
    /// # Errors
    /// It cannot be opened, or is packed and damaged.
    pub(crate) fn at(path: &Path) -> Result<Opened> {
        let mut reader: Box<dyn Read> = Box::new(File::open(path)?);
        let mut head = beginning(&mut reader)?;
        let mut kind = kind_of(&head);
        let packed = matches!(kind, Kind::Gzip | Kind::Zstd);
        if packed {
            let whole = Cursor::new(head).chain(reader);
            reader = match kind {
                Kind::Gzip => Box::new(MultiGzDecoder::new(whole)),
                _ => Box::new(zstd::stream::read::Decoder::new(whole)?),
            };
            head = beginning(&mut reader).map_err(|error| {
                let what = kind.what();
                anyhow!("it is {what} and damaged: {error}\nhint: fetch it or pack it again")
            })?;
            kind = kind_of(&head);
        }
        Ok(Opened {
            kind,
            reader: Box::new(Cursor::new(head.clone()).chain(reader)),
            head,
            itself: Itself((!packed).then(|| path.to_owned())),
        })
    }
}

impl Itself {
    /// Where the file is, if what it holds stands there as it is.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// The file, of a table any part of which can be read.
    ///
    /// # Errors
    /// It is packed, which tables are in themselves.
    pub(crate) fn table(&self) -> Result<File> {
        match &self.0 {
            Some(path) => Ok(File::open(path)?),
            None => bail!(
                "it is a packed Parquet file\nhint: unpack it; its columns are packed as it is"
            ),
        }
    }
}

fn beginning(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}
