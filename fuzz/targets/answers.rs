//! What a plugin answers.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: attune_fuzz::seed("answers"),
    |bytes: &[u8]| attune_fuzz::plugin::fuzz::answers(bytes)
);
