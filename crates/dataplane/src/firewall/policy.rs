//! What the firewall is to do, as rules. Pure.
//!
//! A rule is written exactly as `iptables -S` prints it, so that what is observed and what
//! is wished for are compared as text.

use super::{Body, Chain, Firewall, Jump, Protocol, Rules};
use crate::state::LinkName;
use wgcni_model::{Family, Prefix, Prefixes};

/// What the firewall is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The overlay's whole address space. Families it lacks get no chains.
    pub cluster: Prefixes,
    /// This node's part of it.
    pub lease: Prefixes,
    /// UDP port of the hub, closed but over loopback.
    pub hub_port: u16,
    /// Ports of the host that the overlay may use.
    pub host_ports: Vec<(Protocol, u16)>,
}

/// Link-local space: cloud metadata and neighbours of the host, none of a container's business.
const LINK_LOCAL_V4: &str = "169.254.0.0/16";
const LINK_LOCAL_V6: &str = "fe80::/10";

/// Metadata service that one cloud has at a unique local address.
const METADATA_V6: &str = "fd00:ec2::254/128";

impl Policy {
    /// The chains that do it.
    pub fn firewall(&self) -> Firewall {
        let families = [Family::V4, Family::V6].into_iter();
        let rules = families.filter_map(|family| {
            let (cluster, lease) = (self.cluster.get(family)?, self.lease.get(family)?);
            Some((family, self.rules(&Scope { family, cluster, lease })))
        });
        Firewall(rules.collect())
    }

    fn rules(&self, scope: &Scope) -> Rules {
        let chains = [
            (Chain::Prerouting, scope.prerouting()),
            (Chain::Input, self.input(scope)),
            (Chain::Forward, scope.forward()),
            (Chain::Postrouting, scope.postrouting()),
        ];
        let bodies = chains.into_iter().map(|(c, rules)| (c, Body { rules, jump: Jump::First }));
        Rules(bodies.collect())
    }

    /// The hub's port is for containers' devices, which are on loopback; of the host itself
    /// the overlay sees what the operator opens.
    fn input(&self, scope: &Scope) -> Vec<String> {
        let hub_port = self.hub_port;
        let mut rules = vec![format!("! -i lo -p udp -m udp --dport {hub_port} -j DROP")];
        for link in LinkName::ALL {
            rules.push(format!("-i {link} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"));
            rules.push(format!("-i {link} -p {} -j ACCEPT", scope.icmp()));
            for (protocol, port) in &self.host_ports {
                rules.push(format!(
                    "-i {link} -p {protocol} -m {protocol} --dport {port} -j ACCEPT"
                ));
            }
            rules.push(format!("-i {link} -j DROP"));
        }
        rules
    }
}

/// One family's view.
struct Scope {
    family: Family,
    cluster: Prefix,
    lease: Prefix,
}

const HUB: LinkName = LinkName::Hub;
const MESH: LinkName = LinkName::Mesh;

impl Scope {
    fn icmp(&self) -> &'static str {
        match self.family {
            Family::V4 => "icmp",
            Family::V6 => "ipv6-icmp",
        }
    }

    /// Nobody speaks with an address of another: containers use the lease's, other nodes
    /// the rest of the cluster's, and the world none of both.
    fn prerouting(&self) -> Vec<String> {
        let Self { cluster, lease, .. } = self;
        let closed: &[&str] = match self.family {
            Family::V4 => &[LINK_LOCAL_V4],
            Family::V6 => &[LINK_LOCAL_V6, METADATA_V6],
        };
        let mut rules = vec![format!("! -s {lease} -i {HUB} -j DROP")];
        rules.extend(closed.iter().map(|net| format!("-d {net} -i {HUB} -j DROP")));
        rules.push(format!("-i {HUB} -j RETURN"));
        rules.push(format!("-s {lease} -i {MESH} -j DROP"));
        rules.push(format!("! -s {cluster} -i {MESH} -j DROP"));
        rules.push(format!("-i {MESH} -j RETURN"));
        // What the host sends to itself passes here too, on loopback.
        rules.push(format!("-s {cluster} ! -i lo -j DROP"));
        rules
    }

    /// Overlay to overlay and out of the own lease; into it only answers and published
    /// ports. Another node's containers get out at their own node.
    fn forward(&self) -> Vec<String> {
        let cluster = self.cluster;
        vec![
            format!("-i {HUB} -o {HUB} -j ACCEPT"),
            format!("-i {HUB} -o {MESH} -j ACCEPT"),
            format!("-i {MESH} -o {HUB} -j ACCEPT"),
            format!("-i {MESH} -j DROP"),
            // Overlay addresses leave through overlay links or not at all.
            format!("-d {cluster} -i {HUB} -j DROP"),
            format!("-i {HUB} -j ACCEPT"),
            format!("-o {HUB} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
            format!("-o {HUB} -m conntrack --ctstate DNAT -j ACCEPT"),
            format!("-o {HUB} -j DROP"),
            format!("-o {MESH} -j DROP"),
        ]
    }

    /// Inside the overlay source addresses are true; outside nobody knows them.
    fn postrouting(&self) -> Vec<String> {
        let Self { cluster, lease, .. } = self;
        vec![
            // Left to others: published ports have a masquerade of their own for hairpins.
            format!("-o {HUB} -j RETURN"),
            format!("-o {MESH} -j RETURN"),
            "-o lo -j RETURN".to_owned(),
            format!("-s {lease} ! -d {cluster} -j MASQUERADE"),
        ]
    }
}
