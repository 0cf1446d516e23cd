//! The node-manager is down.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use support::{Call, Netns, conf};
use tempfile::tempdir;

fn tombstones(directory: &Path) -> Vec<Value> {
    let Ok(files) = fs::read_dir(directory.join("tombstones")) else { return Vec::new() };
    files
        .map(|file| serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap())
        .collect()
}

#[test]
fn add_says_try_again_and_leaves_nothing() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let call = Call::new("ADD").netns(&netns.path()).conf(&conf("1.0.0", directory.path()));
    let text = call.run().fails_with(11);
    assert!(text.contains("node-manager"), "{text}");
    assert_eq!(netns.interfaces(), ["lo"]);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn add_gives_up_on_a_node_manager_that_hangs() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let _silent = UnixListener::bind(directory.path().join("node.sock")).unwrap();
    let call = Call::new("ADD").netns(&netns.path()).conf(&conf("1.0.0", directory.path()));
    call.run().fails_with(11);
    assert_eq!(netns.interfaces(), ["lo"]);
    // It may have served us all the same: what it will read undoes that.
    assert_eq!(tombstones(directory.path()).len(), 1);
}

#[test]
fn del_succeeds_and_leaves_one_tombstone() {
    let directory = tempdir().unwrap();
    let conf = conf("1.0.0", directory.path());
    let (netns, gone) = (Netns::new(), "/run/netns/wgcni-there-is-none");
    let calls = [
        Call::new("DEL"),
        Call::new("DEL").with("CNI_NETNS", ""),
        Call::new("DEL").with("CNI_NETNS", gone),
        Call::new("DEL").with("CNI_NETNS", "/etc/passwd"),
        Call::new("DEL").with("CNI_NETNS", "/proc/self/ns/net"),
        Call::new("DEL").with("CNI_ARGS", "IP=garbage;=;x"),
        Call::new("DEL").netns(&netns.path()),
    ];
    for call in calls {
        call.conf(&conf).run().done();
    }
    let mut found = tombstones(directory.path());
    let (boot, began) = (found[0]["boot"].take(), found[0]["began_ns"].take());
    assert!(boot.as_str().is_some_and(|boot| boot.len() == 36), "{boot}");
    assert!(began.as_u64().is_some_and(|began| began > 0), "{began}");
    let (none, id) = (Value::Null, "c1");
    let expected = json!({ "network": "wgnet", "container_id": id, "ifname": "eth0",
        "boot": none, "began_ns": none });
    assert_eq!(found, [expected]);
}

#[test]
fn del_succeeds_with_garbage_from_before() {
    let directory = tempdir().unwrap();
    for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        for garbage in
            [json!(7), json!({ "cniVersion": "x" }), json!({ "ips": [null] }), json!(null)]
        {
            let mut conf = conf(version, directory.path());
            conf["prevResult"] = garbage.clone();
            conf["runtimeConfig"] = garbage;
            Call::new("DEL").conf(&conf).run().done();
        }
    }
}

#[test]
fn del_leaves_interfaces_that_are_not_ours() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let conf = conf("1.0.0", directory.path());
    Call::new("DEL").netns(&netns.path()).with("CNI_IFNAME", "lo").conf(&conf).run().done();
    assert_eq!(netns.interfaces(), ["lo"]);
}

#[test]
fn del_gives_up_on_a_node_manager_that_hangs_and_leaves_a_tombstone() {
    let directory = tempdir().unwrap();
    let _silent = UnixListener::bind(directory.path().join("node.sock")).unwrap();
    Call::new("DEL").conf(&conf("1.0.0", directory.path())).run().done();
    assert_eq!(tombstones(directory.path()).len(), 1);
}

#[test]
fn del_that_cannot_be_remembered_fails() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("tombstones"), "a file").unwrap();
    Call::new("DEL").conf(&conf("1.0.0", directory.path())).run().fails_with(5);
}

#[test]
fn status_says_not_available() {
    let directory = tempdir().unwrap();
    let call = Call::new("STATUS").without("CNI_CONTAINERID").without("CNI_IFNAME");
    call.conf(&conf("1.1.0", directory.path())).run().fails_with(50);
}

#[test]
fn gc_says_try_again() {
    let directory = tempdir().unwrap();
    let mut conf = conf("1.1.0", directory.path());
    conf["cni.dev/valid-attachments"] = json!([]);
    Call::new("GC").conf(&conf).run().fails_with(11);
}

#[test]
fn check_judges_by_the_kernel_alone() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let mut conf = conf("1.0.0", directory.path());
    conf["prevResult"] = json!({
        "cniVersion": "1.0.0",
        "interfaces": [{ "name": "eth0", "sandbox": netns.path() }],
        "ips": [{ "address": "10.64.1.5/32", "interface": 0 }],
    });
    let text = Call::new("CHECK").netns(&netns.path()).conf(&conf).run().fails_with(104);
    assert!(text.contains("eth0: the interface is gone"), "{text}");
}
