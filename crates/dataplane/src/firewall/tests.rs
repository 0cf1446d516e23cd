#![allow(clippy::unwrap_used)]
use super::*;
use wgcni_model::Prefixes;

fn policy() -> Policy {
    let prefixes =
        |list: &[&str]| Prefixes::from_items(list.iter().map(|p| p.parse().unwrap())).unwrap();
    Policy {
        cluster: prefixes(&["10.64.0.0/12", "fd12:3456:789a::/48"]),
        lease: prefixes(&["10.64.1.0/24", "fd12:3456:789a:1::/64"]),
        hub_port: 51819,
        host_ports: vec![(Protocol::Tcp, 4646), (Protocol::Udp, 53)],
    }
}

fn fresh(family: Family) -> String {
    text::restore(&Rules::default(), policy().firewall().0.get(&family))
}

const V4: &str = "\
*raw
:WGCNI-PREROUTING - [0:0]
-A WGCNI-PREROUTING ! -s 10.64.1.0/24 -i wghub0 -j DROP
-A WGCNI-PREROUTING -d 169.254.0.0/16 -i wghub0 -j DROP
-A WGCNI-PREROUTING -i wghub0 -j RETURN
-A WGCNI-PREROUTING -s 10.64.1.0/24 -i wgmesh0 -j DROP
-A WGCNI-PREROUTING ! -s 10.64.0.0/12 -i wgmesh0 -j DROP
-A WGCNI-PREROUTING -i wgmesh0 -j RETURN
-A WGCNI-PREROUTING -s 10.64.0.0/12 ! -i lo -j DROP
-I PREROUTING 1 -j WGCNI-PREROUTING
COMMIT
*filter
:WGCNI-INPUT - [0:0]
-A WGCNI-INPUT ! -i lo -p udp -m udp --dport 51819 -j DROP
-A WGCNI-INPUT -i wghub0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A WGCNI-INPUT -i wghub0 -p icmp -j ACCEPT
-A WGCNI-INPUT -i wghub0 -p tcp -m tcp --dport 4646 -j ACCEPT
-A WGCNI-INPUT -i wghub0 -p udp -m udp --dport 53 -j ACCEPT
-A WGCNI-INPUT -i wghub0 -j DROP
-A WGCNI-INPUT -i wgmesh0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A WGCNI-INPUT -i wgmesh0 -p icmp -j ACCEPT
-A WGCNI-INPUT -i wgmesh0 -p tcp -m tcp --dport 4646 -j ACCEPT
-A WGCNI-INPUT -i wgmesh0 -p udp -m udp --dport 53 -j ACCEPT
-A WGCNI-INPUT -i wgmesh0 -j DROP
-I INPUT 1 -j WGCNI-INPUT
:WGCNI-FORWARD - [0:0]
-A WGCNI-FORWARD -i wghub0 -o wghub0 -j ACCEPT
-A WGCNI-FORWARD -i wghub0 -o wgmesh0 -j ACCEPT
-A WGCNI-FORWARD -i wgmesh0 -o wghub0 -j ACCEPT
-A WGCNI-FORWARD -i wgmesh0 -j DROP
-A WGCNI-FORWARD -d 10.64.0.0/12 -i wghub0 -j DROP
-A WGCNI-FORWARD -i wghub0 -j ACCEPT
-A WGCNI-FORWARD -o wghub0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A WGCNI-FORWARD -o wghub0 -m conntrack --ctstate DNAT -j ACCEPT
-A WGCNI-FORWARD -o wghub0 -j DROP
-A WGCNI-FORWARD -o wgmesh0 -j DROP
-I FORWARD 1 -j WGCNI-FORWARD
COMMIT
*nat
:WGCNI-POSTROUTING - [0:0]
-A WGCNI-POSTROUTING -o wghub0 -j RETURN
-A WGCNI-POSTROUTING -o wgmesh0 -j RETURN
-A WGCNI-POSTROUTING -o lo -j RETURN
-A WGCNI-POSTROUTING -s 10.64.1.0/24 ! -d 10.64.0.0/12 -j MASQUERADE
-I POSTROUTING 1 -j WGCNI-POSTROUTING
COMMIT
";

