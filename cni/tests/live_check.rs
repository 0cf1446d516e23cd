//! CHECK, GC and repeated ADDs against the real daemons.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::live::{Live, conf};
use wgcni_lab::wait;

#[test]
fn check_names_whatever_is_wrong() {
    let live = Live::start("");
    let conf = conf("1.1.0");
    let cases = [
        ("address", "address del V4 dev eth0", "address"),
        ("address6", "-6 address del V6 dev eth0", "address"),
        ("route", "route del default", "0.0.0.0/0"),
        ("down", "link set eth0 down", "down"),
        ("mtu", "link set eth0 mtu 1300", "1300"),
        ("gone", "link del eth0", "gone"),
    ];
    for (name, spoil, expected) in cases {
        let container = live.container(name);
        let result = container.run("ADD", &conf).result();
        container.check(&conf, &result).done();
        let [v4, v6] = [0, 1].map(|n| result["ips"][n]["address"].as_str().unwrap());
        let spoil = spoil.replace("V4", v4).replace("V6", v6);
        container.netns.ip(&spoil.split(' ').collect::<Vec<_>>()).unwrap();
        let text = container.check(&conf, &result).fails_with(104);
        assert!(text.contains("eth0") && text.contains(expected), "{text}");
        container.run("DEL", &conf).done();
    }
}

#[test]
fn check_contradicts_a_result_that_is_not_this_attachments() {
    let live = Live::start("");
    let conf = conf("1.0.0");
    let container = live.container("web");
    let mut result = container.run("ADD", &conf).result();
    result["ips"][0]["address"] = json!("192.0.2.7/32");
    let text = container.check(&conf, &result).fails_with(104);
    assert!(text.contains("192.0.2.7"), "{text}");
}

#[test]
fn a_restart_of_the_node_manager_fails_no_check() {
    let live = Live::start("");
    let conf = conf("1.0.0");
    let container = live.container("web");
    let result = container.run("ADD", &conf).result();
    live.node.stop().unwrap();
    container.check(&conf, &result).done();
    container.netns.ip(&["link", "set", "eth0", "down"]).unwrap();
    container.check(&conf, &result).fails_with(104);
    container.run("DEL", &conf).done();
    container.check(&conf, &result).fails_with(104);
    live.node.start().unwrap();
    wait::until("the tombstone to be settled", || live.peers() == 0).unwrap();
    container.check(&conf, &result).fails_with(3);
}

#[test]
fn gc_takes_away_what_is_not_valid_in_its_own_network_only() {
    let live = Live::start("");
    let conf = conf("1.1.0");
    let mut other = conf.clone();
    other["name"] = json!("another");
    let [web, db, foreign] = ["web", "db", "foreign"].map(|name| live.container(name));
    web.run("ADD", &conf).result();
    db.run("ADD", &conf).result();
    foreign.run("ADD", &other).result();
    // No list: nobody is provably dead.
    web.run("GC", &conf).done();
    assert_eq!(live.peers(), 3);
    for (key, valid, left) in [
        ("cni.dev/valid-attachments", json!([{ "containerID": "web", "ifname": "eth0" }]), 2),
        ("cni.dev/attachments", json!([]), 1),
        ("cni.dev/valid-attachments", json!(null), 1),
    ] {
        let mut gc = conf.clone();
        gc[key] = valid;
        web.run("GC", &gc).done();
        assert_eq!(live.peers(), left);
    }
    other["cni.dev/valid-attachments"] = json!(null);
    web.run("GC", &other).done();
    assert_eq!(live.peers(), 0);
}

#[test]
fn an_add_comes_again() {
    let live = Live::start("");
    let conf = conf("1.0.0");
    let container = live.container("web");
    let first = container.run("ADD", &conf).result();
    container.run("ADD", &conf).fails_with(101);
    container.check(&conf, &first).done();
    // Its plugin was killed before it had made the interface: it is done again.
    container.netns.ip(&["link", "del", "eth0"]).unwrap();
    let second = container.run("ADD", &conf).result();
    container.check(&conf, &second).done();
    assert_eq!(live.peers(), 1);
    // Its namespace is another one: it is done again, with the same address.
    let reborn = live.container("reborn");
    let call = reborn.call("ADD").with("CNI_CONTAINERID", "web").conf(&conf);
    let third = live.run(&call).result();
    assert_eq!(third["ips"], second["ips"]);
    assert_eq!(live.peers(), 1);
}

#[test]
fn an_attachment_may_be_deleted_before_it_is_added_and_without_its_namespace() {
    let live = Live::start("");
    let conf = conf("1.0.0");
    let container = live.container("web");
    container.run("DEL", &conf).done();
    container.run("ADD", &conf).result();
    live.run(&container.call("DEL").with("CNI_NETNS", "").conf(&conf)).done();
    assert_eq!(live.peers(), 0);
    container.run("DEL", &conf).done();
    assert_eq!(container.interfaces(), ["lo"]);
    container.run("ADD", &conf).result();
}
