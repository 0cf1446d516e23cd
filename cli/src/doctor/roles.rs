//! What this machine is meant to be, and whether its configuration can be read.

use std::path::PathBuf;

use super::finding::{Finding, advice, run};
use super::machine::{Machine, Roles};

const CHECK: &str = "setup";

pub(crate) struct Facts {
    root: bool,
    roles: Roles,
    joined: bool,
    plaintext: bool,
    /// Files that are no configuration, and why.
    broken: Vec<(PathBuf, String)>,
}

pub(crate) fn look(machine: &Machine) -> Facts {
    let files = [
        (&machine.places.config, &machine.config.error),
        (&machine.places.manager_config, &machine.manager_config.error),
    ];
    let broken = files.into_iter().filter_map(|(path, why)| Some((path.clone(), why.clone()?)));
    Facts {
        root: machine.root,
        roles: machine.roles,
        joined: machine.joined(),
        plaintext: machine.config.flag("insecure_plaintext"),
        broken: broken.collect(),
    }
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !facts.root {
        let seen = "not root: processes, firewall, keys and sockets cannot be looked at";
        findings.push(Finding::warning(CHECK, seen, run("sudo wgcni doctor")));
    }
    for (path, why) in &facts.broken {
        let seen = format!("{} cannot be read: {why}", path.display());
        findings.push(Finding::problem(CHECK, seen, advice("correct it: docs/configuration.md")));
    }
    let what = match (facts.roles.node, facts.roles.manager) {
        (false, false) => {
            let seen = "this machine is neither a node nor a cluster-manager yet";
            let first = "make it one: `cluster-manager init` for a new cluster; for a node \
                         `wgcni ticket create` where wgcni reaches the cluster, and with its \
                         join string here `node-manager join`, then `node-manager serve`";
            findings.push(Finding::problem(CHECK, seen, advice(first)));
            return findings;
        }
        (true, false) => "a node",
        (false, true) => "a cluster-manager",
        (true, true) => "a node and a cluster-manager",
    };
    if facts.roles.node && facts.root && !facts.joined && !facts.plaintext {
        let seen = "this node has not joined a cluster";
        let join = "`wgcni ticket create` where wgcni reaches the cluster, then here \
                    `node-manager join`, which asks for the join string";
        findings.push(Finding::problem(CHECK, seen, advice(join)));
    } else {
        findings.push(Finding::ok(CHECK, format!("this machine is {what}")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{self, Ok, Problem, Warning};

    fn severities(facts: &Facts) -> Vec<Severity> {
        judge(facts).into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_machine_without_a_role_and_a_node_without_a_cluster_are_told_what_comes_first() {
        let facts = |root, node, joined, plaintext| Facts {
            root,
            roles: Roles { node, manager: false },
            joined,
            plaintext,
            broken: Vec::new(),
        };
        assert_eq!(severities(&facts(true, false, false, false)), [Problem]);
        assert_eq!(severities(&facts(true, true, false, false)), [Problem]);
        assert_eq!(severities(&facts(true, true, false, true)), [Ok]);
        assert_eq!(severities(&facts(true, true, true, false)), [Ok]);
        // Nobody but root sees whether it joined.
        assert_eq!(severities(&facts(false, true, false, false)), [Warning, Ok]);
        let broken = vec![("/x".into(), "line 1".to_owned())];
        assert_eq!(severities(&Facts { broken, ..facts(true, true, true, false) }), [Problem, Ok]);
    }
}
