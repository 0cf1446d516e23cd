//! Revocation: out of the cluster, everywhere, for good.

use std::time::Duration;

use wgcni_identity::{IdentityId, Role};
use wgcni_model::{NodeName, Revision};
use wgcni_store::Transaction;

use super::rows::{BurntRow, IdentityRow, burnt_key, identity_key, name_key, whitelist_key};
use super::{Actor, Doing, Entry, millis};
use crate::Refusal;
use crate::records::{PrefixRow, Row, lease_key, prefix_key};
use crate::registry::{Registry, State, Stored};

impl Registry {
    /// Revokes a member: it is not admitted any more, it is out of the mesh, and its lease
    /// rests until all nodes have acknowledged that. Says at which revision.
    ///
    /// # Errors
    /// [`Refusal::NoSuchMember`], or the store fails.
    pub async fn revoke(
        &self,
        (role, name): (Role, &NodeName),
        reason: &str,
        by: &Actor,
        now: Duration,
    ) -> Result<Revision, Refusal> {
        let key = self.state().mesh_key(name);
        let plan = |state: &mut State| {
            let no_member = || Refusal::NoSuchMember(role, name.clone());
            let (id, stored) = state.members.by_name(role, name).ok_or_else(no_member)?;
            if !stored.row.is_active() {
                // Out since it was revoked.
                return Ok(Doing::Done(Some(stored.revision)));
            }
            let row = revoked(&stored.row, now);
            let transaction = state.leave_for_good(id, stored, now);
            let transaction = transaction.replace(&identity_key(id), stored.revision, row.encode());
            let entry = Entry::new(by, "revoke", format!("{role} {name}")).note(reason);
            Ok(Doing::Commit(transaction, entry, None))
        };
        let (before, revision) = self.audited(now, plan).await?;
        if before.is_none() {
            tracing::warn!(%role, %name, %by, reason, "revoked");
            if role == Role::Node {
                self.note_leave(name, key, now);
            }
        }
        Ok(before.unwrap_or(revision))
    }

    /// Revokes a member and frees its name; its keys stay refused. Says at which revision.
    ///
    /// # Errors
    /// [`Refusal::NoSuchMember`], or the store fails.
    pub async fn remove(
        &self,
        (role, name): (Role, &NodeName),
        by: &Actor,
        now: Duration,
    ) -> Result<Revision, Refusal> {
        let key = self.state().mesh_key(name);
        let plan = |state: &mut State| {
            let no_member = || Refusal::NoSuchMember(role, name.clone());
            let (id, stored) = state.members.by_name(role, name).ok_or_else(no_member)?;
            let mut transaction = if stored.row.is_active() {
                state.leave_for_good(id, stored, now)
            } else {
                Transaction::new()
            };
            if role == Role::Node
                && let Some(listed) = state.members.whitelist.get(name).filter(|l| !l.row.file)
            {
                transaction = transaction.remove(&whitelist_key(name), listed.revision);
            }
            let transaction = transaction
                .remove(&identity_key(id), stored.revision)
                .delete(&name_key(role, name));
            let entry = Entry::new(by, "remove", format!("{role} {name}")).note(id);
            Ok(Doing::Commit(transaction, entry, stored.row.is_active()))
        };
        let (was_active, revision) = self.audited(now, plan).await?;
        tracing::warn!(%role, %name, %by, "removed");
        if was_active && role == Role::Node {
            self.note_leave(name, key, now);
        }
        Ok(revision)
    }
}

impl State {
    /// The end of whatever a member has beside its record: its place in the mesh, its lease,
    /// its mesh key. The lease is held until the others have acknowledged.
    pub(super) fn leave_for_good(
        &self,
        id: IdentityId,
        member: &Stored<IdentityRow>,
        now: Duration,
    ) -> Transaction {
        let IdentityRow { role, name, mesh_key, .. } = &member.row;
        debug_assert!(self.members.identities.contains_key(&id));
        let mut transaction = Transaction::new();
        if *role != Role::Node {
            return transaction;
        }
        if let Some(key) = mesh_key {
            let burnt = BurntRow { node: name.clone() };
            transaction = transaction.put(&burnt_key(key), burnt.encode());
        }
        if let Some(lease) = self.leases.get(name) {
            transaction = transaction.remove(&lease_key(name), lease.revision);
            let row = PrefixRow { node: name.clone(), released: Some(millis(now)), held: true };
            for prefix in lease.row.prefixes.iter() {
                transaction = transaction.put(&prefix_key(prefix), row.encode());
            }
        }
        self.leave(name, transaction)
    }
}

fn revoked(row: &IdentityRow, now: Duration) -> IdentityRow {
    IdentityRow { revoked: Some(millis(now)), former: None, ..row.clone() }
}
