//! What is not ours stays as it is, to the byte: before, during and after.
#![allow(clippy::unwrap_used)]

use wgcni_lab::{Cluster, Host, ping, wait};

/// What Docker leaves on a host, and an operator.
const RULES: &str = "*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"a \\\"quoted\\\" word\" -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i eth7 -j ACCEPT
COMMIT
";

/// What firewalld keeps, in a table and with priorities of its own.
const FIREWALLD: &str = "table inet firewalld {
    chain mangle_PREROUTING {
        type filter hook prerouting priority mangle + 10; policy accept;
        jump zones
    }
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        iifname \"lo\" accept
    }
    chain nat_POSTROUTING {
        type nat hook postrouting priority srcnat + 10; policy accept;
        oifname \"eth9\" masquerade
    }
    chain zones {
        iifname \"eth9\" goto public
    }
    chain public {
        tcp dport 9090 accept
    }
}
";

/// Routes and rules of others, one of them beside ours.
const ROUTES: &str = "ip route add 10.200.0.0/16 via 192.168.77.1
    ip route add blackhole 10.201.0.0/16 proto static
    ip route add 172.17.0.0/16 via 192.168.77.1 metric 177
    ip -6 route add fd99::/48 via fd77:6c61:62::1
    ip route add default via 192.168.77.1 table 100
    ip rule add from 192.0.2.0/24 table 100 priority 1000
    ip rule add fwmark 0x7 table 100 priority 1001
    ip -6 rule add from 2001:db8::/32 table 100 priority 1000";

/// What of it is there, without what is ours. (The kernel itself adds anycast addresses to a
/// host that forwards.)
fn others(host: &Host) -> String {
    let look = "for tool in iptables ip6tables; do
            $tool-save | grep -v '^#\\|WGCNI-' | sed 's/\\[[0-9:]*\\]//'
        done
        nft list ruleset | sed '/chain WGCNI-/,/^\\t}/d; /WGCNI-/d; s/counter packets [0-9]* bytes [0-9]*/counter/'
        for family in -4 -6; do
            ip $family route show table all | grep -v 'proto 177\\|dev wg\\|fe80\\|ff00\\|anycast'
            ip $family rule
        done; ip addr show dev eth0 | grep inet";
    let all = host.run(&["sh", "-c", look]).unwrap();
    // A chain of ours between two of theirs leaves an empty line more.
    all.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

fn settle(host: &Host) {
    host.write("/etc/wgcni/rules", RULES).unwrap();
    host.write("/etc/wgcni/firewalld", FIREWALLD).unwrap();
    let load = "iptables-restore < /etc/wgcni/rules; ip6tables-restore < /etc/wgcni/rules
        nft -f /etc/wgcni/firewalld";
    for line in [load, ROUTES] {
        host.run(&["sh", "-ec", line]).unwrap();
    }
}

const DAMAGES: &[&str] = &[
    "iptables -D FORWARD -j WGCNI-FORWARD",
    "iptables -t raw -F WGCNI-PREROUTING",
    "ip6tables -t nat -D POSTROUTING -j WGCNI-POSTROUTING",
    "ip route del unreachable 10.64.0.0/12",
    "ip link del wghub0",
    "ip link set wgmesh0 down",
    "echo 0 > /proc/sys/net/ipv4/ip_forward",
];

fn nobody_else_notices(legacy: bool) {
    let cluster = Cluster::new().unwrap();
    let host = cluster.lab().add_host("ash").unwrap();
    if legacy {
        // One program under many names: the other one takes its place, on this host only.
        let (legacy, nft) = ("/usr/sbin/xtables-legacy-multi", "/usr/sbin/xtables-nft-multi");
        host.run(&["mount", "--bind", legacy, nft]).unwrap();
    }
    assert_eq!(host.run(&["iptables", "-V"]).unwrap().contains("legacy"), legacy);
    settle(&host);
    let before = others(&host);
    assert!(before.contains("DOCKER-USER") && before.contains("table inet firewalld"), "{before}");

    let ash = cluster.start_node(host, "resync_seconds = 1").unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    for address in db.addresses() {
        // Through a FORWARD chain that drops.
        wait::until("an answer", || ping::reaches(&web, address, &[0; 16]).unwrap()).unwrap();
    }
    assert_eq!(others(ash.host()), before);
    for damage in DAMAGES {
        let told = ash.log().matches("repaired what somebody changed").count();
        ash.host().run(&["sh", "-c", damage]).unwrap();
        wait::until(damage, || ash.log().matches("repaired what somebody changed").count() > told)
            .unwrap();
        assert_eq!(others(ash.host()), before, "{damage}");
    }
    web.detach().unwrap();
    ash.stop().unwrap();
    ash.cleanup().unwrap();
    assert_eq!(others(ash.host()), before);
}

#[test]
fn rules_and_routes_of_others_stay_byte_for_byte_over_nftables() {
    nobody_else_notices(false);
}

#[test]
fn rules_and_routes_of_others_stay_byte_for_byte_over_legacy_iptables() {
    nobody_else_notices(true);
}
