//! Rows of data from outside, as JSON texts: what a file is decides how it is read, then its name's ending.
//! Knows files and lines, not what anybody makes of a row.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail};

use crate::terminal::Line;

mod bad;
mod breaks;
pub(crate) mod cells;
mod form;
mod json;
mod kept;
pub(crate) mod lines;
mod looked;
pub(crate) mod opened;
pub(crate) mod parquet;
mod source;
mod starts;
pub(crate) mod stories;
mod table;

pub(crate) use self::bad::Bad;
pub(crate) use self::form::Form;
use self::form::{contradiction, form_of};
use self::kept::{Kept, Lines, Lying, Numbers};
use self::source::Source;

/// What files of rows there are.
pub(crate) const FORMS: &str = "rows are JSON lines, a JSON array, CSV, TSV, Parquet, or plain text with a row a line; each \
                         may be packed by gzip or Zstandard";

/// All rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// The file.
    pub path: PathBuf,
    /// How it was read.
    pub form: Form,
    /// Added to each row's number, so that rows of several files have numbers of their own.
    pub first_id: u64,
    kept: Kept,
    /// Each row's number, which stays with what is made of it.
    ids: Numbers,
    /// The line or row of each, as people count.
    places: Numbers,
    /// What a person should know of the reading, such as a name that says something else.
    pub notes: Vec<String>,
    /// Rows that cannot be read, where those are passed over.
    pub bad: Bad,
    passes_over: bool,
}

impl Rows {
    /// Where the row at `index` stands, as `` `data.jsonl` line 3 ``.
    #[must_use]
    pub fn place(&self, index: usize) -> String {
        let path = Line(self.path.display());
        let place = self.places.get(index);
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
        self.places.get(index).unwrap_or_default()
    }

    /// Takes what is wrong with a row, or fails by it.
    fn refuse(&mut self, place: u64, error: Error) -> Result<()> {
        if self.passes_over {
            self.bad.push(place, error);
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
        let mut bad = self.bad.take_each();
        for at in 0..self.len() {
            match self.kept.get(at).and_then(|json| make(&json)) {
                Ok(made) => good.push(made),
                Err(error) => bad.push((self.number(at), error)),
            }
        }
        bad.sort_by_key(|(place, _)| *place);
        let bad = bad.into_iter();
        let bad = bad.map(|(place, error)| error.context(self.place_of(place)));
        (good, bad.collect())
    }

    fn push(&mut self, id: u64, place: u64, json: String) -> Result<()> {
        self.kept.push(json)?;
        self.ids.push(id);
        self.places.push(place);
        Ok(())
    }

    /// Takes a line, which begins at a byte of the file.
    fn push_line(
        &mut self,
        place: u64,
        start: u64,
        json: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        match &mut self.kept {
            Kept::Lying(lying) if lying.is_itself() => lying.found(start),
            _ => return self.push(place - 1, place, json()?),
        }
        self.ids.push(place - 1);
        self.places.push(place);
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at `index`: its number, which stays with what is made of it, and its JSON.
    ///
    /// # Errors
    /// The file is read again for it, and is not what it was.
    pub fn get(&self, index: usize) -> Result<(u64, String)> {
        let id = self.ids.get(index).unwrap_or(index as u64);
        let json = self.kept.get(index).with_context(|| self.place(index))?;
        Ok((self.first_id + id, json))
    }

    /// The first number that no row of this file has, and none after it.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        let last = self
            .len()
            .checked_sub(1)
            .and_then(|last| self.ids.get(last));
        self.first_id + last.map_or(0, |last| last + 1)
    }

    /// So many rows that are nothing but numbers, from 0.
    pub(crate) fn numbered(count: usize) -> Rows {
        Rows {
            kept: Kept::Numbered(count),
            ids: Numbers::up_to(count),
            places: Numbers::up_to(count),
            ..Rows::none(Path::new("data.generate"), Form::Numbered)
        }
    }

    fn none(path: &Path, form: Form) -> Rows {
        Rows {
            path: path.to_owned(),
            form,
            first_id: 0,
            kept: Kept::Held(Vec::new()),
            ids: Numbers::default(),
            places: Numbers::default(),
            notes: Vec::new(),
            bad: Bad::default(),
            passes_over: false,
        }
    }
}

/// The first name that is there twice.
pub(crate) fn twice<'a>(names: &[&'a str]) -> Option<&'a str> {
    let at = (1..names.len()).find(|at| names[..*at].contains(&names[*at]))?;
    Some(names[at])
}

