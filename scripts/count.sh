#!/usr/bin/env bash
# Adds up what `cargo test` said in these logs to one line: `N passed, N failed`.
# Fails when a test failed.
# Usage: count.sh LOG...
set -euo pipefail

# One `test result:` line from each test executable.
awk '/^test result:/ { passed += $4; failed += $6 }
     END { printf "\n%d passed, %d failed\n", passed, failed; exit (failed > 0) }' "$@"
