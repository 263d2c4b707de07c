//! Holds still what a build of a Python or JavaScript plugin could see of the machine: chance, the time, and what
//! files say of themselves besides their contents.
//!
//! A component is a snapshot of an interpreter's memory, which keeps every answer that the
//! interpreter ever got: its hash seed, the time at which a folder was written, the order in which
//! a folder lists its files. This library is loaded into the process that makes the snapshot
//! (`LD_PRELOAD`). It answers for `getrandom` and `clock_gettime`; what asks the kernel without the
//! C library, as wasmtime does about files, is caught by a filter of system calls that `attune_pin`
//! sets up for the process.
//!
//! It is no part of the crate: `build.rs` compiles it by itself. It knows no language.

use std::collections::HashMap;
use std::ffi::{c_int, c_ulong};
use std::sync::Mutex;

/// The time that it always is: the first that a zip file can hold.
const NOW: i64 = 315_532_800;
/// What stands in a system call's last register when it is our own, which must not be caught again.
const OURS: u32 = 0x6174_7475;

const SIGSYS: c_int = 31;
const SA_SIGINFO: c_int = 4;
const SA_NODEFER: c_int = 0x4000_0000;
const PR_SET_NO_NEW_PRIVS: c_int = 38;
const PR_SET_SECCOMP: c_int = 22;
const SECCOMP_MODE_FILTER: c_ulong = 2;

const STAT: u32 = 4;
const FSTAT: u32 = 5;
const LSTAT: u32 = 6;
const LSEEK: u32 = 8;
const GETDENTS64: u32 = 217;
const NEWFSTATAT: u32 = 262;
const STATX: u32 = 332;
const CAUGHT: [u32; 6] = [STAT, FSTAT, LSTAT, GETDENTS64, NEWFSTATAT, STATX];

/// `struct sigaction` of glibc.
#[repr(C)]
struct SigAction {
    handler: extern "C" fn(c_int, *const u8, *mut u8),
    mask: [u64; 16],
    flags: c_int,
    restorer: usize,
}

/// One instruction of a filter of system calls.
#[repr(C)]
struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    operand: u32,
}

#[repr(C)]
struct Program {
    len: u16,
    instructions: *const Instruction,
}

#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn sigaction(signal: c_int, new: *const SigAction, old: *mut SigAction) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn __errno_location() -> *mut c_int;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, len: usize, _flags: u32) -> isize {
    for place in 0..len {
        // SAFETY: the caller gives `len` bytes.
        unsafe { *buffer.add(place) = (place as u8).wrapping_mul(37).wrapping_add(11) };
    }
    len as isize
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(_clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: the caller gives the place.
    unsafe {
        *time = Timespec {
            seconds: NOW,
            nanoseconds: 0,
        }
    };
    0
}

/// Begins to catch system calls, in this thread and those that it starts. 0, or an error's number.
#[unsafe(no_mangle)]
pub extern "C" fn attune_pin() -> c_int {
    let action = SigAction {
        handler: caught,
        mask: [0; 16],
        flags: SA_SIGINFO | SA_NODEFER,
        restorer: 0,
    };
    let filter = filter();
    let program = Program {
        len: filter.len() as u16,
        instructions: filter.as_ptr(),
    };
    let one: c_ulong = 1;
    let nothing: c_ulong = 0;
    // SAFETY: the kernel copies what the pointers lead to.
    unsafe {
        if sigaction(SIGSYS, &action, std::ptr::null_mut()) != 0
            || prctl(PR_SET_NO_NEW_PRIVS, one, nothing, nothing, nothing) != 0
            || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0
        {
            return *__errno_location();
        }
    }
    0
}

/// Lets our own calls pass and all that are not in `CAUGHT`.
fn filter() -> Vec<Instruction> {
    const LOAD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const TRAP: u32 = 0x0003_0000;
    // Places in `struct seccomp_data`: the call's number, the low half of its last argument.
    const NUMBER: u32 = 0;
    const LAST: u32 = 56;
    let step = |code, jump_true, operand| Instruction {
        code,
        jump_true,
        jump_false: 0,
        operand,
    };
    let count = CAUGHT.len() as u8;
    let mut filter = vec![
        step(LOAD, 0, LAST),
        step(JUMP_IF_EQUAL, count + 1, OURS),
        step(LOAD, 0, NUMBER),
    ];
    for (place, call) in CAUGHT.iter().enumerate() {
        filter.push(step(JUMP_IF_EQUAL, count - place as u8, *call));
    }
    filter.push(step(RETURN, 0, ALLOW));
    filter.push(step(RETURN, 0, TRAP));
    filter
}

/// Does what the caught call wanted, and makes the answer the same everywhere.
extern "C" fn caught(_signal: c_int, info: *const u8, context: *mut u8) {
    // Places in `ucontext_t`: the registers begin at byte 40, in this order.
    const R8: usize = 0;
    const R10: usize = 2;
    const RDI: usize = 8;
    const RSI: usize = 9;
    const RDX: usize = 12;
    const RAX: usize = 13;
    // SAFETY: the kernel gives both, and the pointers in the registers are the caller's buffers,
    // which it has just filled.
    unsafe {
        let number = *info.add(24).cast::<u32>(); // `si_syscall`
        let register = |place: usize| context.add(40 + 8 * place).cast::<u64>();
        let arguments = [RDI, RSI, RDX, R10, R8].map(|place| *register(place));
        let result = if number == GETDENTS64 {
            list(arguments)
        } else {
            call(number, arguments)
        };
        if result == 0 {
            match number {
                STATX => even_statx(arguments[4] as *mut u8),
                NEWFSTATAT => even_stat(arguments[2] as *mut u8),
                STAT | FSTAT | LSTAT => even_stat(arguments[1] as *mut u8),
                _ => {}
            }
        }
        *register(RAX) = result as u64;
    }
}

