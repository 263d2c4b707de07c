//! The machine that plugins run on: its settings, its clock, and the limits of one instance.
//!
//! Does not know what plugins compute, nor what they are offered to call (`imports` does).

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wasmtime::{Config, Engine, OptLevel, Store, UpdateDeadline};

use super::call::{Call, Pace, Stop};
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
    /// The row that the plugin last said it began, and when.
    pub(super) row: Option<(u32, Instant)>,
    /// Why the host stopped the plugin, if it did.
    pub(super) stop: Option<Stop>,
    /// The last line of level `error` in this call: where a panic's text comes through.
    pub(super) last_error: Option<String>,
    pub(super) tokenizer: Arc<dyn TokenizerHost>,
    pub(super) places: Arc<Places>,
    pub(super) call: Arc<Call>,
    begun: Instant,
    pace: Pace,
}

impl State {
    /// Why the plugin should not go on, if there is a reason.
    pub(super) fn stop_at(&self, now: Instant) -> Option<Stop> {
        match self.row {
            _ if now >= self.call.until => Some(Stop::Late),
            Some((_, begun)) if now - begun > self.pace.row => Some(Stop::Row),
            None if now - self.begun > self.pace.silence => Some(Stop::Silence),
            _ => None,
        }
    }

    /// For how long the host may still work for the plugin.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        let own = match self.row {
            Some((_, begun)) => begun + self.pace.row,
            None => self.begun + self.pace.silence,
        };
        own.min(self.call.until).saturating_duration_since(now)
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
        pace,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.output_bytes);
    store.set_max_component_handles(MAX_HANDLES);
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        state.stop = state.stop_at(Instant::now());
        Ok(match state.stop {
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
    state.pace = pace;
    state.row = None;
    state.stop = None;
    state.last_error = None;
    state.meter.refused = None;
}
