//! What a host is like beside us and after us.
#![allow(clippy::unwrap_used)]

use wgcni_lab::{Cluster, Host, clean, ping};

/// Things of somebody else: rules in every table that we use, routes, a link.
const FOREIGN: [&str; 12] = [
    "iptables -N FOREIGN",
    "iptables -A FOREIGN -s 203.0.113.0/24 -j DROP",
    "iptables -A INPUT -j FOREIGN",
    "iptables -A FORWARD -s 203.0.113.0/24 -j REJECT",
    "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE",
    "iptables -t raw -A PREROUTING -s 203.0.113.9 -j DROP",
    "ip6tables -A FORWARD -s 2001:db8:77::/48 -j REJECT",
    "ip6tables -t nat -A POSTROUTING -s fd12:1::/64 -j MASQUERADE",
    "ip6tables -t raw -A PREROUTING -s 2001:db8:77::9 -j DROP",
    "ip link add foreign0 type veth peer name foreign1",
    "ip route add 172.18.0.0/16 via 192.168.77.1 proto static",
    "ip -6 route add 2001:db8:78::/48 via fd77:6c61:62::1 proto static",
];

/// Everything that a program of ours might change on a host.
const LOOK: [&str; 9] = [
    "iptables-save",
    "ip6tables-save",
    "ip -4 route show table all",
    "ip -6 route show table all",
    "ip rule",
    "ip -6 rule",
    "ip -o link",
    "ip -o address",
    "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.eth0.rp_filter \
     net.ipv4.conf.all.rp_filter net.ipv6.conf.eth0.accept_ra net.ipv6.conf.all.accept_ra",
];

fn run(host: &Host, line: &str) -> String {
    host.run(&line.split_whitespace().collect::<Vec<_>>()).unwrap()
}

/// The host in the words of its own tools, without times and counters.
fn look(host: &Host) -> Vec<String> {
    let all = LOOK.map(|line| run(host, line));
    let lines = all.iter().flat_map(|text| text.lines());
    let text = lines.filter(|line| !line.starts_with('#'));
    let bare = |line: &str| line.split(" [").next().unwrap_or_default().trim_end().to_owned();
    text.map(bare).collect()
}

#[test]
fn cleanup_leaves_the_host_as_it_was() {
    let cluster = Cluster::new().unwrap();
    let host = cluster.lab().add_host("ash").unwrap();
    for line in FOREIGN {
        run(&host, line);
    }
    let before = look(&host);
    let birch = cluster.add_node("birch").unwrap();
    let ash = cluster.start_node(host, "").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    assert!(ping::reaches(&web, db.v4().into(), &[0; 16]).unwrap());

    let during = look(ash.host());
    for line in before.iter().filter(|line| !line.starts_with("net.")) {
        assert!(during.contains(line), "{line} is gone");
    }
    ash.stop().unwrap();
    ash.cleanup().unwrap();
    assert_eq!(look(ash.host()), before);
    assert_eq!(web.links().unwrap(), ["lo"]);
    ash.cleanup().unwrap();
    assert_eq!(look(ash.host()), before);
    let inodes = [ash.host().netns().inode().unwrap()].into();
    assert_eq!(clean::processes_in(&inodes).len(), 1, "more than the host's holder runs");
}

#[test]
fn a_stopped_node_manager_leaves_the_data_plane() {
    let cluster = Cluster::new().unwrap();
    let (ash, birch) = (cluster.add_node("ash").unwrap(), cluster.add_node("birch").unwrap());
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let during = look(ash.host());
    ash.stop().unwrap();
    birch.stop().unwrap();
    assert_eq!(look(ash.host()), during);
    for address in db.addresses() {
        assert!(ping::reaches(&web, address, &[0; 16]).unwrap());
    }
}
