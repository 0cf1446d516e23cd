#!/usr/bin/env bash
# Builds all programs; with --tests, in the dev profile, the test executables too,
# in one go, so that nothing is compiled twice. Only then the programs have fault points
# (crates/fault).
# Usage: build.sh release|dev [--tests]
set -euo pipefail
cd "$(dirname "$0")/.."

profile=$1
if [ "${2:-}" = --tests ]; then
    cargo build --locked --workspace --profile "$profile" --all-targets \
        --features wgcni-fault/armed
else
    # The plugin by itself: built with the others, it would link what only they need of
    # shared libraries (compression, servers).
    cargo build --locked --workspace --exclude wireguard-cni --profile "$profile" --bins
    cargo build --locked --package wireguard-cni --profile "$profile"
fi

# A container runtime may start the plugin where there is no libc that it knows.
# .cargo/config.toml has it linked statically; prove it.
directory=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
if readelf --program-headers "$directory/wireguard-cni" | grep -q INTERP; then
    echo "error: $directory/wireguard-cni is not statically linked" >&2
    exit 1
fi

# What is installed anywhere must not be able to kill itself on request.
for program in cluster-manager node-manager wireguard-cni wgcni; do
    points=$(grep --count --text WGCNI_FAULT "$directory/$program" || true)
    if [ "${2:-}" = --tests ] && [ "$points" = 0 ]; then
        echo "error: $directory/$program has no fault points, and the tests need them" >&2
        exit 1
    elif [ "${2:-}" != --tests ] && [ "$points" != 0 ]; then
        echo "error: $directory/$program has fault points: they are for tests only" >&2
        exit 1
    fi
done
echo "built in ${directory#"$PWD/"}: cluster-manager node-manager wireguard-cni wgcni lab"
