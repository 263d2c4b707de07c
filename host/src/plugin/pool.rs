//! Instances of one plugin, shared between threads: made, configured, called, and thrown away when
//! something went wrong in them, they served long enough, or keep memory that they need no more.
//!
//! Does not know what is called; `task`, `labeler` and `shaper` do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use wasmtime::Store;

use super::call::{Call, Pace, Stop};
use super::contract::{Plugin, Returned, Version};
use super::engine::{self, State};
use super::kind::Kind;
use super::native;
use super::opened::{Code, Opened};
use super::places::Places;
use super::search::{self, Failure, Piece};
use super::wit::exports::attune::plugin::plugin::Asset;
use super::{Limits, Spec, TokenizerHost, assets, error, patience, settings};
use crate::role::{CallError, Identity, Outcome};

/// An instance may hold this part of its memory limit more than when it was configured.
const MAX_GROWTH: usize = 4;

/// An instance that was configured.
struct Live<G: ?Sized> {
    store: Store<State>,
    guest: Box<G>,
    /// Memory that it had when it was configured.
    baseline: usize,
    calls: u64,
}

/// What was made of an instance's answer.
struct Read<A> {
    answer: A,
    /// Whether nothing in it went wrong.
    sound: bool,
}

/// Instances of one plugin, configured alike.
pub(super) struct Pool<G: ?Sized> {
    pub(super) role: &'static str,
    pub(super) identity: Identity,
    pub(super) tokenizer: Arc<dyn TokenizerHost>,
    places: Arc<Places>,
    code: Code,
    version: &'static Version,
    settings: String,
    assets: Vec<Asset>,
    limits: Limits,
    idle: Mutex<Vec<Live<G>>>,
}

impl<G: ?Sized + Kind> Pool<G> {
    /// Checks settings and assets, and configures the first instance.
    pub(super) fn new(
        role: &'static str,
        opened: &Opened,
        spec: &Spec,
        tokenizer: Arc<dyn TokenizerHost>,
    ) -> Result<Self> {
        opened.expect_kind(role)?;
        let settings = settings::check(&opened.description.schema, &spec.settings)?;
        let most = spec.limits.memory_bytes / 4;
        let pool = Pool {
            role,
            identity: opened.identity(),
            tokenizer,
            places: opened.places.clone(),
            code: opened.code.clone(),
            version: opened.version,
            settings: settings.to_string(),
            assets: assets::read(&opened.description.assets, &spec.assets, most)?,
            limits: match opened.code {
                Code::Component(_) => spec.limits.clone(),
                Code::Library(_) => native::limits(&spec.limits),
            },
            idle: Mutex::new(Vec::new()),
        };
        let call = pool.call();
        let first = patience::roomy(|| pool.start(&call)).and_then(|started| started);
        pool.keep(first.map_err(|text| anyhow!(assets::named(text, &spec.assets)))?);
        Ok(pool)
    }

    /// A call that begins now.
    fn call(&self) -> Arc<Call> {
        Arc::new(Call::new(&self.identity.name, &self.limits))
    }

    /// A new instance, as a part of `call`.
    fn start(&self, call: &Arc<Call>) -> Result<Live<G>, String> {
        let limits = &self.limits;
        let (tokenizer, places) = (self.tokenizer.clone(), self.places.clone());
        let mut store = engine::store(engine::engine()?, limits, tokenizer, places, call);
        match self.configure(&mut store) {
            Ok((guest, Ok(()))) => Ok(Live {
                baseline: store.data().meter.used,
                store,
                guest,
                calls: 0,
            }),
            Ok((_, Err(problem))) => Err(error::returned(problem)),
            Err(trap) => Err(format!(
                "`configure`: {}\nhint: {}",
                error::explain(&trap, &store, limits),
                error::NOT_EVEN
            )),
        }
    }

