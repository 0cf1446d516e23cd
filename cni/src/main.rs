//! `wireguard-cni`: wires the process to the plugin.

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

fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
