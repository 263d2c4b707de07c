//! Tables in Parquet, as Hugging Face has them: what can be unpacked, and cells as JSON.

use std::fs::File;
use std::panic::AssertUnwindSafe;

use anyhow::{Context, Result, bail};
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};

use super::twice;
use crate::terminal::Line;

/// What to do about a file that is not whole.
pub(crate) const AGAIN: &str = "fetch it or write it again";

/// Calls `each` with the number, from 0, and the cells of every row; says in `left` what has no words in JSON.
pub(super) fn for_objects(
    file: File,
    left: &mut Vec<String>,
    each: impl FnMut(u64, Map<String, Value>) -> Result<()>,
) -> Result<()> {
    guarded(|| objects(file, left, each))
}

fn objects(
    file: File,
    left: &mut Vec<String>,
    mut each: impl FnMut(u64, Map<String, Value>) -> Result<()>,
) -> Result<()> {
    let file = open(file)?;
    check_packing(&file)?;
    let mut bytes: Vec<(String, u64)> = Vec::new();
    for (number, row) in file.get_row_iter(None)?.enumerate() {
        let row = row
            .with_context(|| format!("the file is damaged\nhint: {AGAIN}"))
            .with_context(|| format!("row {number}, counted from 0"))?;
        let mut cells = Map::new();
        for (name, field) in row.into_columns() {
            if let Some(value) = told(field) {
                cells.insert(name, value);
                continue;
            }
            match bytes.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => bytes.push((name, 1)),
            }
        }
        each(number as u64, cells)?;
    }
    left.extend(bytes.into_iter().map(|(name, count)| {
        let name = Line(&name);
        format!("{count} cells of the column `{name}` are bytes that are no text, and are left out")
    }));
    Ok(())
}

/// Runs what reads a file; the crate panics at some of the damages that a file can have.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| bail!("it is a damaged Parquet file\nhint: {AGAIN}"))
}

/// The file's columns, once it is known to be one.
pub(crate) fn open(file: File) -> Result<SerializedFileReader<File>> {
    let file = SerializedFileReader::new(file).with_context(|| {
        format!("it is no Parquet file\nhint: is it another format? if it is not, {AGAIN}")
    })?;
    let columns = file.metadata().file_metadata().schema().get_fields();
    let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    if let Some(name) = twice(&names) {
        bail!(
            "it has the column `{}` twice\nhint: leave one of them, or give the other another name",
            Line(name)
        );
    }
    Ok(file)
}

/// Refuses what cannot be unpacked, before anything is read.
pub(crate) fn check_packing(file: &SerializedFileReader<File>) -> Result<()> {
    let groups = file.metadata().row_groups().iter();
    for column in groups.flat_map(|group| group.columns()) {
        match column.compression() {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => {}
            other => bail!(
                "column `{}` is packed with {}, must be with SNAPPY, with ZSTD or not at all\n\
                 hint: write it again so, such as with pandas: df.to_parquet(name)",
                Line(column.column_path().string()),
                // Without how hard the packer tried.
                other.to_string().split('(').next().unwrap_or_default()
            ),
        }
    }
    Ok(())
}

/// A cell as JSON with dates and exact numbers as texts; none for bytes that are no text.
fn told(field: Field) -> Option<Value> {
    Some(match field {
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok()?.into(),
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_)
        | Field::Decimal(_) => {
            let text = field.to_string();
            text.strip_suffix(" +00:00").unwrap_or(&text).into()
        }
        Field::ListInternal(list) => {
            let items = list.elements().iter().cloned().map(told);
            Value::Array(items.collect::<Option<_>>()?)
        }
        Field::Group(row) => {
            let cells = row.into_columns().into_iter();
            let cells = cells.map(|(name, field)| Some((name, told(field)?)));
            Value::Object(cells.collect::<Option<_>>()?)
        }
        Field::MapInternal(map) => {
            let entries = map.entries().iter();
            let entries = entries.map(|(key, field)| {
                let key = match key {
                    Field::Str(key) => key.clone(),
                    other => other.to_string(),
                };
                Some((key, told(field.clone())?))
            });
            Value::Object(entries.collect::<Option<_>>()?)
        }
        Field::Float16(number) => f64::from(number.to_f32()).into(),
        other => value(other),
    })
}

/// A cell as JSON; a text where it is nothing that has a plain word there.
pub(crate) fn value(field: Field) -> Value {
    match field {
        Field::Bool(value) => value.into(),
        Field::Byte(value) => value.into(),
        Field::Short(value) => value.into(),
        Field::Int(value) => value.into(),
        Field::Long(value) | Field::TimestampMillis(value) => value.into(),
        Field::TimestampMicros(value) => value.div_euclid(1000).into(),
        Field::UByte(value) => value.into(),
        Field::UShort(value) => value.into(),
        Field::UInt(value) => value.into(),
        Field::ULong(value) => value.into(),
        Field::Float(value) => value.into(),
        Field::Double(value) => value.into(),
        Field::Str(value) => value.into(),
        Field::ListInternal(list) => list.elements().iter().cloned().map(value).collect(),
        Field::Group(row) => {
            let cells = row.into_columns().into_iter();
            Value::Object(cells.map(|(name, field)| (name, value(field))).collect())
        }
        Field::Null => Value::Null,
        Field::Bytes(bytes) if std::str::from_utf8(bytes.data()).is_ok() => {
            String::from_utf8_lossy(bytes.data()).into()
        }
        other => other.to_string().into(),
    }
}
