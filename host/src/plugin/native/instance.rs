//! A configured plugin of a library, called as an instance of a component is.
//!
//! Functions go by their names in the contract, and their parameters as one tuple.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::Store;

use super::abi::{Bytes, Host, Table};
use super::library::Library;
use super::talk;
use crate::plugin::contract::{Labeler, Plugin, Returned, Shaper, Task};
use crate::plugin::engine::State;
use crate::plugin::wit::attune::plugin::types::{CallContext, Error, Rollouts, TextColumn};
use crate::plugin::wit::exports::attune::plugin::{
    labeler_plugin as labeler, plugin, shaper_plugin as shaper, task_plugin as task,
};

/// One plugin, before and after it is configured. The store beside it holds its state in the host, as
/// it does for a component, and no code.
pub(in super::super) struct Instance {
    library: Library,
    made: OnceLock<Made>,
}

/// What `configure` made.
struct Made {
    table: &'static Table,
    plugin: NonNull<c_void>,
}

// SAFETY: the SDK makes it of a type that is `Send` and `Sync`.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: `configure` of this table made it, and this is the end of it.
        unsafe { (self.table.discard)(self.plugin.as_ptr()) }
    }
}

impl Instance {
    /// A plugin that is yet to be configured.
    pub(in super::super) fn of(library: Library) -> Self {
        Instance {
            library,
            made: OnceLock::new(),
        }
    }

    fn call<R: DeserializeOwned>(
        &self,
        store: &mut Store<State>,
        function: &str,
        input: &impl Serialize,
    ) -> Returned<R> {
        let Some(made) = self.made.get() else {
            return Ok(Err(Error::Input("called before configure".into())));
        };
        let function = Bytes::of(function.as_bytes());
        talk::answered(store, input, |host, input| {
            // SAFETY: `host` and `input` are lent for the call, and the plugin is there.
            unsafe { (made.table.call)(host, made.plugin.as_ptr(), function, input) }
        })
    }
}

impl Plugin for Instance {
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<plugin::Description> {
        let table = self.library.table();
        // SAFETY: `host` is lent for the call.
        talk::answered(store, &(), |host, _| unsafe { (table.describe)(host) })
    }

    fn configure(
        &self,
        store: &mut Store<State>,
        settings: &str,
        assets: &[plugin::Asset],
    ) -> Returned<()> {
        let table = self.library.table();
        let mut place = ptr::null_mut();
        let configure = |host: *const Host, input| {
            // SAFETY: `host`, `input` and the place are lent for the call.
            unsafe { (table.configure)(host, input, &raw mut place) }
        };
        let answer = talk::answered(store, &(settings, assets), configure);
        if let Some(plugin) = NonNull::new(place) {
            // One that was configured before would be the plugin's own mistake, and stays.
            let _ = self.made.set(Made { table, plugin });
        }
        answer
    }
}

impl Task for Instance {
    fn layout(&self, store: &mut Store<State>) -> Returned<task::TaskLayout> {
        self.call(store, "layout", &())
    }

    fn queries(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        ids: &[u64],
        rows: &TextColumn,
    ) -> Returned<task::QueryBatch> {
        self.call(store, "queries", &(context, ids, rows))
    }

    fn finish(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<task::Endings> {
        self.call(store, "finish", &(context, batch))
    }

    fn evaluate(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<task::Evaluation> {
        self.call(store, "evaluate", &(context, batch))
    }

    fn baselines(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<Vec<task::Baseline>> {
        self.call(store, "baselines", &(context, batch))
    }
}

impl Labeler for Instance {
    fn judge(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &labeler::Groups,
    ) -> Returned<labeler::Judgements> {
        self.call(store, "judge", &(context, batch))
    }

    fn annotate(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &labeler::Groups,
    ) -> Returned<Vec<labeler::Hint>> {
        self.call(store, "annotate", &(context, batch))
    }
}

impl Shaper for Instance {
    fn shape(
        &self,
        store: &mut Store<State>,
        context: CallContext,
        batch: &Rollouts,
    ) -> Returned<shaper::Shaped> {
        self.call(store, "shape", &(context, batch))
    }
}
