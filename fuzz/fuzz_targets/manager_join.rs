#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cluster_manager::fuzzing::join_request(bytes));
