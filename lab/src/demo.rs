//! `lab demo`: a cluster that carries traffic, shown step by step.

use std::mem;

use anyhow::{Result, ensure};

use crate::capture::{Capture, Seen};
use crate::cluster::Cluster;
use crate::container::Container;
use crate::iperf::throughput;
use crate::node::Node;
use crate::packet::Secret;
use crate::ping::{self, Path};
use crate::say;

/// Which containers run on which node.
const PLAN: [(&str, [&str; 2]); 3] =
    [("ash", ["web", "db"]), ("birch", ["api", "cache"]), ("cedar", ["queue", "mail"])];

/// Fills every ping; nobody may see it on the underlay.
const MARKER: &[u8; 16] = b"wgcni plaintext!";

const IPERF_SECONDS: &str = "3";

/// Shows a cluster and says whether all that it promises was seen.
///
/// # Errors
/// When the cluster does not come up. It is taken down then, too.
pub fn run(keep: bool) -> Result<bool> {
    say::step("an underlay, and a cluster-manager on a host of its own");
    let cluster = Cluster::new()?;
    let prefixes = cluster.prefixes()?.join(", ");
    say::line(format!("  run {}, prefixes {prefixes}", cluster.lab().run().id()));
    let capture = Capture::start(cluster.lab().underlay(), secret(&cluster)?)?;

    say::step("three nodes, each joins with a ticket of its own");
    let nodes = start_nodes(&cluster)?;
    say::step("two containers on each, attached by the CNI plugin");
    let containers = attach_all(&cluster, &nodes)?;
    say::table(&overview(&containers)?);
    let paths = traffic(&containers)?;
    let seen = capture.stop()?;
    report_underlay(&seen);
    say::step("wg show on ash");
    say::line(nodes[0].host().run(&["wg", "show"])?);

    let reachable = paths.iter().filter(|path| path.reachable).count();
    let verdict = format!(
        "demo: {} containers on {} nodes, {reachable} of {} paths reachable, {} plaintext packets",
        containers.len(),
        nodes.len(),
        paths.len(),
        seen.plain
    );
    if keep {
        explain(&cluster, &nodes, &containers);
        mem::forget(nodes);
        mem::forget(cluster);
    } else {
        say::step("taking everything down");
        cluster.lab().take_down()?;
    }
    say::line(verdict);
    Ok(reachable == paths.len() && seen.proves_encryption())
}

fn secret(cluster: &Cluster) -> Result<Secret> {
    let prefixes = cluster.prefixes()?;
    ensure!(!prefixes.is_empty(), "a cluster without prefixes");
    let overlay = prefixes.iter().map(|prefix| prefix.parse()).collect::<Result<_, _>>()?;
    Ok(Secret { overlay, marker: MARKER.to_vec() })
}

fn start_nodes(cluster: &Cluster) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for (name, _) in PLAN {
        let host = cluster.lab().add_host(name)?;
        say::line(format!("  {name} at {} and {}", host.v4(), host.v6()));
        let node = cluster.prepare_node(name, host, "")?;
        for line in node.join(&cluster.ticket(name)?)?.lines() {
            say::line(format!("    {line}"));
        }
        node.start()?;
        nodes.push(node);
    }
    cluster.settle(&nodes.iter().collect::<Vec<_>>())?;
    Ok(nodes)
}

fn attach_all<'a>(cluster: &Cluster, nodes: &'a [Node]) -> Result<Vec<Container<'a>>> {
    let mut containers = Vec::new();
    for (node, (_, names)) in nodes.iter().zip(PLAN) {
        for name in names {
            containers.push(cluster.attach(node, name)?);
        }
    }
    Ok(containers)
}

fn overview(containers: &[Container]) -> Result<Vec<Vec<String>>> {
    let head = ["container", "node", "IPv4", "IPv6", "public key"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for container in containers {
        rows.push(vec![
            container.name().to_owned(),
            container.node().name().to_owned(),
            container.v4().to_string(),
            container.v6().to_string(),
            container.public_key()?,
        ]);
    }
    Ok(rows)
}

/// Pings all pairs and puts load onto one of them.
fn traffic(containers: &[Container]) -> Result<Vec<Path>> {
    say::step("every container pings every other, IPv4 and IPv6");
    say::mark("  ");
    let paths = ping::every_pair(containers, MARKER, &|path: &Path| {
        say::mark(if path.reachable { "." } else { "x" });
    })?;
    say::line("");
    for path in paths.iter().filter(|path| !path.reachable) {
        say::line(format!("  {} does not reach {} at {}", path.from, path.to, path.address));
    }
    say::step("iperf3 from web to mail, across nodes");
    let (web, mail) = (&containers[0], &containers[containers.len() - 1]);
    let address = mail.v4().to_string();
    let rate = throughput(web.netns(), mail.netns(), &address, IPERF_SECONDS)?;
    say::line(format!("  {:.2} Gbit/s", rate / 1e9));
    Ok(paths)
}

fn report_underlay(seen: &Seen) {
    say::step("what crossed the underlay since before the first node started");
    say::line(format!(
        "  {} WireGuard, {} control channel, {} ARP and neighbour discovery, {} in the clear",
        seen.wireguard, seen.control, seen.neighbour, seen.plain
    ));
    for example in &seen.examples {
        say::line(format!("  in the clear: {example}"));
    }
    if seen.missed > 0 {
        say::line(format!("  {} packets passed unseen: no proof", seen.missed));
    }
}

fn explain(cluster: &Cluster, nodes: &[Node], containers: &[Container]) {
    say::step("everything stays up; look around:");
    for node in nodes {
        say::line(format!(
            "  {:<28} {}",
            format!("a shell on {}", node.name()),
            node.host().shell()
        ));
    }
    for container in containers {
        let shell = format!("ip netns exec {} bash", container.netns().name());
        say::line(format!("  {:<28} {shell}", format!("a shell in {}", container.name())));
    }
    let underlay = cluster.lab().underlay().name();
    say::line(format!(
        "  {:<28} ip netns exec {underlay} tcpdump -ni br0",
        "listen to the underlay"
    ));
    say::line(format!("  {:<28} {}", "logs", cluster.lab().run().directory().display()));
    say::line(format!("  {:<28} make clean-lab (or: lab clean)", "take it down"));
    say::line("");
}
