//! A language model and its tokenizer belong together: every id of the tokenizer is a row of the embedding, and
//! two models that read each other's tokens have one tokenizer. Knows descriptions, not weights.

use super::config::ModelConfig;
use super::files::{WHOLE, lacks};
use crate::tokenizer::Tokenizer;
use anyhow::{Result, bail};
use std::path::Path;

/// Shape and tokenizer of a model folder.
///
/// # Errors
/// One is missing or not supported, or they do not belong together.
pub(crate) fn open(dir: &Path) -> Result<(ModelConfig, Tokenizer)> {
    for file in ["config.json", "tokenizer.json"] {
        if !dir.join(file).is_file() {
            bail!(lacks(dir, file));
        }
    }
    let read = || {
        let config = ModelConfig::load(dir)?;
        let tokenizer = Tokenizer::load(dir)?;
        check_ids(&tokenizer, &config, dir)?;
        Ok((config, tokenizer))
    };
    read().map_err(|error| of_folder(error, dir))
}

/// Refuses a tokenizer that has ids which are no rows of the model's embedding.
///
/// # Errors
/// It names the largest id.
pub(crate) fn check_ids(tokenizer: &Tokenizer, config: &ModelConfig, dir: &Path) -> Result<()> {
    let (bound, rows) = (tokenizer.id_bound(), config.vocab_size);
    if bound as i64 > rows {
        let largest = (bound - 1) as u32;
        bail!(
            "`{}`: the tokenizer has the id {largest} (`{}`), and the model only {rows} rows for ids, from 0\nhint: use \
             the tokenizer.json that came with the model",
            dir.display(),
            tokenizer
                .spelling(largest)
                .unwrap_or_default()
                .escape_debug()
        );
    }
    Ok(())
}

/// Refuses a model whose tokenizer is not that of another, which hands tokens to it. `owners`: whose the
/// tokenizers are, in their order.
///
/// # Errors
/// It says how they differ.
pub(crate) fn check_same(
    one: &Tokenizer,
    other: &Tokenizer,
    owners: [&str; 2],
    hint: &str,
) -> Result<()> {
    if let Some(difference) = one.difference(other) {
        let [here, there] = owners;
        bail!(
            "{here} and {there} have different tokenizers, here that of {here}, there that of {there}: \
             {difference}\nhint: {hint}"
        );
    }
    Ok(())
}

/// An error about a model folder, with advice where it has none of its own.
#[must_use]
pub(crate) fn of_folder(error: anyhow::Error, dir: &Path) -> anyhow::Error {
    let has_own = error
        .chain()
        .any(|cause| cause.to_string().contains("\nhint: "));
    let said = format!("model `{}` cannot be used", dir.display());
    match has_own {
        true => error.context(said),
        false => error.context(format!("{said}\nhint: {WHOLE}")),
    }
}
