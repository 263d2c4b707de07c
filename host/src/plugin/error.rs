//! Says in words what stopped a plugin.
//!
//! Does not know which rows were concerned.

use wasmtime::{Store, Trap, WasmBacktrace};

use super::Limits;
use super::engine::{State, clean};
use super::settings::DESCRIBE;
use super::wit::attune::plugin::types::Error;

const MAX_FRAMES: usize = 6;
/// What to do about a plugin that does not even get ready.
pub(super) const NOT_EVEN: &str =
    "mend the plugin, or raise [plugins] deadline_ms or memory_mib if it needs more";

/// What stopped the call that `error` came from.
pub(super) fn explain(error: &wasmtime::Error, store: &Store<State>, limits: &Limits) -> String {
    let state = store.data();
    let trap = error.downcast_ref::<Trap>().copied();
    let megabytes = limits.memory_bytes >> 20;
    let seconds = limits.deadline.as_secs_f64();
    let what = match trap {
        Some(Trap::Interrupt) if state.row_too_long => {
            format!("one row ran longer than its share of the time (limit {seconds} s a call)")
        }
        Some(Trap::Interrupt) => format!("ran out of time (limit {seconds} s a call)"),
        _ if state.meter.refused => format!("out of memory (limit {megabytes} MiB)"),
        Some(Trap::StackOverflow) => {
            "call stack exhausted; does it call itself without end?".into()
        }
        // Compilers keep a stack of their own at the start of the memory.
        Some(Trap::MemoryOutOfBounds) => {
            "memory that is not there was accessed, or the stack is exhausted; does it call itself without end?"
                .into()
        }
        Some(Trap::UnreachableCodeReached) => match &state.last_error {
            Some(text) => text.clone(),
            None => "stopped at an `unreachable` instruction without saying why".into(),
        },
        Some(trap) => trap.to_string(),
        None => {
            let text = clean(&format!("{error:#}"));
            if text.contains("fuel allocated for hostcalls has been exhausted") {
                let most = limits.output_bytes >> 20;
                return format!("returned more than a call may ({most} MiB)");
            }
            text
        }
    };
    match error.downcast_ref::<WasmBacktrace>().and_then(frames) {
        Some(frames) => format!("{what}\n  at {frames}"),
        None => what,
    }
}

/// The plugin's own frames that have a file and a line, innermost first, each once.
fn frames(backtrace: &WasmBacktrace) -> Option<String> {
    let mut places: Vec<String> = Vec::new();
    for symbol in backtrace.frames().iter().flat_map(|frame| frame.symbols()) {
        let (Some(file), Some(line)) = (symbol.file(), symbol.line()) else {
            continue;
        };
        if ["/rustc/", "/library/", "/registry/", "rust-src", "dlmalloc"]
            .iter()
            .any(|part| file.contains(part))
        {
            continue;
        }
        let place = format!("{file}:{line}");
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.truncate(MAX_FRAMES);
    (!places.is_empty()).then(|| clean(&places.join(", ")))
}

/// The words of an error that the plugin itself returned.
pub(super) fn returned(error: Error) -> String {
    match error {
        Error::Config(problems) => {
            let lines: Vec<String> = problems
                .iter()
                .map(|p| format!("`{}`: {}", clean(&p.path), clean(&p.message)))
                .collect();
            format!(
                "cannot use its settings\n{}\nhint: {DESCRIBE}",
                lines.join("\n")
            )
        }
        Error::Input(text) => format!("cannot use this batch: {}", clean(&text)),
        Error::Internal(text) => format!("failed: {}", clean(&text)),
    }
}
