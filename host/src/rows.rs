//! Rows of data from outside, as JSON texts: what a file is decides how it is read, then its name's ending.
//! Knows files and lines, not what anybody makes of a row.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail};

use crate::outside::Kind;
use crate::terminal::Line;

mod breaks;
pub(crate) mod cells;
mod json;
pub(crate) mod lines;
pub(crate) mod opened;
pub(crate) mod parquet;
mod source;
mod table;

use self::source::{Ending, Source};

/// What files of rows there are.
pub(crate) const FORMS: &str = "rows are JSON lines, a JSON array, CSV, TSV, Parquet, or plain text with a row a line; each \
                         but Parquet may be packed by gzip or Zstandard";

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
        })
    }
}

impl Form {
    /// The name of a row's number: lines count from 1, rows from 0.
    fn unit(self) -> &'static str {
        match self {
            Form::JsonArray | Form::Parquet => "row",
            _ => "line",
        }
    }
}

/// All rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// The file.
    pub path: PathBuf,
    /// How it was read.
    pub form: Form,
    /// Each row's number, which stays with what is made of it, and its JSON.
    pub rows: Vec<(u64, String)>,
    /// The line or row of each, as people count.
    places: Vec<u64>,
    /// What a person should know of the reading, such as a name that says something else.
    pub notes: Vec<String>,
    /// Rows that cannot be read, by their places, where those are passed over.
    pub bad: Vec<(u64, Error)>,
    passes_over: bool,
}

impl Rows {
    /// Where the row at `index` stands, as `` `data.jsonl` line 3 ``.
    #[must_use]
    pub fn place(&self, index: usize) -> String {
        let path = Line(self.path.display());
        let place = self.places.get(index).copied();
        place.map_or_else(|| format!("`{path}`"), |place| self.place_of(place))
    }

    /// The same of a row by the number that people count it by.
    #[must_use]
    pub fn place_of(&self, place: u64) -> String {
        let path = Line(self.path.display());
        match self.form.unit() {
            "row" => format!("`{path}` row {place}, counted from 0"),
            unit => format!("`{path}` {unit} {place}"),
        }
    }

    /// The number that people count a row by.
    #[must_use]
    pub fn number(&self, index: usize) -> u64 {
        self.places.get(index).copied().unwrap_or_default()
    }

    /// Takes what is wrong with a row, or fails by it.
    fn refuse(&mut self, place: u64, error: Error) -> Result<()> {
        if self.passes_over {
            self.bad.push((place, error));
            return Ok(());
        }
        Err(match self.form.unit() {
            "row" => error.context(format!("row {place}, counted from 0")),
            unit => error.context(format!("{unit} {place}")),
        })
    }

    /// What `make` makes of each row, and what is wrong with every other, in the file's order and with its place.
    pub(crate) fn sort_out<T>(
        &mut self,
        mut make: impl FnMut(&str) -> Result<T>,
    ) -> (Vec<T>, Vec<Error>) {
        let mut good = Vec::new();
        let mut bad = std::mem::take(&mut self.bad);
        for (at, (_, json)) in self.rows.iter().enumerate() {
            match make(json) {
                Ok(made) => good.push(made),
                Err(error) => bad.push((self.number(at), error)),
            }
        }
        bad.sort_by_key(|(place, _)| *place);
        let bad = bad.into_iter();
        let bad = bad.map(|(place, error)| error.context(self.place_of(place)));
        (good, bad.collect())
    }

    fn push(&mut self, id: u64, place: u64, json: String) {
        self.rows.push((id, json));
        self.places.push(place);
    }
}

/// The first name that is there twice.
pub(crate) fn twice<'a>(names: &[&'a str]) -> Option<&'a str> {
    let at = (1..names.len()).find(|at| names[..*at].contains(&names[*at]))?;
    Some(names[at])
}

/// All rows of the file at `path`. An error names the file, and the line or row.
///
/// # Errors
/// The file or a row cannot be read.
pub(crate) fn read(path: &Path) -> Result<Rows> {
    read_as(path, false)
}

/// The same, but rows that cannot be read are passed over and told by themselves.
///
/// # Errors
/// The file cannot be read, or has neither good nor bad rows.
pub(crate) fn read_good(path: &Path) -> Result<Rows> {
    read_as(path, true)
}

fn read_as(path: &Path, passes_over: bool) -> Result<Rows> {
    let about = || format!("cannot read rows from `{}`", Line(path.display()));
    let source = Source::open(path).with_context(about)?;
    let form = form_of(&source).with_context(about)?;
    let mut rows = Rows {
        path: path.to_owned(),
        form,
        rows: Vec::new(),
        places: Vec::new(),
        notes: contradiction(&source, form).into_iter().collect(),
        bad: Vec::new(),
        passes_over,
    };
    match form {
        Form::JsonLines => json::lines(source, &mut rows),
        Form::JsonArray => json::array(source, &mut rows),
        Form::Csv => table::read(source, None, &mut rows),
        Form::Tsv => table::read(source, Some(b'\t'), &mut rows),
        Form::Parquet => tables_of(source, &mut rows),
        Form::Text => texts(source, &mut rows),
    }
    .with_context(about)?;
    if rows.rows.is_empty() && rows.bad.is_empty() {
        bail!(
            "`{}` has no rows\nhint: it was read as {form}; {FORMS}",
            Line(path.display())
        );
    }
    Ok(rows)
}

/// How a file is to be read, or what it is that cannot be read.
fn form_of(source: &Source) -> Result<Form> {
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
fn contradiction(source: &Source, form: Form) -> Option<String> {
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

/// A row a line, as it stands there.
fn texts(source: Source, rows: &mut Rows) -> Result<()> {
    lines::for_texts(source.reader, |number, line| {
        let number = number as u64;
        let Some(line) = line else {
            return rows.refuse(number, anyhow!(lines::NO_TEXT));
        };
        if !line.trim().is_empty() {
            rows.push(number - 1, number, serde_json::to_string(line)?);
        }
        Ok(())
    })
}

fn tables_of(source: Source, rows: &mut Rows) -> Result<()> {
    let mut left = Vec::new();
    parquet::for_objects(source.itself.table()?, &mut left, |number, row| {
        rows.push(number, number, serde_json::to_string(&row)?);
        Ok(())
    })?;
    rows.notes.extend(left);
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