/// How rows are read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    /// Rows that cannot be read are passed over and told by themselves.
    pub(crate) passes_over: bool,
    /// And each by itself, not only how many there are of a kind.
    pub(crate) tells_each: bool,
    /// Rows are not kept in memory, but read again where they are wanted.
    pub(crate) streams: bool,
}

impl Reading {
    /// Where rows that cannot be read are told.
    fn bad(self) -> Bad {
        match self.tells_each {
            true => Bad::one_by_one(),
            false => Bad::default(),
        }
    }
}

/// All rows of the file at `path`; those that cannot be read are passed over and told by themselves.
///
/// # Errors
/// The file cannot be read, or has neither good nor bad rows.
pub(crate) fn read_good(path: &Path) -> Result<Rows> {
    let reading = Reading {
        passes_over: true,
        tells_each: true,
        ..Reading::default()
    };
    read_as(path, reading)
}

/// All rows of the file at `path`. An error names the file, and the line or row.
///
/// # Errors
/// The file cannot be read, or has neither good nor bad rows.
pub(crate) fn read_as(path: &Path, reading: Reading) -> Result<Rows> {
    let about = || format!("cannot read rows from `{}`", Line(path.display()));
    let source = Source::open(path).with_context(about)?;
    let form = form_of(&source).with_context(about)?;
    let mut rows = Rows {
        notes: contradiction(&source, form).into_iter().collect(),
        passes_over: reading.passes_over,
        bad: reading.bad(),
        ..Rows::none(path, form)
    };
    if reading.streams {
        let lying = match (form, source.itself.path()) {
            (Form::JsonLines, Some(path)) => Lying::of(path, Lines::Json),
            (Form::Text, Some(path)) => Lying::of(path, Lines::Text),
            _ => Lying::copied(),
        };
        rows.kept = Kept::Lying(lying.with_context(about)?);
    }
    match form {
        Form::JsonLines => json::lines(source, &mut rows),
        Form::JsonArray => json::array(source, &mut rows),
        Form::Csv => table::read(source, None, &mut rows),
        Form::Tsv => table::read(source, Some(b'\t'), &mut rows),
        Form::Parquet => tables_of(source, &mut rows),
        Form::Text => texts(source, &mut rows),
        Form::Numbered | Form::Stories => Ok(()),
    }
    .and_then(|()| rows.kept.close())
    .with_context(about)?;
    if rows.is_empty() && rows.bad.is_empty() {
        bail!(
            "`{}` has no rows\nhint: it was read as {form}; {FORMS}",
            Line(path.display())
        );
    }
    Ok(rows)
}

/// A row a line, as it stands there.
fn texts(source: Source, rows: &mut Rows) -> Result<()> {
    let mark = source.mark;
    lines::for_places(source.reader, |number, start, line| {
        let number = number as u64;
        let Some(line) = line else {
            return rows.refuse(number, anyhow!(lines::NO_TEXT));
        };
        match line.trim().is_empty() {
            true => Ok(()),
            false => rows.push_line(number, mark + start, || Ok(serde_json::to_string(line)?)),
        }
    })
}

fn tables_of(source: Source, rows: &mut Rows) -> Result<()> {
    let mut left = Vec::new();
    parquet::for_objects(source.itself.table()?, &mut left, |number, row| {
        rows.push(number, number, serde_json::to_string(&row)?)
    })?;
    rows.notes.extend(left);
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
