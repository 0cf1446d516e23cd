//! What is said about a login that does not help.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, tcgetattr};
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

/// Types into `wgcni login` on a terminal: what became of it, and what the terminal showed.
fn typed(fake: &Fake, keys: &[u8]) -> (Output, String) {
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    fcntl(&master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    let shows = || tcgetattr(&slave).unwrap().local_flags.contains(LocalFlags::ECHO);
    assert!(shows());
    let mut command = fake.alone("login --name ann");
    command.stdin(slave.try_clone().unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while shows() {
        assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "it never hides");
        sleep(Duration::from_millis(5));
    }
    let mut master = File::from(master);
    master.write_all(keys).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(shows(), "the terminal stays hidden");
    fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut seen = Vec::new();
    let _ = master.read_to_end(&mut seen);
    (output, String::from_utf8(seen).unwrap())
}

#[test]
fn a_terminal_shows_no_join_string_and_is_given_back_even_when_interrupted() {
    let fake = Fake::start();
    let (output, shown) = typed(&fake, b"wgcni1.typed\n");
    assert_eq!((output.status.code(), shown.as_str()), (Some(1), ""));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("join string: \n") && !said.contains("typed"), "{said}");
    assert!(said.contains("is not whole: copy all of it"), "{said}");
    let (output, shown) = typed(&fake, b"wgcni1.ty\x03");
    assert_eq!((output.status.signal(), shown.as_str()), (Some(Signal::SIGINT as i32), ""));
}
