//! The host, as the thread of a call sees it: the log, the progress and the tokenizer go there.
//!
//! Outside a call there is none, and [`testing`](crate::testing) stands in.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Serialize, de::DeserializeOwned};

use super::abi::{ANSWERED, Bytes, Host};
use crate::log::Level;

thread_local! {
    /// Not null while this thread answers a call.
    static HOST: Cell<*const Host> = const { Cell::new(ptr::null()) };
}

/// Whether a host has ever called: this is no test then, and nothing may stand in for the host.
static LOADED: AtomicBool = AtomicBool::new(false);

/// Ends the host's presence when it is dropped, in a panic too.
pub(super) struct Presence(());

impl Drop for Presence {
    fn drop(&mut self) {
        HOST.set(ptr::null());
    }
}

/// Makes `host` the one that this thread talks to.
///
/// # Safety
///
/// `host` must be whole until what is returned is dropped, on this thread.
pub(super) unsafe fn enter(host: *const Host) -> Presence {
    LOADED.store(true, Ordering::Relaxed);
    HOST.set(host);
    Presence(())
}

fn with<T>(talk: impl FnOnce(&Host) -> T) -> Option<T> {
    // SAFETY: it is null, or `enter` was told that it is whole until it is null again.
    unsafe { HOST.get().as_ref() }.map(talk)
}

/// Hands the call's answer over.
pub(super) fn answer(bytes: &[u8]) {
    // SAFETY: the host's function takes the host's state, and copies the bytes before it returns.
    with(|host| unsafe { (host.answer)(host.state, Bytes::of(bytes)) });
}

/// Whether this thread answers a call.
pub(crate) fn is_here() -> bool {
    !HOST.get().is_null()
}

/// Tells the host which row comes next.
pub(crate) fn row(row: u32) {
    // SAFETY: the host's function takes the host's state.
    with(|host| unsafe { (host.row)(host.state, row) });
}

/// Writes to the host's log; `false` if nobody could hear it but a test.
pub(crate) fn log(level: Level, message: &str) -> bool {
    // SAFETY: the host's function takes the host's state, and copies the bytes before it returns.
    let line = |host: &Host| unsafe {
        (host.log)(host.state, level as u32, Bytes::of(message.as_bytes()))
    };
    if with(line).is_some() {
        return true;
    }
    let loaded = LOADED.load(Ordering::Relaxed);
    if loaded {
        use std::io::Write;
        // A thread of the plugin's own belongs to no call. A closed stderr is no reason to stop.
        let _ = writeln!(std::io::stderr().lock(), "{message}");
    }
    loaded
}

/// What the host's tokenizer says; `None` in a test.
pub(crate) fn tokenizer<I: Serialize, O: DeserializeOwned>(function: &str, input: &I) -> Option<O> {
    unsafe extern "C" fn take(taker: *mut c_void, bytes: Bytes) {
        // SAFETY: `taker` is the vector below, which nobody uses meanwhile; the bytes are lent.
        unsafe { (*taker.cast::<Vec<u8>>()).extend_from_slice(bytes.get()) }
    }
    let input = postcard::to_allocvec(input).expect("the contract's records can be packed");
    let mut answer: Vec<u8> = Vec::new();
    let taker = (&raw mut answer).cast();
    let ask = |host: &Host| {
        let (function, input) = (Bytes::of(function.as_bytes()), Bytes::of(&input));
        // SAFETY: the host's function takes the host's state, and calls `take` with `taker`, if at
        // all, before it returns.
        unsafe { (host.tokenizer)(host.state, function, input, taker, take) }
    };
    match with(ask) {
        Some(ANSWERED) => {
            Some(postcard::from_bytes(&answer).expect("the host speaks this contract"))
        }
        Some(_) => panic!("the tokenizer does not answer"),
        None if LOADED.load(Ordering::Relaxed) => {
            panic!("the tokenizer was asked on another thread than the call's")
        }
        None => None,
    }
}
