//! What a plugin's native build and the host agree on, in C's terms: a table that the library
//! exports, and one that the host hands over with each call.
//!
//! This file is compiled into both, and nothing else is shared: neither the language's own calling
//! convention, nor memory, nor a type. Bytes are lent for the time of a call; they hold the contract's
//! records, packed by postcard.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the SDK makes what the host reads, and the other way round"
)]

use std::ffi::c_void;

/// Raised when anything in this file changes. A library for another version is not even loaded.
pub const VERSION: u32 = 1;

/// How the name of a library's table begins; the version, `_` and the crate's name follow, so that
/// two plugins can be linked into one test.
pub const SYMBOL: &str = "attune_plugin_";

/// The call was answered.
pub const ANSWERED: u32 = 0;
/// The callee panicked; its log says why.
pub const PANICKED: u32 = 1;

/// Bytes that are lent for the time of a call.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Bytes {
    data: *const u8,
    len: usize,
}

impl Bytes {
    /// Lends `bytes`.
    pub const fn of(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.len
    }

    /// The bytes.
    ///
    /// # Safety
    ///
    /// The lender must not take them back, or write to them, during `'a`.
    pub unsafe fn get<'a>(self) -> &'a [u8] {
        // SAFETY: they were made of a slice by `of`, and the caller vouches for `'a`.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

/// Takes bytes from one side to the other.
pub type Take = unsafe extern "C" fn(taker: *mut c_void, bytes: Bytes);

/// What a library exports.
///
/// Functions return `ANSWERED` once they have handed their answer over by `Host::answer`.
/// `host`, with all that it points to, is lent to them.
#[repr(C)]
pub struct Table {
    /// The contract's version, such as `0.1.0`.
    pub contract: Bytes,
    /// `task`, `labeler` or `shaper`.
    pub kind: Bytes,
    /// 1 if a panic comes back as an answer; 0 if it would end the process.
    pub unwinds: u32,
    /// Answers the contract's `description`.
    pub describe: unsafe extern "C" fn(host: *const Host) -> u32,
    /// Takes settings and assets, answers `result<_, error>`, and writes the plugin to `plugin` if
    /// there is one.
    pub configure:
        unsafe extern "C" fn(host: *const Host, input: Bytes, plugin: *mut *mut c_void) -> u32,
    /// Calls one of the functions of the plugin's kind. Several threads may call one plugin.
    pub call: Call,
    /// Takes a plugin back that `configure` made.
    pub discard: unsafe extern "C" fn(plugin: *mut c_void),
}

/// [`Table::call`].
pub type Call = unsafe extern "C" fn(
    host: *const Host,
    plugin: *const c_void,
    function: Bytes,
    input: Bytes,
) -> u32;

// SAFETY: it is never written to, and its bytes are constants.
unsafe impl Sync for Table {}

/// What the host hands over with each call; for the thread of the call only.
#[repr(C)]
pub struct Host {
    /// Goes with each function below.
    pub state: *mut c_void,
    /// Takes the call's answer.
    pub answer: Take,
    /// Takes a line of the log; levels count from 0, `debug`.
    pub log: unsafe extern "C" fn(state: *mut c_void, level: u32, line: Bytes),
    /// Is told which row comes next.
    pub row: unsafe extern "C" fn(state: *mut c_void, row: u32),
    /// Answers the contract's `encode`, `decode` and `vocab-size`, by `take`.
    pub tokenizer: unsafe extern "C" fn(
        state: *mut c_void,
        function: Bytes,
        input: Bytes,
        taker: *mut c_void,
        take: Take,
    ) -> u32,
}
