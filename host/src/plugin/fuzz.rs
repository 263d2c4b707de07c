//! Entries for fuzzing: bytes in, and a panic when something is not as it should be.
//!
//! `fuzz/` hands them what libFuzzer makes up; the tests below, what a few seconds of chance do.
//! Nothing here is a part of the program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::disturbs;
use super::{Limits, NoTokenizer, Spec, contract, load, settings, shaper};
use crate::role::{CallContext, Sample, Split, Trust};

mod answers;
pub(super) mod guest;
mod input;
#[cfg(test)]
mod tests;

pub use answers::answers;

/// The names of what follows, and what each may begin with.
pub fn seeds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let shaper = guest::Guest::default();
    let traps = guest::Guest {
        row: "(if (i64.eq (local.get $id) (i64.const 3)) (then unreachable))",
        ..guest::Guest::default()
    };
    let schema = br##"{"properties":{"a":{"$ref":"#/$defs/A"},"b":{"type":"integer","minimum":1,"default":3},
        "c":{"pattern":"^a+$","default":"aa"}},"$defs":{"A":{"enum":["x","y"],"default":"x"}}}"##;
    let settings = [&schema[..], b"\0{\"a\":\"y\",\"b\":7}"].concat();
    let answer = |kind: u8| [vec![kind], (0..60).map(|byte| byte * 37 % 11).collect()].concat();
    vec![
        ("component", vec![shaper.build(), traps.build()]),
        ("settings", vec![settings]),
        ("answers", (0..7).map(answer).collect()),
    ]
}

/// Bytes of a component: it is refused with a hint, or it can be called and keeps its time.
pub fn component(bytes: &[u8]) {
    let limits = Limits {
        deadline: Duration::from_millis(50),
        memory_bytes: 4 << 20,
        threads: 1,
        ..Limits::default()
    };
    let tokenizer = Arc::new(NoTokenizer);
    let opened = load::open_bytes(bytes.to_vec(), "fuzz", &limits, tokenizer, contract::SPOKEN);
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let text = format!("{error:#}");
            assert!(text.contains("\nhint: "), "no hint: {text}");
            assert!(!text.chars().any(|c| disturbs(c) && c != '\n'), "{text:?}");
            return;
        }
    };
    let spec = Spec {
        path: "fuzz".into(),
        trust: Trust::Sandboxed,
        settings: serde_json::Value::Null,
        assets: Default::default(),
        limits: limits.clone(),
    };
    let samples: Vec<Sample> = (0..5)
        .map(|id| Sample {
            id,
            ..Sample::default()
        })
        .collect();
    let context = CallContext {
        seed: 1,
        update: 2,
        split: Split::Test,
    };
    let begun = Instant::now();
    if opened.description.kind == "shaper"
        && let Ok(shaper) = shaper::configure(opened, &spec, Arc::new(NoTokenizer))
    {
        use crate::role::Shaper;
        if let Ok(outcomes) = shaper.shape(context, &samples) {
            assert_eq!(outcomes.len(), samples.len());
        }
        // Configuring and calling are a deadline each; the machine may be busy.
        assert!(
            begun.elapsed() < 20 * limits.deadline,
            "{:?}",
            begun.elapsed()
        );
    }
}

/// A schema and settings, divided by a zero byte: settings that are let through obey the schema.
pub fn settings(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default());
    let (schema, given) = (part(), part());
    let given = serde_json::from_str(&given).unwrap_or(serde_json::Value::Null);
    let begun = Instant::now();
    let checked = settings::read(&schema).and_then(|schema| {
        let settings = settings::check(&schema, &given)?;
        Ok((schema, settings))
    });
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    match checked {
        Ok((schema, settings)) => {
            let again = settings::check(&schema, &settings).expect("what was checked is right");
            assert_eq!(again, settings);
        }
        Err(error) => assert!(format!("{error:#}").contains("\nhint: "), "{error:#}"),
    }
}
