//! Parquet files. Ours are the table of [`super::table`], with `prompt` for the query and, for others to
//! train on, `chosen` and `rejected`; those of others, with `chosen` and `rejected` alone, are read as
//! [`super::trl`] reads rows.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use parquet::basic::{Compression, ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;
use serde_json::Value;

use super::guess::{listed, meant};
use super::table::{self, COLUMNS, Row, response_of};
use super::{Imported, Written, count, fields, one_kind, rows, talk, trl};
use crate::label::{Answer, Label};
use crate::rows::opened::Opened;
use crate::rows::parquet::{AGAIN, check_packing, guarded, open, value};
use crate::terminal::Line;

pub(super) fn read(file: Opened, into: &mut Imported) -> Result<()> {
    let file = file.itself.table()?;
    // What was read until an error is dropped with it.
    guarded(|| read_rows(file, into))
}

fn read_rows(file: File, into: &mut Imported) -> Result<()> {
    let file = open(file)?;
    let schema = file.metadata().file_metadata().schema();
    let columns = schema.get_fields();
    let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    let ours = check_columns(&names)?;
    check_packing(&file)?;
    let is_fine = |column: &str| {
        columns
            .iter()
            .any(|c| c.name() == column && is_nanoseconds(c))
    };
    let (known, other): (Vec<_>, Vec<_>) = columns.iter().cloned().partition(|column| {
        let name = column.name();
        match ours {
            true => is_ours(name),
            false => trl::is_read(name, &names),
        }
    });
    // `chosen` and `rejected` of ours say nothing that the rest does not say.
    let other = other.iter().map(|column| column.name());
    for name in other.filter(|name| !(ours && ["chosen", "rejected"].contains(name))) {
        count(&mut into.left, format!("the column `{name}`"));
    }
    for column in &known {
        check_type(column, column.name())?;
    }
    // What is not known is not even unpacked.
    let wanted = Type::group_type_builder(schema.name()).with_fields(known);
    for (number, row) in file.get_row_iter(Some(wanted.build()?))?.enumerate() {
        let about = || format!("row {number}, counted from 0");
        let row = row
            .with_context(|| format!("the file is damaged\nhint: {AGAIN}"))
            .with_context(about)?;
        let cells = row.into_columns().into_iter();
        let cells = cells.map(|(name, field)| match value(field) {
            Value::Number(time) if is_fine(&name) => {
                let time = time.as_i64().map(|time| time.div_euclid(1_000_000));
                (name, time.into())
            }
            other => (name, other),
        });
        let row: Row = cells
            .filter(|(_, cell)| !(ours && cell.is_null()))
            .collect();
        let pushed = match ours {
            true => table::label(&row).and_then(|label| into.push(label)),
            false => preference(row).and_then(|row| trl::push(&row, into)),
        };
        pushed.with_context(about)?;
    }
    Ok(())
}

/// Refuses columns of which labels cannot be made; says whether they are the ones that we write.
fn check_columns(names: &[&str]) -> Result<bool> {
    let has = |name: &str| names.contains(&name);
    if has("answer") {
        check_names(names)?;
        return Ok(true);
    }
    if has("chosen") && has("rejected") {
        return Ok(false);
    }
    let missing = match has("chosen") {
        true => "rejected",
        false => "chosen",
    };
    bail!(
        "it has no columns `chosen` and `rejected`, and no `answer`, but {}\n{}",
        listed(names),
        meant(missing, names).unwrap_or_else(|| {
            "hint: preferences stand in `prompt`, `chosen` and `rejected`".to_owned()
        })
    )
}

/// A row of `chosen` and `rejected`, as [`trl`] reads it. A text may be a list of messages in JSON, as it may in a
/// table of text.
fn preference(row: Row) -> Result<Row> {
    let cells = row.into_iter().map(|(name, cell)| {
        let cell = match cell.as_str() {
            Some(text) => talk::of_cell(&name, text)?,
            None => cell,
        };
        Ok((name, cell))
    });
    cells.collect()
}

/// Refuses a table of labels without queries or responses.
fn check_names(names: &[&str]) -> Result<()> {
    for name in ["prompt", "response0"] {
        if names.contains(&name) || names.contains(&format!("{name}_tokens").as_str()) {
            continue;
        }
        let query = fields::QUERIES.iter().find(|query| names.contains(query));
        let hint = match query {
            Some(query) if name == "prompt" => {
                format!("hint: is `{query}` what is meant? call it `prompt`")
            }
            _ => meant(name, names).unwrap_or_else(|| {
                "hint: the columns are prompt, response0, response1, answer, value".to_owned()
            }),
        };
        bail!("it has no column `{name}`, but {}\n{hint}", listed(names));
    }
    Ok(())
}

