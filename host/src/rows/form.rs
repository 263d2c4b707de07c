//! What a file of rows is: its content says it, then its name's ending.

use std::fmt;

use anyhow::{Result, bail};

use super::source::{Ending, Source};
use super::{FORMS, table};
use crate::outside::Kind;

/// How a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JSON value a line.
    JsonLines,
    /// One array.
    JsonArray,
    /// Cells between commas, or between what stands in their place.
    Csv,
    /// Cells between tabs.
    Tsv,
    /// A table of Hugging Face's.
    Parquet,
    /// A text a line.
    Text,
    /// Files of stories, by a list of their addresses.
    Stories,
    /// No file: numbers.
    Numbered,
}

impl fmt::Display for Form {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Form::JsonLines => "JSON lines",
            Form::JsonArray => "a JSON array",
            Form::Csv => "CSV",
            Form::Tsv => "TSV",
            Form::Parquet => "Parquet",
            Form::Text => "plain text",
            Form::Stories => "addresses of stories",
            Form::Numbered => "numbered rows",
        })
    }
}

impl Form {
    /// The name of a row's number: lines count from 1, rows from 0.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Form::JsonArray | Form::Parquet | Form::Numbered => "row",
            _ => "line",
        }
    }
}

/// How a file is to be read, or what it is that cannot be read.
pub(super) fn form_of(source: &Source) -> Result<Form> {
    let ending = source.ending;
    Ok(match source.kind {
        // Words in brackets are text as well, where the name says that all is text.
        Kind::JsonLines | Kind::JsonObject if ending == Ending::Text && !source.begins_json() => {
            Form::Text
        }
        Kind::JsonLines => Form::JsonLines,
        Kind::JsonArray => Form::JsonArray,
        Kind::Parquet => Form::Parquet,
        Kind::Text => match ending {
            Ending::Json => Form::JsonLines,
            Ending::Csv => Form::Csv,
            Ending::Tsv => Form::Tsv,
            Ending::Other => form_of_text(source),
            Ending::Text => Form::Text,
            Ending::Parquet => bail!(
                "it is text, and its name says Parquet\nhint: give it the ending of what it is: .txt, .jsonl, .csv \
                 or .tsv"
            ),
        },
        Kind::JsonObject if ending == Ending::Json || ending == Ending::Other => bail!(
            "it is one JSON object of several lines\nhint: rows are a JSON array or a JSON value a line; `jq -c .` \
             makes lines of objects, `jq -c '.NAME[]'` of the list that an object has under a name"
        ),
        Kind::JsonObject => bail!(
            "it begins with a JSON object of several lines, and its name says {}\nhint: {FORMS}",
            ending.what()
        ),
        other => bail!(
            "it is {}\nhint: {}",
            other.what(),
            other.remedy().unwrap_or(FORMS)
        ),
    })
}

/// How text is to be read whose name does not say it.
fn form_of_text(source: &Source) -> Form {
    let lines = source.whole_lines();
    let is_string = |line: &&str| serde_json::from_str::<String>(line).is_ok();
    if !lines.is_empty() && lines.iter().all(is_string) {
        return Form::JsonLines;
    }
    match table::separator_of(source.head()) {
        Some(b'\t') => Form::Tsv,
        Some(_) => Form::Csv,
        None => Form::Text,
    }
}

/// What to say where a name says something else than the file.
pub(super) fn contradiction(source: &Source, form: Form) -> Option<String> {
    if source.ending == Ending::Other && matches!(form, Form::Csv | Form::Tsv) {
        return Some(format!(
            "its name does not say what it is; its first line names columns, so it is read as {form} (call a file of \
             plain texts .txt)"
        ));
    }
    let is_meant = match source.ending {
        Ending::Json => matches!(form, Form::JsonLines | Form::JsonArray),
        Ending::Csv => form == Form::Csv,
        Ending::Tsv => form == Form::Tsv,
        Ending::Parquet => form == Form::Parquet,
        Ending::Text => form == Form::Text,
        Ending::Other => true,
    };
    let said = source.ending.what();
    (!is_meant).then(|| format!("its name says {said}, but it is {form}, and is read as that"))
}
