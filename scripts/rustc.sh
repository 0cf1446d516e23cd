#!/usr/bin/env bash
# Stands before rustc for the crates of this workspace (.cargo/config.toml): links
# the CNI plugin statically, and nothing else, so that `cargo build`, `cargo test`
# and `cargo install` all give the same plugin, without a second build of what it
# depends on. Cargo itself cannot yet give flags to one program only.
#
# bash, because other shells drop variables with a hyphen (CARGO_BIN_EXE_…).
case " $* " in
*" --crate-name wireguard_cni "*" --crate-type bin "*)
    exec "$@" -C target-feature=+crt-static
    ;;
esac
exec "$@"
