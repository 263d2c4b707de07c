//! Calls a plugin: instances that are shared between threads, and, when a batch fails, the search
//! for the rows that made it fail.
//!
//! Does not know what is called; `task`, `labeler` and `shaper` do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::engine::{self, State};
use super::load::Opened;
use super::wit::attune::plugin::types::Error;
use super::wit::exports::attune::plugin::plugin::{Asset, GuestIndices};
use super::{Limits, Spec, TokenizerHost, assets, error, settings};
use crate::role::{CallError, Identity, Outcome};

/// Less than this is not worth starting an instance for.
const LEAST: Duration = Duration::from_millis(20);
/// One row of a batch may have this part of the call's time.
const ROW_SHARE: u32 = 4;
/// When nothing says which row hangs, each attempt gets this part of what is left.
const SEARCH_SHARE: u32 = 3;

/// How a kind's exports are found in an instance.
pub(super) type Bind<G> =
    fn(&InstancePre<State>, &mut Store<State>, &Instance) -> wasmtime::Result<G>;

/// What came of a call to the plugin, once its traps are dealt with.
type Returned<R> = wasmtime::Result<Result<R, Error>>;

struct Live<G> {
    store: Store<State>,
    guest: G,
    used: bool,
}

enum Failure {
    /// The instance is lost.
    Trap {
        message: String,
        row: Option<u32>,
        blamed: bool,
    },
    /// The plugin answered that it cannot, or lied: no part of the batch would go better.
    Refused(String),
}

/// Instances of one plugin, configured alike.
pub(super) struct Pool<G> {
    pub(super) role: &'static str,
    pub(super) identity: Identity,
    pub(super) tokenizer: Arc<dyn TokenizerHost>,
    pre: InstancePre<State>,
    bind: Bind<G>,
    settings: String,
    assets: Vec<Asset>,
    limits: Limits,
    idle: Mutex<Vec<Live<G>>>,
}

impl<G> Pool<G> {
    /// Checks settings and assets, and configures the first instance.
    pub(super) fn new(
        role: &'static str,
        opened: &Opened,
        spec: &Spec,
        tokenizer: Arc<dyn TokenizerHost>,
        bind: Bind<G>,
    ) -> Result<Self> {
        opened.expect_kind(role)?;
        let settings = settings::check(&opened.schema, &spec.settings)?;
        let most = spec.limits.memory_bytes / 4;
        let pool = Pool {
            role,
            identity: opened.identity(),
            tokenizer,
            pre: opened.pre.clone(),
            bind,
            settings: settings.to_string(),
            assets: assets::read(&opened.description.assets, &spec.assets, most)?,
            limits: spec.limits.clone(),
            idle: Mutex::new(Vec::new()),
        };
        let first = pool
            .start(spec.limits.deadline)
            .map_err(|text| anyhow!(text))?;
        pool.put_back(first);
        Ok(pool)
    }

    fn start(&self, budget: Duration) -> Result<Live<G>, String> {
        let (name, limits) = (&self.identity.name, &self.limits);
        let mut store = engine::store(self.pre.engine(), name, limits, self.tokenizer.clone());
        engine::begin(&mut store, budget, budget);
        let configured = self.configure(&mut store);
        engine::end(&mut store);
        match configured {
            Ok((guest, Ok(()))) => Ok(Live {
                store,
                guest,
                used: false,
            }),
            Ok((_, Err(problem))) => Err(error::returned(problem)),
            Err(trap) => Err(format!(
                "`configure`: {}\nhint: {}",
                error::explain(&trap, &store, limits),
                error::NOT_EVEN
            )),
        }
    }

    fn configure(&self, store: &mut Store<State>) -> wasmtime::Result<(G, Result<(), Error>)> {
        let instance = self.pre.instantiate(&mut *store)?;
        let plugin = GuestIndices::new(&self.pre)?.load(&mut *store, &instance)?;
        let guest = (self.bind)(&self.pre, store, &instance)?;
        let answer = plugin.call_configure(&mut *store, &self.settings, &self.assets)?;
        Ok((guest, answer))
    }