const V6_RAW: &str = "\
*raw
:WGCNI-PREROUTING - [0:0]
-A WGCNI-PREROUTING ! -s fd12:3456:789a:1::/64 -i wghub0 -j DROP
-A WGCNI-PREROUTING -d fe80::/10 -i wghub0 -j DROP
-A WGCNI-PREROUTING -d fd00:ec2::254/128 -i wghub0 -j DROP
-A WGCNI-PREROUTING -i wghub0 -j RETURN
-A WGCNI-PREROUTING -s fd12:3456:789a:1::/64 -i wgmesh0 -j DROP
-A WGCNI-PREROUTING ! -s fd12:3456:789a::/48 -i wgmesh0 -j DROP
-A WGCNI-PREROUTING -i wgmesh0 -j RETURN
-A WGCNI-PREROUTING -s fd12:3456:789a::/48 ! -i lo -j DROP
-I PREROUTING 1 -j WGCNI-PREROUTING
COMMIT
";

#[test]
fn the_rules_for_ipv4_are_these() {
    assert_eq!(fresh(Family::V4), V4);
}

#[test]
fn the_rules_for_ipv6_say_the_same() {
    let (v4, v6) = (fresh(Family::V4), fresh(Family::V6));
    let split = |text: &str| text.find("*filter").unwrap();
    assert_eq!(&v6[..split(&v6)], V6_RAW);
    let translated = v4[split(&v4)..]
        .replace("10.64.1.0/24", "fd12:3456:789a:1::/64")
        .replace("10.64.0.0/12", "fd12:3456:789a::/48")
        .replace("-p icmp ", "-p ipv6-icmp ");
    assert_eq!(v6[split(&v6)..], translated);
}

#[test]
fn a_family_that_the_cluster_lacks_gets_no_chains() {
    let mut policy = policy();
    policy.cluster = Prefixes::from_items(policy.cluster.v4()).unwrap();
    assert_eq!(policy.firewall().0.into_keys().collect::<Vec<_>>(), [Family::V4]);
}

fn parsed(table: &str, listing: &str) -> Rules {
    let mut rules = Rules::default();
    text::parse(table, &listing.lines().collect::<Vec<_>>(), &mut rules);
    rules
}

#[test]
fn only_a_single_jump_before_all_others_is_right() {
    let jump = |listing: &str| {
        let listing = format!("-P INPUT ACCEPT\n-N WGCNI-INPUT\n{listing}");
        parsed("filter", &listing).0[&Chain::Input].jump
    };
    let ours = "-A INPUT -j WGCNI-INPUT\n";
    let other = "-A INPUT -p tcp -j ACCEPT\n";
    assert_eq!(jump(&[ours, other].concat()), Jump::First);
    assert_eq!(jump(other), Jump::Wrong(0));
    assert_eq!(jump(&[other, ours].concat()), Jump::Wrong(1));
    assert_eq!(jump(&[ours, other, ours].concat()), Jump::Wrong(2));
}

#[test]
fn what_is_right_is_not_written_and_wrong_jumps_go() {
    let want = policy().firewall().0[&Family::V4].clone();
    assert_eq!(text::restore(&want, Some(&want)), "");
    let mut have = want.clone();
    have.0.get_mut(&Chain::Postrouting).unwrap().jump = Jump::Wrong(2);
    let again = text::restore(&have, Some(&want));
    assert!(again.starts_with("*nat\n:WGCNI-POSTROUTING - [0:0]\n"), "{again}");
    assert_eq!(again.matches("-D POSTROUTING -j WGCNI-POSTROUTING\n").count(), 2);
    assert_eq!(again.matches("-I POSTROUTING 1 -j WGCNI-POSTROUTING\n").count(), 1);
    let removed = text::restore(&want, None);
    assert_eq!(removed.matches("-X WGCNI-").count(), 4);
    assert_eq!(removed.matches("-A ").count(), 0);
}
