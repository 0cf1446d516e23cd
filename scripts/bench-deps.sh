#!/usr/bin/env bash
# Installs wireguard-go, which the benchmarks compare with. Without Go the benchmark
# runs all the same and says that the column is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

have go || {
    say "no go here: the benchmark goes without wireguard-go"
    exit 0
}
say "go install golang.zx2c4.com/wireguard"
go install golang.zx2c4.com/wireguard@latest
