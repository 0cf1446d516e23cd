//! A member's files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wgcni_channel::client::{FilesError, Member, MemberFiles};
use wgcni_identity::{Authority, ControlKey, IdentityId, Lifetime, Role};
use wgcni_model::ClusterId;

use crate::cluster::now;

/// A directory with a member in it.
struct Stored {
    root: tempfile::TempDir,
    authority: Authority,
    member: Member,
}

impl Stored {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let day = Lifetime { from: now(), length: Duration::from_hours(24) };
        let ca = ControlKey::generate().unwrap();
        let authority = Authority::new(ClusterId::from_random([1; 16]), ca, day).unwrap();
        let member = member(&authority, ControlKey::generate().unwrap(), 1);
        let stored = Self { root, authority, member };
        stored.files().store(&stored.member).unwrap();
        stored
    }

    fn files(&self) -> MemberFiles {
        MemberFiles::new(&self.root.path().join("member"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("member").join(name)
    }

    fn error(&self) -> String {
        self.files().load().unwrap_err().to_string()
    }
}

fn member(authority: &Authority, key: ControlKey, counter: u64) -> Member {
    let id = IdentityId::from_random([2; 8]);
    let day = Lifetime { from: now(), length: Duration::from_hours(24) };
    let subject = (Role::Node, id);
    let issued = authority.issue_member(&key.request().unwrap(), subject, day, [9; 16]).unwrap();
    Member {
        cluster: authority.cluster().clone(),
        ca: authority.pin(),
        ca_certificate: authority.certificate().der.clone(),
        name: "ash".parse().unwrap(),
        role: Role::Node,
        id,
        addresses: vec!["192.0.2.1:7400".into(), "[2001:db8::1]:7400".into()],
        join_addresses: vec!["192.0.2.1:7401".into()],
        counter,
        certificate: issued.der,
        key: Arc::new(key),
        issued: Duration::from_hours(500_000),
        not_after: Duration::from_secs(issued.not_after.as_secs()),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_member_survives_its_files_which_nobody_else_reads() {
    let stored = Stored::new();
    let read = stored.files().load().unwrap().unwrap();
    let same = |m: &Member| {
        let text = (m.cluster.clone(), m.ca, m.ca_certificate.clone(), m.name.clone(), m.role);
        let rest = (m.id, m.addresses.clone(), m.join_addresses.clone(), m.counter);
        (text, rest, m.certificate.clone(), m.key.pin(), m.issued, m.not_after)
    };
    assert_eq!(same(&read), same(&stored.member));
    assert_eq!(mode(&stored.path("")), 0o700);
    let names: Vec<_> = fs::read_dir(stored.path("")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600);
    }
    // The secret is in the key's file alone.
    let json = fs::read_to_string(stored.path("member.json")).unwrap();
    let secret = stored.member.key.to_pem();
    assert!(!json.contains(secret.lines().nth(1).unwrap()));
    assert!(!format!("{read:?}").contains(secret.lines().nth(1).unwrap()));
}

#[test]
fn where_nobody_joined_there_is_nobody() {
    let root = tempfile::tempdir().unwrap();
    let files = MemberFiles::new(&root.path().join("none"));
    assert!(files.load().unwrap().is_none());
    files.remove().unwrap();
    // A key that waits is no member yet.
    let key = files.pending_key(None).unwrap();
    assert!(files.load().unwrap().is_none());
    assert_eq!(files.pending_key(None).unwrap().pin(), key.pin());
    // Whoever was refused with it tries another.
    files.forget_pending().unwrap();
    files.forget_pending().unwrap();
    assert_ne!(files.pending_key(None).unwrap().pin(), key.pin());
}

#[test]
fn files_that_others_may_read_are_refused_by_name() {
    for name in ["member.json", "control.key"] {
        for bits in [0o640, 0o604, 0o660, 0o666] {
            let stored = Stored::new();
            fs::set_permissions(stored.path(name), Permissions::from_mode(bits)).unwrap();
            let error = stored.error();
            assert!(error.contains(name) && error.contains("chmod 0600"), "{error}");
        }
    }
}

#[test]
fn damaged_files_are_refused_by_name_and_their_secrets_not_shown() {
    for name in ["member.json", "control.key"] {
        let stored = Stored::new();
        let whole = fs::read(stored.path(name)).unwrap();
        let secret = stored.member.key.to_pem();
        for at in (0..whole.len()).step_by(7) {
            fs::write(stored.path(name), &whole[..at]).unwrap();
            let error = stored.error();
            assert!(error.contains(name), "cut at {at}: {error}");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(stored.path(name), flipped).unwrap();
            // What PEM does not look at may change.
            let Err(error) = stored.files().load() else { continue };
            assert!(error.to_string().contains(name), "flip at {at}: {error}");
            assert!(!error.to_string().contains(secret.lines().nth(1).unwrap()), "{error}");
        }
    }
}

#[test]
fn files_of_two_members_are_no_pair() {
    let (one, two) = (Stored::new(), Stored::new());
    fs::copy(two.path("control.key"), one.path("control.key")).unwrap();
    let error = one.files().load().unwrap_err();
    assert!(matches!(error, FilesError::NoPair { .. }), "{error}");
}

#[test]
fn a_missing_file_is_not_read_as_nobody() {
    for (gone, other) in [("member.json", "control.key"), ("control.key", "member.json")] {
        let stored = Stored::new();
        fs::remove_file(stored.path(gone)).unwrap();
        let error = stored.files().load().unwrap_err();
        assert!(matches!(error, FilesError::Lost { .. }), "{error}");
        let text = error.to_string();
        assert!(text.find(gone).unwrap() < text.find(other).unwrap(), "{text}");
    }
}

#[test]
fn wherever_a_renewal_is_cut_off_the_certificate_has_its_key() {
    let stored = Stored::new();
    let files = stored.files();
    let key_before = fs::read(stored.path("control.key")).unwrap();
    let json_before = fs::read(stored.path("member.json")).unwrap();
    let key = files.pending_key(Some(&stored.member)).unwrap();
    assert_ne!(key.pin(), stored.member.key.pin());
    assert_eq!(mode(&stored.path("pending.key")), 0o600);
    let pending = fs::read(stored.path("pending.key")).unwrap();
    // Asked, and killed before the answer: the old one holds, and the same key is asked for.
    assert_eq!(files.load().unwrap().unwrap().key.pin(), stored.member.key.pin());
    assert_eq!(files.pending_key(Some(&stored.member)).unwrap().pin(), key.pin());
    let pem = ControlKey::from_pem(&key.to_pem()).unwrap();
    let renewed = member(&stored.authority, pem, 2);
    files.store(&renewed).unwrap();
    assert!(!stored.path("pending.key").exists());
    let json_after = fs::read(stored.path("member.json")).unwrap();
    // Killed between the two files: the new one holds.
    fs::write(stored.path("control.key"), &key_before).unwrap();
    fs::write(stored.path("pending.key"), &pending).unwrap();
    fs::set_permissions(stored.path("pending.key"), Permissions::from_mode(0o600)).unwrap();
    let read = files.load().unwrap().unwrap();
    assert_eq!((read.key.pin(), read.counter), (key.pin(), 2));
    // And the next renewal has another key, not the certified one again.
    let next = files.pending_key(Some(&read)).unwrap();
    assert_ne!(next.pin(), key.pin());
    assert_eq!(files.load().unwrap().unwrap().key.pin(), key.pin());
    assert_ne!(json_before, json_after);
}

#[test]
fn a_removed_member_is_gone_and_may_be_removed_again() {
    let stored = Stored::new();
    stored.files().pending_key(Some(&stored.member)).unwrap();
    stored.files().remove().unwrap();
    assert!(stored.files().load().unwrap().is_none());
    assert_eq!(fs::read_dir(stored.path("")).unwrap().count(), 0);
    stored.files().remove().unwrap();
}

#[test]
fn certificates_are_used_by_parts() {
    let mut member = Stored::new().member;
    member.issued = Duration::from_secs(1000);
    member.not_after = Duration::from_secs(1300);
    let at = Duration::from_secs;
    assert!(!member.is_used(1.0 / 3.0, at(1099)));
    assert!(member.is_used(1.0 / 3.0, at(1101)));
    assert_eq!(member.until_used(0.5, at(1000)), at(150));
    assert!(!member.is_expired(at(1299)));
    assert!(member.is_expired(at(1300)));
}
