//! Text to token ids and back, with a Hugging Face `tokenizer.json`.
//!
//! Plain data: knows nothing of models, tensors or padding. Special tokens are never added; a
//! task's text is encoded exactly as it stands, and ids outside the vocabulary decode to nothing.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tokenizers::models::ModelWrapper;

/// A byte-pair tokenizer, as found in the folder of a Hugging Face model.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    vocab_size: usize,
}

impl Tokenizer {
    /// Loads `tokenizer.json` from a model folder.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join("tokenizer.json");
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "cannot read tokenizer {}\nhint: a model folder holds config.json, model.safetensors and tokenizer.json",
                path.display()
            )
        })?;
        Self::from_json(&text).with_context(|| format!("tokenizer {}", path.display()))
    }

    /// Reads a tokenizer from the bytes of a `tokenizer.json`.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut inner = tokenizers::Tokenizer::from_bytes(json)
            .map_err(|error| anyhow::anyhow!("not a valid tokenizer.json: {error}"))?;
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
                "model type {} is not supported, expected BPE",
                match other {
                    ModelWrapper::WordPiece(_) => "WordPiece",
                    ModelWrapper::WordLevel(_) => "WordLevel",
                    _ => "Unigram",
                }
            ),
        }
        // A file may ask for padding or truncation; lengths are the trainer's business.
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| anyhow::anyhow!("cannot switch truncation off: {error}"))?;
        // Asked for often, and counted by building the whole map.
        let vocab_size = inner.get_vocab_size(true);
        Ok(Self { inner, vocab_size })
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

    /// Token ids of `text`; no special tokens are added.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.inner
            .encode(text, false)
            .expect("a BPE tokenizer checked at load encodes every string")
            .get_ids()
            .to_vec()
    }

    /// Text of `ids`; ids outside the vocabulary (padding) become nothing, bytes that do not form
    /// UTF-8 become U+FFFD.
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

    /// Number of tokens, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Id of a token by its exact spelling in the vocabulary.
    pub fn token(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Writes `tokenizer.json` into `dir`, which exists.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join("tokenizer.json");
        let json = self
            .inner
            .to_string(true)
            .map_err(|error| anyhow::anyhow!("cannot serialise the tokenizer: {error}"))?;
        std::fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_gpt2() {
        // GPT-2's tokens and merges, as far as any of these texts can touch them.
        let json = include_bytes!("../../tests/golden/gpt2_cut.json");
        let tokenizer = Tokenizer::from_json(json).unwrap();
        let cases: [(&str, &[u32]); 13] = [
            (".", &[13]),
            ("\n", &[198]),
            ("x\n\n", &[87, 628]),
            ("\n\nx", &[198, 198, 87]),
            ("...", &[986]),
            ("?", &[30]),
            ("!", &[0]),
            (".\"", &[526]),
            (" .", &[764]),
            ("Article:\n\n", &[14906, 25, 628]),
            ("\n\nTL;DR:", &[198, 198, 14990, 26, 7707, 25]),
            ("usually, he would", &[23073, 11, 339, 561]),
            ("she thought about it", &[7091, 1807, 546, 340]),
        ];
        for (text, want) in cases {
            assert_eq!(tokenizer.encode(text), want, "{text:?}");
            assert_eq!(tokenizer.decode(want), text);
        }
    }

    proptest! {
        #[test]
        fn bytes_round_trip(text in any::<String>()) {
            let tokenizer = Tokenizer::bytes();
            let ids = tokenizer.encode(&text);
            prop_assert_eq!(ids.clone(), text.bytes().map(u32::from).collect::<Vec<_>>());
            prop_assert_eq!(tokenizer.decode(&ids), text);
        }
    }

    #[test]
    fn padding_decodes_to_nothing() {
        let tokenizer = Tokenizer::bytes();
        assert_eq!(tokenizer.vocab_size(), 256);
        assert_eq!(tokenizer.decode(&[104, 105, 256, u32::MAX]), "hi");
        assert_eq!(tokenizer.decode(&[]), "");
        assert_eq!(tokenizer.token("a"), Some(97));
        assert_eq!(tokenizer.token("ab"), None);
    }

    #[test]
    fn saves_and_loads() {
        let dir = tempfile::tempdir().unwrap();
        Tokenizer::bytes().save(dir.path()).unwrap();
        let loaded = Tokenizer::load(dir.path()).unwrap();
        assert_eq!(loaded.encode("né"), vec![110, 195, 169]);
    }

    #[test]
    fn bad_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = format!("{:#}", Tokenizer::load(dir.path()).unwrap_err());
        assert!(missing.contains("tokenizer.json"), "{missing}");
        std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
        let invalid = format!("{:#}", Tokenizer::load(dir.path()).unwrap_err());
        assert!(invalid.contains("not a valid tokenizer.json"), "{invalid}");
        let words = r#"{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"?"}}"#;
        let error = format!("{:#}", Tokenizer::from_json(words.as_bytes()).unwrap_err());
        assert!(error.contains("WordLevel"), "{error}");
    }
}
