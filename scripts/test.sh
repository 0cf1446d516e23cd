#!/usr/bin/env bash
# Runs all tests and ends with one line: `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || {
    echo "error: the tests make network namespaces: run them as root" >&2
    exit 1
}

target=${CARGO_TARGET_DIR:-target}
log=$target/test.log

scripts/check-imports.py
scripts/build.sh dev --tests

status=0
WGCNI_BIN_DIR=$(realpath "$target/debug") \
    cargo test --locked --workspace --features wgcni-fault/armed --no-fail-fast 2>&1 | tee "$log" || status=$?

scripts/count.sh "$log" || status=1
exit "$status"
