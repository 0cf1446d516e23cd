#!/usr/bin/env bash
# Packs what the dev profile built, twice, the second time as a newer version, and tests
# packages and image: in a machine that systemd boots, and by buildah. Ends with one line:
# `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

[ "$(id -u)" = 0 ] || die "the tests boot a machine: run them as root"

target=$(realpath "${CARGO_TARGET_DIR:-target}")
work=$target/test-packages
log=$target/test-packages.log
# Where this machine has its own packages from.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' |
    sed -n 1p)
# What a server has: the units' systemd, what packages depend on, what looks at them.
include=systemd,systemd-sysv,dbus,iproute2,iptables,iputils-ping,bash-completion,man-db,wireguard-tools

root() {
    [ -e "$work/root.complete" ] && return
    say "debootstrap bookworm, once"
    rm -rf "$work/root"
    mkdir -p "$work"
    debootstrap --variant=minbase --include="$include" bookworm "$work/root" "$mirror" \
        >"$work/debootstrap.log" || { tail "$work/debootstrap.log" >&2; exit 1; }
    touch "$work/root.complete"
}

packages() {
    scripts/package.sh dev "$1" >/dev/null
    mkdir -p "$work/$2"
    rm -f "$work/$2"/*.deb
    mv "$target"/debian/*_"$1"_*.deb "$work/$2/"
}

root
scripts/build.sh dev --tests
packages 0.1.0-1 packages
packages 0.1.0-2 newer

status=0
WGCNI_BIN_DIR=$target/debug WGCNI_PACKAGES_DIR=$work \
    cargo test --locked --workspace --features wgcni-fault/armed --test packages \
    -- --nocapture 2>&1 | tee "$log" || status=$?
scripts/count.sh "$log" || status=1
exit "$status"
