//! Where things are on this machine.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::args::ReachArgs;

/// Where a runtime looks for plugins, and Debian's package has the reference ones.
const CNI_BIN: [&str; 3] = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/// Where runtimes look for networks: containerd and podman, Nomad.
const CNI_CONF: [&str; 2] = ["/etc/cni/net.d", "/opt/cni/config"];

/// Where Nomad's configuration says otherwise.
const NOMAD: &str = "/etc/nomad.d";

/// Where things are, if not in the usual places
#[derive(Debug, Clone, Args)]
pub(crate) struct Places {
    /// node-manager's configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/wgcni/node-manager.toml")]
    pub config: PathBuf,
    /// cluster-manager's configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/wgcni/cluster-manager.toml")]
    pub manager_config: PathBuf,
    /// node-manager's socket, instead of the one of its configuration: as for all commands.
    #[arg(skip)]
    pub node_socket: Option<PathBuf>,
    /// A directory of CNI plugins, before the usual ones
    #[arg(long, value_name = "DIR")]
    pub cni_bin: Vec<PathBuf>,
    /// A directory of CNI networks, before the usual ones
    #[arg(long, value_name = "DIR")]
    pub cni_conf: Vec<PathBuf>,
}

impl Places {
    /// The same, with what is said for all commands.
    pub fn of(&self, at: &ReachArgs) -> Self {
        Self { node_socket: at.node_socket.clone(), ..self.clone() }
    }

    /// Directories of plugins, best first.
    pub fn plugin_dirs(&self) -> Vec<PathBuf> {
        all(&self.cni_bin, "cni_path", &CNI_BIN)
    }

    /// Directories of networks.
    pub fn network_dirs(&self) -> Vec<PathBuf> {
        all(&self.cni_conf, "cni_config_dir", &CNI_CONF)
    }
}

fn all(given: &[PathBuf], nomad: &str, usual: &[&str]) -> Vec<PathBuf> {
    let mut found = given.to_vec();
    found.extend(of_nomad(Path::new(NOMAD), nomad));
    found.extend(usual.iter().map(PathBuf::from));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|path| seen.insert(path.clone()));
    found
}

/// A path, or several with colons, from Nomad's configuration.
fn of_nomad(directory: &Path, key: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let paths = texts.flat_map(|text| value_of(&text, key));
    paths.flat_map(|paths| paths.split(':').map(PathBuf::from).collect::<Vec<_>>()).collect()
}

/// Values of a key in HCL or JSON, as far as they are plain strings on the key's line.
fn value_of(text: &str, key: &str) -> Vec<String> {
    let value = |line: &str| {
        let line = line.trim().trim_start_matches('"').strip_prefix(key)?;
        let rest = line.trim_start_matches('"').trim_start().strip_prefix(['=', ':'])?;
        let value = rest.trim().strip_prefix('"')?.split_once('"')?.0;
        value.starts_with('/').then(|| value.to_owned())
    };
    text.lines().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nomads_directories_are_read_from_hcl_and_json() {
        let hcl = "client {\n  cni_path = \"/a:/b\"\n  cni_path_x = \"/c\"\n}\n# cni_path = \"/d\"";
        assert_eq!(value_of(hcl, "cni_path"), ["/a:/b"]);
        assert_eq!(value_of("{\n \"cni_path\": \"/e\",\n}", "cni_path"), ["/e"]);
        assert_eq!(value_of("cni_path = var.x", "cni_path"), Vec::<String>::new());
    }
}
