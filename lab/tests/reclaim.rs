//! Containers that died without a DEL, and such that only look dead.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use wgcni_lab::{Cluster, Container, Node, wait};

const STATUS: &str = "wgcni.node.v1.AttachmentService/Status";

/// A process that ends with the test.
struct Held(Child);

impl Held {
    fn spawn(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the node says of a container, changing nothing.
fn verdict(node: &Node, container: &str) -> Value {
    let answer = node.reclaim(&["--dry-run", "--json"]).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let all = answer["candidates"].as_array().cloned().unwrap_or_default();
    let is = |one: &&Value| one["key"]["containerId"].as_str().unwrap().ends_with(container);
    all.iter().find(is).cloned().unwrap_or_default()
}

fn seconds_left(node: &Node, container: &str) -> Option<u64> {
    verdict(node, container)["secondsLeft"].as_str()?.parse().ok()
}

fn reclaimed(node: &Node) -> Value {
    node.call(STATUS, &json!({})).unwrap()["reclaimed"].clone()
}

/// A link in the host whose other end is in the container: it goes with the namespace.
fn tie(node: &Node, container: &Container, name: &str) {
    let namespace = container.netns().name();
    let line =
        ["ip", "link", "add", name, "type", "veth", "peer", "name", "w1", "netns", namespace];
    node.host().run(&line).unwrap();
}

fn is_tied(node: &Node, name: &str) -> bool {
    node.host().run(&["ip", "link", "show", name]).is_ok()
}

fn devices(node: &Node) -> String {
    node.host().run(&["wg", "show", "interfaces"]).unwrap()
}

#[test]
fn a_container_that_died_without_a_del_is_reclaimed_and_its_address_reused() {
    // Five addresses, so that the sixth container needs the dead one's.
    let cluster = Cluster::with(&[("WGCNI_LEASE_LENGTH_V4", "29")]).unwrap();
    let config = "reclaim_after_seconds = 2\nquarantine_seconds = 2";
    let node = cluster.add_node_with("ash", config).unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    tie(&node, &web, "w0");
    node.kill().unwrap();
    web.netns().remove().unwrap();
    node.start().unwrap();
    assert!(is_tied(&node, "w0"), "the device does not hold the namespace: nothing is tested");
    assert_eq!(node.hub_peers().unwrap().len(), 1, "an attachment outlives its daemon");

    wait::until("the attachment to go", || node.hub_peers().unwrap().is_empty()).unwrap();
    wait::until("the namespace to go", || !is_tied(&node, "w0")).unwrap();
    assert!(!devices(&node).contains("wgc"), "{}", devices(&node));
    assert_eq!(reclaimed(&node), "1");
    let log = node.log();
    let line = log.lines().find(|line| line.contains("nobody is in its namespace")).unwrap();
    for part in ["detached", web.netns().name(), &web.v4().to_string()] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    for n in 0..4 {
        cluster.attach(&node, &format!("other{n}")).unwrap();
    }
    let next = wait::until_ok("the address to have rested", || {
        let attached = cluster.attach(&node, "next");
        if attached.is_err() {
            cluster.lab().remove_netns("next")?;
        }
        attached
    });
    assert_eq!(next.unwrap().v4(), web.v4());
}

#[test]
fn one_who_is_in_a_namespace_names_it_or_has_it_open_keeps_its_attachment() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", "reclaim_after_seconds = 1").unwrap();
    let attach = |name| cluster.attach(&node, name).unwrap();
    let [sleeping, mounted, open, dead] = ["sleeping", "mounted", "open", "dead"].map(attach);
    let sleeper = Held::spawn(sleeping.command("sleep").unwrap().arg("1000"));
    // A name that only one mount namespace has, and nothing else of what it copied.
    let place = cluster.lab().run().directory().join("elsewhere");
    let script =
        "touch $1 && mount --bind $0 $1 && umount -l -R /run/netns && echo && exec sleep 1000";
    let mut elsewhere = Command::new("unshare");
    elsewhere.args(["--mount", "--propagation", "private", "sh", "-ec", script]);
    elsewhere.args([mounted.netns().path(), place.clone()]).stdout(Stdio::piped());
    let mut elsewhere = Held(elsewhere.spawn().unwrap());
    let mut line = [0];
    std::io::Read::read_exact(elsewhere.0.stdout.as_mut().unwrap(), &mut line).unwrap();
    let descriptor = File::open(open.netns().path()).unwrap();
    for container in [&sleeping, &mounted, &open, &dead] {
        container.netns().remove().unwrap();
    }

    wait::until("the dead to go", || reclaimed(&node) == "1").unwrap();
    let reason = |name| verdict(&node, name)["reason"].as_str().unwrap().to_owned();
    let number = sleeper.0.id();
    assert_eq!(reason("sleeping"), format!("process {number} (sleep) is in its namespace"));
    let number = elsewhere.0.id();
    let wanted = format!(
        "its namespace is mounted at {}, as process {number} (sleep) sees it",
        place.display()
    );
    assert_eq!(reason("mounted"), wanted);
    let wanted = format!("process {} (", std::process::id());
    assert!(reason("open").starts_with(&wanted), "{}", reason("open"));
    assert!(reason("open").ends_with(") has its namespace open"), "{}", reason("open"));
    assert_eq!(node.hub_peers().unwrap().len(), 3);
    let table = node.reclaim(&["--dry-run"]).unwrap();
    assert!(table.ends_with("0 would be taken, 0 wait, 3 alive\n"), "{table}");

    drop((sleeper, elsewhere, descriptor));
    wait::until("the others to go", || reclaimed(&node) == "4").unwrap();
    wait::until("their devices to go", || !devices(&node).contains("wgc")).unwrap();
}

/// A descriptor of the namespace that a socket is in.
#[allow(unsafe_code)]
fn namespace_of(socket: &UdpSocket) -> OwnedFd {
    const SIOCGSKNS: nix::libc::Ioctl = 0x894C;
    // SAFETY: it takes no argument and gives a new descriptor, which is ours alone.
    unsafe {
        let descriptor = nix::libc::ioctl(socket.as_raw_fd(), SIOCGSKNS);
        assert!(descriptor >= 0, "{}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(descriptor)
    }
}

#[test]
fn life_during_the_cool_down_resets_it_and_a_dry_run_changes_nothing() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", "reclaim_after_seconds = 600").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    assert_eq!(verdict(&node, "web")["verdict"], "VERDICT_ALIVE");
    let way_back = web.netns().within(|| UdpSocket::bind("0.0.0.0:0").unwrap()).unwrap();
    web.netns().remove().unwrap();
    wait::until("a part of the cool-down", || {
        seconds_left(&node, "web").is_some_and(|left| left < 599)
    })
    .unwrap();
    let before = seconds_left(&node, "web").unwrap();
    let alive = namespace_of(&way_back);
    assert_eq!(verdict(&node, "web")["verdict"], "VERDICT_ALIVE");
    drop(alive);
    let after = seconds_left(&node, "web").unwrap();
    assert!(after > before, "{after} s left, and {before} s before it lived");
    let found = node.reclaim(&[]).unwrap();
    assert!(found.ends_with("0 taken, 1 wait, 0 alive\n"), "{found}");
    assert_eq!(node.hub_peers().unwrap().len(), 1);
    node.stop().unwrap();
    let refusal = node.reclaim(&[]).unwrap_err().to_string();
    assert!(refusal.contains("node.sock: does it run?"), "{refusal}");
}

#[test]
fn a_del_after_the_reclaim_succeeds_and_the_container_can_come_back() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", "reclaim_after_seconds = 1").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    web.netns().remove().unwrap();
    wait::until("the attachment to go", || node.hub_peers().unwrap().is_empty()).unwrap();
    web.detach().unwrap();
    cluster.lab().add_netns("web").unwrap();
    web.add_again().unwrap();
    assert_eq!(node.hub_peers().unwrap().len(), 1);
}

