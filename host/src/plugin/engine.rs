//! The machine that plugins run on: its settings, its clock, and the limits of one instance.
//!
//! Does not know what plugins compute, nor what they are offered to call (`imports` does).

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wasmtime::{Config, Engine, OptLevel, Store, UpdateDeadline};

use super::call::{Call, Pace, Stop};
use super::effort;
use super::meter::Meter;
use super::patience::PLUGIN_STACK;
use super::places::Places;
use super::{Limits, TokenizerHost};

/// How often running plugins are looked at.
const TICK: Duration = Duration::from_millis(10);
/// Handles lie in the host's memory, and plugins of this contract have none.
const MAX_HANDLES: usize = 1024;

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
    config.max_wasm_stack(PLUGIN_STACK);
    config.epoch_interruption(true);
    config.cranelift_opt_level(OptLevel::Speed);
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

/// What the host keeps beside each instance.
pub(super) struct State {
    pub(super) meter: Meter,
    /// The row that the plugin last said it began.
    pub(super) row: Option<Begun>,
    /// Why the host stopped the plugin, if it did.
    pub(super) stop: Option<Stop>,
    /// The last line of level `error` in this call: where a panic's text comes through.
    pub(super) last_error: Option<String>,
    pub(super) tokenizer: Arc<dyn TokenizerHost>,
    pub(super) places: Arc<Places>,
    pub(super) call: Arc<Call>,
    begun: Instant,
    /// How long the thread had been kept waiting by then.
    starved: Duration,
    pace: Pace,
}

/// A row that was begun.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    pub(super) row: u32,
    at: Instant,
    /// How long the plugin had been kept waiting by then, as far as was known.
    starved: Duration,
}

impl State {
    /// Notes that the plugin is at this row now.
    pub(super) fn begin_row(&mut self, row: u32) {
        self.row = Some(Begun {
            row,
            at: Instant::now(),
            starved: effort::starved(),
        });
    }

    /// Why the plugin should not go on, if there is a reason. What a busy machine gives to others is not taken from
    /// its time.
    pub(super) fn look(&mut self) -> Option<Stop> {
        self.call.lengthen(effort::look());
        let now = Instant::now();
        let (spent, most) = self.spent(now);
        self.stop = match self.row {
            _ if now >= self.call.until() => Some(Stop::Late),
            Some(_) if spent > most => Some(Stop::Row),
            None if spent > most => Some(Stop::Silence),
            _ => None,
        };
        self.stop
    }

    /// For how long the host may still work for the plugin.
    pub(super) fn patience(&self) -> Duration {
        let (spent, most) = self.spent(Instant::now());
        most.saturating_sub(spent).min(self.call.left())
    }

    /// What the plugin has spent on what it is at, and what it may.
    fn spent(&self, now: Instant) -> (Duration, Duration) {
        let (begun, before, most) = match self.row {
            Some(row) => (row.at, row.starved, self.pace.row),
            None => (self.begun, self.starved, self.pace.silence),
        };
        let starved = effort::starved().saturating_sub(before);
        ((now - begun).saturating_sub(starved), most)
    }
}

/// A store whose code is looked at every tick.
pub(super) fn store(
    engine: &Engine,
    limits: &Limits,
    tokenizer: Arc<dyn TokenizerHost>,
    places: Arc<Places>,
    call: &Arc<Call>,
) -> Store<State> {
    let pace = Pace::free(call);
    let state = State {
        meter: Meter::new(limits.memory_bytes),
        row: None,
        stop: None,
        last_error: None,
        tokenizer,
        places,
        call: call.clone(),
        begun: Instant::now(),
        starved: effort::starved(),
        pace,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.output_bytes);
    store.set_max_component_handles(MAX_HANDLES);
    store.epoch_deadline_callback(|mut context| {
        Ok(match context.data_mut().look() {
            Some(_) => UpdateDeadline::Interrupt,
            None => UpdateDeadline::Continue(1),
        })
    });
    begin(&mut store, call, pace);
    store
}

/// Makes what runs in the store next a part of `call`.
pub(super) fn begin(store: &mut Store<State>, call: &Arc<Call>, pace: Pace) {
    store.set_epoch_deadline(1);
    let state = store.data_mut();
    state.call = call.clone();
    state.begun = Instant::now();
    state.starved = effort::starved();
    state.pace = pace;
    state.row = None;
    state.stop = None;
    state.last_error = None;
    state.meter.refused = None;
}