/// Refuses a column of a type that no cell of labels has, before anything is read; of those within others, such as
/// the parts of messages, one of bytes that need be no text. `name`: where it is.
fn check_type(column: &Type, name: &str) -> Result<()> {
    let is_within = column.name() != name;
    if !column.is_primitive() {
        let mut parts = column.get_fields().iter();
        return parts.try_for_each(|part| check_type(part, &format!("{name}.{}", part.name())));
    }
    let info = column.get_basic_info();
    let physical = column.get_physical_type();
    let said = info.converted_type();
    let is_known = match physical {
        Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE | Physical::INT96 => true,
        Physical::INT32 => !matches!(
            said,
            ConvertedType::DATE | ConvertedType::TIME_MILLIS | ConvertedType::DECIMAL
        ),
        Physical::INT64 => !matches!(said, ConvertedType::TIME_MICROS | ConvertedType::DECIMAL),
        Physical::BYTE_ARRAY => matches!(
            said,
            ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
        ),
        Physical::FIXED_LEN_BYTE_ARRAY => false,
    };
    let is_bytes = matches!(
        physical,
        Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY
    );
    if !is_known && (is_bytes || !is_within) {
        bail!(
            "column `{}` is of type {physical} ({said}), which labels do not have\nhint: write it as \
             text, as a number, or, for a time, as a timestamp",
            Line(name)
        );
    }
    Ok(())
}

/// Whether a column has times in nanoseconds, which the crate reads as bare numbers.
fn is_nanoseconds(column: &Type) -> bool {
    let logical = column.get_basic_info().logical_type_ref();
    matches!(logical, Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::NANOS)
}

fn is_ours(column: &str) -> bool {
    let query = ["prompt", "prompt_tokens"].contains(&column);
    query || COLUMNS.contains(&column) || response_of(column).is_some()
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    one_kind(labels)?;
    let (rows, mut written) = rows(labels, row, table::label)?;
    let used: BTreeSet<&str> = rows
        .iter()
        .flat_map(Row::keys)
        .map(String::as_str)
        .collect();
    let most = labels.iter().map(|label| label.comparison.responses.len());
    let responses = (0..most.max().unwrap_or_default()).map(|place| format!("response{place}"));
    let passages = ["prompt".to_owned()].into_iter().chain(responses);
    let names = passages.flat_map(|name| [format!("{name}_tokens"), name]);
    let once = ["chosen", "rejected"].into_iter().chain(COLUMNS);
    let names = names.chain(once.map(str::to_owned));
    let names: Vec<String> = names.filter(|name| used.contains(name.as_str())).collect();
    let schema = names.iter().map(|name| match name.as_str() {
        "time" => "optional int64 time (timestamp(millis, true));".to_owned(),
        name if name.ends_with("_tokens") => format!(
            "optional group {name} (list) {{ repeated group list {{
                 required int32 element (integer(32, false)); }} }}"
        ),
        name => format!("optional binary {name} (string);"),
    });
    let schema = format!("message labels {{ {} }}", schema.collect::<String>());
    let packed = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let mut file = SerializedFileWriter::new(
        &mut written.bytes,
        Arc::new(parse_message_type(&schema)?),
        Arc::new(packed.build()),
    )?;
    let mut group = file.next_row_group()?;
    let mut columns = names.iter();
    while let Some(mut column) = group.next_column()? {
        let name = columns.next().context("more columns than names")?;
        let cells: Vec<Option<&Value>> = rows.iter().map(|row| row.get(name)).collect();
        write_column(column.untyped(), &cells).with_context(|| format!("column `{name}`"))?;
        column.close()?;
    }
    group.close()?;
    file.close()?;
    Ok(written)
}

/// The row of the table and, of the better of two texts, what trainers look for.
fn row(label: &Label) -> Result<Row, &'static str> {
    let mut row = table::row(label, "prompt");
    let responses = &label.comparison.responses;
    if let (Answer::Best(place), 2) = (&label.answer, responses.len()) {
        for (name, place) in [("chosen", *place), ("rejected", 1 - place)] {
            if let Some(text) = &responses[place].text {
                row.insert(name.to_owned(), text.clone().into());
            }
        }
    }
    Ok(row)
}

/// Values with the levels that say which of them are missing (0), empty (1 of a list) or there.
fn write_column(writer: &mut ColumnWriter<'_>, cells: &[Option<&Value>]) -> Result<()> {
    let there: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let present = cells.iter().flatten();
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let texts = present.filter_map(|cell| cell.as_str());
            let texts: Vec<ByteArray> = texts.map(ByteArray::from).collect();
            writer.write_batch(&texts, Some(&there), None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let times: Vec<i64> = present.filter_map(|cell| cell.as_i64()).collect();
            writer.write_batch(&times, Some(&there), None)?;
        }
        ColumnWriter::Int32ColumnWriter(writer) => {
            let (mut ids, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
            for cell in cells {
                let list = cell.and_then(Value::as_array);
                let list_ids = list.into_iter().flatten().filter_map(Value::as_u64);
                let before = ids.len();
                // The bits are those of the unsigned number that the schema says it is.
                ids.extend(list_ids.map(|id| id as u32 as i32));
                let count = ids.len() - before;
                if count == 0 {
                    defined.push(i16::from(list.is_some()));
                    repeated.push(0);
                }
                defined.extend(std::iter::repeat_n(2, count));
                repeated.extend((0..count).map(|at| i16::from(at > 0)));
            }
            writer.write_batch(&ids, Some(&defined), Some(&repeated))?;
        }
        _ => return Err(anyhow!("it is of a type that labels do not have")),
    }
    Ok(())
}
