#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wgcni_model::fuzzing::join(bytes));
