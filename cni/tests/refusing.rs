//! Answers of a node-manager that are no success, and what becomes of them.
#![allow(clippy::unwrap_used)]

mod support;

use connectrpc::ErrorCode;
use serde_json::json;
use support::fake::Script;
use support::{Call, Netns, conf};
use tempfile::tempdir;
use wgcni_api::node_v1 as wire;

#[test]
fn refusals_of_add_have_their_codes_and_leave_nothing() {
    let cases = [
        (ErrorCode::ResourceExhausted, 11, "254 of 254 addresses are in use"),
        (ErrorCode::AlreadyExists, 101, "attachment exists"),
        (ErrorCode::InvalidArgument, 102, "requested_addresses: 192.0.2.1 is outside"),
        (ErrorCode::NotFound, 102, "lease not found"),
        (ErrorCode::Internal, 102, "no such file or directory"),
    ];
    for (code, expected, message) in cases {
        let (directory, netns) = (tempdir().unwrap(), Netns::new());
        let fake = Script::refusing(code, message).serve(&directory.path().join("node.sock"));
        let call = Call::new("ADD").netns(&netns.path()).conf(&conf("1.0.0", directory.path()));
        let text = call.run().fails_with(expected);
        let kept = message.split(['n', 'N']).next().unwrap();
        assert!(text.contains(kept), "{text}");
        assert_eq!(netns.interfaces(), ["lo"]);
        assert_eq!(fake.names()[0], "attach");
        assert!(!directory.path().join("tombstones").exists());
    }
}

#[test]
fn a_node_that_is_not_ready_is_asked_again_before_add_gives_up() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let script = Script::refusing(ErrorCode::Unavailable, "the node has no lease yet").detaching();
    let fake = script.serve(&directory.path().join("node.sock"));
    let call = Call::new("ADD").netns(&netns.path()).conf(&conf("1.0.0", directory.path()));
    let text = call.run().fails_with(11);
    assert!(text.contains("no lease yet"), "{text}");
    assert!(fake.names().iter().filter(|name| **name == "attach").count() > 1);
}

#[test]
fn an_answer_that_cannot_be_is_undone_by_its_key() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let response = wire::AttachResponse { device: "a/b".to_owned(), ..Default::default() };
    let script = Script::refusing(ErrorCode::Internal, "").attaching(response).detaching();
    let fake = script.serve(&directory.path().join("node.sock"));
    let call = Call::new("ADD").netns(&netns.path()).conf(&conf("1.0.0", directory.path()));
    call.run().fails_with(102);
    let [(first, ours), (second, undone)] = fake.asked().try_into().unwrap();
    assert_eq!((first, second), ("attach", "detach"));
    assert_eq!((ours.len(), &ours), (32, &undone));
}

#[test]
fn a_del_that_is_refused_fails_and_takes_nobody_for_dead() {
    let directory = tempdir().unwrap();
    let script = Script::refusing(ErrorCode::Internal, "store: not found");
    let _fake = script.serve(&directory.path().join("node.sock"));
    let text = Call::new("DEL").conf(&conf("1.0.0", directory.path())).run().fails_with(102);
    assert!(text.contains("store: missing"), "{text}");
    assert!(!directory.path().join("tombstones").exists());
}

#[test]
fn a_del_takes_the_tombstone_of_an_earlier_one_away() {
    let directory = tempdir().unwrap();
    let conf = conf("1.0.0", directory.path());
    Call::new("DEL").conf(&conf).run().done();
    let tombstones = directory.path().join("tombstones");
    assert_eq!(std::fs::read_dir(&tombstones).unwrap().count(), 1);
    let script = Script::refusing(ErrorCode::Internal, "").detaching();
    let fake = script.serve(&directory.path().join("node.sock"));
    Call::new("DEL").conf(&conf).run().done();
    assert_eq!(std::fs::read_dir(&tombstones).unwrap().count(), 0);
    // Whatever key it has.
    assert_eq!(fake.asked(), [("detach", Vec::new())]);
}

#[test]
fn an_add_settles_the_tombstone_of_a_del_first() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let conf = conf("1.0.0", directory.path());
    Call::new("DEL").conf(&conf).run().done();
    let script = Script::refusing(ErrorCode::ResourceExhausted, "full").detaching();
    let fake = script.serve(&directory.path().join("node.sock"));
    Call::new("ADD").netns(&netns.path()).conf(&conf).run().fails_with(11);
    assert_eq!(fake.names(), ["detach", "attach"]);
    assert_eq!(std::fs::read_dir(directory.path().join("tombstones")).unwrap().count(), 0);
}

#[test]
fn check_of_what_the_node_does_not_know_is_an_unknown_container() {
    let (directory, netns) = (tempdir().unwrap(), Netns::new());
    let mut conf = conf("1.0.0", directory.path());
    conf["prevResult"] = json!({});
    let cases = [(ErrorCode::NotFound, 3), (ErrorCode::FailedPrecondition, 104)];
    for (n, (code, expected)) in cases.into_iter().enumerate() {
        let socket = directory.path().join(format!("node{n}.sock"));
        let _fake = Script::refusing(code, "no attachment").serve(&socket);
        conf["socket"] = json!(socket);
        Call::new("CHECK").netns(&netns.path()).conf(&conf).run().fails_with(expected);
    }
}

#[test]
fn status_tells_not_available_from_cut_off() {
    let directory = tempdir().unwrap();
    let reasons = vec!["254 of 254 addresses are in use".to_owned()];
    let down = wire::StatusResponse { reasons, ..Default::default() };
    let cut = wire::StatusResponse { attachments: 3, ..down.clone() };
    let up = wire::StatusResponse { ready: true, ..Default::default() };
    for (n, (answer, code)) in
        [(down, Some(50)), (cut, Some(51)), (up, None)].into_iter().enumerate()
    {
        let mut conf = conf("1.1.0", directory.path());
        let socket = directory.path().join(format!("node{n}.sock"));
        conf["socket"] = json!(socket);
        let _fake = Script::refusing(ErrorCode::Internal, "").status(answer).serve(&socket);
        let outcome = Call::new("STATUS").conf(&conf).run();
        match code {
            Some(code) => assert!(outcome.fails_with(code).contains("254 of 254")),
            None => outcome.done(),
        }
    }
}
