//! Folders of models: whether shape and tokenizer fit each other, and what else lies in them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::config::Config;
use crate::disk::copy;
use crate::model::config::ModelConfig;
use crate::model::open::open;
use crate::role::Layout;
use crate::tokenizer::Tokenizer;

/// Shape and tokenizer of a model folder, which must fit each other.
pub(crate) fn model(dir: &Path) -> Result<(ModelConfig, Arc<Tokenizer>)> {
    let has = |name: &str| dir.join(name).is_file();
    if has("config.toml") && !has("config.json") {
        bail!(
            "`{}` is a run that has no policy yet\nhint: let it end, by `--resume`, before another begins with what it makes",
            dir.display()
        );
    }
    let (config, tokenizer) = open(dir)?;
    Ok((config, Arc::new(tokenizer)))
}

/// Type of the parameters.
pub(crate) fn kind_of(config: &Config) -> tch::Kind {
    match config.run.dtype.as_str() {
        "bf16" => tch::Kind::BFloat16,
        _ => tch::Kind::Float,
    }
}

/// Refuses contexts and responses that the model has no positions for.
pub(crate) fn check_length(layout: &Layout, model: &ModelConfig) -> Result<()> {
    let context = layout.prefix.len() + layout.query_len + layout.suffix.len();
    let len = context + layout.response_len;
    if len as i64 > model.max_positions {
        bail!(
            "context {context} and response {} make {len} tokens, more than the model's {} positions\n\
             hint: lower the task's query_len or response_len",
            layout.response_len,
            model.max_positions
        );
    }
    Ok(())
}

/// Refuses queries and responses that a reward model has no positions for. It reads no prefix and no suffix.
pub(crate) fn check_reading(layout: &Layout, model: &ModelConfig, folder: &Path) -> Result<()> {
    let len = layout.query_len + layout.response_len;
    if len as i64 > model.max_positions {
        bail!(
            "query {} and response {} make {len} tokens, more than the {} positions of the reward model \
             from `{}`\nhint: lower the task's query_len or response_len, or use another model",
            layout.query_len,
            layout.response_len,
            model.max_positions,
            folder.display()
        );
    }
    Ok(())
}

/// Copies what else a model folder says of its tokens and their use, such as its chat template.
pub(crate) fn keep_companions(from: &Path, to: &Path) -> Result<()> {
    for name in [
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "generation_config.json",
        "chat_template.jinja",
    ] {
        let file = from.join(name);
        if file.is_file() {
            copy(&file, &to.join(name))?;
        }
    }
    Ok(())
}
