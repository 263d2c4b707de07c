//! Packing and unpacking of the contract's ragged columns. It knows no row and no plugin.

use crate::bindings::types::{Columns, TextColumn, TokenColumn};

/// Packs texts, one a row.
pub(crate) fn text_column<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> TextColumn {
    let mut column = TextColumn {
        data: Vec::new(),
        ends: Vec::new(),
    };
    for text in texts {
        column.data.extend_from_slice(text.as_ref().as_bytes());
        column.ends.push(column.data.len() as u32);
    }
    column
}

/// Packs token ids, one list a row.
pub(crate) fn token_column<T: AsRef<[u32]>>(rows: impl IntoIterator<Item = T>) -> TokenColumn {
    let mut column = TokenColumn {
        data: Vec::new(),
        ends: Vec::new(),
    };
    for row in rows {
        column
            .data
            .extend(row.as_ref().iter().flat_map(|token| token.to_le_bytes()));
        column.ends.push((column.data.len() / 4) as u32);
    }
    column
}

/// Packs numbers.
pub(crate) fn f32_buf(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// A forgotten column would read as empty for ever, so it is a bug that must be loud.
pub(crate) fn asked(asked: Columns, read: Columns) {
    assert!(
        asked.contains(read),
        "a column was read that the plugin does not ask for; add {} to COLUMNS",
        typed(read)
    );
}

/// As an author types it: `Columns::VALUES | Columns::RESPONSE_TOKENS`.
fn typed(columns: Columns) -> String {
    let written = format!("{columns:?}");
    let names = written.trim_start_matches("Columns(").trim_end_matches(')');
    let names: Vec<String> = names
        .split(" | ")
        .map(|name| format!("Columns::{name}"))
        .collect();
    names.join(" | ")
}

/// All tokens of a column, rows joined.
pub(crate) fn tokens_of(column: &TokenColumn) -> Vec<u32> {
    words(&column.data).map(u32::from_le_bytes).collect()
}

/// All numbers of a buffer.
pub(crate) fn f32s_of(buffer: &[u8]) -> Vec<f32> {
    words(buffer).map(f32::from_le_bytes).collect()
}

/// Four bytes at a time; copied, since the host promises no alignment.
fn words(data: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    data.chunks_exact(4)
        .map(|word| [word[0], word[1], word[2], word[3]])
}

/// Checks that `ends` are those of `rows` rows (or of none) over `len` elements.
pub(crate) fn check(name: &str, ends: &[u32], rows: usize, len: usize) -> Result<(), String> {
    if ends.is_empty() && len == 0 {
        return Ok(());
    }
    let sorted = ends.windows(2).all(|pair| pair[0] <= pair[1]);
    if ends.len() != rows || !sorted || ends.last().is_some_and(|&end| end as usize != len) {
        return Err(format!(
            "column {name} has ends that do not fit {rows} rows and {len} elements"
        ));
    }
    Ok(())
}

/// Checks a text column and returns its text, to be sliced by `ends`.
pub(crate) fn checked_text<'a>(
    name: &str,
    column: &'a TextColumn,
    rows: usize,
) -> Result<&'a str, String> {
    check(name, &column.ends, rows, column.data.len())?;
    let text = std::str::from_utf8(&column.data)
        .map_err(|error| format!("column {name} is not UTF-8: {error}"))?;
    match column
        .ends
        .iter()
        .find(|&&end| !text.is_char_boundary(end as usize))
    {
        Some(end) => Err(format!("column {name} cuts a character at byte {end}")),
        None => Ok(text),
    }
}

/// Where row `row` lies; empty for a column that holds nothing.
pub(crate) fn range(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let end = ends.get(row).map_or(0, |&end| end as usize);
    let start = if row == 0 {
        0
    } else {
        ends.get(row - 1).map_or(0, |&end| end as usize)
    };
    start..end
}
