#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wgcni_dataplane::firewall::fuzzing::listing(bytes));
