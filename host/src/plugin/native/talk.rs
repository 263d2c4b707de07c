//! One call of a native plugin: what goes in as bytes and comes out as bytes, and what the plugin asks
//! for meanwhile. The log, the progress and the tokenizer are those that components have.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::{Store, format_err};

use super::abi::{ANSWERED, Bytes, Host, PANICKED, Take};
use crate::plugin::engine::State;
use crate::plugin::wit::attune::plugin::log::{Host as _, Level};
use crate::plugin::wit::attune::plugin::progress::Host as _;
use crate::plugin::wit::attune::plugin::tokenizer::Host as _;

/// The host's side of a call.
struct Talk<'a> {
    state: &'a mut State,
    /// Longer answers are refused.
    most: usize,
    answer: Option<Vec<u8>>,
    /// What went wrong on the host's side: the plugin panics for it, but its words say less.
    problem: Option<wasmtime::Error>,
}

/// The answer to a call that `ask` makes, of the host and the packed input. What stopped the plugin is
/// an error, as a component's trap is.
pub(super) fn answered<R: DeserializeOwned>(
    store: &mut Store<State>,
    input: &impl Serialize,
    ask: impl FnOnce(*const Host, Bytes) -> u32,
) -> wasmtime::Result<R> {
    let input = postcard::to_allocvec(input)?;
    let mut talk = Talk {
        most: store.hostcall_fuel(),
        state: store.data_mut(),
        answer: None,
        problem: None,
    };
    // While the plugin works, this is the only way to the talk.
    let host = Host {
        state: (&raw mut talk).cast(),
        answer,
        log,
        row,
        tokenizer,
    };
    let status = ask(&raw const host, Bytes::of(&input));
    if let Some(problem) = talk.problem {
        return Err(problem);
    }
    match talk.answer {
        Some(answer) if status == ANSWERED => postcard::from_bytes(&answer)
            .map_err(|error| format_err!("answered what the contract does not have: {error}")),
        _ => {
            let said = talk.state.last_error.clone();
            Err(format_err!(
                "{}",
                said.unwrap_or_else(|| "panicked without saying why".into())
            ))
        }
    }
}

/// The talk that a plugin hands back.
///
/// # Safety
///
/// `state` must be that of the `Host` of a call that goes on, and be used by one thread at a time.
unsafe fn talk<'a>(state: *mut c_void) -> &'a mut Talk<'a> {
    // SAFETY: `answered` made it of a talk that is there while the call goes on.
    unsafe { &mut *state.cast() }
}

unsafe extern "C" fn answer(state: *mut c_void, bytes: Bytes) {
    // SAFETY: the SDK hands the state back, and lends the bytes.
    let (talk, bytes) = unsafe { (talk(state), bytes.get()) };
    if bytes.len() > talk.most {
        let most = talk.most >> 20;
        talk.problem = Some(format_err!("returned more than a call may ({most} MiB)"));
    } else {
        talk.answer = Some(bytes.to_vec());
    }
}

unsafe extern "C" fn log(state: *mut c_void, level: u32, line: Bytes) {
    // SAFETY: the SDK hands the state back, and lends the bytes.
    let (talk, line) = unsafe { (talk(state), line.get()) };
    let level = match level {
        0 => Level::Debug,
        1 => Level::Info,
        2 => Level::Warn,
        _ => Level::Error,
    };
    talk.state
        .write(level, String::from_utf8_lossy(line).into_owned());
}

unsafe extern "C" fn row(state: *mut c_void, row: u32) {
    // SAFETY: the SDK hands the state back.
    unsafe { talk(state) }.state.row(row);
}

unsafe extern "C" fn tokenizer(
    state: *mut c_void,
    function: Bytes,
    input: Bytes,
    taker: *mut c_void,
    take: Take,
) -> u32 {
    // SAFETY: the SDK hands the state back, and lends the bytes.
    let (talk, function, input) = unsafe { (talk(state), function.get(), input.get()) };
    // A panic of the tokenizer's must not go through the plugin.
    let answer = catch_unwind(AssertUnwindSafe(|| tokens(talk.state, function, input)));
    match answer.unwrap_or_else(|_| Err(format_err!("the tokenizer panicked"))) {
        Ok(answer) => {
            // SAFETY: the SDK's function takes its taker, and copies the bytes before it returns.
            unsafe { take(taker, Bytes::of(&answer)) };
            ANSWERED
        }
        Err(problem) => {
            talk.problem = Some(problem);
            PANICKED
        }
    }
}

/// What the tokenizer answers, packed.
fn tokens(state: &mut State, function: &[u8], input: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let answer = match function {
        b"encode" => postcard::to_allocvec(&state.encode(postcard::from_bytes(input)?)?),
        b"decode" => postcard::to_allocvec(&state.decode(postcard::from_bytes(input)?)?),
        b"vocab-size" => postcard::to_allocvec(&state.vocab_size()?),
        _ => return Err(format_err!("the tokenizer has no such function")),
    };
    Ok(answer?)
}
