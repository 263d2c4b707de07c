//! One process of a tool and all that it starts: they end when it ends, when its time is over, and when we do,
//! by whatever. It knows processes; it knows nothing about what they say.
//!
//! A tool is the head of a process group, so that its own children can be ended with it. It is therefore not in
//! ours, and Ctrl-C does not reach it: a handler of signals ends all groups.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Bytes of a program's words that are kept from their beginning, and as many from their end.
const KEPT: usize = 32 << 10;
/// Bytes of a line of output; a longer one is several.
const LINE: u64 = 1 << 20;
/// What ends a program from outside.
const SIGNALS: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// The process groups of tools that run, 0 where there is none.
static GROUPS: [AtomicI32; 64] = [const { AtomicI32::new(0) }; 64];
/// How many are being started, and are not in [`GROUPS`] yet.
static STARTING: AtomicI32 = AtomicI32::new(0);
/// The signal that ended them, 0 for none.
static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

/// Where a program's standard error goes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stderr {
    /// To the reader, as it comes.
    Shown,
    /// Into what is returned: its beginning and its end.
    Kept,
}

/// What is left of a program.
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard error, where that was kept.
    pub(crate) stderr: String,
    /// Its time, when that was over before it ended.
    pub(crate) stopped: Option<Duration>,
}

/// Runs a command to its end, without anything to read, for at most `limit`; `each` gets the lines of its standard
/// output with their ends.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    stderr: Stderr,
    each: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Ended> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    if stderr == Stderr::Kept {
        command.stderr(Stdio::piped());
    }
    let mut group = Group::start(command)?;
    let id = group.child.id() as i32;
    let output = group.child.stdout.take();
    let errors = group.child.stderr.take();
    let (over, ends) = channel::<()>();
    std::thread::scope(|scope| {
        let timer = scope.spawn(move || {
            let late = ends.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                end(id);
            }
            late
        });
        let reader = scope.spawn(|| output.map(|output| read_lines(output, each)));
        let words = scope.spawn(|| errors.map_or_else(String::new, read_words));
        wait(id);
        drop(over);
        let late = timer.join().unwrap_or_default();
        // What it left behind would hold its streams open. Its number is still its own: it is not yet reaped.
        end(id);
        let status = group.child.wait().context("cannot wait for it")?;
        drop(group);
        let stderr = words.join().unwrap_or_default();
        let _ = reader.join();
        if INTERRUPTED.load(SeqCst) != 0 {
            bail!("interrupted");
        }
        Ok(Ended {
            status,
            stderr,
            stopped: late.then_some(limit),
        })
    })
}

/// Ends this process as the signal would have that ended its tools, if one did. To be called when all is
/// tidied up.
pub fn end_if_interrupted() {
    let signal = INTERRUPTED.load(SeqCst);
    if signal != 0 {
        // SAFETY: the default is what there was before.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
}

/// A process and its group, which end when this is dropped.
struct Group {
    child: Child,
    place: Option<&'static AtomicI32>,
}

impl Group {
    fn start(command: &mut Command) -> Result<Self> {
        static HANDLED: Once = Once::new();
        HANDLED.call_once(handle_signals);
        // A signal that comes while it is started leaves its end to us: either we see the signal below, or the
        // handler sees the group.
        STARTING.fetch_add(1, SeqCst);
        let group = Self::begin(command);
        STARTING.fetch_sub(1, SeqCst);
        match INTERRUPTED.load(SeqCst) {
            0 => group,
            _ => bail!("interrupted"),
        }
    }

    fn begin(command: &mut Command) -> Result<Self> {
        if INTERRUPTED.load(SeqCst) != 0 {
            bail!("interrupted");
        }
        end_with_us(command.process_group(0));
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", super::shown(command)))?;
        let id = child.id() as i32;
        let free = |place: &&AtomicI32| place.compare_exchange(0, id, SeqCst, SeqCst).is_ok();
        Ok(Self {
            child,
            place: GROUPS.iter().find(free),
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.store(0, SeqCst);
        }
        if let Ok(None) = self.child.try_wait() {
            end(self.child.id() as i32);
            let _ = self.child.wait();
        }
    }
}

/// Has the kernel end the process when this one is killed, which no handler could do.
#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command) {
    let us = std::process::id();
    let tie = move || {
        // SAFETY: both calls only look at and set numbers of the new process.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // Who was killed before that has no one to tell.
            if libc::getppid() as u32 != us {
                libc::_exit(1);
            }
        }
        Ok(())
    };
    // SAFETY: nothing in it allocates or locks.
    unsafe {
        command.pre_exec(tie);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}

/// Ends a process group.
fn end(group: i32) {
    // SAFETY: a number goes to the kernel.
    unsafe {
        libc::kill(-group, libc::SIGKILL);
    }
}

/// Waits until a child has ended, and leaves it to be reaped.
fn wait(child: i32) {
    loop {
        // SAFETY: all zeros are a value of it, and the kernel fills it in.
        let mut about: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let options = libc::WEXITED | libc::WNOWAIT;
        // SAFETY: the pointer leads to a live value.
        let done = unsafe { libc::waitid(libc::P_PID, child as u32, &mut about, options) };
        if done == 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// Has signals that would end us end the tools first. A signal that is ignored, as under `nohup`, stays so.
fn handle_signals() {
    for signal in SIGNALS {
        // SAFETY: all zeros are a value of it; the handler only uses what a handler may.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &mut now) != 0
                || now.sa_sigaction != libc::SIG_DFL
            {
                continue;
            }
            let handler: extern "C" fn(i32) = handled;
            now.sa_sigaction = handler as usize;
            libc::sigaction(signal, &now, std::ptr::null_mut());
        }
    }
}

extern "C" fn handled(signal: i32) {
    let before = INTERRUPTED.swap(signal, SeqCst);
    let mut found = STARTING.load(SeqCst) > 0;
    for place in &GROUPS {
        let group = place.load(SeqCst);
        if group > 0 {
            end(group);
            found = true;
        }
    }
    if !found || before != 0 {
        end_if_interrupted();
    }
}

/// Hands each line on, with its end; one without an end in sight comes in parts.
fn read_lines(stream: impl Read, each: &mut (dyn FnMut(&[u8]) + Send)) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match stream.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => each(&line),
        }
    }
}

