//! Containers' interfaces on a real kernel.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use support::{attachment, cluster, container, host, key, link, sh, sh_in, tunnels, until};
use wgcni_dataplane::container::{KEEPALIVE, Problem, Wish, check, create, remove};
use wgcni_dataplane::{Engine, Error, Host, LinkName, Namespace, Parts, Peer, Route, State, mark};
use wgcni_model::{Addresses, PrivateKey, PublicKey};

fn wish(n: u8, hub: PublicKey) -> Wish {
    let peer = Peer {
        endpoint: Some("127.0.0.1:51819".parse().unwrap()),
        allowed_ips: ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap()).into(),
        keepalive: KEEPALIVE,
        ..Peer::default()
    };
    let addresses = [format!("10.64.1.{n}"), format!("fd00::1:{n}")];
    Wish {
        device: format!("wgctest{n}").parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
        alias: mark::container(&attachment()),
        addresses: Addresses::from_items(addresses.map(|a| a.parse().unwrap())).unwrap(),
        hub_key: hub,
        hub: peer,
        mtu: 1420,
        routes: ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap()).to_vec(),
    }
}

/// A hub that knows these containers.
fn hub(containers: &[(&PrivateKey, u8)]) -> (State, PublicKey) {
    let mut hub = link(51819, &["10.64.1.1/32", "fd00::1:1/128"]);
    let peer =
        |n: u8| support::peer(None, &[&format!("10.64.1.{n}/32"), &format!("fd00::1:{n}/128")]);
    hub.wireguard.peers =
        containers.iter().map(|(key, n)| (key.public_key(), peer(*n))).collect::<BTreeMap<_, _>>();
    let key = hub.wireguard.private_key.public_key();
    let routes = ["10.64.1.0/24", "fd00::1:0/112"].map(|net| net.parse().unwrap());
    let routes = routes.map(|to| Route::via(to, LinkName::Hub, None)).into();
    (State { links: [(LinkName::Hub, hub)].into(), routes, ..State::default() }, key)
}

fn reconcile(host: &Host, want: &State) {
    let report = host.reconcile(want, Parts::HUB | Parts::ROUTES).unwrap();
    assert!(report.is_ok(), "{:?}", report.failures);
    let again = host.reconcile(want, Parts::HUB | Parts::ROUTES).unwrap();
    assert_eq!((again.done, again.failures.len()), (vec![], 0));
}

fn problems(engine: &Engine, inside: &Namespace, wish: &Wish) -> Vec<Problem> {
    check(engine, inside, wish, None).err().unwrap_or_default()
}

#[test]
fn a_container_that_only_listens_is_reached_at_once() {
    host(|| {
        let process = tunnels();
        let (own, inside) = (key(), container());
        let (want, hub_key) = hub(&[(&own, 2)]);
        reconcile(&Host::new(cluster(), process.engine.clone()).unwrap(), &want);
        create(&process.engine, &inside, &wish(2, hub_key), &own).unwrap().commit();
        // One packet each, and it must not be lost.
        until("the hub knows the container", || !sh("wg show wghub0 endpoints").contains("(none)"));
        sh("ping -c1 -W2 10.64.1.2");
        sh("ping -c1 -W2 fd00::1:2");
        assert_eq!(
            check(&process.engine, &inside, &wish(2, hub_key), Some(own.public_key())),
            Ok(())
        );
        // The tunnel is the only way out, and its socket is the host's.
        let links = sh_in(&inside, "ip -o link | cut -d: -f2");
        assert_eq!(links.split_whitespace().collect::<Vec<_>>(), ["lo", "eth0"]);
        assert_eq!(sh_in(&inside, "ss -Hlun"), "");
        assert!(sh_in(&inside, "cat /proc/net/dev; ip addr show lo").contains("UP"));
    });
}

#[test]
fn removing_takes_only_what_is_ours() {
    host(|| {
        let process = tunnels();
        let (own, inside) = (key(), container());
        let wish = wish(3, key().public_key());
        create(&process.engine, &inside, &wish, &own).unwrap().commit();
        remove(&inside, &wish.ifname, "wgcni:another:").unwrap();
        assert_eq!(problems(&process.engine, &inside, &wish), []);
        for _ in 0..2 {
            remove(&inside, &wish.ifname, mark::PREFIX).unwrap();
            assert_eq!(problems(&process.engine, &inside, &wish), [Problem::Missing]);
        }
        until("the device is gone with its link", || process.devices().is_empty());
        sh_in(&inside, "ip tuntap add eth0 mode tun");
        remove(&inside, &wish.ifname, mark::PREFIX).unwrap();
        assert_eq!(problems(&process.engine, &inside, &wish), [Problem::Foreign]);
    });
}

#[test]
fn a_name_that_is_taken_is_refused_before_anything_is_made() {
    host(|| {
        let process = tunnels();
        let inside = container();
        sh_in(&inside, "ip tuntap add eth0 mode tun");
        let before = sh_in(&inside, "ip -o link");
        let refused = create(&process.engine, &inside, &wish(4, key().public_key()), &key());
        assert!(matches!(refused, Err(Error::Exists(name)) if name.as_str() == "eth0"));
        assert_eq!(process.devices(), Vec::<String>::new());
        assert_eq!(sh_in(&inside, "ip -o link"), before);
    });
}

