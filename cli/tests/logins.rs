//! What is said about a login that does not help.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use support::{Done, Fake};
use wgcni_channel::client::{Member, MemberFiles};
use wgcni_identity::{Authority, ControlKey, IdentityId, Lifetime, Role};
use wgcni_model::ClusterId;

const LIFE: Duration = Duration::from_hours(8);

/// Logs in to cluster `byte` with a certificate that was made `ago`.
fn login(fake: &Fake, byte: u8, ago: Duration) -> ClusterId {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let lifetime = Lifetime { from: now.checked_sub(ago).unwrap(), length: LIFE };
    let cluster = ClusterId::from_random([byte; 16]);
    let ca = ControlKey::generate().unwrap();
    let authority = Authority::new(cluster.clone(), ca, lifetime).unwrap();
    let (key, id) = (ControlKey::generate().unwrap(), IdentityId::from_random([2; 8]));
    let subject = (Role::Operator, id);
    let request = key.request().unwrap();
    let issued = authority.issue_member(&request, subject, lifetime, [9; 16]).unwrap();
    let member = Member {
        cluster: cluster.clone(),
        ca: authority.pin(),
        ca_certificate: authority.certificate().der.clone(),
        name: "ann".parse().unwrap(),
        role: Role::Operator,
        id,
        addresses: vec!["127.0.0.1:1".into()],
        join_addresses: vec!["127.0.0.1:2".into()],
        counter: 1,
        certificate: issued.der,
        key: Arc::new(key),
        issued: lifetime.from,
        not_after: issued.not_after,
    };
    MemberFiles::new(&fake.home().join(cluster.as_str())).store(&member).unwrap();
    cluster
}

fn run(fake: &Fake, line: &str) -> Done {
    Done::new(fake.alone(line).output().unwrap())
}

#[test]
fn an_expired_login_says_how_to_log_in_again() {
    let fake = Fake::start();
    login(&fake, 1, LIFE + Duration::from_mins(5));
    let done = run(&fake, "node list");
    assert_eq!((done.exit, done.stdout.as_str()), (4, ""), "{done:?}");
    assert!(done.stderr.contains("ann") && done.stderr.contains("expired 5 min ago"), "{done:?}");
    assert!(done.stderr.contains("wgcni ticket create --operator"), "{done:?}");
}

#[test]
fn whoever_is_not_reached_is_named_with_the_reason() {
    let fake = Fake::start();
    // Fresh, and due for renewal: that waits.
    for (byte, ago) in [(1, Duration::ZERO), (2, LIFE / 2)] {
        let cluster = login(&fake, byte, ago);
        let done = run(&fake, &format!("status --cluster {}", &cluster.as_str()[..4]));
        assert_eq!((done.exit, done.stdout.as_str()), (4, ""), "{done:?}");
        let expected = "wgcni: reach the cluster-manager: 127.0.0.1:1: no connection (";
        assert!(done.stderr.starts_with(expected), "{done:?}");
    }
}

#[test]
fn logging_out_forgets_one_login_and_says_that_the_operator_stays() {
    let fake = Fake::start();
    let (one, two) = (login(&fake, 1, Duration::ZERO), login(&fake, 2, Duration::ZERO));
    let done = run(&fake, "status");
    assert_eq!(done.exit, 4);
    assert!(done.stderr.contains("--cluster"), "{done:?}");
    let done = run(&fake, "logout --cluster 01");
    assert_eq!(done.exit, 0, "{done:?}");
    assert!(done.stderr.contains("`wgcni operator remove ann`"), "{done:?}");
    assert!(!fake.home().join(one.as_str()).exists());
    assert!(fake.home().join(two.as_str()).exists());
}
