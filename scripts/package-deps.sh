#!/usr/bin/env bash
# Installs what only packages and the image need: cargo-deb to make them, and what their
# tests boot, build and read them with.
# Usage: package-deps.sh TOOLS_DIRECTORY make|test
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

tools=$1
cargo_deb_version=3.8.0

# Fast to build rather than fast to run: it packs for some seconds.
cargo_deb() {
    have cargo-deb && [ "$(cargo-deb --version)" = "cargo-deb $cargo_deb_version" ] && return
    say "cargo install cargo-deb $cargo_deb_version"
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR="$tools/build" \
        cargo install --locked --force --no-default-features --root "$tools" \
        --version "$cargo_deb_version" cargo-deb
    rm -rf "$tools/build"
}

test_packages() {
    local packages=(buildah debootstrap groff-base man-db mount systemd-container)
    local missing=()
    local package
    for package in "${packages[@]}"; do
        dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null |
            grep -q ' installed$' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "apt-get update; apt-get install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -y -q --no-install-recommends "${missing[@]}"
}

cargo_deb
[ "$2" = make ] || test_packages
