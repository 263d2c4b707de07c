//! What a file from outside is, by how it begins: its name may say anything, and what was fetched may be
//! something that stands in its place. Knows bytes, not what anybody wants with them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::terminal::Line;

mod signs;

/// How much of a file says what it is, in bytes.
pub(crate) const HEAD: usize = 64 << 10;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No bytes, or spaces alone.
    Empty,
    /// Zero bytes alone.
    Zeros,
    /// What Git LFS leaves where a file is not fetched.
    LfsPointer,
    /// A page for browsers.
    Html,
    /// A document in XML, such as what stores of files answer.
    Xml,
    /// What a server says instead of a file.
    ServerError,
    /// A database, as stores of labels are.
    Sqlite,
    /// A table in Parquet.
    Parquet,
    /// A table in Arrow's own format.
    Arrow,
    /// Packed by gzip.
    Gzip,
    /// Packed by Zstandard.
    Zstd,
    /// Packed by bzip2.
    Bzip2,
    /// Packed by xz.
    Xz,
    /// An archive, as spreadsheets are.
    Zip,
    /// An archive of files.
    Tar,
    /// An archive of files, packed.
    SevenZip,
    /// An archive as PyTorch writes it.
    Pytorch,
    /// Objects of Python.
    Pickle,
    /// A model as llama.cpp has it.
    Gguf,
    /// A model as safetensors.
    Safetensors,
    /// A document for printers.
    Pdf,
    /// Text in UTF-16.
    Utf16,
    /// Text in UTF-32.
    Utf32,
    /// A JSON array.
    JsonArray,
    /// One JSON object, of several lines.
    JsonObject,
    /// JSON objects, a line each; also one object on one line.
    JsonLines,
    /// Other text, in UTF-8 or in what looks like text.
    Text,
    /// Nothing that is known, and no text.
    Binary,
}

/// What the file at `path` is. Of a pipe, what is looked at is gone.
pub(crate) fn look(path: &Path) -> io::Result<Kind> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(kind_of(&head))
}

/// What a file is that begins with `head`: all of it, or its first [`HEAD`] bytes.
pub(crate) fn kind_of(head: &[u8]) -> Kind {
    if let Some(kind) = signs::of_bytes(head) {
        return kind;
    }
    if signs::is_safetensors(head) {
        return Kind::Safetensors;
    }
    let text = without_mark(head).trim_ascii_start();
    if text.is_empty() {
        return Kind::Empty;
    }
    if head.iter().all(|byte| *byte == 0) {
        return Kind::Zeros;
    }
    if let Some(kind) = signs::of_text(text) {
        return kind;
    }
    if signs::is_utf16(head) {
        return Kind::Utf16;
    }
    match text[0] {
        b'[' if signs::is_array(text) => Kind::JsonArray,
        b'{' if signs::ends_on_its_line(text) => Kind::JsonLines,
        b'{' => Kind::JsonObject,
        _ if signs::looks_like_text(text) => Kind::Text,
        _ => Kind::Binary,
    }
}

