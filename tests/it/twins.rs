//! What is put to plugins that must give the same answers in every form: as components, as shared
//! libraries, in Rust and in Python.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attune::plugin::{Limits, TokenizerHost};
use attune::role::{CallContext, Query, Sample, Split};
use attune::tokenizer::Tokenizer;

pub(crate) const CONTEXT: CallContext = CallContext {
    seed: 11,
    update: 3,
    split: Split::Train,
};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub(crate) fn bytes() -> Arc<dyn TokenizerHost> {
    Arc::new(Tokenizer::bytes())
}

/// Room for a busy machine; where the deadline is what is tested, a test says so.
pub(crate) fn patient() -> Limits {
    Limits {
        deadline: Duration::from_secs(20),
        ..Limits::default()
    }
}

/// Lines of our own documents, and some that are odd.
pub(crate) fn texts() -> Vec<String> {
    let odd = [
        "",
        " ",
        "a\u{1c}b \u{85}c\u{a0}d",
        "GOOD! but not very BAD!!!!! :) isn’t it",
        "so good, SO good, hardly good; somewhat bad but really great",
        "𝄞 ä ß Σίσυφος ΣΣ",
        "one\r\ntwo\tthree  four\n\n",
        "x x x x y x x x",
    ];
    let documents = ["README.md", "docs/plugins.md", "docs/rewards.md"];
    let lines = documents.into_iter().flat_map(|file| {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    odd.into_iter().map(str::to_owned).chain(lines).collect()
}

/// A response of each text, with all that a plugin may ask for.
pub(crate) fn samples(texts: &[String]) -> Vec<Sample> {
    let sample = |(id, text): (usize, &String)| {
        let tokens = Tokenizer::bytes().encode(text);
        let numbers = |scale: f32| (0..tokens.len()).map(|n| scale / (n + 3) as f32).collect();
        Sample {
            id: id as u64,
            query: Query {
                text: "It is not".into(),
                ..Query::default()
            },
            text: text.clone(),
            logprobs: numbers(-1.7),
            ref_logprobs: numbers(-1.3),
            values: numbers(0.1),
            score: (id % 3 > 0).then_some(id as f32 / 7.0),
            tokens,
        }
    };
    texts.iter().enumerate().map(sample).collect()
}
