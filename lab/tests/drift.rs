//! Somebody changes what is ours: it comes back, each time with one line and one count, and
//! nobody else notices.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use wgcni_lab::flow::Pings;
use wgcni_lab::{Cluster, Container, Node, ping, wait};

/// What a repair says in the log.
const TOLD: &str = "repaired what somebody changed";

/// What somebody does, and the kind of repair.
type Act = (&'static str, &'static str);

/// What the kernel tells, while others speak.
const CALM: &[Act] = &[
    ("route", "ip route del $(ip route show proto 177 dev wgmesh0 | cut -d' ' -f1) dev wgmesh0"),
    ("route", "ip -6 route del $(ip -6 route show proto 177 dev wgmesh0 | cut -d' ' -f1)"),
    ("route", "ip route del unreachable 10.64.0.0/12"),
    ("route", "ip route add 10.64.99.0/24 dev wgmesh0 proto 177"),
    ("address", "ip addr del $(ip -br -4 addr show dev wgmesh0 | awk '{print $3}') dev wgmesh0"),
    ("address", "ip addr add 192.0.2.77/32 dev wgmesh0"),
    ("interface", "ip link set wgmesh0 down"),
    ("interface", "ip link set wgmesh0 mtu 1300"),
    ("interface", "ip link set wghub0 mtu 1300"),
    ("interface", "ip link del wgmesh0"),
    ("sysctl", "echo 1 > /proc/sys/net/ipv4/conf/wghub0/rp_filter"),
    ("firewall", "iptables -F WGCNI-FORWARD"),
    ("firewall", "iptables -D FORWARD -j WGCNI-FORWARD"),
    (
        "firewall",
        "printf '%s\\n' '*nat' '-D POSTROUTING -j WGCNI-POSTROUTING' '-F WGCNI-POSTROUTING' \
         '-X WGCNI-POSTROUTING' COMMIT | ip6tables-restore --noflush",
    ),
];

/// What the kernel tells, and what the containers themselves notice.
const ROUGH: &[Act] = &[
    ("sysctl", "echo 0 > /proc/sys/net/ipv4/ip_forward"),
    ("sysctl", "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding"),
    ("interface", "ip link set wghub0 down"),
    ("interface", "ip link del wghub0"),
];

/// What nobody tells.
const UNTOLD: &[Act] = &[
    ("peer", "wg set wgmesh0 peer $(wg show wgmesh0 peers) remove"),
    ("peer", "wg set wghub0 peer $SPARE remove"),
    (
        "peer",
        "wg genpsk > /run/wgcni/k; wg set wgmesh0 peer $(wg show wgmesh0 peers) preshared-key /run/wgcni/k",
    ),
    ("peer", "wg set wgmesh0 peer $(wg genkey | wg pubkey) allowed-ips 192.0.2.0/24"),
    (
        "peer",
        "wg set wgmesh0 peer $(wg genkey | wg pubkey) \
         allowed-ips $(wg show wgmesh0 allowed-ips | cut -f2 | tr ' ' ',')",
    ),
    ("interface", "wg genkey > /run/wgcni/k; wg set wgmesh0 private-key /run/wgcni/k"),
    ("interface", "wg set wgmesh0 listen-port 4000"),
    ("sysctl", "echo 1 > /proc/sys/net/ipv6/conf/wgmesh0/accept_ra"),
];

/// All that is ours on a host, as its own tools print it.
fn ours(node: &Node) -> String {
    let look = "for link in wghub0 wgmesh0; do
            ip -o link show $link | grep -o ',UP\\|mtu [0-9]*'
            ip -br addr show dev $link | tr -s ' ' '\\n' | grep / | sort
            wg showconf $link | grep -v Endpoint | sort
            cat /proc/sys/net/ipv4/conf/$link/rp_filter /proc/sys/net/ipv6/conf/$link/accept_ra
        done
        ip route show proto 177 | sort; ip -6 route show proto 177 | sort
        iptables-save | grep WGCNI; ip6tables-save | grep WGCNI
        cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding";
    node.host().run(&["sh", "-c", look]).unwrap_or_default()
}

fn lines(node: &Node) -> Vec<String> {
    let log = node.log();
    log.lines().filter(|line| line.contains(TOLD)).map(str::to_owned).collect()
}

