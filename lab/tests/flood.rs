//! Whoever reaches the cluster-manager's ports, and means no good.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use wgcni_lab::{Cluster, Host, ping};

/// How many connections somebody opens, and never says a word over.
const HALF_OPEN: usize = 5_000;

/// Most memory that the cluster-manager may have, in MB: it has some 60 without a flood.
const MOST: u64 = 300;

fn many_descriptors() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard).unwrap();
}

/// Memory of the cluster-manager in MB.
fn memory(cluster: &Cluster) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", cluster.manager_id().unwrap()));
    let status = status.unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn open(host: &Host, to: SocketAddr, count: usize, say: &[u8]) -> Vec<TcpStream> {
    let connect = || {
        let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(2)).ok()?;
        stream.write_all(say).ok()?;
        Some(stream)
    };
    host.netns().within(|| (0..count).filter_map(|_| connect()).collect()).unwrap()
}

#[test]
fn thousands_of_half_open_connections_keep_no_honest_node_out() {
    many_descriptors();
    let cluster = Cluster::new().unwrap();
    let ash = cluster.add_node("ash").unwrap();
    let before = memory(&cluster);
    let mallory = cluster.lab().add_host("mallory").unwrap();
    // Half of them say nothing, half begin a handshake and stop.
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
    let mut held = Vec::new();
    for (to, say) in [(cluster.api(), &[][..]), (cluster.join_api(), &hello[..])] {
        held.extend(open(&mallory, to, HALF_OPEN / 2, say));
    }
    // Joining, registering, the stream of peers: all of it while the flood is there.
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    for address in db.addresses() {
        assert!(ping::reaches(&web, address, &[0; 16]).unwrap(), "{address}");
    }
    let during = memory(&cluster);
    println!("{} connections were accepted; memory {before} MB before, {during} MB", held.len());
    assert!(during < MOST, "{during} MB");
    drop(held);
    cluster.add_node("cedar").unwrap();
}

#[test]
fn what_speaks_no_tls_is_sent_away() {
    let cluster = Cluster::new().unwrap();
    let mallory = cluster.lab().add_host("mallory").unwrap();
    for to in [cluster.api(), cluster.join_api()] {
        let url = format!("http://{to}/wgcni.admin.v1.AdminService/Status");
        let curl = ["curl", "--silent", "--max-time", "10", "--data", "{}", &url];
        assert!(mallory.run(&curl).is_err(), "{to}");
    }
    // Nor is there anything for whoever speaks TLS and has no certificate.
    let url = format!("https://{}/wgcni.admin.v1.AdminService/Status", cluster.join_api());
    let headers = "Content-Type: application/json";
    let curl = ["curl", "--silent", "--insecure", "--max-time", "10", "--header", headers];
    let said = mallory.run(&[&curl[..], &["--data", "{}", &url]].concat()).unwrap_or_default();
    assert!(!said.contains("clusterId") && !said.contains("version"), "{said}");
    let url = url.replace(":7401", ":7400");
    assert!(mallory.run(&[&curl[..], &["--data", "{}", &url]].concat()).is_err());
}