    fn put_back(&self, live: Live<G>) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(live);
    }

    fn take(&self, budget: Duration) -> Result<Live<G>, String> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.map_or_else(|| self.start(budget), Ok)
    }

    /// One call in one instance, which is dropped unless it returned.
    fn attempt<R>(
        &self,
        budget: Duration,
        row_limit: Duration,
        call: &dyn Fn(&G, &mut Store<State>) -> Returned<R>,
    ) -> Result<R, Failure> {
        let begun = Instant::now();
        let mut live = self.take(budget).map_err(Failure::Refused)?;
        engine::begin(&mut live.store, budget, row_limit);
        let returned = call(&live.guest, &mut live.store);
        engine::end(&mut live.store);
        match returned {
            Ok(answer) => {
                live.used = true;
                self.put_back(live);
                answer.map_err(|problem| Failure::Refused(error::returned(problem)))
            }
            Err(trap) => {
                let state = live.store.data();
                let left = budget.saturating_sub(begun.elapsed());
                if live.used && state.meter.refused && left > LEAST {
                    // Memory that earlier calls leaked is not this batch's fault.
                    self.idle
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clear();
                    return self.attempt(left, row_limit, call);
                }
                let late = matches!(trap.downcast_ref(), Some(wasmtime::Trap::Interrupt));
                Err(Failure::Trap {
                    message: error::explain(&trap, &live.store, &self.limits),
                    row: state.row.map(|(row, _)| row),
                    blamed: !late || state.row_too_long,
                })
            }
        }
    }

    /// A call that succeeds or fails as a whole.
    pub(super) fn whole<R>(
        &self,
        function: &str,
        call: &dyn Fn(&G, &mut Store<State>) -> Returned<R>,
    ) -> Result<R, CallError> {
        let deadline = self.limits.deadline;
        self.attempt(deadline, deadline, call)
            .map_err(|failure| match failure {
                Failure::Trap { message, .. } | Failure::Refused(message) => {
                    self.error(function, message)
                }
            })
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

    /// A call about `count` rows. `call` is given the rows to send, `check` what came back for
    /// them; rows that make the plugin trap or hang become errors, and the others keep their values.
    pub(super) fn rows<R, T>(
        &self,
        function: &str,
        count: usize,
        call: impl Fn(&G, &mut Store<State>, &[usize]) -> Returned<R>,
        check: impl Fn(R, &[usize]) -> Result<Vec<Outcome<T>>, String>,
    ) -> Result<Vec<Outcome<T>>, CallError> {
        let deadline = self.limits.deadline;
        let until = Instant::now() + 2 * deadline;
        let mut outcomes: Vec<Option<Outcome<T>>> = (0..count).map(|_| None).collect();
        let mut pending: Vec<Vec<usize>> = vec![(0..count).collect()];
        let mut failed: Option<String> = None;
        let mut refused = Refusals {
            function,
            first: None,
            rows: 0,
        };
        let mut searching = false;
        while let Some(rows) = pending.pop() {
            if rows.is_empty() {
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if let (true, Some(first)) = (left < LEAST, &failed) {
                let text = format!("`{function}`: no time was left for this row after: {first}");
                rows.iter()
                    .for_each(|row| outcomes[*row] = Some(Outcome::Error(text.clone())));
                continue;
            }
            let budget = if searching {
                (left / SEARCH_SHARE).max(LEAST)
            } else {
                left
            }
            .min(deadline);
            let row_limit = if rows.len() > 1 {
                budget / ROW_SHARE
            } else {
                budget
            };
            match self.attempt(budget, row_limit, &|guest, store| call(guest, store, &rows)) {
                Ok(returned) => match check(returned, &rows) {
                    Ok(checked) => rows
                        .iter()
                        .zip(checked)
                        .for_each(|(row, outcome)| outcomes[*row] = Some(outcome)),
                    Err(text) => refused.set_aside(text, rows, &mut pending, &mut outcomes),
                },
                Err(Failure::Refused(text)) => {
                    refused.set_aside(text, rows, &mut pending, &mut outcomes);
                }
                Err(Failure::Trap {
                    message,
                    row,
                    blamed,
                }) => {
                    let culprit = row.map(|row| row as usize).filter(|row| *row < rows.len());
                    searching |= culprit.is_none();
                    let bad = divide(rows, culprit, blamed, &mut pending);
                    if let Some(bad) = bad {
                        outcomes[bad] = Some(Outcome::Error(format!("`{function}`: {message}")));
                    }
                    failed.get_or_insert(message);
                }
            }
        }
        if let Some(first) = refused.first.filter(|_| refused.rows == count) {
            // It would be so whatever the rows are.
            return Err(self.error(function, first));
        }
        Ok(outcomes
            .into_iter()
            .map(|o| o.expect("every row was answered or given up"))
            .collect())
    }
}

/// Batches that a plugin refused, or answered with nonsense, without saying which row is to blame.
struct Refusals<'a> {
    function: &'a str,
    first: Option<String>,
    /// Rows that it did so to when asked about them alone.
    rows: usize,
}

impl Refusals<'_> {
    /// Divides the batch to find the rows; one that is alone gets the error.
    fn set_aside<T>(
        &mut self,
        text: String,
        rows: Vec<usize>,
        pending: &mut Vec<Vec<usize>>,
        outcomes: &mut [Option<Outcome<T>>],
    ) {
        if let Some(bad) = divide(rows, None, false, pending) {
            outcomes[bad] = Some(Outcome::Error(format!("`{}`: {text}", self.function)));
            self.rows += 1;
        }
        self.first.get_or_insert(text);
    }
}

/// Takes the row that is to blame out of a failed batch and puts the rest back; when no row is,
/// divides the batch.
fn divide(
    mut rows: Vec<usize>,
    culprit: Option<usize>,
    blamed: bool,
    pending: &mut Vec<Vec<usize>>,
) -> Option<usize> {
    match culprit {
        _ if rows.len() == 1 => rows.pop(),
        Some(place) if blamed => {
            let bad = rows.remove(place);
            pending.push(rows);
            Some(bad)
        }
        // The batch was slow rather than one row: what was reached is run again by itself.
        place => {
            let middle = place.filter(|place| *place > 0).unwrap_or(rows.len() / 2);
            let second = rows.split_off(middle);
            pending.push(second);
            pending.push(rows);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_to_blame_is_taken_out() {
        let mut pending = Vec::new();
        assert_eq!(divide(vec![3, 5, 8], Some(1), true, &mut pending), Some(5));
        assert_eq!(pending, [[3, 8]]);
    }

    #[test]
    fn a_batch_without_a_culprit_is_halved() {
        let mut pending = Vec::new();
        assert_eq!(divide(vec![3, 5, 8, 9], None, true, &mut pending), None);
        assert_eq!(pending, [[8, 9], [3, 5]]);
        assert_eq!(divide(vec![7], None, false, &mut pending), Some(7));
    }
}
