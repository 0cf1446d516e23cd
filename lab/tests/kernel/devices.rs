//! What only the kernel's own devices can show. These run inside the machine.

use wgcni_lab::{Cluster, Container, Netns};

/// UDP ports that are open in a namespace, by family.
fn udp_ports(netns: &Netns) -> Vec<u16> {
    let tables = ["udp", "udp6"]
        .map(|table| netns.run(&["cat", &format!("/proc/thread-self/net/{table}")]).unwrap());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let port = |line: &str| {
        let local = line.split_whitespace().nth(1)?;
        u16::from_str_radix(local.split_once(':')?.1, 16).ok()
    };
    lines.filter_map(port).collect()
}

fn links(container: &Container) -> Vec<String> {
    let links = container.exec(&["ip", "-o", "link"]).unwrap();
    let name = |line: &str| line.split(": ").nth(1).unwrap_or_default().to_owned();
    links.lines().map(name).collect()
}

pub fn a_containers_socket_stays_with_its_host() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node("ash").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let port = web.exec(&["wg", "show", "eth0", "listen-port"]).unwrap().trim().parse().unwrap();
    assert_eq!(udp_ports(web.netns()), [0_u16; 0]);
    assert!(udp_ports(node.host().netns()).contains(&port), "{port}");
    assert_eq!(links(&web), ["lo", "eth0"]);
}
