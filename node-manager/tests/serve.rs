//! The real program on a host of its own, with userspace devices.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use common::{Host, PLAINTEXT, block_on, key, public, request, until};
use connectrpc::ErrorCode;
use connectrpc::client::{ClientConfig, Http2Connection};
use connectrpc_health::HealthClient;
use connectrpc_health::wire::HealthCheckRequest;
use nix::sys::signal::{Signal, kill};
use wgcni_api::node::{Detach, Prune};
use wgcni_api::node_v1 as wire;

/// Allowed IPs of the hub's peers, one line for each peer.
fn hub_peers(host: &Host) -> String {
    host.run("wg show wghub0 allowed-ips")
}

#[test]
fn attached_container_is_a_peer_of_the_hub_until_it_is_detached() {
    let mut host = Host::new();
    host.start(&[]);
    let attached = host.attach(&request("a", 1)).unwrap();
    assert_eq!(attached.addresses.to_string(), "10.64.0.2, fd00:aa::2");
    assert_eq!(
        (attached.mtu, attached.hub.endpoint.to_string().as_str()),
        (1420, "127.0.0.1:51819")
    );
    assert_eq!(attached.hub.public_key.to_string(), host.run("wg show wghub0 public-key").trim());
    assert_eq!(hub_peers(&host), format!("{}\t10.64.0.2/32 fd00:aa::2/128\n", public(1)));
    assert_eq!(host.check(&key("a")).unwrap().attached, attached);
    let again = host.attach(&request("a", 1)).unwrap_err();
    assert_eq!(again.code, ErrorCode::AlreadyExists);
    let status = host.status().unwrap();
    assert_eq!((status.attachments, status.free_addresses), (1, 252));
    assert_eq!(status.lease, ["10.64.0.0/24", "fd00:aa::/64"]);

    host.detach(&Detach { key: key("a"), public_key: None, started: None });
    host.detach(&Detach { key: key("a"), public_key: None, started: None });
    assert_eq!(hub_peers(&host), "");
    assert_eq!(host.check(&key("a")).unwrap_err().code, ErrorCode::NotFound);
}

#[test]
fn check_proves_what_the_kernel_has() {
    let mut host = Host::new();
    host.start(&[]);
    host.attach(&request("a", 1)).unwrap();
    // A pass may be quicker than the question.
    until("it is told", || {
        host.run(&format!("wg set wghub0 peer {} remove", public(1)));
        host.check(&key("a")).is_err_and(|error| {
            error.code == ErrorCode::FailedPrecondition
                && error.message.unwrap().contains("the hub lacks its peer")
        })
    });
}

#[test]
fn eight_at_once_all_get_through_and_prune_takes_the_rest() {
    let mut host = Host::new();
    host.start(&[]);
    let attach = |n| wire::AttachRequest::from(&request(&format!("c{n}"), n));
    let answers = host.call(async |client| {
        futures::future::join_all((1..=8).map(|n| client.attach(attach(n)))).await
    });
    let addresses: BTreeSet<Vec<String>> =
        answers.into_iter().map(|answer| answer.unwrap().into_owned().addresses).collect();
    assert_eq!((addresses.len(), hub_peers(&host).lines().count()), (8, 8));
    let valid = BTreeSet::from([(key("c3").container_id, key("c3").ifname)]);
    let prune = |valid| Prune { network: "wgnet".parse().unwrap(), valid };
    assert_eq!(host.prune(&prune(Some(valid))).len(), 7);
    assert_eq!(hub_peers(&host).lines().count(), 1);
}

#[test]
fn restart_adopts_what_it_finds_also_without_a_cluster_manager() {
    let mut host = Host::new();
    host.start(&[]);
    let attached = host.attach(&request("a", 1)).unwrap();
    let tunnels = host.tunnels();
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        // Seen on the disk only a moment after they were believed.
        until("the peers are on disk", || host.state("peers.json").exists());
        host.stop_manager();
        host.end(signal);
        assert_eq!(hub_peers(&host).lines().count(), 1, "the data plane stays");
        host.start(&[]);
        assert!(host.log().contains("pass changes=0 full=true"), "{}", host.log());
        assert_eq!(host.tunnels(), tunnels);
        assert_eq!(host.check(&key("a")).unwrap().attached, attached);
        let status = host.status().unwrap();
        assert!(status.ready && !status.cluster_manager_connected, "{status:?}");
        assert!(status.reasons.iter().any(|reason| reason.starts_with("degraded: ")));
    }
    assert_eq!(
        host.attach(&request("b", 2)).unwrap().addresses.to_string(),
        "10.64.0.3, fd00:aa::3"
    );
    host.start_manager();
    until("the stream is up again", || host.status().unwrap().cluster_manager_connected);
}

