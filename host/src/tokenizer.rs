//! Text to token ids and back, with a Hugging Face `tokenizer.json`.
//!
//! Plain data: knows nothing of models, tensors or padding. Special tokens are never added; a
//! task's text is encoded exactly as it stands, and ids outside the vocabulary decode to nothing.
//! Many tokenizers treat the begin of a text in their own way, so a text that goes on after another is
//! encoded and decoded by functions of its own, and both read together as they were.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokenizers::DecoderWrapper;
use tokenizers::models::ModelWrapper;

use crate::disk;
use crate::outside::{self, Kind};

mod identity;
mod read;
mod start;
#[cfg(test)]
mod tests;

/// How many tokens before a text are passed over to find where its part of a decoded whole begins: as many
/// bytes as a character can have, and one more.
const PASSED_OVER: usize = 5;

/// A byte-pair tokenizer, as found in the folder of a Hugging Face model.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// The same without what is done at the begin of a text; absent where nothing is.
    after: Option<tokenizers::Tokenizer>,
    /// Whether tokens decode alike wherever they stand.
    free: bool,
    id_bound: usize,
    /// The file, which is saved as it was.
    source: Arc<[u8]>,
}

impl Tokenizer {
    /// Loads `tokenizer.json` from a model folder.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join("tokenizer.json");
        let bytes = std::fs::read(&path).with_context(|| {
            format!(
                "cannot read tokenizer {}\nhint: a model folder holds config.json, model.safetensors and tokenizer.json",
                path.display()
            )
        })?;
        let head = &bytes[..bytes.len().min(outside::HEAD)];
        let kind = outside::kind_of(head);
        if let Some(refusal) = kind.refusal(&path) {
            bail!(refusal);
        }
        if ![Kind::JsonObject, Kind::JsonLines].contains(&kind) {
            bail!(
                "`{}` is {}\nhint: {}",
                path.display(),
                kind.what(),
                kind.remedy()
                    .unwrap_or("fetch it again, from where the model came")
            );
        }
        Self::from_json(&bytes).with_context(|| format!("tokenizer {}", path.display()))
    }

    /// Reads a tokenizer from the bytes of a `tokenizer.json`.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut value = read::value(json)?;
        let inner = read::tokenizer(&mut value)?;
        // Only BPE can encode every string; the others fail at run time on an unknown word.
        match inner.get_model() {
            ModelWrapper::BPE(bpe) => {
                if let Some(unknown) = bpe.get_unk_token()
                    && inner.token_to_id(unknown).is_none()
                {
                    bail!("unknown token {unknown:?} is not in the vocabulary");
                }
            }
            other => bail!(
                "model type {} is not supported, expected BPE\nhint: use a model of the families GPT-2, Llama or \
                 Qwen2 with its own tokenizer",
                match other {
                    ModelWrapper::WordPiece(_) => "WordPiece",
                    ModelWrapper::WordLevel(_) => "WordLevel",
                    _ => "Unigram",
                }
            ),
        }
        let after = start::without(&value);
        // Asked for often, and found by building the whole map.
        let largest = inner.get_vocab(true).into_values().max();
        Ok(Self {
            after: after.map(|value| read::built(&value)).transpose()?,
            free: matches!(inner.get_decoder(), Some(DecoderWrapper::ByteLevel(_))),
            id_bound: largest.map_or(0, |id| id as usize + 1),
            inner,
            source: json.into(),
        })
    }

    /// A tokenizer of the 256 bytes, id = byte, for tiny models in tests.
    pub fn bytes() -> Self {
        let vocab: serde_json::Map<String, serde_json::Value> = (0..=255u8)
            .map(|byte| (byte_char(byte).to_string(), byte.into()))
            .collect();
        let byte_level = serde_json::json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false
        });
        let json = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": null, "pre_tokenizer": byte_level, "post_processor": null,
            "decoder": byte_level,
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null,
                "continuing_subword_prefix": null, "end_of_word_suffix": null,
                "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": []
            }
        });
        Self::from_json(json.to_string().as_bytes()).expect("our own byte tokenizer is valid")
    }

    /// Token ids of `text`, which stands at the begin; no special tokens are added.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        encode(&self.inner, text)
    }

    /// Token ids of `text`, which goes on after the tokens `before`: what a model would have written there. Without
    /// any before it, as [`Tokenizer::encode`].
    pub fn encode_after(&self, before: &[u32], text: &str) -> Vec<u32> {
        match &self.after {
            Some(after) if !before.is_empty() => encode(after, text),
            _ => self.encode(text),
        }
    }

    /// Text of `ids`, which stand at the begin; ids outside the vocabulary (padding) become nothing, bytes that
    /// do not form UTF-8 become U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        let known: Vec<u32> = ids
            .iter()
            .copied()
            .filter(|&id| self.inner.id_to_token(id).is_some())
            .collect();
        self.inner
            .decode(&known, false)
            .expect("known ids of a BPE tokenizer decode")
    }

    /// Text of `ids`, which go on after the tokens `before`: what they add to the text of those.
    pub fn decode_after(&self, before: &[u32], ids: &[u32]) -> String {
        if self.free || ids.is_empty() {
            return self.decode(ids);
        }
        // A character that is begun before and ended here is whole in neither part.
        for passed_over in 0..PASSED_OVER.min(before.len()) {
            let before = &before[..before.len() - passed_over];
            let whole = self.decode(&[before, ids].concat());
            if let Some(text) = whole.strip_prefix(&self.decode(before)) {
                return text.to_owned();
            }
        }
        self.decode(ids)
    }

    /// What two texts that follow each other read as, once they are tokens.
    pub fn read_back(&self, text: &str, next: &str) -> String {
        let ids = self.encode(text);
        let next = self.encode_after(&ids, next);
        self.decode(&ids) + &self.decode_after(&ids, &next)
    }

    /// One more than the largest id of a token, added tokens included. Ids may have gaps.
    pub fn id_bound(&self) -> usize {
        self.id_bound
    }

    /// The token of an id, as the vocabulary spells it.
    pub fn spelling(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Id of a token by its exact spelling in the vocabulary.
    pub fn token(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// How `other` makes other tokens or other text than this one, if it does.
    pub fn difference(&self, other: &Tokenizer) -> Option<String> {
        if self.source == other.source {
            return None;
        }
        identity::difference(&self.inner, &other.inner)
    }

    /// Writes `tokenizer.json` into `dir`, which exists.
    pub fn save(&self, dir: &Path) -> Result<()> {
        disk::replace(&dir.join("tokenizer.json"), &self.source)
    }
}

fn encode(tokenizer: &tokenizers::Tokenizer, text: &str) -> Vec<u32> {
    let encoding = tokenizer.encode(text, false);
    let encoding = encoding.expect("a BPE tokenizer checked at load encodes every string");
    encoding.get_ids().to_vec()
}

/// The printable character that byte-level BPE uses for a byte (GPT-2's table).
pub fn byte_char(byte: u8) -> char {
    let printable = |b: u8| matches!(b, 33..=126 | 161..=172 | 174..=255);
    if printable(byte) {
        return char::from(byte);
    }
    let rank = (0..byte).filter(|&b| !printable(b)).count() as u32;
    char::from_u32(256 + rank).expect("below the surrogates")
}
