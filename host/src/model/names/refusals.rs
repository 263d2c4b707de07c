//! What is said of weights that are not those of the configuration. Knows names and shapes, and reads no value.

use super::{Stored, WORD_HEAD, listed};
use crate::model::config::ModelConfig;
use std::collections::BTreeMap;

/// What is said of tensors that are not there, beside those that are: `stored`.
pub(super) fn missing(
    absent: &[&(String, Vec<i64>)],
    stored: &BTreeMap<String, Stored>,
    config: &ModelConfig,
) -> String {
    let names = absent
        .iter()
        .map(|(name, shape)| format!("`{name}` of shape {shape:?}"));
    let is_word_head = matches!(absent, [(name, _)] if name == WORD_HEAD);
    let classifier = ["score.weight", "classifier.weight"]
        .iter()
        .find_map(|tail| stored.get(*tail));
    let hint = match classifier {
        Some((name, _)) if is_word_head => format!(
            "with `{name}`, these weights are a reward model or a classifier, which has no head for words; name it \
             where a reward model is asked for, and here the language model that it was made of"
        ),
        _ if is_word_head => {
            "if the embedding is the head too, say `\"tie_word_embeddings\": true` in config.json"
                .to_owned()
        }
        _ if absent.len() == config.parameters().len() => {
            "config.json describes a model of another family, or the file is something else"
                .to_owned()
        }
        _ => "use config.json and weights of one model, and all files of the weights".to_owned(),
    };
    format!("missing {}\nhint: {hint}", listed("tensor", names))
}

/// What is said of a tensor of another shape.
pub(super) fn misshapen(name: &str, found: &[i64], wanted: &[i64], config: &ModelConfig) -> String {
    let vocabulary = name == config.embedding() || name == WORD_HEAD;
    let hint = match (found, wanted) {
        ([1, width], [_, wanted]) if name == WORD_HEAD && width == wanted => {
            "the head gives one number, as those of value and reward models do: one was saved under this name; use \
             the language model that it was made of"
                .to_owned()
        }
        ([rows, width], [_, wanted]) if vocabulary && width == wanted => {
            format!(
                "the weights have {rows} rows for tokens: say `\"vocab_size\": {rows}` in config.json"
            )
        }
        _ => "use the config.json that came with these weights".to_owned(),
    };
    format!("tensor `{name}` has shape {found:?}, config.json asks for {wanted:?}\nhint: {hint}")
}

/// What is said of an embedding and a head for words of which each has its own number of rows, if they have: no
/// `vocab_size` fits both. A head of one row is another matter.
pub(super) fn rows_disagree(
    embedding: &Stored,
    head: &Stored,
    config: &ModelConfig,
) -> Option<String> {
    let rows = |(_, tensor): &Stored| match tensor.size()[..] {
        [rows, width] if width == config.hidden && rows > 1 => Some(rows),
        _ => None,
    };
    let (of_embedding, of_head) = (rows(embedding)?, rows(head)?);
    let more = of_embedding.max(of_head);
    (of_embedding != of_head).then(|| {
        format!(
            "`{}` has {of_embedding} rows for tokens and `{}` has {of_head}, and both must have as many as \
             `vocab_size`, which is {}\nhint: the two are not of one model: fetch the weights again, from where they \
             came; or have the tool that made them pad both to {more} rows, and say `\"vocab_size\": {more}` in \
             config.json then",
            embedding.0, head.0, config.vocab_size
        )
    })
}