#[test]
fn mesh_and_hub_follow_the_mtu_of_the_underlay() {
    let mut host = Host::new();
    host.start(&["--endpoint-interface", "u0", "--resync-seconds", "1"]);
    assert_eq!(host.attach(&request("a", 1)).unwrap().mtu, 1420);
    host.run("ip link set u0 mtu 1400");
    let links = || host.run("ip -o link");
    until("both follow", || links().matches("mtu 1320").count() == 2);
    assert_eq!(host.attach(&request("b", 2)).unwrap().mtu, 1320);
    // Who was there before keeps what its link was made with, and that is right.
    assert_eq!(host.check(&key("a")).unwrap().attached.mtu, 1420);
    assert!(host.status().unwrap().repairs.is_empty());
}

#[test]
fn what_somebody_removes_comes_back_soon() {
    let mut host = Host::new();
    host.start(&["--resync-seconds", "3600"]);
    let routes = host.run("ip route show proto 177");
    host.run("ip route del unreachable 10.64.0.0/12 metric 4294967295");
    until("the route is back", || host.run("ip route show proto 177") == routes);
    host.run("ip link del wgmesh0");
    until("the mesh is back", || host.run("ip -br link").contains("wgmesh0"));
}

#[test]
fn cleanup_leaves_nothing_and_may_be_repeated() {
    let mut host = Host::new();
    let look = |host: &Host| {
        let rules = host.run("iptables-save") + &host.run("ip6tables-save");
        let chains = rules.matches("WGCNI").count();
        let forwarding = host.run("cat /proc/sys/net/ipv4/ip_forward");
        (
            host.run("ip -br link").lines().count(),
            host.run("ip route"),
            host.run("ip -6 route"),
            chains,
            forwarding,
        )
    };
    let before = look(&host);
    host.start(&[]);
    host.attach(&request("a", 1)).unwrap();
    let output = host.node_manager(&["cleanup"]);
    assert!(!output.status.success(), "a living node-manager's host is not cleaned up");
    host.end(Signal::SIGTERM);
    host.stop_manager();
    for _ in 0..2 {
        let output = host.node_manager(&["cleanup"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(look(&host), before);
        assert_eq!(host.processes(), []);
        assert_eq!(fs::read_dir(host.path("/run/wgcni")).unwrap().count(), 0);
        assert!(host.state("mesh.key").exists() && !host.state("sysctls.json").exists());
    }
    host.start(&[]);
    assert_eq!(
        host.check(&key("a")).unwrap().attached.addresses.to_string(),
        "10.64.0.2, fd00:aa::2"
    );
    host.end(Signal::SIGTERM);
    assert!(host.node_manager(&["cleanup", "--purge"]).status.success());
    assert!(!host.path("/var/lib/wgcni/node-manager").exists());
}

#[test]
fn cleanup_goes_on_where_the_former_settings_are_damaged() {
    let mut host = Host::new();
    let before = (host.run("ip -br link").lines().count(), host.run("ip route"));
    host.start(&[]);
    host.attach(&request("a", 1)).unwrap();
    host.end(Signal::SIGTERM);
    fs::write(host.state("sysctls.json"), "{\"net/ipv4").unwrap();
    for command in [&["cleanup"][..], &["leave", "--node", "one", PLAINTEXT]] {
        let output = host.node_manager(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("sysctls.json") && said.contains("stay as they are"), "{said}");
        assert_eq!((host.run("ip -br link").lines().count(), host.run("ip route")), before);
        assert!(!(host.run("iptables-save") + &host.run("ip6tables-save")).contains("WGCNI"));
        assert_eq!(host.processes(), []);
        assert_eq!(fs::read_dir(host.path("/run/wgcni")).unwrap().count(), 0);
        assert!(host.state("sysctls.json").exists(), "somebody may read it");
    }
    assert!(!host.state("attachments").exists() && !host.state("lease.json").exists());
    // As it says.
    fs::remove_file(host.state("sysctls.json")).unwrap();
    assert!(host.node_manager(&["cleanup"]).status.success());
}

#[test]
fn cleanup_takes_away_what_killed_tunnels_left() {
    let mut host = Host::new();
    host.start(&[]);
    host.end(Signal::SIGKILL);
    kill(host.tunnels().unwrap(), Signal::SIGKILL).unwrap();
    until("it is gone", || host.tunnels().is_none());
    let sockets = || fs::read_dir(host.path("/run/wireguard")).unwrap().count();
    assert_eq!(sockets(), 2);
    let output = host.node_manager(&["cleanup"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(sockets(), 0);
    assert_eq!(fs::read_dir(host.path("/run/wgcni")).unwrap().count(), 0);
}

#[test]
fn cluster_that_overlaps_the_hosts_own_network_is_refused() {
    let mut host = Host::new();
    host.run("ip address add 10.70.0.1/16 dev u0");
    host.spawn(&["--endpoint", "192.0.2.1"]);
    let told = |status: wire::StatusResponse| {
        let overlap = "10.64.0.0/12 overlaps 10.70.0.1/16 of the host's interface u0";
        !status.ready && status.reasons.iter().any(|reason| reason.contains(overlap))
    };
    until("both prefixes are named", || host.status().is_some_and(told));
    assert_eq!(host.attach(&request("a", 1)).unwrap_err().code, ErrorCode::Unavailable);
}

#[test]
fn node_that_leaves_gives_its_lease_back() {
    let mut host = Host::new();
    host.start(&[]);
    host.attach(&request("a", 1)).unwrap();
    host.end(Signal::SIGTERM);
    let output = host.node_manager(&["leave", "--node", "one", PLAINTEXT]);
    assert!(output.status.success(), "{output:?}");
    assert!(!host.state("lease.json").exists() && host.state("mesh.key").exists());
    host.start(&[]);
    assert_eq!(host.status().unwrap().attachments, 0);
}

#[test]
fn tombstones_count_before_anybody_is_served_and_later() {
    let mut host = Host::new();
    host.start(&[]);
    for (name, n) in [("early", 1), ("late", 2), ("stays", 3)] {
        host.attach(&request(name, n)).unwrap();
    }
    let bury = |host: &Host, name: &str| {
        let text =
            format!("{{\"network\":\"wgnet\",\"container_id\":\"{name}\",\"ifname\":\"eth0\"}}");
        fs::create_dir_all(host.state("tombstones")).unwrap();
        fs::write(host.state("tombstones").join(format!("{name}.json")), text).unwrap();
    };
    host.end(Signal::SIGTERM);
    bury(&host, "early");
    fs::write(host.state("tombstones").join("senseless.json"), "{").unwrap();
    host.start(&[]);
    assert_eq!(host.status().unwrap().attachments, 2);
    bury(&host, "late");
    until("the late one is settled", || host.status().unwrap().attachments == 1);
    assert!(host.check(&key("stays")).is_ok());
    let left = fs::read_dir(host.state("tombstones")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["senseless.refused"]);
}

#[test]
fn the_insecure_mode_is_the_first_thing_that_status_says() {
    let mut host = Host::new();
    host.start(&[]);
    let status = host.status().unwrap();
    assert!(status.reasons[0].starts_with("insecure plaintext: "), "{:?}", status.reasons);
    assert_eq!(
        (status.channel.as_str(), status.certificate_expires_unix_ms),
        ("insecure plaintext", 0)
    );
    assert_eq!(status.cluster_id, format!("{:032x}", 7));
    assert!(host.log().contains("INSECURE"));
}

#[test]
fn second_node_manager_is_refused() {
    let mut host = Host::new();
    host.start(&[]);
    let output = host.node_manager(&["serve", "--node", "one", PLAINTEXT]);
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("another node-manager runs"), "{error}");
    assert!(host.status().unwrap().ready);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let host = Host::new();
    let far = "http://192.0.2.9:7400";
    let args = ["serve", "--node", "Bad_Name", "--cluster-manager", far, "--mesh-port", "0"];
    let output = host.node_manager(&[&args[..], &["--host-ports", "sctp/1"]].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    for key in ["node (", "cluster_manager (", "mesh_port (", "host_ports (", "insecure_plaintext"]
    {
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn health_and_reflection_are_served() {
    let mut host = Host::new();
    host.start(&[]);
    let socket = host.path("/run/wgcni/node.sock");
    let answer = block_on(async move {
        let uri: http::Uri = "http://node".parse().unwrap();
        let connection = Http2Connection::builder()
            .establishment_timeout(Duration::from_secs(5))
            .lazy_unix(socket, uri.clone())
            .shared(8);
        let health = HealthClient::new(connection, ClientConfig::new(uri));
        health.check(HealthCheckRequest::default()).await.unwrap().into_owned()
    });
    assert!(format!("{answer:?}").contains("SERVING"), "{answer:?}");
}
