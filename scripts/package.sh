#!/usr/bin/env bash
# Makes the Debian packages, one for each program, out of what is built in the profile.
# Usage: package.sh release|dev [VERSION]
set -euo pipefail
cd "$(dirname "$0")/.."

profile=$1
target=$(realpath "${CARGO_TARGET_DIR:-target}")
built=$target/${profile/#dev/debug}
out=$target/debian
options=(--no-build --strip --profile "$profile" --output "$out/" --quiet)
# For tests, small packages are of less worth than soon ones.
[ "$profile" = release ] || options+=(--fast)
[ -z "${2:-}" ] || options+=(--deb-version "$2")

# How cargo names where the files are that were built.
export CARGO_TARGET_DIR=$target
"$built/packaging" artefacts "$built/artefacts"
mkdir -p "$out"
for package in cluster-manager node-manager wireguard-cni wgcni; do
    cargo deb --package "$package" "${options[@]}"
done
