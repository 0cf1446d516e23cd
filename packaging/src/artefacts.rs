//! What is written for packages.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap_complete::Shell;

use crate::{Program, file};

/// The plugin's man page: it has no command line that one could be made of.
const PLUGIN_PAGE: &str = include_str!("wireguard-cni.8");
/// A network of this plugin alone; nomad/ has one with forwarded ports.
const CONFLIST: &str = include_str!("10-wgnet.conflist");

/// Writes everything into a directory that is made anew:
///
/// ```text
/// man/           PROGRAM.1, PROGRAM-COMMAND.1, wireguard-cni.8
/// completions/   bash/PROGRAM, zsh/_PROGRAM, fish/PROGRAM.fish
/// config/        cluster-manager.toml, node-manager.toml, 10-wgnet.conflist
/// ```
///
/// # Errors
/// When something cannot be written.
pub fn write(dir: &Path, programs: &[Program]) -> anyhow::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    let make = |name: &str| {
        let path = dir.join(name);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        anyhow::Ok(path)
    };
    let (man, config) = (make("man")?, make("config")?);
    for program in programs {
        clap_mangen::generate_to(program.command.clone(), &man).context("write man pages")?;
        for (shell, name) in [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")] {
            complete(program, shell, &make(&format!("completions/{name}"))?)?;
        }
        if !program.keys.is_empty() {
            let text = file::text(program.name(), &program.keys);
            put(&config.join(format!("{}.toml", program.name())), &text)?;
        }
    }
    put(&man.join("wireguard-cni.8"), PLUGIN_PAGE)?;
    put(&config.join("10-wgnet.conflist"), CONFLIST)
}

/// Where the shells look, each under the name that it looks for.
fn complete(program: &Program, shell: Shell, dir: &Path) -> anyhow::Result<()> {
    let (mut command, name) = (program.command.clone(), program.name());
    let file = match shell {
        Shell::Zsh => format!("_{name}"),
        Shell::Fish => format!("{name}.fish"),
        _ => name.to_owned(),
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    fs::write(dir.join(file), text).context("write completions")
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_program_and_command_has_a_page_and_every_shell_its_completions() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("new");
        for _ in 0..2 {
            write(&at, &crate::programs().unwrap()).unwrap();
        }
        for name in [
            "man/cluster-manager.1",
            "man/cluster-manager-init.1",
            "man/node-manager-serve.1",
            "man/wgcni-ticket-create.1",
            "man/wireguard-cni.8",
            "completions/bash/wgcni",
            "completions/zsh/_node-manager",
            "completions/fish/cluster-manager.fish",
            "config/node-manager.toml",
            "config/10-wgnet.conflist",
        ] {
            let text = fs::read_to_string(at.join(name)).unwrap();
            assert!(text.len() > 100, "{name}: {text}");
        }
        let page = fs::read_to_string(at.join("man/node-manager-serve.1")).unwrap();
        assert!(page.contains("WGCNI_MESH_PORT") && page.contains("[default: 51820]"), "{page}");
    }
}
