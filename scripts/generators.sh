#!/usr/bin/env bash
# Installs the code generators that buf.gen.yaml names, at the versions that made
# the code that is checked in.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

cargo_install protoc-gen-buffa 0.9.2
cargo_install protoc-gen-buffa-packaging 0.9.2
cargo_install connectrpc-codegen 0.9.0
