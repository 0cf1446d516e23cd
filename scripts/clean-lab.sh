#!/usr/bin/env bash
# Takes down what a demo, test or bench left on this machine, with whichever lab
# program is built; builds one when there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
for lab in "$target/release/lab" "$target/debug/lab"; do
    [ -x "$lab" ] && exec "$lab" clean
done
exec cargo run --quiet --locked -p wgcni-lab -- clean
