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

/// Token ids of `text` as it goes on after other text: some tokenizers begin a text with a space that nobody wrote.
pub fn encode_next(text: &str) -> Vec<u32> {
    let alone = encode(text);
    for before in ["\n", "a"] {
        let head = encode(before);
        let whole = encode(&format!("{before}{text}"));
        let tail = whole.strip_prefix(head.as_slice()).unwrap_or_default();
        // Where the two have become one token, it does not say where `text` begins.
        if !head.is_empty() && !tail.is_empty() {
            return tail.to_vec();
        }
    }
    alone
}

/// The one token that `text` is in a text that has begun; none where there is no text, and a problem at `path` where it is none
/// or several. An empty text is no text: TOML has no null.
pub fn single(text: Option<&str>, path: &str, problems: &mut Problems) -> Option<u32> {
    let text = text.filter(|text| !text.is_empty())?;
    let tokens = encode_next(text);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Begins each text with a space, as those of Llama 2 do; a token is a word or what is no letter.
    struct Sentences;

    const TOKENS: [&str; 6] = ["▁a", "▁.", ".", "▁", "\n", "▁b"];

    impl testing::Tokenizer for Sentences {
        fn encode(&mut self, text: &str) -> Vec<u32> {
            let text = format!("▁{}", text.replace(' ', "▁"));
            let mut rest = text.as_str();
            let mut ids = Vec::new();
            while !rest.is_empty() {
                let longest = TOKENS.iter().filter(|token| rest.starts_with(**token));
                let token = longest.max_by_key(|token| token.len()).unwrap();
                let id = TOKENS.iter().position(|known| known == token).unwrap();
                ids.push(id as u32);
                rest = &rest[token.len()..];
            }
            ids
        }

        fn decode(&mut self, _: &[u32]) -> String {
            String::new()
        }

        fn vocab_size(&mut self) -> u32 {
            TOKENS.len() as u32
        }
    }

    #[test]
    fn what_goes_on_has_no_space_that_nobody_wrote() {
        testing::use_tokenizer(Sentences);
        assert_eq!((encode("."), encode_next(".")), (vec![1], vec![2]));
        assert_eq!(encode_next("\n"), [4]);
        assert_eq!(encode_next(" b"), [5]);
        let mut problems = Problems::default();
        assert_eq!(single(Some("."), "/end_text", &mut problems), Some(2));
        assert!(problems.0.is_empty());
        testing::use_bytes();
        assert_eq!(encode_next("é."), encode("é."));
    }
}
