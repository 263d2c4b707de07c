//! A schema and settings.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: attune_fuzz::seed("settings"),
    |bytes: &[u8]| attune_fuzz::plugin::fuzz::settings(bytes)
);
