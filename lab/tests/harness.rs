//! The lab itself, without any program of ours.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};

use wgcni_lab::Lab;
use wgcni_lab::capture::Capture;
use wgcni_lab::clean;
use wgcni_lab::host::MOUNT_POINTS;
use wgcni_lab::packet::Secret;
use wgcni_lab::underlay::INTERNET;

fn nothing_secret() -> Secret {
    Secret { overlay: Vec::new(), marker: Vec::new() }
}

#[test]
fn hosts_reach_each_other_and_the_internet() {
    let lab = Lab::new().unwrap();
    let (one, two) = (lab.add_host("one").unwrap(), lab.add_host("two").unwrap());
    for address in [two.v4().to_string(), two.v6().to_string()] {
        one.run(&["ping", "-c", "1", "-W", "3", &address]).unwrap();
    }
    for address in [INTERNET.0.to_string(), INTERNET.1.to_string()] {
        two.run(&["ping", "-c", "1", "-W", "3", &address]).unwrap();
    }
}

#[test]
fn a_host_has_directories_and_a_sysfs_of_its_own() {
    let lab = Lab::new().unwrap();
    let (one, two) = (lab.add_host("one").unwrap(), lab.add_host("two").unwrap());
    for directory in MOUNT_POINTS {
        one.write(&format!("{directory}/of-one"), "1").unwrap();
        assert_eq!(fs::read_dir(two.path(directory)).unwrap().count(), 0, "{directory}");
    }
    assert_eq!(one.run(&["ls", "/sys/class/net"]).unwrap(), "eth0\nlo\n");
    assert_eq!(one.run(&["ls", "/run/wgcni"]).unwrap(), "of-one\n");
}

#[test]
fn namespaces_made_later_are_seen_by_the_host() {
    let lab = Lab::new().unwrap();
    let host = lab.add_host("one").unwrap();
    let container = lab.add_netns("late").unwrap();
    let path = container.path();
    let path = path.to_str().unwrap();
    let inode = host.run(&["stat", "-L", "-c", "%i", path]).unwrap();
    assert_eq!(inode.trim(), container.inode().unwrap().to_string());
    host.run(&["nsenter", &format!("--net={path}"), "true"]).unwrap();
}

#[test]
fn sockets_stay_in_the_namespace_that_they_were_opened_in() {
    let lab = Lab::new().unwrap();
    let (one, two) = (lab.add_host("one").unwrap(), lab.add_host("two").unwrap());
    let listener = two.netns().within(|| TcpListener::bind("0.0.0.0:80")).unwrap().unwrap();
    let address = (two.v4(), 80);
    let mut client = one.netns().within(|| TcpStream::connect(address)).unwrap().unwrap();
    let (server, from) = listener.accept().unwrap();
    assert_eq!(from.ip(), one.v4());
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_packet_in_the_clear_does_not_escape_the_capture() {
    let lab = Lab::new().unwrap();
    let (one, two) = (lab.add_host("one").unwrap(), lab.add_host("two").unwrap());
    let capture = Capture::start(lab.underlay(), nothing_secret()).unwrap();
    one.run(&["ping", "-c", "2", "-i", "0.2", &two.v4().to_string()]).unwrap();
    one.run(&["ping", "-c", "1", &two.v6().to_string()]).unwrap();
    let seen = capture.stop().unwrap();
    assert_eq!((seen.plain, seen.wireguard, seen.missed), (6, 0, 0), "{seen:?}");
    assert!(seen.neighbour > 0, "{seen:?}");
}

#[test]
fn a_quiet_underlay_carries_nothing_in_the_clear() {
    let lab = Lab::new().unwrap();
    let capture = Capture::start(lab.underlay(), nothing_secret()).unwrap();
    let _host = lab.add_host("one").unwrap();
    let seen = capture.stop().unwrap();
    assert_eq!(seen.plain, 0, "{seen:?}");
}

#[test]
fn a_dropped_lab_leaves_nothing() {
    let lab = Lab::new().unwrap();
    let run = lab.run().clone();
    let host = lab.add_host("one").unwrap();
    let inodes = [host.netns().inode().unwrap()].into();
    let sleeper = host.spawn("sleep", host.command("sleep").map(with_argument).unwrap()).unwrap();
    assert_eq!(clean::processes_in(&inodes).len(), 2);
    drop(lab);
    assert_eq!(clean::processes_in(&inodes), [0_i32; 0]);
    assert!(!run.directory().exists());
    assert!(!host.netns().path().exists());
    drop(sleeper);
}

fn with_argument(mut command: std::process::Command) -> std::process::Command {
    command.arg("1000");
    command
}
