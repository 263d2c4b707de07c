//! A file of golden cases.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: attune_fuzz::seed("golden"),
    |bytes: &[u8]| attune_fuzz::golden::fuzz::cases(bytes)
);
