//! What goes into a bundle: this table, and nothing else.

/// A part of the bundle.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its file in the bundle; a directory where it ends in `/`.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    pub source: Source,
}

/// Where a part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// What a program prints: a fixed command line.
    Run(&'static [&'static str]),
    /// The same, of it the lines that name our chains.
    Chains(&'static [&'static str]),
    /// A file of the system that holds no secrets.
    File(&'static str),
    /// The configuration of node-manager, with comments and secret values left out.
    NodeConfig,
    /// That of cluster-manager.
    ManagerConfig,
    NodeStatus,
    ManagerStatus,
    Members,
    Doctor,
    Versions,
    Sysctls,
    /// The end of `tunnels.log` of node-manager's state directory.
    TunnelsLog,
    /// CNI networks that name our plugin.
    Networks,
}

const fn part(name: &'static str, what: &'static str, source: Source) -> Part {
    Part { name, what, source }
}

/// How far logs go back.
const SINCE: &str = "24 hours ago";

const NODE_LOG: &[&str] =
    &["journalctl", "-u", "node-manager", "--since", SINCE, "-n", "5000", "--no-pager", "-q"];
const MANAGER_LOG: &[&str] =
    &["journalctl", "-u", "cluster-manager", "--since", SINCE, "-n", "5000", "--no-pager", "-q"];

/// All parts. Never here: keys, `member.json`, tickets, join strings, anybody's environment,
/// and commands that print keys (`wg showconf`, `wg show … dump`).
pub(crate) const PARTS: &[Part] = &[
    part("versions.json", "versions of the programs that are installed", Source::Versions),
    part("doctor.json", "what wgcni doctor finds", Source::Doctor),
    part("system/uname.txt", "kernel", Source::Run(&["uname", "-srvm"])),
    part("system/os-release", "distribution", Source::File("/etc/os-release")),
    part("system/uptime.txt", "load, and since when it runs", Source::Run(&["uptime"])),
    part("system/memory.txt", "memory", Source::File("/proc/meminfo")),
    part("system/disks.txt", "room on disks", Source::Run(&["df", "-hT"])),
    part("config/node-manager.toml", "values of secret keys left out", Source::NodeConfig),
    part("config/cluster-manager.toml", "values of secret keys left out", Source::ManagerConfig),
    part("node/status.json", "what node-manager says of itself", Source::NodeStatus),
    part("node/tunnels.log", "of userspace WireGuard", Source::TunnelsLog),
    part("cluster/status.json", "what cluster-manager says of itself", Source::ManagerStatus),
    part("cluster/members.json", "members, without keys", Source::Members),
    part("network/links.txt", "interfaces", Source::Run(&["ip", "-s", "-d", "link"])),
    part("network/addresses.txt", "addresses", Source::Run(&["ip", "address"])),
    part("network/routes-v4.txt", "routes", Source::Run(&["ip", "route", "show", "table", "all"])),
    part(
        "network/routes-v6.txt",
        "routes",
        Source::Run(&["ip", "-6", "route", "show", "table", "all"]),
    ),
    part("network/rules-v4.txt", "routing rules", Source::Run(&["ip", "rule"])),
    part("network/rules-v6.txt", "routing rules", Source::Run(&["ip", "-6", "rule"])),
    part("network/wireguard.txt", "public keys shortened", Source::Run(&["wg", "show", "all"])),
    part("network/sysctls.txt", "settings of the overlay", Source::Sysctls),
    part("firewall/filter-v4.txt", "our chains", Source::Chains(&["iptables", "-w", "2", "-S"])),
    part(
        "firewall/nat-v4.txt",
        "our chains",
        Source::Chains(&["iptables", "-w", "2", "-t", "nat", "-S"]),
    ),
    part(
        "firewall/raw-v4.txt",
        "our chains",
        Source::Chains(&["iptables", "-w", "2", "-t", "raw", "-S"]),
    ),
    part("firewall/filter-v6.txt", "our chains", Source::Chains(&["ip6tables", "-w", "2", "-S"])),
    part(
        "firewall/nat-v6.txt",
        "our chains",
        Source::Chains(&["ip6tables", "-w", "2", "-t", "nat", "-S"]),
    ),
    part(
        "firewall/raw-v6.txt",
        "our chains",
        Source::Chains(&["ip6tables", "-w", "2", "-t", "raw", "-S"]),
    ),
    part("cni/", "networks that name wireguard-cni", Source::Networks),
    part("logs/node-manager.txt", "the last day, secrets left out", Source::Run(NODE_LOG)),
    part("logs/cluster-manager.txt", "the last day, secrets left out", Source::Run(MANAGER_LOG)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_prints_keys_is_run_and_no_state_is_read() {
        for part in PARTS {
            let words: &[&str] = match part.source {
                Source::Run(words) | Source::Chains(words) => words,
                Source::File(path) => {
                    assert!(!path.contains("wgcni"), "{path}");
                    continue;
                }
                _ => continue,
            };
            for word in ["showconf", "dump", "env", "printenv", "cat", "sh", "private-key"] {
                assert!(!words.contains(&word), "{words:?}");
            }
        }
    }

    #[test]
    fn names_are_relative_and_unique() {
        let mut names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        assert!(names.iter().all(|name| !name.starts_with('/') && !name.contains("..")));
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
