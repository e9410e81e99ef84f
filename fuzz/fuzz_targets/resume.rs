//! Fuzzes the `resume` law.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| turnwire_tests::targets::check("resume", input));
