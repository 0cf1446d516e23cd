//! Alone in its process, so that descriptors can be counted.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Host, Place};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_hundred_devices_come_and_go_without_a_trace() {
    let host = Host::start();
    let hub = host.device("hub", 51819);
    let before = descriptors();
    let name = |i: i32| format!("wgc{i:012x}");
    for i in 0..100 {
        host.device(&name(i), 0);
        host.peer(&name(i), &hub, "127.0.0.1:51819", "0.0.0.0/0");
        host.command(&format!("ip link set {} up", name(i)));
    }
    assert_eq!(host.devices().matches("wgc").count(), 100);
    assert!(descriptors() > before + 200);
    // Some are deleted on request, some lose their link.
    for i in 0..50 {
        assert_eq!(host.delete(&name(i)), r#"{"ok":{}}"#);
    }
    for i in 50..100 {
        host.command(&format!("ip link del {}", name(i)));
    }
    let alone = || host.devices() == r#"{"ok":{"devices":["hub"]}}"#;
    common::eventually("all are gone", || alone() && descriptors() == before);
    let left = std::fs::read_dir(host.path("/run/wireguard")).unwrap();
    assert_eq!(left.count(), 1);
}
