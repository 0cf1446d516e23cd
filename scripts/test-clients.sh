#!/usr/bin/env bash
# Runs other people's clients against a cluster of ours: CNI's own tool with the reference
# plugins, which it installs by Go, and curl. Ends with one line: `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

cnitool_version=1.3.0
# Newer than Debian's: these know CNI 1.1.0.
plugins_version=1.6.2

target=${CARGO_TARGET_DIR:-target}
log=$target/test-clients.log
mkdir -p "$target"
clients=$(realpath "$target")/tools/clients-$cnitool_version-$plugins_version

go_is_new_enough() {
    have go && printf '%s\n' go1.21 "$(go env GOVERSION)" | sort --check=quiet --version-sort
}

install_clients() {
    [ -e "$clients/complete" ] && return
    go_is_new_enough ||
        die "these tests build cnitool with Go 1.21 or newer: install it (https://go.dev/dl)"
    local plugins=github.com/containernetworking/plugins/plugins
    say "go install cnitool $cnitool_version and the reference plugins $plugins_version"
    export CGO_ENABLED=0
    GOBIN=$clients go install "github.com/containernetworking/cni/cnitool@v$cnitool_version"
    GOBIN=$clients/cni go install "$plugins/main/loopback@v$plugins_version" \
        "$plugins"/meta/{bandwidth,firewall,portmap,tuning}"@v$plugins_version"
    touch "$clients/complete"
}

[ "$(id -u)" = 0 ] || die "the tests make network namespaces: run them as root"
install_clients
scripts/build.sh dev --tests

status=0
WGCNI_BIN_DIR=$(realpath "$target/debug") WGCNI_CLIENTS_DIR=$clients \
    cargo test --locked --workspace --features wgcni-fault/armed --test clients 2>&1 | tee "$log" || status=$?
scripts/count.sh "$log" || status=1
exit "$status"
