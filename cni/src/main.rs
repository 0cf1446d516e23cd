//! `wireguard-cni`: wires the process to the plugin.

use nix::libc::getrandom;
use std::io::{self, stderr, stdin, stdout};
use std::process::ExitCode;
use wgcni_plugin::{World, run};

fn main() -> ExitCode {
    ExitCode::from(run(World {
        env: &|name| std::env::var_os(name),
        stdin: &mut stdin().lock(),
        stdout: &mut stdout().lock(),
        stderr: &mut stderr(),
        random: &random,
    }))
}

/// The system's randomness, by the system call: the crates for it open device files in a
/// static binary.
#[allow(unsafe_code)]
fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    // SAFETY: the kernel writes at most `len` bytes into the buffer that is ours.
    let got = unsafe { getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    // Up to 256 bytes come whole or not at all (getrandom(2)).
    if usize::try_from(got) == Ok(bytes.len()) {
        Ok(bytes)
    } else {
        Err(io::Error::last_os_error())
    }
}
