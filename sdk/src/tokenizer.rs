//! The policy's tokenizer, asked through the host. In native tests a stand-in of
//! [`testing`](crate::testing) answers.

use crate::Problems;

/// Token ids of `text`, without special tokens.
pub fn encode(text: &str) -> Vec<u32> {
    #[cfg(target_arch = "wasm32")]
    {
        use crate::{bindings::attune::plugin::tokenizer as host, column};
        column::tokens_of(&host::encode(&column::text_column([text])))
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        use crate::{column, native, testing};
        let tokens = native::tokenizer("encode", &column::text_column([text]));
        tokens.map_or_else(
            || testing::with_tokenizer(|tokenizer| tokenizer.encode(text)),
            |tokens| column::tokens_of(&tokens),
        )
    }
}

/// The one token that `text` is; none where there is no text, and a problem at `path` where it is none
/// or several. An empty text is no text: TOML has no null.
pub fn single(text: Option<&str>, path: &str, problems: &mut Problems) -> Option<u32> {
    let text = text.filter(|text| !text.is_empty())?;
    let tokens = encode(text);
    if tokens.len() != 1 {
        let message = format!("{text:?} is {} tokens, must be a single one", tokens.len());
        problems.0.push((path.to_owned(), message));
    }
    tokens.first().copied()
}

/// Text of `tokens`; ids outside the vocabulary become nothing.
pub fn decode(tokens: &[u32]) -> String {
    #[cfg(target_arch = "wasm32")]
    {
        use crate::{bindings::attune::plugin::tokenizer as host, column};
        shown(&host::decode(&column::token_column([tokens])))
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        use crate::{column, native, testing};
        let text = native::tokenizer("decode", &column::token_column([tokens]));
        text.map_or_else(
            || testing::with_tokenizer(|tokenizer| tokenizer.decode(tokens)),
            |text| shown(&text),
        )
    }
}

/// How many ids the vocabulary has.
pub fn vocab_size() -> u32 {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::attune::plugin::tokenizer::vocab_size();
    #[cfg(not(target_arch = "wasm32"))]
    crate::native::tokenizer("vocab-size", &())
        .unwrap_or_else(|| crate::testing::with_tokenizer(|tokenizer| tokenizer.vocab_size()))
}

/// A cut in the middle of a character cannot be shown as UTF-8 otherwise.
fn shown(text: &crate::bindings::types::TextColumn) -> String {
    String::from_utf8_lossy(&text.data).into_owned()
}