unsafe fn call(number: u32, arguments: [u64; 5]) -> i64 {
    let [a, b, c, d, e] = arguments;
    let result: i64;
    // SAFETY: the arguments are those of a call that the process made itself.
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") i64::from(number) => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            in("r9") u64::from(OURS), lateout("rcx") _, lateout("r11") _);
    }
    result
}

const FORMAT: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;

/// `struct statx` keeps its kind, its size (a folder's is the file system's own) and its rights.
unsafe fn even_statx(stat: *mut u8) {
    // SAFETY: the kernel has filled the structure, whose fields lie at these places.
    unsafe {
        let mode = u32::from(*stat.add(28).cast::<u16>());
        *stat.add(0).cast::<u32>() = 0xfff; // which fields are there
        *stat.add(4).cast::<u32>() = 4096; // size of a block
        *stat.add(8).cast::<u64>() = 0; // attributes
        *stat.add(16).cast::<u32>() = 1; // links
        *stat.add(32).cast::<u64>() = 1; // inode
        if mode & FORMAT == FOLDER {
            *stat.add(40).cast::<u64>() = 0; // size
        }
        *stat.add(48).cast::<u64>() = 0; // blocks
        *stat.add(56).cast::<u64>() = 0; // which attributes there can be
        for place in [64, 80, 96, 112] {
            *stat.add(place).cast::<i64>() = NOW;
            *stat.add(place + 8).cast::<u64>() = 0;
        }
        *stat.add(136).cast::<u64>() = 1; // device
    }
}

/// `struct stat`, likewise.
unsafe fn even_stat(stat: *mut u8) {
    // SAFETY: as above.
    unsafe {
        let mode = *stat.add(24).cast::<u32>();
        for place in [0, 8, 16] {
            *stat.add(place).cast::<u64>() = 1; // device, inode, links
        }
        if mode & FORMAT == FOLDER {
            *stat.add(48).cast::<u64>() = 0; // size
        }
        *stat.add(56).cast::<u64>() = 4096; // size of a block
        *stat.add(64).cast::<u64>() = 0; // blocks
        for place in [72, 88, 104] {
            *stat.add(place).cast::<i64>() = NOW;
            *stat.add(place + 8).cast::<u64>() = 0;
        }
    }
}

/// What is left to be told of each folder that is being listed, in order, last first.
static FOLDERS: Mutex<Option<HashMap<u64, Vec<Vec<u8>>>>> = Mutex::new(None);

/// Lists a folder in the order of names: all of it is read when its first part is asked for.
unsafe fn list([file, buffer, room, ..]: [u64; 5]) -> i64 {
    const CURRENT: u64 = 1;
    const INVALID: i64 = -22;
    let Ok(mut folders) = FOLDERS.lock() else {
        return INVALID;
    };
    let folders = folders.get_or_insert_default();
    // SAFETY: the caller gives `room` bytes; our own buffer is read as far as it was filled.
    unsafe {
        // At the start of a folder nothing that is remembered of that number is of this folder.
        if call(LSEEK, [file, 0, CURRENT, 0, 0]) == 0 {
            match entries(file) {
                Ok(entries) => folders.insert(file, entries),
                Err(error) => return error,
            };
        }
        let left = folders.entry(file).or_default();
        let mut filled = 0;
        while let Some(entry) = left.pop_if(|entry| filled + entry.len() <= room as usize) {
            let place = (buffer as *mut u8).add(filled);
            std::ptr::copy_nonoverlapping(entry.as_ptr(), place, entry.len());
            filled += entry.len();
        }
        if filled == 0 && !left.is_empty() {
            return INVALID; // which is what the kernel says of a buffer that is too small
        }
        filled as i64
    }
}

/// All entries of a folder, without inodes and places, in the reverse order of their names.
unsafe fn entries(file: u64) -> Result<Vec<Vec<u8>>, i64> {
    const NAME: usize = 19;
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        let room = [file, buffer.as_mut_ptr() as u64, buffer.len() as u64, 0, 0];
        // SAFETY: the kernel fills no more than `buffer`.
        let filled = unsafe { call(GETDENTS64, room) };
        if filled < 0 {
            return Err(filled);
        }
        let mut rest = &buffer[..filled as usize];
        if rest.is_empty() {
            break;
        }
        while !rest.is_empty() {
            let len = usize::from(u16::from_ne_bytes([rest[16], rest[17]]));
            let mut entry = rest[..len].to_vec();
            entry[..16].copy_from_slice(&[1; 16]);
            entries.push(entry);
            rest = &rest[len..];
        }
    }
    entries.sort_by(|one, other| other[NAME..].cmp(&one[NAME..]));
    Ok(entries)
}
