//! CNN/DM as it was published: lists of addresses, and a file of a story for each, named by the SHA-1 of its address. It
//! knows where a story lies, not what stands in it.
//!
//! Reference: openai/lm-human-preferences, `datasets/cnndm.py`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use sha1::{Digest, Sha1};

use super::form::Form;
use super::kept::{Kept, Lying};
use super::source::Source;
use super::{Reading, Rows, lines};
use crate::terminal::Line;

/// What addresses of the Daily Mail have in them.
const DAILY_MAIL: [&str; 3] = ["dailymail.co.uk", "mailonsunday.ie", "lib.store.yahoo.net"];

/// The stories whose addresses stand in the file at `path`, in the order of its lines; each row has its `story` and its
/// `url`. `folder` has `cnn/stories` and `dailymail/stories`.
///
/// # Errors
/// The list cannot be read, or the folder has no stories.
pub(crate) fn read(path: &Path, folder: &Path, reading: Reading) -> Result<Rows> {
    let about = || unread(path);
    let source = Source::open(path).with_context(about)?;
    check(folder)?;
    let mut rows = Rows {
        passes_over: reading.passes_over,
        ..Rows::none(path, Form::Stories)
    };
    if reading.streams {
        rows.kept = Kept::Lying(Lying::copied().with_context(about)?);
    }
    lines::for_places(source.reader, |number, _, line| {
        let number = number as u64;
        let Some(line) = line else {
            return rows.refuse(number, anyhow!(lines::NO_TEXT));
        };
        match line.trim() {
            "" => Ok(()),
            url => match story(folder, url) {
                Ok(json) => rows.push(number - 1, number, json),
                Err(error) => rows.refuse(number, error),
            },
        }
    })
    .and_then(|()| rows.kept.close())
    .with_context(about)?;
    if rows.is_empty() && rows.bad.is_empty() {
        bail!(
            "`{}` has no addresses\nhint: a list has one a line, as `all_train.txt` of CNN/DM",
            Line(path.display())
        );
    }
    Ok(rows)
}

/// Calls `each` with where the story of every address lies or would lie that stands in the list at `path`, in the order of
/// its lines.
///
/// # Errors
/// The list cannot be read.
pub(crate) fn for_places(path: &Path, folder: &Path, mut each: impl FnMut(&Path)) -> Result<()> {
    let about = || unread(path);
    let source = Source::open(path).with_context(about)?;
    lines::for_texts(source.reader, |_, line| {
        if let Some(url) = line.map(str::trim).filter(|url| !url.is_empty()) {
            each(&place(folder, url));
        }
        Ok(())
    })
    .with_context(about)
}

fn unread(list: &Path) -> String {
    let list = Line(list.display());
    format!("cannot read addresses of stories from `{list}`")
}

/// Refuses a folder that cannot have any story.
fn check(folder: &Path) -> Result<()> {
    let sides = ["cnn", "dailymail"].map(|side| folder.join(side).join("stories"));
    if sides.iter().any(|side| side.is_dir()) {
        return Ok(());
    }
    bail!(
        "data.stories is `{}`, which has neither `cnn/stories` nor `dailymail/stories`\nhint: name the folder in which both \
         archives were unpacked",
        Line(folder.display())
    )
}

/// Where the story of an address lies.
fn place(folder: &Path, url: &str) -> PathBuf {
    let is_daily = DAILY_MAIL.iter().any(|part| url.contains(part));
    let side = if is_daily { "dailymail" } else { "cnn" };
    let mut name = String::new();
    for byte in Sha1::digest(url.as_bytes()) {
        let _ = write!(name, "{byte:02x}");
    }
    folder.join(side).join("stories").join(name + ".story")
}

fn story(folder: &Path, url: &str) -> Result<String> {
    let path = place(folder, url);
    let bytes = std::fs::read(&path).map_err(|error| {
        // The first line is the same for all that are missing, which are counted by it.
        anyhow!(
            "there is no story of this address\n`{}` would be in `{}`: {error}",
            Line(url),
            Line(path.display())
        )
    })?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!(lines::NO_TEXT))?;
    Ok(json!({ "story": text, "url": url }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CNN: &str = "http://web.archive.org/web/2015id_/http://www.cnn.com/a.html";
    const MAIL: &str = "http://web.archive.org/web/2015id_/http://www.dailymail.co.uk/b.html";

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for side in ["cnn", "dailymail"] {
            std::fs::create_dir_all(folder.path().join(side).join("stories")).unwrap();
        }
        for (url, text) in [
            (CNN, "It rained.\n\n@highlight\n\nRain"),
            (MAIL, "By Z\n\nIt shone."),
        ] {
            std::fs::write(place(folder.path(), url), text).unwrap();
        }
        folder
    }

    fn reading(passes_over: bool, streams: bool) -> Reading {
        Reading {
            passes_over,
            streams,
            ..Reading::default()
        }
    }

    #[test]
    fn stories_lie_where_their_addresses_say() {
        // The example of FIPS 180: SHA-1 of "abc".
        let name = "cnn/stories/a9993e364706816aba3e25717850c26c9cd0d89d.story";
        assert_eq!(place(Path::new(""), "abc"), Path::new(name));
        assert!(place(Path::new(""), MAIL).starts_with("dailymail/stories"));
    }

    #[test]
    fn places_are_those_of_the_addresses_whether_a_story_is_there_or_not() {
        let folder = folder();
        let list = folder.path().join("all_train.txt");
        std::fs::write(&list, format!("{MAIL}\r\n\nhttp://gone\n{CNN}")).unwrap();
        let mut places = Vec::new();
        for_places(&list, folder.path(), |story| places.push(story.to_owned())).unwrap();
        let wanted = [MAIL, "http://gone", CNN].map(|url| place(folder.path(), url));
        assert_eq!(places, wanted);
    }

    #[test]
    fn a_list_of_addresses_is_the_rows() {
        let folder = folder();
        let list = folder.path().join("all_train.txt");
        std::fs::write(&list, format!("{MAIL}\n\nhttp://gone\n{CNN}\n")).unwrap();
        for streams in [false, true] {
            let rows = read(&list, folder.path(), reading(true, streams)).unwrap();
            let all: Vec<_> = (0..rows.len()).map(|at| rows.get(at).unwrap()).collect();
            assert_eq!(all[0].0, 0);
            assert_eq!(all[1].0, 3);
            let row: serde_json::Value = serde_json::from_str(&all[1].1).unwrap();
            assert_eq!(
                row,
                json!({"story": "It rained.\n\n@highlight\n\nRain", "url": CNN})
            );
            let (place, said) = rows.bad.first().unwrap();
            assert_eq!((place, rows.bad.len()), (3, 1));
            assert!(said.contains("`http://gone` would be in"), "{said}");
        }
        let error = read(&list, folder.path(), reading(false, false)).unwrap_err();
        let said = format!("{error:#}");
        assert!(
            said.contains("line 3") && said.contains("http://gone"),
            "{said}"
        );
        let error = read(&list, &folder.path().join("cnn"), reading(true, false)).unwrap_err();
        assert!(
            error.to_string().contains("neither `cnn/stories`"),
            "{error}"
        );
    }
}
