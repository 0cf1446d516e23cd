#!/usr/bin/env bash
# Installs what building, testing and linting need and this machine lacks.
# Usage: deps.sh TOOLS_DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

tools=$1
buf_version=1.75.0
cargo_deny_version=0.20.2

packages=(
    # building, and this door
    binutils ca-certificates gcc git libc6-dev python3
    # the data plane, and looking at it
    conntrack iproute2 iptables iputils-ping nftables procps tcpdump wireguard-go wireguard-tools
    # what tests and benchmarks compare with and measure by
    containernetworking-plugins curl graphviz iperf3
    # container runtimes; no service of theirs needs to run
    conmon containerd podman runc
    # virtual machines: one whose power is cut, one with kernel WireGuard
    busybox-static cpio e2fsprogs kmod qemu-system-x86
)
# The kernel of virtual machines: fetched, never installed.
fetched=linux-image-cloud-amd64
# So is promtool, which checks metrics and alerts: its package would start a service.
fetched_tools=prometheus

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null |
            grep -q ' installed$' || echo "$package"
    done
}

# Whether apt's lists are there and so new that what they name can be downloaded.
lists_are_fresh() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 0 -mtime -1)" ] &&
        apt-cache show "$fetched" "$fetched_tools" >/dev/null 2>&1
}

apt_packages() {
    have apt-get || {
        say "no apt-get here: please see that these are installed: ${packages[*]}"
        return
    }
    have buf || have npm || packages+=(npm)
    local missing
    mapfile -t missing < <(missing_packages "${packages[@]}")
    [ ${#missing[@]} = 0 ] && lists_are_fresh && return
    say "apt-get update; apt-get install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -q
    [ ${#missing[@]} = 0 ] || as_root apt-get install -y -q --no-install-recommends "${missing[@]}"
}

rust() {
    cargo --version >/dev/null 2>&1 && return
    have rustup || die "no cargo here: install Rust from https://rustup.rs and run make again"
    say "rustup toolchain install (as rust-toolchain.toml says)"
    rustup toolchain install
}

buf_tool() {
    have buf && return
    say "npm install @bufbuild/buf $buf_version"
    npm install --silent --no-save --prefix "$tools" "@bufbuild/buf@$buf_version"
}

# Fast to build rather than fast to run: it runs for a second.
cargo_deny() {
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR="$tools/build" \
        cargo_install cargo-deny "$cargo_deny_version"
    rm -rf "$tools/build"
}

apt_packages
rust
buf_tool
cargo_deny
