//! The comparisons that reward models are trained on, made once of real texts. It knows the files and
//! what they depend on; the script knows what is in them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{COMPARISONS, Shape};
use crate::bench::{Setting, word};
use crate::layout::Layout;
use crate::stamp::{Stamp, sha256_of_file};
use crate::step::{run, step, up_to_date};

const SCRIPT: &str = "scripts/bench_labels.py";

/// Where the comparisons of a shape are; both programs read this file.
pub(super) fn file(layout: &Layout, shape: Shape) -> PathBuf {
    layout.bench().join(format!("shared-{}.jsonl", shape.query))
}

/// Makes them unless they are there and made of the same.
pub(super) fn ensure(setting: &Setting, shape: Shape) -> Result<()> {
    let layout = setting.layout;
    let (file, texts) = (
        file(layout, shape),
        layout.data().join("movie_reviews.train.jsonl"),
    );
    let script = layout.root().join(SCRIPT);
    let mut key = format!("{COMPARISONS} {shape:?}\n");
    for made_of in [&script, &texts, &setting.model.join("tokenizer.json")] {
        key += &format!("{}\n", sha256_of_file(made_of)?);
    }
    let stamp = Stamp::new(layout, &format!("bench-shared-{}", shape.query), key);
    let what = format!("{COMPARISONS} comparisons, {}", shape.title());
    if stamp.is_current(&[&file]) {
        up_to_date(&what);
        return Ok(());
    }
    step(&format!("{what}: make"), || {
        run(Command::new(&setting.python)
            .current_dir(layout.root())
            .args([SCRIPT, word(&setting.model)?])
            .args(["--texts", word(&texts)?, "--out", word(&file)?])
            .args(["--count", &COMPARISONS.to_string()])
            .args(["--query", &shape.query.to_string()])
            .args(["--response", &shape.response.to_string()])
            .env("HF_HUB_OFFLINE", "1"))?;
        stamp.set()
    })
}
