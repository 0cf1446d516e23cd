//! Many at once: what each of them was promised holds, and nothing is left of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Write, stdout};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use wgcni_lab::cni::{Attachment, Network, PluginError};
use wgcni_lab::{Cluster, Netns, Node, wait};

const STATUS: &str = "wgcni.node.v1.AttachmentService/Status";

const CONTAINERS: usize = 20;

const INTERFACES: usize = 5;

/// Code of CNI for "try again later".
const LATER: u64 = 11;

/// As a runtime does it: again, while the plugin asks for that.
fn patiently<T>(call: impl Fn() -> Result<T>) -> (Result<T>, usize) {
    for again in 0.. {
        let done = call();
        let later = done.as_ref().is_err_and(|error| {
            error.downcast_ref::<PluginError>().is_some_and(|error| error.code == LATER)
        });
        if !later || again > 20 {
            return (done, again);
        }
    }
    unreachable!("the loop ends by itself")
}

/// Calls for all of these at once; the answers, and a line about the time that they took.
fn at_once<T: Send>(
    attachments: &[Attachment],
    verb: &str,
    call: impl Fn(&Attachment) -> Result<T> + Sync,
) -> Vec<T> {
    let (start, call) = (Barrier::new(attachments.len()), &call);
    let one = |attachment| {
        start.wait();
        let begin = Instant::now();
        let (done, again) = patiently(|| call(attachment));
        (done, begin.elapsed(), again)
    };
    let one = &one;
    let done: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = attachments.iter().map(|a| scope.spawn(move || one(a))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut times: Vec<Duration> = done.iter().map(|(_, time, _)| *time).collect();
    times.sort();
    let again: usize = done.iter().map(|(_, _, again)| again).sum();
    let [median, p99] = [50, 99].map(|part| times[times.len() * part / 100].as_millis());
    let count = times.len();
    // Past the test runner, which would keep it to itself.
    let _ = writeln!(
        stdout(),
        "{count} {verb} at once: p50 {median} ms, p99 {p99} ms, {again} tried again"
    );
    done.into_iter().map(|(done, _, _)| done.unwrap()).collect()
}

fn interfaces(netns: &Netns) -> Vec<String> {
    let links: Value = serde_json::from_str(&netns.ip(&["-j", "link"]).unwrap()).unwrap();
    let name = |link: &Value| link["ifname"].as_str().unwrap().to_owned();
    links.as_array().unwrap().iter().map(name).collect()
}

fn attached(node: &Node) -> usize {
    let status = node.call(STATUS, &json!({})).unwrap();
    status["attachments"].as_str().unwrap_or("0").parse().unwrap()
}

fn devices(node: &Node) -> usize {
    let devices = node.host().run(&["wg", "show", "interfaces"]).unwrap();
    devices.split_whitespace().filter(|device| device.starts_with("wgc")).count()
}

/// No record, peer, interface, device or tombstone is left.
fn nothing_left(node: &Node, containers: &[Netns]) {
    assert_eq!((attached(node), node.hub_peers().unwrap().len()), (0, 0));
    for netns in containers {
        assert_eq!(interfaces(netns), ["lo"]);
    }
    wait::until("the devices to go", || devices(node) == 0).unwrap();
    let links = node.host().run(&["ip", "-o", "link"]).unwrap();
    assert!(!links.contains(": wgc"), "{links}");
    let graves = node.host().path("/var/lib/wgcni/node-manager/tombstones");
    assert_eq!(fs::read_dir(graves).map_or(0, Iterator::count), 0);
}

#[test]
fn a_hundred_at_once_get_addresses_of_their_own_and_leave_nothing() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", "quarantine_seconds = 0").unwrap();
    let network = node.network().unwrap();
    let made = (0..CONTAINERS).map(|n| cluster.lab().add_netns(&format!("c{n}")).unwrap());
    let containers: Vec<Netns> = made.collect();
    let interface = |netns: &Netns, n: usize| Attachment {
        ifname: format!("eth{n}"),
        ..Attachment::new(netns.name(), &netns.path())
    };
    let all = containers.iter().flat_map(|c| (0..INTERFACES).map(move |n| interface(c, n)));
    let all: Vec<Attachment> = all.collect();

    for _ in 0..2 {
        let results = at_once(&all, "ADD", |attachment| network.add(attachment));
        let ips = results.iter().flat_map(|result| result["ips"].as_array().unwrap());
        let addresses: BTreeSet<String> = ips.map(|ip| ip["address"].to_string()).collect();
        assert_eq!(addresses.len(), 2 * all.len(), "an address was given twice");
        assert_eq!((attached(&node), node.hub_peers().unwrap().len()), (all.len(), all.len()));
        for netns in &containers {
            assert_eq!(interfaces(netns).len(), 1 + INTERFACES);
        }
        for (attachment, result) in all.iter().zip(&results) {
            network.check(attachment, result).unwrap();
        }
        at_once(&all, "DEL", |attachment| network.del(attachment, None));
        nothing_left(&node, &containers);
    }
}

/// Whatever has the interface is attached, and nothing else is.
fn is_consistent(node: &Node, network: &Network, netns: &Netns, attachment: &Attachment) {
    let has = interfaces(netns).contains(&attachment.ifname);
    let expected = usize::from(has);
    assert_eq!((attached(node), node.hub_peers().unwrap().len()), (expected, expected));
    assert_eq!(has, network.add(attachment).is_err(), "what is attached cannot be again");
    wait::until("one device", || devices(node) == 1).unwrap();
}

#[test]
fn adds_and_dels_of_one_container_may_race() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", "resync_seconds = 1").unwrap();
    let network = node.network().unwrap();
    let netns = cluster.lab().add_netns("web").unwrap();
    let attachment = Attachment::new(netns.name(), &netns.path());
    for round in 0..10_u64 {
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for n in 0..6_u64 {
                let (start, network, attachment) = (&start, &network, &attachment);
                scope.spawn(move || {
                    start.wait();
                    thread::sleep(Duration::from_millis(n * round));
                    if n % 2 == 0 {
                        // Another ADD, or a DEL, may have been faster.
                        let _ = network.add(attachment);
                    } else {
                        network.del(attachment, None).unwrap();
                    }
                });
            }
        });
        is_consistent(&node, &network, &netns, &attachment);
        network.del(&attachment, None).unwrap();
        nothing_left(&node, std::slice::from_ref(&netns));
    }
}
