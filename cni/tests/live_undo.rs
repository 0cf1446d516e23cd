//! ADDs that fail half-way leave nothing, whoever dies or hangs.
#![allow(clippy::unwrap_used)]

mod support;

use connectrpc::ErrorCode;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;
use support::PLUGIN;
use support::fake::{Fake, Script};
use support::live::{Container, Live, conf};
use wgcni_api::node_v1 as wire;
use wgcni_lab::wait;

/// An answer as a healthy node-manager gives it.
fn attached(device: &str) -> wire::AttachResponse {
    let hub = wire::HubPeer {
        public_key: [&[9][..], &[0; 31]].concat(),
        endpoint: "127.0.0.1:51819".to_owned(),
        ..Default::default()
    };
    wire::AttachResponse {
        addresses: vec!["10.64.9.9/32".to_owned(), "fd00::9/128".to_owned()],
        hub: hub.into(),
        cluster_prefixes: vec!["10.64.0.0/12".to_owned(), "fd00::/48".to_owned()],
        mtu: 1280,
        wireguard_kind: wire::WireguardKind::WIREGUARD_KIND_USERSPACE.into(),
        device: device.to_owned(),
        ..Default::default()
    }
}

/// Puts a fake in the node-manager's place; the process with the tunnels is the real one.
fn in_place(live: &Live, script: Script) -> (Fake, Value) {
    let fake = script.serve(&live.node.host().path("/run/wgcni/fake.sock"));
    let mut conf = conf("1.0.0");
    conf["socket"] = json!("/run/wgcni/fake.sock");
    conf["tombstones"] = json!("/run/wgcni/graves");
    (fake, conf)
}

/// Nothing of an attempt is left, in the container or in the host.
fn nothing_left(live: &Live, container: &Container) {
    assert_eq!(container.interfaces(), ["lo"]);
    let tunnels = || live.node.host().run(&["wg", "show", "interfaces"]).unwrap();
    wait::until("no tunnel to stay", || !tunnels().contains("wgc")).unwrap();
    assert_eq!(live.remains(), Vec::<String>::new());
}

#[test]
fn an_add_that_a_del_overtook_is_undone() {
    let live = Live::start("");
    let script =
        Script::refusing(ErrorCode::NotFound, "no attachment").attaching(attached("wgcfake1"));
    let (fake, conf) = in_place(&live, script.detaching());
    let container = live.container("late");
    let text = container.run("ADD", &conf).fails_with(11);
    assert!(text.contains("detached"), "{text}");
    assert_eq!(fake.names(), ["attach", "check", "detach"]);
    assert_eq!(fake.asked()[0].1, fake.asked()[2].1);
    nothing_left(&live, &container);
}

#[test]
fn a_node_manager_that_dies_during_an_add_learns_of_its_end_later() {
    let live = Live::start("");
    let script =
        Script::refusing(ErrorCode::Unavailable, "stopping").attaching(attached("wgcfake2"));
    let (_fake, conf) = in_place(&live, script);
    let container = live.container("orphan");
    container.run("ADD", &conf).fails_with(11);
    nothing_left(&live, &container);
    let graves = live.node.host().path("/run/wgcni/graves");
    assert_eq!(std::fs::read_dir(graves).unwrap().count(), 1);
}

#[test]
fn an_add_gives_up_on_tunnels_that_hang_and_is_undone() {
    let live = Live::start("");
    let _silent = UnixListener::bind(live.node.host().path("/run/wgcni/silent.sock")).unwrap();
    let mut conf = conf("1.0.0");
    conf["tunnelsSocket"] = json!("/run/wgcni/silent.sock");
    let container = live.container("web");
    container.run("ADD", &conf).fails_with(103);
    assert_eq!(live.peers(), 0);
    nothing_left(&live, &container);
}

#[test]
fn an_add_that_is_killed_stands_in_nobodys_way() {
    let live = Live::start("resync_seconds = 1\n");
    let conf = conf("1.0.0");
    for step in 0..24_u32 {
        let container = live.container(&format!("k{step}"));
        let call = container.call("ADD").conf(&conf);
        let mut child = call.spawn(live.node.host().command(PLUGIN).unwrap());
        thread::sleep(Duration::from_micros(400) * step);
        child.kill().unwrap();
        child.wait().unwrap();
        let outcome = container.run("ADD", &conf);
        if outcome.code != Some(0) {
            // It had done all its work.
            outcome.fails_with(101);
            assert!(container.interfaces().contains(&"eth0".to_owned()));
        }
        container.run("DEL", &conf).done();
        // One that was not named yet goes when the node-manager next looks for such ones.
        let swept = || container.interfaces() == ["lo"];
        wait::until(&format!("step {step} to leave nothing"), swept).unwrap();
    }
    wait::until("the host to be clean", || live.peers() == 0 && live.remains().is_empty()).unwrap();
}

#[test]
fn an_add_that_arrives_after_its_del_is_refused() {
    let live = Live::start("");
    let conf = conf("1.0.0");
    let container = live.container("late");
    // An ADD that has begun, and gets its configuration only after the DEL.
    let (mut early, mut stdin) =
        container.call("ADD").begin(live.node.host().command(PLUGIN).unwrap());
    let stat = format!("/proc/{}/stat", early.id());
    // Sleeping in the plugin: there is nothing else to wait for.
    let is_reading =
        || std::fs::read_to_string(&stat).is_ok_and(|s| s.contains("(wireguard-cni) S"));
    wait::until("the ADD to wait for its configuration", is_reading).unwrap();
    container.run("DEL", &conf).done();
    stdin.write_all(conf.to_string().as_bytes()).unwrap();
    drop(stdin);
    let status = early.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    let mut text = String::new();
    early.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("detached"), "{text}");
    assert_eq!(live.peers(), 0);
    nothing_left(&live, &container);
    container.run("ADD", &conf).result();
}
