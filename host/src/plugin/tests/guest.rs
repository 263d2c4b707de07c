//! Loading guests that misbehave, calling them against the clock, and the plugin that must not notice.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::*;
use crate::plugin::contract::{SPOKEN, Version};
pub(super) use crate::plugin::fuzz::guest::{Guest, LOOP};
use crate::plugin::load::open_bytes;
use crate::plugin::opened::Opened;
use crate::role::{CallContext, CallError, Outcome, Sample, Shaped, Shaper, Split};

/// By how many deadlines a call has ended even where the machine is busy with others.
pub(super) const BUSY: u32 = 10;
/// How much later than that it may end.
pub(super) const SLACK: Duration = Duration::from_millis(100);
/// A deadline that an honest guest keeps on a busy machine.
pub(super) const DEADLINE: Duration = Duration::from_millis(400);

impl Guest {
    pub(super) fn open(&self, limits: &Limits) -> Result<Opened> {
        open(self.build(), limits, SPOKEN)
    }

    /// Loads it; all that can be wrong before its first call is said here.
    pub(super) fn load(&self, limits: &Limits) -> Result<Box<dyn Shaper>> {
        configured(self.open(limits)?, json!({}), limits)
    }

    /// Why it cannot be loaded, which is not found out later than the deadline allows.
    pub(super) fn refusal(&self, limits: &Limits) -> String {
        let bytes = self.build();
        let compiled = Instant::now();
        let engine = crate::plugin::engine::engine().unwrap();
        let _ = wasmtime::component::Component::from_binary(engine, &bytes);
        let (compiled, begun) = (compiled.elapsed(), Instant::now());
        let refused = open(bytes, limits, SPOKEN);
        let refused = refused.and_then(|opened| configured(opened, json!({}), limits));
        let most = BUSY * (2 * compiled + limits.deadline) + SLACK;
        assert!(begun.elapsed() < most, "{:?} of {most:?}", begun.elapsed());
        let text = format!("{:#}", refused.err().expect("it is refused"));
        assert!(text.contains("\nhint: "), "no hint in {text}");
        assert!(
            !text.replace('\n', "").contains(char::is_control),
            "{text:?}"
        );
        text
    }
}

pub(super) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_path_buf()
}

/// A component that the build made for tests.
pub(super) fn built(name: &str) -> PathBuf {
    let places = ["target/test-plugins", "target/plugins"];
    let places = places.map(|place| root().join(place).join(name).with_extension("wasm"));
    let found = places.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no {name}.wasm; run `cargo xtask plugins`"))
}

pub(super) fn limits() -> Limits {
    Limits {
        deadline: DEADLINE,
        ..Limits::default()
    }
}

pub(super) fn open(bytes: Vec<u8>, limits: &Limits, spoken: &'static [Version]) -> Result<Opened> {
    open_bytes(bytes, "guest", limits, Arc::new(NoTokenizer), spoken)
}

pub(super) fn configured(
    opened: Opened,
    settings: Value,
    limits: &Limits,
) -> Result<Box<dyn Shaper>> {
    with_tokenizer(opened, settings, limits, Arc::new(NoTokenizer))
}

pub(super) fn with_tokenizer(
    opened: Opened,
    settings: Value,
    limits: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<Box<dyn Shaper>> {
    let spec = Spec {
        path: PathBuf::new(),
        trust: Trust::Sandboxed,
        settings,
        assets: BTreeMap::new(),
        limits: limits.clone(),
    };
    Ok(Box::new(shaper::configure(opened, &spec, tokenizer)?))
}

/// The shaper of the SDK that misbehaves as `settings` say.
pub(super) fn hostile(settings: Value, limits: &Limits) -> Box<dyn Shaper> {
    let spec = Spec {
        path: built("hostile-shaper"),
        trust: Trust::Sandboxed,
        settings,
        assets: BTreeMap::new(),
        limits: limits.clone(),
    };
    load_shaper(&spec, Arc::new(NoTokenizer)).unwrap()
}

/// Rows with the ids from 0 on.
pub(super) fn samples(count: u64) -> Vec<Sample> {
    let sample = |id| Sample {
        id,
        tokens: vec![7; 1 + id as usize % 5],
        ..Sample::default()
    };
    (0..count).map(sample).collect()
}

pub(super) fn shape(
    shaper: &dyn Shaper,
    samples: &[Sample],
) -> Result<Vec<Outcome<Shaped>>, CallError> {
    let context = CallContext {
        seed: 1,
        update: 0,
        split: Split::Train,
    };
    shaper.shape(context, samples)
}

/// Calls the shaper, which must be over in time.
pub(super) fn in_time(
    shaper: &dyn Shaper,
    samples: &[Sample],
    limits: &Limits,
) -> Result<Vec<Outcome<Shaped>>, CallError> {
    let begun = Instant::now();
    let outcomes = shape(shaper, samples);
    let (took, most) = (begun.elapsed(), BUSY * limits.deadline + SLACK);
    assert!(took < most, "took {took:?}, more than {most:?}");
    outcomes
}

/// What is said of a row that failed.
pub(super) fn error(outcome: &Outcome<Shaped>) -> &str {
    match outcome {
        Outcome::Error(text) => text,
        other => panic!("no error: {other:?}"),
    }
}

/// An honest guest that lives through the whole test: the other plugin, that nothing happens to.
pub(super) fn other() -> &'static dyn Shaper {
    static OTHER: OnceLock<Box<dyn Shaper>> = OnceLock::new();
    let load = || Guest::default().load(&Limits::default()).unwrap();
    OTHER.get_or_init(load).as_ref()
}

/// That the other plugin answers as ever.
pub(super) fn assert_other_lives() {
    let answered = shape(other(), &samples(3)).unwrap();
    let terms: Vec<f32> = answered
        .iter()
        .map(|outcome| outcome.value().unwrap().terms[0].1)
        .collect();
    assert_eq!(terms, [0.0, 1.0, 2.0]);
}
