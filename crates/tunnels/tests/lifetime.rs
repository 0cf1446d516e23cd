//! A device lives as long as its link, wherever that is, and leaves nothing behind.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/flows.rs"]
mod flows;

use common::{Namespace, Place, eventually, pair};

const NONE: &str = r#"{"ok":{"devices":[]}}"#;

fn move_link(host: &common::Host, container: &Namespace) {
    let net = container.net();
    host.command("ip link set wg0 down");
    host.command(&format!("ip link set wg0 netns {net} name eth7"));
    container.command("ip addr add 10.0.0.1/24 dev eth7");
    container.command("ip addr add fd00::1/64 dev eth7 nodad");
    container.command("ip link set eth7 mtu 1420 up");
}

#[test]
fn a_link_that_is_renamed_and_moved_keeps_working() {
    let (a, b) = pair(1500, false);
    a.ping("10.0.0.2");
    let container = Namespace::new();
    move_link(&a, &container);
    container.ping("10.0.0.2");
    flows::tcp(&container, &b, "fd00::2", 4000, 8 << 20);
    a.command("wg show wg0");
    // Down and up again is not the end either.
    container.command("ip link set eth7 down");
    b.command("ping -c 3 -i 0.2 -W 1 10.0.0.2");
    container.command("ip link set eth7 up");
    container.ping("10.0.0.2");
    flows::tcp(&b, &container, "10.0.0.1", 4000, 8 << 20);
}

#[test]
fn a_link_born_in_another_namespace_has_its_socket_in_the_host() {
    let (a, b) = pair(1500, false);
    let container = Namespace::new();
    a.create_in("wgc", &container);
    let key = a.configure("wgc", 5003);
    let far = b.command("wg show wg0 public-key");
    a.peer("wgc", far.trim(), "192.0.2.2:5002", "10.0.0.2/32,fd00::2/128");
    b.peer("wg0", &key, "192.0.2.1:5003", "10.0.0.3/32,fd00::3/128");
    container.command("ip link set wgc name eth7 mtu 1420");
    container.command("ip link set eth7 up");
    container.command("ip addr add 10.0.0.3/24 dev eth7");
    container.command("ip addr add fd00::3/64 dev eth7 nodad");
    container.ping("10.0.0.2");
    flows::tcp(&container, &b, "fd00::2", 4000, 8 << 20);
    assert!(a.command("ss -Hlun").contains(":5003") && !a.has_link("wgc"));
    assert_eq!(container.command("ss -Hlun"), "");
    container.command("ip link del eth7");
    eventually("it leaves", || a.devices() == r#"{"ok":{"devices":["wg0"]}}"#);
    a.create_in("wgc", &container);
    a.command("wg show wgc");
    assert_eq!(a.delete("wgc"), r#"{"ok":{}}"#);
    eventually("the link goes", || !container.command("ip -o link").contains("wgc"));
}

#[test]
fn a_namespace_that_dies_takes_its_device_with_it() {
    let (a, _b) = pair(1500, false);
    let container = Namespace::new();
    move_link(&a, &container);
    container.ping("10.0.0.2");
    assert!(a.command("ss -Hlun").contains(":5001"));
    drop(container);
    eventually("the device leaves", || a.devices() == NONE);
    assert!(!a.has_uapi("wg0"));
    eventually("the port is free", || a.command("ss -Hlun").is_empty());
    a.create("wg0");
}

#[test]
fn a_link_that_is_deleted_takes_its_device_with_it() {
    let (a, b) = pair(1500, false);
    a.ping("10.0.0.2");
    a.create("wg1");
    a.command("ip link del wg0");
    eventually("it leaves", || a.devices() == r#"{"ok":{"devices":["wg1"]}}"#);
    // One that was never configured, too.
    a.command("ip link del wg1");
    eventually("it leaves", || a.devices() == NONE);
    let container = Namespace::new();
    move_link(&b, &container);
    container.command("ip link del eth7");
    eventually("it leaves", || b.devices() == NONE);
    eventually("the port is free", || b.command("ss -Hlun").is_empty());
}

#[test]
fn a_device_is_deleted_wherever_its_link_is() {
    let (a, _b) = pair(1500, false);
    let container = Namespace::new();
    move_link(&a, &container);
    container.ping("10.0.0.2");
    assert_eq!(a.delete("wg0"), r#"{"ok":{}}"#);
    eventually("the link goes", || !container.command("ip -o link").contains("eth7"));
    assert!(!a.has_uapi("wg0"));
    eventually("the port is free", || a.command("ss -Hlun").is_empty());
}