/// The beginning and the end of all that comes.
fn read_words(mut stream: impl Read) -> String {
    let mut first = Vec::new();
    let mut last = VecDeque::new();
    let mut lost = 0;
    let mut buffer = [0; 8 << 10];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let mut bytes = &buffer[..count];
        let room = bytes.len().min(KEPT - first.len());
        first.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        last.extend(bytes);
        let over = last.len().saturating_sub(KEPT);
        last.drain(..over);
        lost += over;
    }
    let mut words = String::from_utf8_lossy(&first).into_owned();
    if lost > 0 {
        words += &format!("\n… {lost} bytes left out …\n");
    }
    words += &String::from_utf8_lossy(last.make_contiguous());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn shell(script: &str, limit: Duration) -> (Ended, Vec<u8>) {
        let mut said = Vec::new();
        let mut command = Command::new("sh");
        let ended = run(
            command.args(["-c", script]),
            limit,
            Stderr::Kept,
            &mut |line| {
                said.extend_from_slice(line);
            },
        );
        (ended.unwrap(), said)
    }

    #[test]
    fn both_streams_are_read_and_there_is_nothing_to_read() {
        let (ended, said) = shell("echo out; echo err >&2; cat; exit 3", LONG);
        assert_eq!(
            (said.as_slice(), ended.stderr.as_str()),
            (&b"out\n"[..], "err\n")
        );
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.stopped.is_none());
    }

    #[test]
    fn what_never_ends_is_ended_with_all_that_it_started() {
        // The inner one would hold the streams open for ever.
        let (ended, _) = shell("sleep 86400 & sleep 86400", Duration::from_millis(50));
        assert!(ended.stopped.is_some() && !ended.status.success());
    }

    #[test]
    fn what_is_left_behind_ends_too() {
        let (ended, said) = shell("sleep 86400 & echo done", LONG);
        assert!(ended.status.success() && said == b"done\n");
    }

    #[test]
    fn of_endless_words_the_beginning_and_the_end_are_kept() {
        let words = read_words(
            b"begin"
                .iter()
                .chain(&[b'x'; 200_000])
                .chain(b"end")
                .copied()
                .collect::<Vec<_>>()
                .as_slice(),
        );
        assert!(words.starts_with("beginx") && words.ends_with("xend"));
        assert!(
            words.contains("bytes left out") && words.len() < 3 * KEPT,
            "{}",
            words.len()
        );
    }

    #[test]
    fn a_line_without_an_end_comes_in_parts() {
        let mut parts = 0;
        read_lines(vec![b'x'; 3 << 20].as_slice(), &mut |_| parts += 1);
        assert_eq!(parts, 3);
    }
}
