# shellcheck shell=bash
# Sourced by the scripts that install: what is here already, and saying what comes.

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null; }

# Installs the program of a crate, at one version, into cargo's own directory, where
# a fresh checkout finds it again.
cargo_install() {
    local crate=$1 version=$2
    cargo install --list | grep -qx "$crate v$version:" && return
    say "cargo install $crate $version"
    cargo install --locked --force --version "$version" "$crate"
}