/// Makes a namespace of that name with the number of one that died; without it where a
/// device of the tunnels process holds the dead one, and with it its number.
fn with_number(cluster: &Cluster, node: &Node, name: &str, number: u64) {
    if devices(node).contains("wgc") {
        cluster.lab().add_netns(name).unwrap();
        return;
    }
    // The kernel gives the lowest number that is free, and frees them late.
    wait::until("the number to be given again", || {
        let netns = cluster.lab().add_netns(name).unwrap();
        let has_it = netns.inode().unwrap() == number;
        if !has_it {
            cluster.lab().remove_netns(name).unwrap();
        }
        has_it
    })
    .unwrap();
}

#[test]
fn a_namespace_with_the_number_of_a_dead_one_is_another() {
    let cluster = Cluster::new().unwrap();
    let node = cluster.add_node_with("ash", "reclaim_after_seconds = 1").unwrap();
    let web = cluster.attach(&node, "web").unwrap();
    let number = web.netns().inode().unwrap();
    web.netns().remove().unwrap();
    with_number(&cluster, &node, "other", number);
    wait::until("the dead to go", || node.hub_peers().unwrap().is_empty()).unwrap();
    assert_eq!(reclaimed(&node), "1");

    // A runtime that makes a namespace anew for a container that it has.
    let api = cluster.attach(&node, "api").unwrap();
    let number = api.netns().inode().unwrap();
    api.netns().remove().unwrap();
    with_number(&cluster, &node, "api", number);
    api.add_again().unwrap();
    assert_eq!(node.hub_peers().unwrap().len(), 1);
}
