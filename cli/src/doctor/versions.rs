//! Whether all programs on this machine are of one version.

use super::cni;
use super::finding::{Finding, advice, run};
use super::machine::Machine;
use super::tool;

const CHECK: &str = "versions";

const OWN: &str = env!("CARGO_PKG_VERSION");

#[derive(Default)]
pub(crate) struct Facts {
    pub daemons: Vec<Daemon>,
    /// The plugin's, where it could be asked.
    pub plugin: Option<String>,
}

/// A daemon: the version that runs, and the one that would if it were started now.
#[derive(Debug, Clone)]
pub(crate) struct Daemon {
    pub name: &'static str,
    pub running: Option<String>,
    pub installed: Option<String>,
}

pub(crate) async fn look(machine: &Machine) -> Facts {
    let mut daemons = Vec::new();
    let node = machine.node.as_ref().ok().map(|status| status.version.clone());
    let manager = machine.manager.as_ref().ok().map(|status| status.version.clone());
    for (name, running) in [("node-manager", node), ("cluster-manager", manager)] {
        let installed = tool::run(&[name, "--version"]).await.ok();
        let installed = installed.and_then(|text| version(&text));
        daemons.push(Daemon { name, running, installed });
    }
    Facts { daemons, plugin: cni::plugin_version(machine).await }
}

/// The last word of what `--version` prints.
fn version(text: &str) -> Option<String> {
    text.lines().next()?.split_whitespace().next_back().map(str::to_owned)
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Daemon { name, running, installed } in &facts.daemons {
        if let (Some(running), Some(installed)) = (running, installed)
            && running != installed
        {
            let seen = format!("{name} {running} runs, and {installed} is installed");
            findings.push(Finding::warning(CHECK, seen, run(Machine::service("restart", name))));
        }
    }
    let newest = |daemon: &Daemon| {
        let version = daemon.installed.clone().or(daemon.running.clone())?;
        Some((daemon.name, version))
    };
    let mut all: Vec<_> = facts.daemons.iter().filter_map(newest).collect();
    all.extend(facts.plugin.clone().map(|version| ("wireguard-cni", version)));
    all.push(("wgcni", OWN.to_owned()));
    let list = all.iter().map(|(name, version)| format!("{name} {version}"));
    let list = list.collect::<Vec<_>>().join(", ");
    if all.iter().any(|(_, version)| *version != all[0].1) {
        let what = "install all programs of one version on this machine";
        findings.push(Finding::warning(CHECK, format!("they differ: {list}"), advice(what)));
    } else if findings.is_empty() {
        findings.push(Finding::ok(CHECK, list));
    }
    findings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Severity::{Ok, Warning};

    #[test]
    fn an_upgrade_that_was_not_finished_is_seen() {
        assert_eq!(version("node-manager 0.1.0\n").unwrap(), "0.1.0");
        let own = || Some(OWN.to_owned());
        let old = || Some("0.0.1".to_owned());
        let table = [
            (own(), own(), own(), vec![Ok]),
            (None, None, None, vec![Ok]),
            (old(), own(), own(), vec![Warning]),
            (own(), None, old(), vec![Warning]),
            (old(), old(), own(), vec![Warning]),
        ];
        for (running, installed, plugin, expected) in table {
            let daemons = vec![Daemon { name: "node-manager", running, installed }];
            let found = judge(&Facts { daemons, plugin });
            let severities: Vec<_> = found.iter().map(|finding| finding.severity).collect();
            assert_eq!(severities, expected, "{found:?}");
        }
    }
}
