//! What runtimes find: the plugin, and networks that name it.

mod network;
mod plugin;

use std::path::PathBuf;

use super::finding::{Finding, advice, run};
use super::machine::Machine;
use network::Network;
use plugin::Plugin;

const CHECK: &str = "cni";

/// The plugin's file.
const PLUGIN: &str = "wireguard-cni";

/// Where the package has it, and a link for the runtimes of Debian beside it.
const PACKAGED: &str = "/opt/cni/bin (and, by a link, /usr/lib/cni)";

/// Where containerd takes the first file of.
const CONTAINERD: &str = "/etc/cni/net.d";

pub(crate) struct Facts {
    is_node: bool,
    /// Directories of plugins.
    dirs: Vec<PathBuf>,
    /// Every plugin of ours that there is.
    plugins: Vec<Plugin>,
    /// Files of networks, by directory and name.
    networks: Vec<Network>,
    /// Names of all plugins that there are.
    installed: Vec<String>,
}

/// Files with networks of ours.
pub(crate) fn networks(directory: &std::path::Path) -> Vec<PathBuf> {
    network::read(directory).into_iter().filter(Network::is_ours).map(|n| n.path).collect()
}

/// The version of the plugin that a runtime would take.
pub(crate) async fn plugin_version(machine: &Machine) -> Option<String> {
    let path = machine.places.plugin_dirs().into_iter().map(|dir| dir.join(PLUGIN));
    let path = path.into_iter().find(|path| path.exists())?;
    Plugin::look(path).await.version
}

pub(crate) async fn look(machine: &Machine) -> Facts {
    let dirs = machine.places.plugin_dirs();
    let mut plugins = Vec::new();
    for path in dirs.iter().map(|dir| dir.join(PLUGIN)).filter(|path| path.exists()) {
        plugins.push(Plugin::look(path).await);
    }
    let entries = dirs.iter().flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten());
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Facts {
        is_node: machine.roles.node,
        installed: names.collect(),
        networks: machine.places.network_dirs().iter().flat_map(|d| network::read(d)).collect(),
        plugins,
        dirs,
    }
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    if !facts.is_node {
        return Vec::new();
    }
    let mut findings = judge_plugins(facts);
    let ours: Vec<_> = facts.networks.iter().filter(|network| network.is_ours()).collect();
    if ours.is_empty() {
        let seen = "no network names wireguard-cni: containers cannot ask for it";
        let what =
            "write 10-wgnet.conflist into /etc/cni/net.d (Nomad: /opt/cni/config): docs/cni.md";
        findings.push(Finding::warning(CHECK, seen, advice(what)));
    }
    findings.extend(facts.networks.iter().filter_map(|n| n.judge(&facts.installed)));
    findings.extend(ours.iter().filter_map(|ours| not_first(ours, &facts.networks)));
    if findings.is_empty() {
        let names = ours.iter().map(|network| network.path.display().to_string());
        let names = names.collect::<Vec<_>>().join(", ");
        findings.push(Finding::ok(CHECK, format!("the plugin runs; networks: {names}")));
    }
    findings
}

fn judge_plugins(facts: &Facts) -> Vec<Finding> {
    if !facts.plugins.is_empty() {
        return facts.plugins.iter().filter_map(Plugin::judge).collect();
    }
    let dirs = facts.dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>();
    let seen = format!("the plugin wireguard-cni is in none of {}", dirs.join(", "));
    let to = dirs.first().cloned().unwrap_or_default();
    // It is a plugin and no command: nothing puts it where a shell would find it.
    let install = format!(
        "install the package wireguard-cni, which brings it to {PACKAGED}; or copy it: `install \
         -D -m 755 PATH-TO-IT {to}/{PLUGIN}`"
    );
    vec![Finding::problem(CHECK, seen, advice(install))]
}

/// containerd takes one network, the first of the directory.
fn not_first(ours: &Network, all: &[Network]) -> Option<Finding> {
    let beside = |network: &&Network| network.path.parent() == ours.path.parent();
    let first = all.iter().find(beside).filter(|first| !first.is_ours())?;
    if ours.path.parent().is_none_or(|parent| parent != std::path::Path::new(CONTAINERD)) {
        return None;
    }
    let (path, name) = (ours.path.display(), ours.path.file_name()?.to_str()?);
    let seen = format!("containerd takes {} first, not {path}", first.path.display());
    let to = format!(
        "{CONTAINERD}/00-{}",
        name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-')
    );
    Some(Finding::warning(CHECK, seen, run(format!("mv {path} {to}"))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Remedy;
    use crate::doctor::finding::Severity::{Ok, Problem, Warning};

    fn facts(plugin: bool, networks: &[(&str, &str)]) -> Facts {
        let network = |(path, text): &(&str, &str)| Network::parse((*path).into(), text);
        Facts {
            is_node: true,
            dirs: vec!["/opt/cni/bin".into()],
            plugins: plugin.then(Plugin::good).into_iter().collect(),
            networks: networks.iter().map(network).collect(),
            installed: vec![PLUGIN.to_owned()],
        }
    }

    const OURS: &str =
        r#"{"cniVersion": "1.0.0", "name": "wgnet", "plugins": [{"type": "wireguard-cni"}]}"#;
    const OTHER: &str = r#"{"cniVersion": "1.0.0", "name": "podman", "type": "bridge"}"#;

    #[test]
    fn a_missing_plugin_a_missing_network_and_an_earlier_one_are_told() {
        let ours = ("/etc/cni/net.d/10-wgnet.conflist", OURS);
        let other = ("/etc/cni/net.d/05-podman.conf", OTHER);
        let severities = |facts: &Facts| -> Vec<_> {
            judge(facts).into_iter().map(|finding| finding.severity).collect()
        };
        assert_eq!(severities(&facts(true, &[ours])), [Ok]);
        assert_eq!(severities(&facts(false, &[ours])), [Problem]);
        let missing = judge(&facts(false, &[ours])).remove(0).remedy;
        let Some(Remedy::Advice(install)) = missing else { panic!("{missing:?}") };
        assert!(install.contains("package wireguard-cni"), "{install}");
        assert!(install.contains("PATH-TO-IT /opt/cni/bin/wireguard-cni"), "{install}");
        assert_eq!(severities(&facts(true, &[])), [Warning]);
        let found = judge(&facts(true, &[other, ours]));
        let to = "mv /etc/cni/net.d/10-wgnet.conflist /etc/cni/net.d/00-wgnet.conflist";
        assert_eq!(found[0].remedy, Some(Remedy::Run(to.to_owned())));
        // Nomad asks by name.
        let nomad = ("/opt/cni/config/10-wgnet.conflist", OURS);
        let beside = ("/opt/cni/config/05-podman.conf", OTHER);
        assert_eq!(severities(&facts(true, &[beside, nomad])), [Ok]);
    }
}
