//! GC against the real daemons: whose attachments go, and what goes with them.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};

use support::Outcome;
use support::live::{Container, Live, conf};
use wgcni_lab::wait;

/// A configuration that GC exists in.
fn network(name: &str) -> Value {
    let mut conf = conf("1.1.0");
    conf["name"] = json!(name);
    conf
}

fn gc(live: &Live, name: &str, list: Option<(&str, Value)>) -> Outcome {
    let mut conf = network(name);
    if let Some((key, valid)) = list {
        conf[key] = valid;
    }
    let call = support::Call::new("GC").without("CNI_CONTAINERID").without("CNI_IFNAME");
    live.run(&call.conf(&conf))
}

fn devices(live: &Live) -> usize {
    let devices = live.node.host().run(&["wg", "show", "interfaces"]).unwrap();
    devices.split_whitespace().filter(|device| device.starts_with("wgc")).count()
}

fn attach<'a>(live: &'a Live, name: &str, network_name: &str) -> Container<'a> {
    let container = live.container(name);
    container.run("ADD", &network(network_name)).result();
    container
}

#[test]
fn all_shapes_of_an_empty_list_mean_that_nothing_is_valid() {
    let live = Live::start("");
    let other = attach(&live, "other", "othernet");
    let shapes = [
        ("cni.dev/valid-attachments", Value::Null),
        ("cni.dev/valid-attachments", json!([])),
        ("cni.dev/attachments", Value::Null),
        ("cni.dev/attachments", json!([])),
    ];
    for (n, (key, none)) in shapes.into_iter().enumerate() {
        let [one, two] = ["one", "two"].map(|name| attach(&live, &format!("{name}{n}"), "wgnet"));
        gc(&live, "wgnet", Some((key, none))).done();
        assert_eq!((one.interfaces(), two.interfaces()), (vec!["lo".into()], vec!["lo".into()]));
        assert_eq!(live.peers(), 1, "of the other network");
        wait::until("their devices to go", || devices(&live) == 1).unwrap();
    }
    assert!(other.interfaces().contains(&"eth0".to_owned()));
}

#[test]
fn what_a_list_names_stays_with_its_interface() {
    let live = Live::start("");
    let [kept, gone] = ["kept", "gone"].map(|name| attach(&live, name, "wgnet"));
    for key in ["cni.dev/valid-attachments", "cni.dev/attachments"] {
        let valid = json!([{ "containerID": "kept", "ifname": "eth0" }]);
        gc(&live, "wgnet", Some((key, valid))).done();
        assert!(kept.interfaces().contains(&"eth0".to_owned()));
        assert_eq!((gone.interfaces(), live.peers()), (vec!["lo".to_owned()], 1));
    }
}

#[test]
fn without_a_list_only_the_provably_dead_go() {
    let live = Live::start("");
    let [kept, dead] = ["kept", "dead"].map(|name| attach(&live, name, "wgnet"));
    let other = attach(&live, "other", "othernet");
    gc(&live, "wgnet", None).done();
    assert_eq!(live.peers(), 3);
    dead.netns.remove().unwrap();
    other.netns.remove().unwrap();
    gc(&live, "wgnet", None).done();
    assert!(kept.interfaces().contains(&"eth0".to_owned()));
    assert_eq!(live.peers(), 2, "one of each network");
    wait::until("its device to go", || devices(&live) == 2).unwrap();
    gc(&live, "othernet", None).done();
    assert_eq!(live.peers(), 1);
}

#[test]
fn an_interface_behind_a_path_that_leads_elsewhere_now_is_not_touched() {
    let live = Live::start("");
    let first = attach(&live, "web", "wgnet");
    first.netns.remove().unwrap();
    // The same path, another namespace; somebody else's interface, by the same name.
    let second = live.container("web");
    second.netns.ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "x"]).unwrap();
    gc(&live, "wgnet", Some(("cni.dev/valid-attachments", json!([])))).done();
    assert!(second.interfaces().contains(&"eth0".to_owned()));
    assert_eq!(live.peers(), 0);
}
