//! Threads for what a plugin makes the host do: with stacks of a known size, and with an end to the
//! waiting where the work itself cannot be ended.
//!
//! Does not know what is done on them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::effort::{self, Clock};

/// What the code of a plugin may need of the stack of the thread that runs it.
pub(super) const PLUGIN_STACK: usize = 512 << 10;
/// The plugin's own stack, and as much as the host needs around it many times over.
const STACK: usize = 8 * PLUGIN_STACK;
/// What is enough of a stack that is there already.
const ROOM: usize = 2 * PLUGIN_STACK;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Impatience {
    /// It took too long, and is left to itself.
    #[error("it took too long")]
    Late,
    /// It panicked.
    #[error("it panicked: {0}")]
    Panic(String),
    /// There was no thread to do it on.
    #[error("no thread can be started: {0}")]
    NoThread(String),
}

/// The answer of `job`, unless it takes longer than `limit`. A job that does is left behind: it
/// goes on until it is done, and nobody waits for it.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    name: &str,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Impatience> {
    let (done, answer) = mpsc::channel();
    Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody may be there any more.
            let _ = done.send(catch_unwind(AssertUnwindSafe(job)));
        })
        .map_err(|error| Impatience::NoThread(error.to_string()))?;
    match answer.recv_timeout(limit) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(panic)) => Err(Impatience::Panic(text(panic.as_ref()))),
        Err(_) => Err(Impatience::Late),
    }
}

/// How many times its limit a job may last that does not compute, since others have its turn or it waits for something.
const IDLE: u32 = 16;

/// What the thread of a job says.
enum Told<T> {
    Begun(Option<Clock>),
    Done(std::thread::Result<T>, Option<Duration>),
}

/// The answer of `job` as of [`within`], but the limit is on what it computes, not on how long a busy machine has it wait
/// for its turn; and for how long it has worked.
pub(super) fn computing<T: Send + 'static>(
    limit: Duration,
    name: &str,
    job: impl FnOnce() -> T + Send + 'static,
) -> (Result<T, Impatience>, Duration) {
    let (tell, told) = mpsc::channel();
    let begun = Instant::now();
    let thread = Builder::new().name(name.into()).stack_size(STACK);
    let started = thread.spawn(move || {
        // Nobody may be there any more.
        let _ = tell.send(Told::Begun(Clock::own()));
        let answer = catch_unwind(AssertUnwindSafe(job));
        let _ = tell.send(Told::Done(answer, effort::computed()));
    });
    if let Err(error) = started {
        return (
            Err(Impatience::NoThread(error.to_string())),
            begun.elapsed(),
        );
    }
    let (mut worked, mut clock) = (Duration::ZERO, None);
    loop {
        // Looked at again and again, as nobody knows when it had its turns.
        let next = limit.saturating_sub(worked).max(Duration::from_millis(1));
        match told.recv_timeout(next) {
            Ok(Told::Begun(own)) => clock = Some(own),
            Ok(Told::Done(answer, worked)) => {
                let answer = answer.map_err(|panic| Impatience::Panic(text(panic.as_ref())));
                return (answer, worked.unwrap_or_else(|| begun.elapsed()));
            }
            Err(_) => {}
        }
        worked = match &clock {
            None => Duration::ZERO,
            Some(clock) => clock
                .as_ref()
                .and_then(Clock::read)
                .unwrap_or_else(|| begun.elapsed()),
        };
        if begun.elapsed() >= limit * IDLE {
            return (Err(Impatience::Late), begun.elapsed());
        }
        if worked >= limit {
            return (Err(Impatience::Late), worked);
        }
    }
}

/// Runs `job`, which calls a plugin and whose effort is counted from here on, where the stack is large enough: here, or on a thread of its own.
pub(super) fn roomy<T: Send>(job: impl FnOnce() -> T + Send) -> Result<T, String> {
    if has_room() {
        effort::begin();
        return Ok(job());
    }
    std::thread::scope(|scope| {
        let thread = spawn(scope, job)?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Starts `job`, which calls a plugin, on a thread whose stack is large enough.
pub(super) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    job: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, String> {
    Builder::new()
        .name("plugin".into())
        .stack_size(STACK)
        .spawn_scoped(scope, || {
            effort::begin();
            job()
        })
        .map_err(|error| Impatience::NoThread(error.to_string()).to_string())
}

/// Whether this thread's stack has room for a plugin's and the host's functions around it.
fn has_room() -> bool {
    thread_local!(static END: Option<usize> = stack_end());
    let here = 0_u8;
    let here = std::ptr::from_ref(&here).addr();
    END.with(|end| end.is_some_and(|end| here.saturating_sub(end) >= ROOM))
}

/// The lowest address of this thread's stack, which grows downwards.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn stack_end() -> Option<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut end, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are read after they were made, and destroyed once.
    let read = unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let read = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut end, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        read
    };
    (read == 0).then(|| end.addr())
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn stack_end() -> Option<usize> {
    None
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a text").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_what_takes_too_long() {
        let long = Duration::from_secs(600);
        let (release, held) = mpsc::channel::<()>();
        let late = within(Duration::from_millis(5), "test", move || held.recv());
        assert_eq!(late.map(|_| ()), Err(Impatience::Late));
        drop(release);
        assert_eq!(within(long, "test", || 7), Ok(7));
    }

    #[test]
    fn what_a_job_computes_is_counted_and_not_how_long_it_lasts() {
        let limit = Duration::from_millis(60);
        let (answer, worked) = computing(limit, "test", || {
            std::thread::sleep(2 * Duration::from_millis(60));
            7
        });
        assert!(answer == Ok(7) && worked < limit, "{answer:?} {worked:?}");
        let (late, worked) = computing(limit, "test", || effort::compute(Duration::from_secs(2)));
        assert!(
            late == Err(Impatience::Late) && worked >= limit,
            "{late:?} {worked:?}"
        );
        // Who waits for ever is left behind as well.
        let (release, held) = mpsc::channel::<()>();
        let short = Duration::from_millis(5);
        let (late, worked) = computing(short, "test", move || held.recv());
        assert_eq!(late.map(|_| ()), Err(Impatience::Late));
        assert!(worked >= short * IDLE, "{worked:?}");
        drop(release);
    }

    #[test]
    fn a_panic_is_told() {
        let panicked = within(Duration::from_secs(600), "test", || -> u32 {
            std::panic::resume_unwind(Box::new("oh"))
        });
        assert_eq!(panicked, Err(Impatience::Panic("oh".into())));
    }

    #[test]
    fn the_stack_does_not_depend_on_the_caller_s() {
        fn deep(depth: usize) -> usize {
            let here = std::hint::black_box([depth; 512]);
            if depth == 0 {
                0
            } else {
                deep(depth - 1) + here[7].min(1)
            }
        }
        // 256 frames of 4 KiB are more than all of the small thread's stack.
        for (size, inside) in [(128 << 10, false), (4 << 20, true)] {
            let caller = Builder::new().stack_size(size).spawn(move || {
                let here = std::thread::current().id();
                roomy(move || (deep(256), std::thread::current().id() == here))
            });
            assert_eq!(caller.unwrap().join().unwrap(), Ok((256, inside)));
        }
    }
}