impl Kind {
    /// What it is, to follow "it is" or "`path` is".
    pub(crate) fn what(self) -> &'static str {
        match self {
            Kind::Empty => "empty",
            Kind::Zeros => "nothing but zero bytes",
            Kind::LfsPointer => "a Git LFS pointer, which stands where the file itself should be",
            Kind::Html => "an HTML page",
            Kind::Xml => "an XML document",
            Kind::ServerError => "a server's error message",
            Kind::Sqlite => "an SQLite database",
            Kind::Parquet => "a Parquet file",
            Kind::Arrow => "an Arrow file",
            Kind::Gzip => "packed with gzip",
            Kind::Zstd => "packed with Zstandard",
            Kind::Bzip2 => "packed with bzip2",
            Kind::Xz => "packed with xz",
            Kind::Zip => "a ZIP file, as spreadsheets are",
            Kind::Tar => "a tar archive",
            Kind::SevenZip => "a 7z archive",
            Kind::Pytorch => "a file of PyTorch, a ZIP of pickles",
            Kind::Pickle => "a pickle of Python",
            Kind::Gguf => "a GGUF file",
            Kind::Safetensors => "a safetensors file",
            Kind::Pdf => "a PDF",
            Kind::Utf16 => "in UTF-16",
            Kind::Utf32 => "in UTF-32",
            Kind::JsonArray => "a JSON array",
            Kind::JsonObject => "one JSON object",
            Kind::JsonLines => "JSON lines",
            Kind::Text => "text",
            Kind::Binary => "no text, and nothing that is known here",
        }
    }

    /// What to do about it, where that is the same whatever was wanted; without `hint:`.
    pub(crate) fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Kind::Empty => "write it again, or name another file",
            Kind::Zeros => "its download or copy did not finish; fetch it again",
            Kind::LfsPointer => {
                "fetch the file itself by `git lfs pull`, in the folder of its repository"
            }
            Kind::Html | Kind::Xml | Kind::ServerError => {
                "a server answered with it instead of the file, such as for want of a login; look into it, and fetch \
                 the file by the address of its download"
            }
            Kind::Gzip => "unpack it with `gunzip` first",
            Kind::Zstd => "unpack it with `unzstd` first",
            Kind::Bzip2 => "unpack it with `bunzip2` first",
            Kind::Xz => "unpack it with `unxz` first",
            Kind::Zip => "save the table as CSV, or unpack it with `unzip` first",
            Kind::Tar => "unpack it with `tar xf` first, and name a file of it",
            Kind::SevenZip => "unpack it with `7z x` first, and name a file of it",
            Kind::Utf16 => "save it as UTF-8, such as by `iconv -f UTF-16 -t UTF-8`",
            Kind::Utf32 => "save it as UTF-8, such as by `iconv -f UTF-32 -t UTF-8`",
            _ => return None,
        })
    }

    /// Says so of a file that nobody wants, whatever it should have been: what stands in the place of another,
    /// and what is empty.
    pub(crate) fn refusal(self, path: &Path) -> Option<String> {
        let stands_in = matches!(
            self,
            Kind::Empty
                | Kind::Zeros
                | Kind::LfsPointer
                | Kind::Html
                | Kind::Xml
                | Kind::ServerError
        );
        let hint = self.remedy().filter(|_| stands_in)?;
        let path = Line(path.display());
        Some(format!("`{path}` is {}\nhint: {hint}", self.what()))
    }
}

/// Bytes that are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} is not UTF-8 text (byte {byte:#04x} at column {column})\nhint: save the file as UTF-8; of many \
     old ones it is made by `iconv -f WINDOWS-1252 -t UTF-8`"
)]
pub(crate) struct NotUtf8 {
    /// The line, from 1.
    pub line: usize,
    /// How many bytes of the line are before it, and 1.
    pub column: usize,
    /// The first byte that can stand there in no UTF-8.
    pub byte: u8,
}

/// A text file's text, without the byte order mark that spreadsheets and editors put before it.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, NotUtf8> {
    let bytes = without_mark(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let begin = good.iter().rposition(|byte| *byte == b'\n');
        NotUtf8 {
            line: good.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: good.len() - begin.map_or(0, |end| end + 1) + 1,
            byte: bytes[error.valid_up_to()],
        }
    })
}

/// The bytes after a byte order mark of UTF-8, or all of them.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// What to do about text that JSON allows and no Unicode text can hold, such as `\ud83d` alone; none where
/// `problem`, as serde_json says it, is another.
pub(crate) fn half_a_character(problem: &str) -> Option<&'static str> {
    let told = ["surrogate", "unexpected end of hex escape"];
    told.iter().any(|words| problem.contains(words)).then_some(
        "such an escape is half of a character, of a text that was cut in its middle; take the escape out, or leave \
         the row out",
    )
}

#[cfg(test)]
mod tests;
