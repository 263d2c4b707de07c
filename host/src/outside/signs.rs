//! The signs by which kinds of files are known.

use serde::de::IgnoredAny;

use super::{HEAD, Kind};

/// Files that begin with bytes that no text begins with.
const BYTES: [(&[u8], Kind); 18] = [
    (b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
    (b"SQLite format 3\0", Kind::Sqlite),
    (b"PAR1", Kind::Parquet),
    (b"ARROW1", Kind::Arrow),
    (b"\x1f\x8b", Kind::Gzip),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"BZh", Kind::Bzip2),
    (b"\xfd7zXZ\0", Kind::Xz),
    (b"GGUF", Kind::Gguf),
    (b"%PDF-", Kind::Pdf),
    (b"\x80\x02", Kind::Pickle),
    (b"\x80\x03", Kind::Pickle),
    (b"\x80\x04", Kind::Pickle),
    (b"\x80\x05", Kind::Pickle),
    (b"\xff\xfe\0\0", Kind::Utf32),
    (b"\0\0\xfe\xff", Kind::Utf32),
    (b"\xff\xfe", Kind::Utf16),
    (b"\xfe\xff", Kind::Utf16),
];

/// How pages and documents begin, in small letters.
const TAGS: [(&[u8], Kind); 6] = [
    (b"<!doctype html", Kind::Html),
    (b"<html", Kind::Html),
    (b"<head>", Kind::Html),
    (b"<body", Kind::Html),
    (b"<title>", Kind::Html),
    (b"<?xml", Kind::Xml),
];

/// All that some servers say of a file that they do not have or do not give.
const ERRORS: [&[u8]; 8] = [
    b"404: Not Found",
    b"404 Not Found",
    b"Not Found",
    b"Entry not found",
    b"File not found",
    b"Repository not found",
    b"Invalid username or password.",
    b"Forbidden",
];

pub(super) fn of_bytes(head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"PK\x03\x04") {
        // The name of the first file in it is near its beginning.
        let first = &head[..head.len().min(256)];
        let is_torch = first.windows(8).any(|part| part == b"data.pkl");
        return Some(if is_torch { Kind::Pytorch } else { Kind::Zip });
    }
    // Behind the name and numbers of its first file.
    if head.get(257..262) == Some(b"ustar") && head[..257].contains(&0) {
        return Some(Kind::Tar);
    }
    let known = BYTES.iter().find(|(start, _)| head.starts_with(start));
    let (_, kind) = known?;
    // Three letters could be a word of a text; the digit of bzip2 and its block make it sure.
    let is_sure = *kind != Kind::Bzip2 || head.get(4..10) == Some(b"1AY&SY");
    is_sure.then_some(*kind)
}

/// `text`: what comes after a byte order mark and spaces.
pub(super) fn of_text(text: &[u8]) -> Option<Kind> {
    if text.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some(Kind::LfsPointer);
    }
    let begins = |tag: &[u8]| {
        let start = text.get(..tag.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    if let Some((_, kind)) = TAGS.iter().find(|(tag, _)| begins(tag)) {
        return Some(*kind);
    }
    // A page may begin with a remark.
    if let Some(remark) = text.strip_prefix(b"<!--") {
        let end = remark.windows(3).position(|part| part == b"-->")?;
        return of_text(remark[end + 3..].trim_ascii_start());
    }
    ERRORS
        .contains(&text.trim_ascii_end())
        .then_some(Kind::ServerError)
}

/// Whether a length of a header, as large as headers are, and a header begin the file.
pub(super) fn is_safetensors(head: &[u8]) -> bool {
    const LARGEST: u64 = 100 << 20;
    let length = head.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| (2..=LARGEST).contains(&length)) && head.get(8) == Some(&b'{')
}

/// Whether most characters are of two bytes of which one is 0, as in most languages' text without a mark.
pub(super) fn is_utf16(head: &[u8]) -> bool {
    let zeros = |at: usize| {
        let bytes = head.iter().skip(at).step_by(2);
        bytes.filter(|byte| **byte == 0).count() * 4 > head.len()
    };
    head.len() > 3 && zeros(0) != zeros(1)
}

/// Whether what begins with `[` is JSON, perhaps cut or broken, rather than words in brackets.
pub(super) fn is_array(text: &[u8]) -> bool {
    let of_objects = text[1..].trim_ascii_start().starts_with(b"{");
    let read = serde_json::from_slice::<IgnoredAny>(text);
    of_objects || read.map_or_else(|error| error.is_eof(), |_| true)
}

/// Whether the object that `text` begins with ends on the line that it begins on, or is cut there.
pub(super) fn ends_on_its_line(text: &[u8]) -> bool {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'\n' => return depth == 0 || !goes_on(text[..at].trim_ascii(), &text[at..]),
            b'"' => at = end_of_string(text, at),
            _ => {}
        }
        at += 1;
    }
    // A line that is longer than what was looked at.
    true
}

/// Whether an object that has not ended goes on after a line break; what does not is a line that was cut, and the
/// next one.
fn goes_on(before: &[u8], after: &[u8]) -> bool {
    match after.trim_ascii_start().first() {
        None => false,
        Some(b'{') => before.ends_with(b"[") || before.ends_with(b","),
        Some(_) => true,
    }
}

/// Where the string ends that begins at `from`. A line break in it is a broken line, not another layout.
fn end_of_string(text: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() && text[at] != b'"' {
        match text[at] {
            b'\n' => return at - 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// UTF-8, but for a character that the end of the head cuts, or in another encoding without control characters. A
/// text may hold a few zero bytes.
pub(super) fn looks_like_text(text: &[u8]) -> bool {
    let zeros = text.iter().filter(|byte| **byte == 0).count();
    match std::str::from_utf8(text) {
        Ok(_) => zeros * 2 < text.len(),
        Err(error) if error.error_len().is_none() && text.len() + 3 > HEAD => true,
        Err(_) => {
            let is_odd = |byte: &&u8| **byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(byte);
            let odd = text.iter().filter(is_odd).count();
            odd == 0
        }
    }
}
