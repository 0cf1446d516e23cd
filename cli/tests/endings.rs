//! How commands end when they do not end well, and what needs no cluster.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use connectrpc::ErrorCode;
use support::{Done, Fake, with_stdin};

#[test]
fn refusals_say_what_to_do_and_how_they_end() {
    let fake = Fake::start();
    for (code, exit, words) in [
        (ErrorCode::PermissionDenied, 1, "`wgcni whoami`"),
        (ErrorCode::Unauthenticated, 4, "`wgcni login`"),
        (ErrorCode::Unavailable, 4, "try again"),
        (ErrorCode::DeadlineExceeded, 3, "look before you repeat"),
        (ErrorCode::Unimplemented, 1, "another version"),
        (ErrorCode::InvalidArgument, 1, "wgcni: because\n"),
        (ErrorCode::NotFound, 1, "wgcni: because\n"),
        (ErrorCode::AlreadyExists, 1, "wgcni: because\n"),
    ] {
        fake.refuse(code, "because");
        let done = fake.run("status");
        assert_eq!((done.exit, done.stdout.as_str()), (exit, ""), "{done:?}");
        assert!(done.stderr.contains(words), "{done:?}");
    }
}

#[test]
fn whoever_reaches_nobody_is_told_where_it_was_tried() {
    let fake = Fake::start();
    let done = Done::new(fake.alone("status --socket /nowhere/socket").output().unwrap());
    assert_eq!(done.exit, 4, "{done:?}");
    assert!(done.stderr.contains("/nowhere/socket: is it running"), "{done:?}");
}

#[test]
fn usage_errors_exit_with_2() {
    let fake = Fake::start();
    for line in ["", "ticket", "node show UPPER", "ticket create --valid 1", "--local --cluster a"]
    {
        let done = Done::new(fake.alone(line).output().unwrap());
        assert_eq!((done.exit, done.stdout.as_str()), (2, ""), "{line}: {done:?}");
    }
}

#[test]
fn logging_in_reads_stdin_and_never_echoes_the_join_string() {
    let fake = Fake::start();
    for line in ["login --name ann", "login - --name ann"] {
        let done = with_stdin(fake.alone(line), "wgcni1.c2VjcmV0\n");
        assert_eq!((done.exit, done.stdout.as_str()), (1, ""), "{done:?}");
        assert!(done.stderr.contains("copy all of it"), "{done:?}");
        assert!(!done.stderr.contains("c2VjcmV0"), "{done:?}");
    }
    let done = with_stdin(fake.alone("login --name ann"), "\n");
    assert!(done.stderr.contains("no join string"), "{done:?}");
    let done = with_stdin(fake.alone("login"), "\n");
    assert!(done.stderr.contains("--name NAME"), "{done:?}");
    assert!(!fake.home().exists());
}

#[test]
fn without_a_login_there_is_none_to_forget_or_choose() {
    let fake = Fake::start();
    for line in ["logout", "status --cluster 0a"] {
        let done = Done::new(fake.alone(line).output().unwrap());
        assert_eq!(done.exit, 4, "{done:?}");
        assert!(done.stderr.contains("log"), "{done:?}");
    }
}

#[test]
fn a_damaged_login_is_named_and_can_be_forgotten() {
    let fake = Fake::start();
    let cluster = "0a".repeat(16);
    let login = fake.home().join(&cluster);
    fs::create_dir_all(&login).unwrap();
    fs::write(login.join("member.json"), "{").unwrap();
    let status = || Done::new(fake.alone("status").output().unwrap());
    assert!(status().stderr.contains("chmod 0600"), "{:?}", status());
    let private = Permissions::from_mode(0o600);
    fs::set_permissions(login.join("member.json"), private).unwrap();
    assert_eq!(status().exit, 4);
    assert!(status().stderr.contains("member.json is damaged"), "{:?}", status());
    let done = Done::new(fake.alone("logout").output().unwrap());
    assert_eq!(done.exit, 0, "{done:?}");
    assert!(!login.exists());
}

#[test]
fn completions_are_printed_for_each_shell() {
    let fake = Fake::start();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = Done::new(fake.alone(&format!("completions {shell}")).output().unwrap());
        assert!(done.exit == 0 && done.stdout.contains("security-key"), "{shell}");
    }
}
