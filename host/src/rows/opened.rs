//! A file as it is opened: what it is, and its bytes, unpacked where they are packed.

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow};
use flate2::read::MultiGzDecoder;

use crate::outside::{HEAD, Kind, kind_of};

/// Bytes that are unpacked at a time.
const BUFFER: usize = 1 << 16;

const FULL: &str =
    "cannot unpack it into a temporary file\nhint: let TMPDIR name a folder with more space";

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

/// A file as it lies on the disk.
pub(crate) struct Itself {
    path: PathBuf,
    /// What it is packed by, if it is.
    packing: Option<Kind>,
}

impl Opened {
    /// Opens the file at `path` and looks at what it is.
    ///
    /// # Errors
    /// It cannot be opened, or is packed and damaged.
    pub(crate) fn at(path: &Path) -> Result<Opened> {
        let mut reader: Box<dyn Read> = Box::new(File::open(path)?);
        let mut head = beginning(&mut reader)?;
        let mut kind = kind_of(&head);
        let packing = Some(kind).filter(|kind| matches!(kind, Kind::Gzip | Kind::Zstd));
        if let Some(packing) = packing {
            reader = unpacking(packing, Cursor::new(head).chain(reader))?;
            head = beginning(&mut reader).map_err(|error| damaged(packing, &error))?;
            kind = kind_of(&head);
        }
        Ok(Opened {
            kind,
            reader: Box::new(Cursor::new(head.clone()).chain(reader)),
            head,
            itself: Itself {
                path: path.to_owned(),
                packing,
            },
        })
    }
}

impl Itself {
    /// Where the file is, if what it holds stands there as it is.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.packing.is_none().then_some(self.path.as_path())
    }

    /// A file any part of which can be read, as who reads a table begins at its end: the file itself or, where it is packed,
    /// a copy that is unpacked, has no name, and is gone when nobody reads it any more.
    ///
    /// # Errors
    /// It cannot be opened, is packed and damaged, or there is no room for the copy.
    pub(crate) fn table(&self) -> Result<File> {
        let file = File::open(&self.path)?;
        match self.packing {
            Some(packing) => unpacked(packing, file),
            None => Ok(file),
        }
    }
}

/// The bytes that are packed in others.
fn unpacking(packing: Kind, packed: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let reader: Box<dyn Read> = match packing {
        Kind::Gzip => Box::new(MultiGzDecoder::new(packed)),
        _ => Box::new(zstd::stream::read::Decoder::new(packed)?),
    };
    Ok(reader)
}

fn damaged(packing: Kind, error: &io::Error) -> Error {
    let what = packing.what();
    anyhow!("it is {what} and damaged: {error}\nhint: fetch it or pack it again")
}

/// A copy of what is packed in a file.
fn unpacked(packing: Kind, packed: File) -> Result<File> {
    let mut reader = unpacking(packing, packed)?;
    let mut copy = tempfile::tempfile().context(FULL)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(copy),
            Ok(len) => copy.write_all(&buffer[..len]).context(FULL)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(damaged(packing, &error)),
        }
    }
}

fn beginning(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    //! Tables that are packed; what else is packed is tested where rows are read.

    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use crate::rows::tests::packed;
    use crate::rows::{Form, Reading, Rows, read_as};

    /// A table of one column of texts.
    fn table_of(texts: &[String]) -> Vec<u8> {
        let schema = "message rows { required binary text (string); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let plain = Arc::new(WriterProperties::builder().build());
        let mut bytes = Vec::new();
        let mut table = SerializedFileWriter::new(&mut bytes, schema, plain).unwrap();
        let mut group = table.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let cells: Vec<ByteArray> = texts.iter().map(|text| text.as_str().into()).collect();
        let writer = column.typed::<ByteArrayType>();
        writer.write_batch(&cells, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        table.close().unwrap();
        bytes
    }

    fn read(name: &str, bytes: &[u8], reading: Reading) -> anyhow::Result<Rows> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read_as(&path, reading)
    }

    #[test]
    fn packed_tables_are_unpacked_into_a_file() {
        // More than is looked at.
        let texts: Vec<String> = (0..20_000).map(|row| format!("film {row}")).collect();
        let table = table_of(&texts);
        let [gzip, zstd] = packed(&table);
        let streams = Reading {
            streams: true,
            ..Reading::default()
        };
        for (name, bytes) in [
            ("r.parquet", &table),
            ("r.parquet.gz", &gzip),
            ("r.parquet.zst", &zstd),
            ("r.PQ.ZSTD", &zstd),
            ("r", &gzip),
        ] {
            for reading in [Reading::default(), streams] {
                let rows = read(name, bytes, reading).unwrap();
                assert_eq!((rows.form, rows.len()), (Form::Parquet, 20_000), "{name}");
                assert!(rows.notes.is_empty(), "{name}: {:?}", rows.notes);
                for at in [19_999, 0] {
                    let row = (at as u64, format!("{{\"text\":\"film {at}\"}}"));
                    assert_eq!(rows.get(at).unwrap(), row, "{name}");
                }
            }
        }
    }

    #[test]
    fn packed_tables_that_are_none_are_refused() {
        let texts: Vec<String> = (0..20_000).map(|row| format!("film {row}")).collect();
        let [gzip, zstd] = packed(&table_of(&texts));
        let [other, _] = packed(b"PAR1 and nothing else");
        for (name, bytes, what) in [
            ("r.parquet.gz", &gzip[..gzip.len() - 12], "gzip and damaged"),
            (
                "r.parquet.zst",
                &zstd[..zstd.len() - 12],
                "Zstandard and damaged",
            ),
            ("r.parquet.gz", &other[..], "no Parquet file"),
        ] {
            let error = read(name, bytes, Reading::default()).unwrap_err();
            let said = format!("{error:#}");
            for part in [what, name, "\nhint: "] {
                assert!(said.contains(part), "no `{part}` in {said}");
            }
        }
    }
}
