//! Fuzzes the `web` law.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| turnwire_tests::targets::check("web", input));
