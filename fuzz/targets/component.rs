//! Bytes of a component.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: attune_fuzz::seed("component"),
    |bytes: &[u8]| attune_fuzz::plugin::fuzz::component(bytes)
);
