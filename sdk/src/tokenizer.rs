//! The policy's tokenizer, asked through the host. Natively a stand-in of
//! [`testing`](crate::testing) answers.

/// Token ids of `text`, without special tokens.
pub fn encode(text: &str) -> Vec<u32> {
    #[cfg(target_arch = "wasm32")]
    {
        use crate::{bindings::attune::plugin::tokenizer as host, column};
        column::tokens_of(&host::encode(&column::text_column([text])))
    }
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with_tokenizer(|tokenizer| tokenizer.encode(text))
}

/// Text of `tokens`; ids outside the vocabulary become nothing.
pub fn decode(tokens: &[u32]) -> String {
    #[cfg(target_arch = "wasm32")]
    {
        use crate::{bindings::attune::plugin::tokenizer as host, column};
        let text = host::decode(&column::token_column([tokens]));
        // A cut in the middle of a character cannot be shown as UTF-8 otherwise.
        String::from_utf8_lossy(&text.data).into_owned()
    }
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with_tokenizer(|tokenizer| tokenizer.decode(tokens))
}

/// How many ids the vocabulary has.
pub fn vocab_size() -> u32 {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::attune::plugin::tokenizer::vocab_size();
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::with_tokenizer(|tokenizer| tokenizer.vocab_size())
}
