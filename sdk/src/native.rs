//! The plugin as a shared library, for hosts that trust it: what they call, and what it calls.
//!
//! The batch loops, the settings and the packing are those of the component. A panic is caught at the
//! edge, and the host hears of it as it hears of a component's trap.

mod abi;
mod host;
mod math;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Serialize, de::DeserializeOwned};

pub use self::abi::Table;
use self::abi::{ANSWERED, Bytes, Call, Host, PANICKED};
pub(crate) use self::host::{is_here, log, row, tokenizer};
use crate::{
    Component, Labeler, Plugin, Shaper, Task,
    bindings::{exports::attune::plugin::plugin::Asset, types::Error},
    labeler, plugin, shaper, task,
};

/// The contract's version, as its text has it.
const CONTRACT: &str = "0.1.0";

/// The table of a task.
pub const fn task<C: Component<Plugin: Task>>() -> Table {
    table::<C>(b"task", call_task::<C::Plugin>)
}

/// The table of a labeler.
pub const fn labeler<C: Component<Plugin: Labeler>>() -> Table {
    table::<C>(b"labeler", call_labeler::<C::Plugin>)
}

/// The table of a shaper.
pub const fn shaper<C: Component<Plugin: Shaper>>() -> Table {
    table::<C>(b"shaper", call_shaper::<C::Plugin>)
}

const fn table<C: Component>(kind: &'static [u8], call: Call) -> Table {
    Table {
        contract: Bytes::of(CONTRACT.as_bytes()),
        kind: Bytes::of(kind),
        unwinds: cfg!(panic = "unwind") as u32,
        describe: describe::<C>,
        configure: configure::<C::Plugin>,
        call,
        discard: discard::<C::Plugin>,
    }
}

unsafe extern "C" fn describe<C: Component>(host: *const Host) -> u32 {
    // SAFETY: the host lends `host`.
    unsafe { serve(host, Bytes::of(&[]), |()| plugin::describe::<C>()) }
}

unsafe extern "C" fn configure<P: Plugin>(
    host: *const Host,
    input: Bytes,
    place: *mut *mut c_void,
) -> u32 {
    let configure = |(settings, assets): (String, Vec<Asset>)| -> Result<(), Error> {
        let made = Box::into_raw(Box::new(plugin::configure::<P>(&settings, assets)?));
        // SAFETY: the host lends the place.
        unsafe { place.write(made.cast()) };
        Ok(())
    };
    // SAFETY: the host lends `host` and `input`.
    unsafe { serve(host, input, configure) }
}

unsafe extern "C" fn discard<P: Plugin>(plugin: *mut c_void) {
    // SAFETY: `configure` made it of a box of this type, and the host gives it back once.
    let plugin = unsafe { Box::from_raw(plugin.cast::<P>()) };
    // A plugin that cannot even go away does so without a word.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(plugin)));
}

unsafe extern "C" fn call_task<P: Task>(
    host: *const Host,
    plugin: *const c_void,
    function: Bytes,
    input: Bytes,
) -> u32 {
    // SAFETY: `configure` made the plugin, of this type, and the host keeps it while it is called;
    // the host lends the rest.
    unsafe {
        let plugin = &*plugin.cast::<P>();
        match function.get() {
            b"layout" => serve(host, input, |()| task::layout(plugin)),
            b"queries" => serve(host, input, |(context, ids, rows): (_, Vec<u64>, _)| {
                task::queries(plugin, context, &ids, &rows).map(|(packed, _)| packed)
            }),
            b"finish" => serve(host, input, |(context, batch)| {
                task::finish(plugin, context, &batch).map(|(packed, _)| packed)
            }),
            b"evaluate" => serve(host, input, |(context, batch)| {
                task::evaluate(plugin, context, &batch).map(|(packed, _)| packed)
            }),
            b"baselines" => serve(host, input, |(context, batch)| {
                task::baselines(plugin, context, &batch)
            }),
            _ => unknown(host),
        }
    }
}

unsafe extern "C" fn call_labeler<P: Labeler>(
    host: *const Host,
    plugin: *const c_void,
    function: Bytes,
    input: Bytes,
) -> u32 {
    // SAFETY: as in `call_task`.
    unsafe {
        let plugin = &*plugin.cast::<P>();
        match function.get() {
            b"judge" => serve(host, input, |(context, groups)| {
                labeler::rows(plugin, context, &groups).map(|(packed, _)| packed)
            }),
            b"annotate" => serve(host, input, |(context, groups)| {
                labeler::hints(plugin, context, &groups)
            }),
            _ => unknown(host),
        }
    }
}

unsafe extern "C" fn call_shaper<P: Shaper>(
    host: *const Host,
    plugin: *const c_void,
    function: Bytes,
    input: Bytes,
) -> u32 {
    // SAFETY: as in `call_task`.
    unsafe {
        let plugin = &*plugin.cast::<P>();
        match function.get() {
            b"shape" => serve(host, input, |(context, batch)| {
                shaper::rows(plugin, context, &batch).map(|(packed, _)| packed)
            }),
            _ => unknown(host),
        }
    }
}

/// # Safety
///
/// As for [`serve`].
unsafe fn unknown(host: *const Host) -> u32 {
    // SAFETY: the caller's.
    unsafe {
        serve(host, Bytes::of(&[]), |()| -> () {
            panic!("no such function")
        })
    }
}

/// Answers one call: unpacks its input, works on it with the host at hand, hands the answer over. A
/// panic ends the call, not the process; the host lets go of the plugin then.
///
/// # Safety
///
/// `host` and `input` must be whole until this returns.
unsafe fn serve<I: DeserializeOwned, O: Serialize>(
    host: *const Host,
    input: Bytes,
    work: impl FnOnce(I) -> O,
) -> u32 {
    crate::log::install_panic_hook();
    // SAFETY: the host is whole until this returns, and the presence ends before.
    let presence = unsafe { host::enter(host) };
    let served = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the bytes are lent until this returns.
        let input = unsafe { input.get() };
        let input = postcard::from_bytes(input).expect("the host speaks this contract");
        let answer = postcard::to_allocvec(&work(input));
        host::answer(&answer.expect("the contract's records can be packed"));
    }));
    drop(presence);
    match served {
        Ok(()) => ANSWERED,
        Err(_) => PANICKED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_and_contract_are_those_that_the_host_looks_for() {
        let symbol = format!("\"{}{}_\"", abi::SYMBOL, abi::VERSION);
        assert!(include_str!("lib.rs").contains(&symbol), "{symbol}");
        let package = format!("package attune:plugin@{CONTRACT};");
        assert!(include_str!("../wit/0.1/plugin.wit").contains(&package));
    }
}