#[test]
fn what_is_not_kept_is_undone() {
    host(|| {
        let process = tunnels();
        let inside = container();
        let mut wish = wish(5, key().public_key());
        drop(create(&process.engine, &inside, &wish, &key()).unwrap());
        let gone = |wish: &Wish| problems(&process.engine, &inside, wish) == [Problem::Missing];
        assert!(gone(&wish) && process.devices().is_empty());
        // The last step fails: for the third route the place behind the first is taken, too.
        wish.routes = vec!["0.0.0.0/0".parse().unwrap(); 3];
        let failed = create(&process.engine, &inside, &wish, &key()).map(drop).unwrap_err();
        assert_eq!(failed.errno(), Some(17), "{failed}");
        assert!(gone(&wish) && process.devices().is_empty());
        wish.routes = vec!["10.64.0.0/12".parse().unwrap(), "fd00::/48".parse().unwrap()];
        create(&process.engine, &inside, &wish, &key()).unwrap().commit();
        assert_eq!(problems(&process.engine, &inside, &wish), []);
    });
}

#[test]
fn a_way_out_that_is_there_already_stays_the_first() {
    host(|| {
        let process = tunnels();
        let inside = container();
        sh_in(
            &inside,
            "ip tuntap add other mode tun; ip link set other up; ip route add default dev other",
        );
        let wish = wish(7, key().public_key());
        create(&process.engine, &inside, &wish, &key()).unwrap().commit();
        assert_eq!(problems(&process.engine, &inside, &wish), []);
        let ways = sh_in(&inside, "ip route show default");
        let ways: Vec<&str> = ways.lines().collect();
        assert_eq!(ways.len(), 2, "{ways:?}");
        assert!(ways[0].contains("dev other") && ways[1].contains("metric"), "{ways:?}");
    });
}

#[test]
fn what_a_dead_attempt_left_is_in_nobodys_way() {
    host(|| {
        let process = tunnels();
        let inside = container();
        process.abandon("wgcdead", &inside);
        let wish = wish(6, key().public_key());
        create(&process.engine, &inside, &wish, &key()).unwrap().commit();
        assert_eq!(problems(&process.engine, &inside, &wish), []);
        // One of the very same name would be another's: it stays as it is.
        let mut same = wish.clone();
        (same.device, same.ifname) = ("wgcdead".parse().unwrap(), "eth1".parse().unwrap());
        let refused = create(&process.engine, &inside, &same, &key()).map(drop).unwrap_err();
        assert_eq!(refused.errno(), Some(17), "{refused}");
        let links = sh_in(&inside, "ip -o link | cut -d: -f2");
        assert_eq!(links.split_whitespace().collect::<Vec<_>>(), ["lo", "wgcdead", "eth0"]);
    });
}

#[test]
fn ipv6_is_turned_on_where_a_runtime_turned_it_off() {
    host(|| {
        let process = tunnels();
        let inside = container();
        sh_in(
            &inside,
            "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6",
        );
        let wish = wish(7, key().public_key());
        create(&process.engine, &inside, &wish, &key()).unwrap().commit();
        assert_eq!(problems(&process.engine, &inside, &wish), []);
    });
}

#[test]
fn each_thing_that_is_wrong_is_named() {
    host(|| {
        let process = tunnels();
        let inside = container();
        let wish = wish(8, key().public_key());
        create(&process.engine, &inside, &wish, &key()).unwrap().commit();
        let expect = |command: &str, expected: &[Problem]| {
            sh_in(&inside, command);
            let found = problems(&process.engine, &inside, &wish);
            assert_eq!(found, expected, "{command}");
        };
        let net = |text: &str| text.parse().unwrap();
        expect("ip route del default", &[Problem::Route(net("0.0.0.0/0"))]);
        expect("ip route add default dev eth0 proto 177 scope link", &[]);
        expect("ip -6 addr del fd00::1:8/128 dev eth0", &[Problem::Address(net("fd00::1:8/128"))]);
        expect(
            "ip -6 addr add fd00::1:8/128 dev eth0 nodad; ip link set eth0 mtu 1400",
            &[Problem::Mtu(1400)],
        );
        sh_in(&inside, "ip link set eth0 mtu 1420");
        let hub = wish.hub_key;
        process.wg(&inside, "wgctest8", &format!("peer {hub} allowed-ips 10.0.0.0/8"));
        expect("true", &[Problem::Hub]);
        process.wg(&inside, "wgctest8", &format!("peer {hub} remove"));
        expect("true", &[Problem::Peer]);
        let found = check(&process.engine, &inside, &wish, Some(hub)).unwrap_err();
        assert_eq!(found, [Problem::Key, Problem::Peer]);
        // With the link, the kernel drops its IPv6 addresses and all routes.
        let down = [
            Problem::Down,
            Problem::Address(net("fd00::1:8/128")),
            Problem::Route(net("0.0.0.0/0")),
            Problem::Route(net("::/0")),
            Problem::Peer,
        ];
        expect("ip link set eth0 down", &down);
    });
}
