//! Members of the cluster: who they are, what let them in, and what became of them.
//!
//! Everything here is decided on the registry's cache of the store, in one transaction
//! together with its line in the audit log. Proofs are checked before ([`join`]).
//!
//! ```text
//! JoinRequest -> proofs hold? -> plan: ticket, names, keys, lease, identity, audit line -> commit
//! ```

mod audit;
mod cache;
mod join;
mod leave;
mod pace;
mod quarantine;
mod refusals;
mod renew;
mod revoke;
pub(crate) mod rows;
mod security_key;
#[cfg(test)]
mod tests;
mod tickets;
mod tokens;
mod views;
mod whitelist;

use std::time::Duration;

use tokio::sync::MutexGuard;
use wgcni_fault::around;
use wgcni_identity::{IdentityId, Pin, Role};
use wgcni_model::{NodeName, PublicKey, Revision};
use wgcni_store::Transaction;

use crate::Refusal;
use crate::registry::{ATTEMPTS, Registry, State};

pub use audit::Actor;
pub(crate) use audit::Entry;
pub(crate) use cache::Members;
pub use join::{JoinRequest, Joined, Refused};
pub use leave::FAREWELL;
pub(crate) use pace::Rooms;
pub use quarantine::LONGEST_HOLD;
pub(crate) use refusals::Refusals;
pub use renew::Renewed;
pub use security_key::SecurityKey;
pub use tickets::{NewTicket, TicketView};
pub use tokens::TokenView;
pub use views::{MemberState, MemberView, Summary};

/// How long certificates are good.
pub const fn certificate_life(role: Role) -> Duration {
    match role {
        Role::Node => Duration::from_hours(24),
        Role::Operator => Duration::from_hours(8),
    }
}

/// A member, as far as requests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its identity.
    pub id: IdentityId,
    /// What it may be.
    pub role: Role,
    /// Its name.
    pub name: NodeName,
    /// Its mesh key, which it proved; none for an operator.
    pub mesh_key: Option<PublicKey>,
}

/// Something to commit with its line in the audit log, and the answer; or the answer to
/// what was done before.
pub(crate) enum Doing<T> {
    Done(T),
    Commit(Transaction, Entry, T),
}

impl Registry {
    /// Whether whoever shows a certificate for `id` with the control key `key` is a member:
    /// the key is that of its newest certificate, or the one before, for a while and only
    /// until the newest is used.
    pub fn admits(&self, role: Role, id: IdentityId, key: Pin, now: Duration) -> bool {
        let state = self.state();
        let Some(row) = state.members.identities.get(&id).map(|stored| &stored.row) else {
            return false;
        };
        if !row.is_active() || row.role != role {
            return false;
        }
        let former = |(former, until)| former == key && now < Duration::from_millis(until);
        row.key == key || row.former.is_some_and(former) && self.moved().get(&id) != Some(&row.key)
    }

    /// A request came with a member's control key, which was proven by then: the key before
    /// is admitted no more.
    pub fn note_used(&self, id: IdentityId, key: Pin) {
        let state = self.state();
        let row = state.members.identities.get(&id).map(|stored| &stored.row);
        if row.is_some_and(|row| row.key == key && row.former.is_some()) {
            self.moved().insert(id, key);
        }
    }

    /// A member, revoked ones excluded.
    pub fn member(&self, id: IdentityId) -> Option<Member> {
        let state = self.state();
        let row = &state.members.identities.get(&id)?.row;
        row.is_active().then(|| Member {
            id,
            role: row.role,
            name: row.name.clone(),
            mesh_key: row.mesh_key,
        })
    }

    /// Whether there has ever been a member: then nothing may go in the clear any more.
    pub fn has_been_safe(&self) -> bool {
        self.state().members.security().safe
    }

    /// Writes a line that changes nothing else.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn audit(&self, entry: Entry, now: Duration) -> Result<(), Refusal> {
        self.audited(now, |_| Ok(Doing::Commit(Transaction::new(), entry.clone(), ()))).await?;
        Ok(())
    }

    /// Commits what `plan` decides together with its line; decides again where others
    /// changed the same records. Says at which revision it is done.
    pub(crate) async fn audited<T>(
        &self,
        now: Duration,
        mut plan: impl FnMut(&mut State) -> Result<Doing<T>, Refusal>,
    ) -> Result<(T, Revision), Refusal> {
        // Lines follow one another: whoever writes one waits here, not in conflicts.
        let _turn: MutexGuard<'_, ()> = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let (transaction, answer) = {
                let mut state = self.state();
                match plan(&mut state)? {
                    Doing::Done(answer) => return Ok((answer, state.revision)),
                    Doing::Commit(transaction, entry, answer) => {
                        (state.members.audited(transaction, entry, now), answer)
                    }
                }
            };
            let done = around!("cluster.member", self.commit(transaction).await)?;
            if let Some(revision) = done {
                return Ok((answer, revision));
            }
        }
        Err(Refusal::Busy)
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
