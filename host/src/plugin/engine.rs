//! The machine that plugins run on: its settings, its clock, and the limits of one instance.
//!
//! Does not know what plugins compute.

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wasmtime::{Config, Engine, OptLevel, ResourceLimiter, Store, UpdateDeadline};

use super::wit::attune::plugin::{log, progress, tokenizer, types};
use super::{Limits, TokenizerHost};

/// How often running plugins are looked at.
const TICK: Duration = Duration::from_millis(10);
const MAX_TABLE_ELEMENTS: usize = 100_000;
const MAX_LOG_LINE: usize = 2000;
/// A host call with more text than this is a mistake, and its time could not be interrupted.
const MAX_TOKENIZER_BYTES: usize = 16 << 20;

/// The one engine of the process, with its ticker.
pub(super) fn engine() -> Result<&'static Engine, String> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    ENGINE
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(Clone::clone)
}

fn build() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_memory64(false);
    config.wasm_relaxed_simd(false); // the only SIMD whose results differ between processors
    config.max_wasm_stack(512 << 10);
    config.epoch_interruption(true);
    config.cranelift_opt_level(OptLevel::Speed);
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    let engine = Engine::new(&config)?;
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("plugin-clock".into())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
    Ok(engine)
}

/// Counts the memory of all of an instance's memories together, and remembers a refusal: out of
/// memory, a Rust guest traps without a word.
pub(super) struct Meter {
    limit: usize,
    used: usize,
    /// Whether the instance asked for more than it may have.
    pub(super) refused: bool,
}

impl Meter {
    pub(super) fn new(limit: usize) -> Self {
        Meter {
            limit,
            used: 0,
            refused: false,
        }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        if total > self.limit {
            self.refused = true;
            return Ok(false);
        }
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.used = total;
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= MAX_TABLE_ELEMENTS;
        self.refused |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        8
    }
}

/// What the host keeps beside each instance.
pub(super) struct State {
    pub(super) meter: Meter,
    /// The row that the plugin last said it began, and when.
    pub(super) row: Option<(u32, Instant)>,
    /// Whether the call was stopped because one row ran too long.
    pub(super) row_too_long: bool,
    /// The last line of level `error` in this call: where a panic's text comes through.
    pub(super) last_error: Option<String>,
    name: String,
    tokenizer: Arc<dyn TokenizerHost>,
    until: Instant,
    row_limit: Duration,
    lines_left: usize,
    suppressed: u64,
    max_lines: usize,
}

/// A store whose code is looked at every tick.
pub(super) fn store(
    engine: &Engine,
    name: &str,
    limits: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Store<State> {
    let state = State {
        meter: Meter::new(limits.memory_bytes),
        row: None,
        row_too_long: false,
        last_error: None,
        name: name.to_owned(),
        tokenizer,
        until: Instant::now(),
        row_limit: limits.deadline,
        lines_left: limits.log_lines,
        suppressed: 0,
        max_lines: limits.log_lines,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.output_bytes);
    store.epoch_deadline_callback(|context| {
        let state = context.data();
        let now = Instant::now();
        let row_too_long = state
            .row
            .is_some_and(|(_, begun)| now - begun > state.row_limit);
        let late = now >= state.until;
        let mut context = context;
        context.data_mut().row_too_long = row_too_long;
        Ok(if late || row_too_long {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Continue(1)
        })
    });
    store
}

/// Gives the store's next call `budget` of time, of which one row may have `row_limit`.
pub(super) fn begin(store: &mut Store<State>, budget: Duration, row_limit: Duration) {
    store.set_epoch_deadline(1);
    let state = store.data_mut();
    state.until = Instant::now() + budget;
    state.row_limit = row_limit;
    state.row = None;
    state.row_too_long = false;
    state.last_error = None;
    state.meter.refused = false;
    state.lines_left = state.max_lines;
}

/// Says how many lines of the call were not shown.
pub(super) fn end(store: &mut Store<State>) {
    let state = store.data_mut();
    let suppressed = std::mem::take(&mut state.suppressed);
    if suppressed > 0 {
        show(
            &state.name,
            "warn",
            &format!(
                "{suppressed} more lines were not shown (limit {})",
                state.max_lines
            ),
        );
    }
}

fn show(name: &str, level: &str, line: &str) {
    // A closed stderr is no reason to stop a run.
    let _ = writeln!(std::io::stderr().lock(), "{name}: {level}: {line}");
}

/// Text of a plugin as it may be shown on a terminal: no escapes, one line, not endless.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .take(MAX_LOG_LINE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        let line = clean(&message);
        if matches!(level, log::Level::Error) {
            self.last_error = Some(line.clone());
        }
        let level = match level {
            log::Level::Debug => return,
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        if self.lines_left == 0 {
            self.suppressed += 1;
            return;
        }
        self.lines_left -= 1;
        show(&self.name, level, &line);
    }
}

impl progress::Host for State {
    fn row(&mut self, row: u32) {
        self.row = Some((row, Instant::now()));
    }
}

impl tokenizer::Host for State {
    fn encode(&mut self, texts: types::TextColumn) -> types::TokenColumn {
        let mut column = types::TokenColumn {
            data: Vec::new(),
            ends: Vec::new(),
        };
        let mut start = 0;
        let too_much = texts.data.len() > MAX_TOKENIZER_BYTES;
        for end in texts.ends {
            let bytes = texts.data.get(start..end as usize).unwrap_or_default();
            if !too_much && Instant::now() < self.until {
                for id in self.tokenizer.encode(&String::from_utf8_lossy(bytes)) {
                    column.data.extend(id.to_le_bytes());
                }
            }
            column.ends.push((column.data.len() / 4) as u32);
            start = end as usize;
        }
        column
    }

    fn decode(&mut self, tokens: types::TokenColumn) -> types::TextColumn {
        let ids: Vec<u32> = tokens
            .data
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| u32::from_le_bytes(*b))
            .collect();
        let mut column = types::TextColumn {
            data: Vec::new(),
            ends: Vec::new(),
        };
        let mut start = 0;
        let size = self.tokenizer.vocab_size();
        for end in tokens.ends {
            let row = ids.get(start..end as usize).unwrap_or_default();
            let known: Vec<u32> = row.iter().copied().filter(|id| *id < size).collect();
            if Instant::now() < self.until {
                column
                    .data
                    .extend(self.tokenizer.decode(&known).into_bytes());
            }
            column.ends.push(column.data.len() as u32);
            start = end as usize;
        }
        column
    }

    fn vocab_size(&mut self) -> u32 {
        self.tokenizer.vocab_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meter_sums_all_memories_and_remembers_refusals() {
        let mut meter = Meter::new(100);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.refused);
        assert!(meter.memory_growing(60, 100, None).unwrap());
    }

    #[test]
    fn terminal_escapes_are_taken_out() {
        assert_eq!(clean("a\u{1b}[31m\nb"), "a [31m b");
    }
}