/// How often Status counts a kind, or all of them.
fn count(node: &Node, kind: Option<&str>) -> u64 {
    let status = node.status().unwrap();
    let Some(repairs) = status["repairs"].as_object() else { return 0 };
    let ours = repairs.iter().filter(|(name, _)| kind.is_none_or(|kind| *name == kind));
    ours.map(|(_, count)| count.as_str().unwrap().parse::<u64>().unwrap()).sum()
}

/// A node, another one, and what is to be seen of it when all is well.
struct Scene<'a> {
    node: &'a Node,
    sound: String,
    spare: String,
}

impl Scene<'_> {
    /// Each act is undone, with one line and one count.
    fn play(&self, acts: &[Act]) {
        let node = self.node;
        for (kind, act) in acts {
            let (told, counted) = (lines(node).len(), count(node, Some(kind)));
            let act = format!("SPARE={}; {act}", self.spare);
            node.host().run(&["sh", "-c", &act]).unwrap();
            let repaired =
                wait::until(&act, || lines(node).len() > told && ours(node) == self.sound);
            assert!(repaired.is_ok(), "{repaired:?}\n{}\n{}", ours(node), node.log());
            let lines = lines(node);
            assert_eq!(lines.len(), told + 1, "{act}: {lines:#?}");
            assert!(lines[told].contains(&format!("kind={kind} ")), "{act}: {}", lines[told]);
            assert_eq!(count(node, Some(kind)), counted + 1, "{act}");
        }
    }
}

fn talk(from: &Container, to: &Container) {
    for address in to.addresses() {
        let what = format!("{} to reach {address}", from.name());
        wait::until(&what, || ping::reaches(from, address, &[0; 16]).unwrap()).unwrap();
    }
}

/// Two containers of a node that speak all the time and lose nothing.
fn undisturbed(from: &Container, to: &Container, acts: impl FnOnce()) {
    talk(from, to);
    let pings = to.addresses().map(|to: IpAddr| Pings::start(from.netns(), to).unwrap());
    acts();
    for pings in pings {
        pings.end_without_loss().unwrap();
    }
}

#[test]
fn what_somebody_changes_comes_back_with_one_line_each() {
    let cluster = Cluster::new().unwrap();
    // Whatever is repaired now, the kernel told it.
    let ash = cluster.add_node_with("ash", "resync_seconds = 3600").unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let [web, api, spare] = ["web", "api", "spare"].map(|n| cluster.attach(&ash, n).unwrap());
    let db = cluster.attach(&birch, "db").unwrap();
    let spare = spare.public_key().unwrap();
    let mut scene = Scene { node: &ash, sound: ours(&ash), spare };
    assert_eq!((lines(&ash).len(), count(&ash, None)), (0, 0), "a start is no repair");

    undisturbed(&web, &api, || scene.play(CALM));
    talk(&web, &db);
    scene.play(ROUGH);
    talk(&web, &api);
    talk(&web, &db);

    let all = u64::try_from(CALM.len() + ROUGH.len()).unwrap();
    assert_eq!(count(&ash, None), all);
    // What nobody tells is found at the next resync.
    ash.stop().unwrap();
    let config = ash.host().path("/etc/wgcni/node-manager.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("= 3600", "= 1");
    std::fs::write(config, text).unwrap();
    ash.start().unwrap();
    scene.sound = ours(&ash);
    undisturbed(&web, &api, || scene.play(UNTOLD));
    talk(&web, &db);
    assert_eq!(lines(&ash).len() as u64, all + UNTOLD.len() as u64);
}

#[test]
fn new_wishes_are_no_repairs() {
    let cluster = Cluster::new().unwrap();
    let ash = cluster.add_node_with("ash", "resync_seconds = 1").unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    web.detach().unwrap();
    birch.stop().unwrap();
    birch.cleanup().unwrap();
    cluster.deregister("birch").unwrap();
    wait::until("birch to be forgotten", || ash.mesh_peers().is_ok_and(|peers| peers.is_empty()))
        .unwrap();
    ash.kill().unwrap();
    ash.start().unwrap();
    assert_eq!((lines(&ash), count(&ash, None)), (Vec::new(), 0));
}
