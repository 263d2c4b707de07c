//! Says in words what stopped a plugin.
//!
//! Does not know which rows were concerned.

use wasmtime::{Store, Trap, WasmBacktrace};

use super::Limits;
use super::call::{Stop, clean};
use super::engine::State;
use super::settings::DESCRIBE;
use super::wit::attune::plugin::types::Error;

const MAX_PROBLEMS: usize = 20;
const UNSAID: &str = "stopped at an `unreachable` instruction without saying why";
/// Functions that are named where there is nothing else to say, and characters of a name.
const MAX_FUNCTIONS: usize = 4;
const MAX_NAME: usize = 60;
/// What to do about a plugin that does not even get ready.
pub(super) const NOT_EVEN: &str =
    "mend the plugin, or raise [plugins] deadline_ms or memory_mib if it needs more";

/// What stopped the call that `error` came from.
pub(super) fn explain(error: &wasmtime::Error, store: &Store<State>, limits: &Limits) -> String {
    let state = store.data();
    let trap = error.downcast_ref::<Trap>().copied();
    let seconds = limits.deadline.as_secs_f64();
    let what = match (trap, state.meter.explain()) {
        (Some(Trap::Interrupt), _) => match state.stop {
            Some(Stop::Row) => {
                format!("one row ran longer than its share of the time (limit {seconds} s a call)")
            }
            Some(Stop::Silence) => format!(
                "ran longer than its share of the time and did not say at which row (limit {seconds} s a call)"
            ),
            Some(Stop::Late) | None => format!("ran out of time (limit {seconds} s a call)"),
        },
        (_, Some(refusal)) => refusal,
        (Some(Trap::StackOverflow), _) => {
            "call stack exhausted; does it call itself without end?".into()
        }
        // Compilers keep a stack of their own at the start of the memory.
        (Some(Trap::MemoryOutOfBounds), _) => {
            "memory that is not there was accessed, or the stack is exhausted; does it call itself without end?"
                .into()
        }
        (Some(Trap::UnreachableCodeReached), _) => match &state.last_error {
            Some(text) => text.clone(),
            None => UNSAID.into(),
        },
        (Some(trap), _) => trap.to_string(),
        (None, _) => {
            let text = clean(&error.root_cause().to_string());
            if text.contains("fuel allocated for hostcalls has been exhausted") {
                let most = limits.output_bytes >> 20;
                return format!("returned more than a call may ({most} MiB)");
            }
            text
        }
    };
    let trace = error.downcast_ref::<WasmBacktrace>();
    let frames = || trace.iter().flat_map(|trace| trace.frames());
    let offsets = frames().filter_map(wasmtime::FrameInfo::module_offset);
    if let Some(places) = state.places.name(offsets.collect()) {
        return format!("{what}\n  at {places}");
    }
    match functions(frames().filter_map(wasmtime::FrameInfo::func_name)) {
        Some(functions) if what == UNSAID => format!("{what}, in {functions}"),
        _ => what,
    }
}

/// Some functions by name, innermost first.
fn functions<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let shown = names.take(MAX_FUNCTIONS).map(|name| {
        let name: String = clean(name).chars().take(MAX_NAME).collect();
        format!("`{name}`")
    });
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// The words of an error that the plugin itself returned.
pub(super) fn returned(error: Error) -> String {
    match error {
        Error::Config(problems) => {
            let more = problems.len().saturating_sub(MAX_PROBLEMS);
            let shown = problems.iter().take(MAX_PROBLEMS);
            let mut lines: Vec<String> = shown
                .map(|p| format!("`{}`: {}", clean(&p.path), clean(&p.message)))
                .collect();
            if more > 0 {
                lines.push(format!("and {more} more"));
            }
            format!(
                "cannot use its settings\n{}\nhint: {DESCRIBE}",
                lines.join("\n")
            )
        }
        Error::Input(text) => format!("cannot use this batch: {}", clean(&text)),
        Error::Internal(text) => format!("failed: {}", clean(&text)),
    }
}
