//! The whitelist directory of a running cluster-manager.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::safe::{Safe, client, enter, list, mesh, until};
use wgcni_api::admin_v1::{MemberState, RevokeMemberRequest};
use wgcni_api::identity_v1::WhoAmIRequest;
use wgcni_channel::client::Member;
use wgcni_store::MemoryStore;

async fn state(safe: &Safe, name: &str) -> Option<MemberState> {
    let rows = safe.rows().await;
    rows.into_iter().find(|row| row.name == name)?.state.as_known()
}

async fn is(safe: &Safe, name: &str, wanted: MemberState) {
    until(&format!("{name} is {wanted:?}"), async || state(safe, name).await == Some(wanted)).await;
}

async fn alarm(safe: &Safe, part: &str) {
    let told = async || safe.alarms().await.iter().any(|alarm| alarm.contains(part));
    until(&format!("an alarm says {part}"), told).await;
}

async fn no_alarm(safe: &Safe) {
    until("all alarms are off", async || safe.alarms().await.is_empty()).await;
}

async fn works(member: &Member) -> bool {
    client(member).identity.who_am_i(WhoAmIRequest::default()).await.is_ok()
}

/// Nodes n1, n2, … that joined by their files.
async fn joined(safe: &Safe, count: u8) -> Vec<Member> {
    fs::create_dir(safe.whitelist()).unwrap();
    let bare = safe.bare().await;
    let mut members = Vec::new();
    for n in 1..=count {
        let name = format!("n{n}");
        list(&safe.whitelist(), &name, mesh(n).public_key());
        is(safe, &name, MemberState::MEMBER_STATE_EXPECTED).await;
        members.push(enter(&bare, &name, Some(&mesh(n))).await.unwrap());
    }
    members
}

#[tokio::test]
async fn a_file_lets_in_and_its_end_revokes() {
    let safe = Safe::new().await;
    let members = joined(&safe, 3).await;
    assert!(works(&members[0]).await);
    fs::remove_file(safe.whitelist().join("n1.pub")).unwrap();
    is(&safe, "n1", MemberState::MEMBER_STATE_REVOKED).await;
    assert!(!works(&members[0]).await && works(&members[1]).await);
    no_alarm(&safe).await;
    // The file is back: a revoked key is not.
    list(&safe.whitelist(), "n1", mesh(1).public_key());
    alarm(&safe, "n1.pub: ").await;
    assert!(!works(&members[0]).await);
    safe.stop().await;
}

#[tokio::test]
async fn a_bad_file_is_an_alarm_that_names_it_and_nothing_more() {
    let safe = Safe::new().await;
    let members = joined(&safe, 2).await;
    fs::write(safe.whitelist().join("n1.pub"), "half a ke").unwrap();
    fs::write(safe.whitelist().join("Bad_Name.pub"), "x").unwrap();
    alarm(&safe, "n1.pub: ").await;
    alarm(&safe, "Bad_Name.pub: ").await;
    assert!(works(&members[0]).await && works(&members[1]).await);
    list(&safe.whitelist(), "n1", mesh(1).public_key());
    fs::remove_file(safe.whitelist().join("Bad_Name.pub")).unwrap();
    no_alarm(&safe).await;
}

#[tokio::test]
async fn a_directory_that_a_lost_mount_emptied_revokes_nobody() {
    let store = Arc::new(MemoryStore::new());
    let safe = Safe::with(store, |_| ()).await;
    let members = joined(&safe, 3).await;
    let away = safe.path("away");
    fs::rename(safe.whitelist(), &away).unwrap();
    alarm(&safe, "is missing: nothing is taken from it").await;
    // What lay under the mount: empty, or old.
    fs::create_dir(safe.whitelist()).unwrap();
    list(&safe.whitelist(), "stale", mesh(9).public_key());
    alarm(&safe, "is another directory than before").await;
    for member in &members {
        assert!(works(member).await);
    }
    assert_eq!(state(&safe, "stale").await, None, "and lets nobody else in");
    fs::remove_dir_all(safe.whitelist()).unwrap();
    fs::rename(&away, safe.whitelist()).unwrap();
    no_alarm(&safe).await;
    assert!(works(&members[2]).await);
}

#[tokio::test]
async fn missing_files_wait_for_themselves_or_for_an_operator() {
    let safe = Safe::new().await;
    let members = joined(&safe, 4).await;
    let away = safe.path("away");
    fs::rename(safe.whitelist(), &away).unwrap();
    alarm(&safe, "is missing: nothing is taken from it").await;
    // A directory that was made anew, from a backup that is not whole.
    let anew = safe.path("anew");
    fs::create_dir(&anew).unwrap();
    for n in [3, 4] {
        list(&anew, &format!("n{n}"), mesh(n).public_key());
    }
    fs::rename(&anew, safe.whitelist()).unwrap();
    alarm(&safe, "wgcni node revoke (n1, n2)").await;
    list(&safe.whitelist(), "n1", mesh(1).public_key());
    alarm(&safe, "wgcni node revoke (n2)").await;
    assert!(works(&members[1]).await);
    let revoke = RevokeMemberRequest { name: "n2".to_owned(), ..Default::default() };
    safe.root.admin.revoke_member(revoke).await.unwrap();
    no_alarm(&safe).await;
    assert!(works(&members[0]).await && !works(&members[1]).await);
    // From here on it is the directory.
    fs::remove_file(safe.whitelist().join("n1.pub")).unwrap();
    is(&safe, "n1", MemberState::MEMBER_STATE_REVOKED).await;
}

#[tokio::test]
async fn a_start_on_a_lost_mount_revokes_nobody_and_deletions_while_down_count() {
    let store: Arc<MemoryStore> = Arc::new(MemoryStore::new());
    let safe = Safe::with(Arc::<MemoryStore>::clone(&store), |_| ()).await;
    joined(&safe, 3).await;
    let lost = |dir: &Path| {
        fs::rename(dir.join("whitelisted-keys"), dir.join("away")).unwrap();
        fs::create_dir(dir.join("whitelisted-keys")).unwrap();
    };
    let safe = safe.restart(Arc::<MemoryStore>::clone(&store), lost).await;
    alarm(&safe, "is another directory than before").await;
    assert_eq!(state(&safe, "n1").await, Some(MemberState::MEMBER_STATE_ACTIVE));
    let found = |dir: &Path| {
        fs::remove_dir(dir.join("whitelisted-keys")).unwrap();
        fs::rename(dir.join("away"), dir.join("whitelisted-keys")).unwrap();
        fs::remove_file(dir.join("whitelisted-keys/n1.pub")).unwrap();
    };
    let safe = safe.restart(Arc::<MemoryStore>::clone(&store), found).await;
    // What was missing is waited for, also across a start.
    alarm(&safe, "wgcni node revoke (n1)").await;
    list(&safe.whitelist(), "n1", mesh(1).public_key());
    no_alarm(&safe).await;
    let deleted = |dir: &Path| fs::remove_file(dir.join("whitelisted-keys/n1.pub")).unwrap();
    let safe = safe.restart(store, deleted).await;
    is(&safe, "n1", MemberState::MEMBER_STATE_REVOKED).await;
    assert_eq!(state(&safe, "n2").await, Some(MemberState::MEMBER_STATE_ACTIVE));
}
