#!/usr/bin/env bash
# Fuzzes one target for some seconds, from the corpus that is checked in. What it finds
# lies in fuzz/artifacts; new inputs that reach new code, in target/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

[ $# = 2 ] && [ -f "fuzz/fuzz_targets/$1.rs" ] || {
    echo "usage: scripts/fuzz.sh TARGET SECONDS, with a TARGET of:" >&2
    basename -s .rs fuzz/fuzz_targets/*.rs >&2
    exit 1
}
cargo_install cargo-fuzz 0.13.2

found=${CARGO_TARGET_DIR:-target}/fuzz/corpus/$1
mkdir -p "$found"
# libFuzzer needs instrumentation that the compiler gives to nightly builds only.
RUSTC_BOOTSTRAP=1 exec cargo fuzz run --target-dir "${CARGO_TARGET_DIR:-target}/fuzz" "$1" \
    "$found" "fuzz/corpus/$1" -- -max_total_time="$2" -max_len=65536 -rss_limit_mb=1024 -timeout=10
