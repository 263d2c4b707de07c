//! Things that no plugin should do. None of them knows what it is done to.

use std::hint::black_box;

use attune_sdk::log;

/// Never returns.
pub(crate) fn run_forever() -> ! {
    // Nothing but arithmetic: compilers give the loop's beginning no line.
    let mut sum = 0.0f32;
    while sum >= 0.0 {
        sum += 1.0;
    }
    unreachable!("{sum} is not below 0")
}

/// Takes a mebibyte at a time until it is stopped.
pub(crate) fn eat_memory() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1u8; 1 << 20]));
    }
}

/// Calls itself until the stack ends.
pub(crate) fn recurse(depth: u64) -> u64 {
    // Read after the call, so that it is no loop.
    let here = black_box([depth; 16]);
    if black_box(true) {
        recurse(depth + 1) + black_box(here)[3]
    } else {
        here[0]
    }
}

/// Logs many lines, long ones and ones that would paint the terminal.
pub(crate) fn flood_the_log() {
    for line in 0..5_000 {
        log::warn(&format!("\u{1b}[31mflood {line}\nand more"));
    }
    log::warn(&"x".repeat(1 << 20));
}