    fn configure(
        &self,
        store: &mut Store<State>,
    ) -> wasmtime::Result<(Box<G>, Result<(), super::wit::attune::plugin::types::Error>)> {
        let (settings, assets) = (&self.settings, &self.assets);
        match &self.code {
            Code::Component(pre) => {
                let instance = pre.instantiate(&mut *store)?;
                let plugin = (self.version.plugin)(pre, store, &instance)?;
                let guest = G::bind(self.version)(pre, store, &instance)?;
                Ok((guest, plugin.configure(store, settings, assets)?))
            }
            Code::Library(library) => {
                let instance = native::Instance::of(*library);
                let answer = instance.configure(store, settings, assets)?;
                Ok((G::native(instance), answer))
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Live<G>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an instance for the next call, unless it is better to begin with a new one.
    fn keep(&self, live: Live<G>) {
        let grown = live.store.data().meter.used - live.baseline;
        let worn = live.calls >= self.limits.calls_per_instance;
        let mut idle = self.idle();
        if worn
            || grown > self.limits.memory_bytes / MAX_GROWTH
            || idle.len() >= self.limits.threads
        {
            drop(idle);
            drop(live);
        } else {
            idle.push(live);
        }
    }

    /// One call in one instance, an idle one or a fresh one. It is kept if all went well: what went
    /// wrong may have left it other than it was.
    fn attempt<R, A>(
        &self,
        call: &Arc<Call>,
        pace: Pace,
        fresh: bool,
        ask: &dyn Fn(&G, &mut Store<State>) -> Returned<R>,
        read: &dyn Fn(R) -> Result<Read<A>, String>,
    ) -> Result<A, Failure> {
        let idle = if fresh { None } else { self.idle().pop() };
        let mut live = match idle {
            Some(live) => live,
            None => self.start(call).map_err(Failure::NoInstance)?,
        };
        engine::begin(&mut live.store, call, pace);
        live.calls += 1;
        match ask(&live.guest, &mut live.store) {
            Ok(answer) => {
                let answer = answer.map_err(error::returned).and_then(read);
                let Read { answer, sound } = answer.map_err(Failure::Refused)?;
                if sound {
                    self.keep(live);
                }
                Ok(answer)
            }
            Err(trap) => {
                let state = live.store.data();
                if live.calls > 1 && state.meter.refused.is_some() && !call.left().is_zero() {
                    // Memory that earlier calls leaked is not this batch's fault.
                    drop(live);
                    self.idle().clear();
                    return self.attempt(call, pace, fresh, ask, read);
                }
                let message = error::explain(&trap, &live.store, &self.limits);
                Err(match state.stop {
                    Some(Stop::Late) => Failure::Late(message),
                    _ => Failure::Lost {
                        message,
                        row: state.row.map(|begun| begun.row as usize),
                    },
                })
            }
        }
    }

    /// A call that succeeds or fails as a whole.
    pub(super) fn whole<R: Send>(
        &self,
        function: &str,
        ask: &(dyn Fn(&G, &mut Store<State>) -> Returned<R> + Sync),
    ) -> Result<R, CallError> {
        let call = self.call();
        let read = |answer| {
            Ok(Read {
                answer,
                sound: true,
            })
        };
        let pace = Pace::free(&call);
        let answer = patience::roomy(|| self.attempt(&call, pace, false, ask, &read));
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(
                Failure::Lost { message, .. }
                | Failure::Late(message)
                | Failure::Refused(message)
                | Failure::NoInstance(message),
            ))
            | Err(message) => Err(self.error(function, message)),
        }
    }

    /// The error of a whole call.
    pub(super) fn error(&self, function: &str, message: impl std::fmt::Display) -> CallError {
        CallError {
            role: self.role,
            name: self.identity.name.clone(),
            message: format!(
                "`{function}`: {message}\nhint: mend the plugin; no row is to blame, so [plugins] on_error \
                 does not apply"
            ),
        }
    }

    /// A call about `count` rows. `ask` is given the rows to send, `check` what came back for
    /// them; rows that make the plugin trap or hang become errors, and the others keep their values.
    pub(super) fn rows<R, T: Send>(
        &self,
        function: &str,
        count: usize,
        ask: impl Fn(&G, &mut Store<State>, &[usize]) -> Returned<R> + Sync,
        check: impl Fn(R, &[usize]) -> Result<Vec<Outcome<T>>, String> + Sync,
    ) -> Result<Vec<Outcome<T>>, CallError> {
        let call = self.call();
        let answer = |piece: &Piece, pace: Pace| {
            let Piece { rows, again } = piece;
            let ask = |guest: &G, store: &mut Store<State>| ask(guest, store, rows);
            let read = |answered| {
                let answer = check(answered, rows)?;
                let failed = |outcome: &Outcome<T>| matches!(outcome, Outcome::Error(_));
                let sound = !answer.iter().any(failed);
                Ok(Read { answer, sound })
            };
            self.attempt(&call, pace, *again, &ask, &read)
        };
        search::rows(function, count, self.limits.threads, &call, &answer)
            .map_err(|text| self.error(function, text))
    }
}
