//! Leaving: a member ends its own membership.

use std::time::Duration;

use wgcni_identity::{IdentityId, Role};
use wgcni_store::Transaction;

use super::rows::{IdentityRow, identity_key, name_key};
use super::{Actor, Doing, Entry};
use crate::Refusal;
use crate::registry::{Plan, Registry, State};

/// How long the connections of whoever left stay, so that the answer arrives. Requests are
/// refused on them.
pub const FAREWELL: Duration = Duration::from_secs(1);

impl Registry {
    /// Ends a membership at the member's own wish: it is out of the mesh, its lease is given
    /// back, and its name is free. Its keys are not refused: they may join again.
    ///
    /// # Errors
    /// [`Refusal::NotAMember`], or the store fails.
    pub async fn leave(&self, id: IdentityId, now: Duration) -> Result<(), Refusal> {
        let plan = |state: &mut State| {
            let planned = state.plan_leave(id, now)?;
            // Before it is no member any more: whoever cuts connections must know.
            self.leaving().insert(id, now);
            Ok(planned)
        };
        let (IdentityRow { role, name, .. }, _) = self.audited(now, plan).await?;
        tracing::info!(%role, %name, "left");
        if role == Role::Node {
            self.names().forget(&name);
        }
        Ok(())
    }

    /// Whether a member left so short a while ago that its answer may still be on the way.
    pub fn is_leaving(&self, id: IdentityId, now: Duration) -> bool {
        self.leaving().get(&id).is_some_and(|at| now.abs_diff(*at) < FAREWELL)
    }

    /// Whether connections of members that left are still to be cut. Forgets older ones.
    pub fn has_leaving(&self, now: Duration) -> bool {
        let mut leaving = self.leaving();
        let any = !leaving.is_empty();
        leaving.retain(|_, at| now.abs_diff(*at) < FAREWELL);
        any
    }
}

impl State {
    fn plan_leave(&self, id: IdentityId, now: Duration) -> Result<Doing<IdentityRow>, Refusal> {
        let stored = self.members.identities.get(&id).filter(|stored| stored.row.is_active());
        let stored = stored.ok_or(Refusal::NotAMember)?;
        let IdentityRow { role, name, .. } = &stored.row;
        let transaction = match role {
            Role::Node => match self.plan_release(name, now) {
                Plan::Commit(transaction, ()) => transaction,
                Plan::Done(()) => self.leave(name, Transaction::new()),
            },
            Role::Operator => Transaction::new(),
        };
        let transaction =
            transaction.remove(&identity_key(id), stored.revision).delete(&name_key(*role, name));
        let who = Actor::Member(*role, name.clone());
        let entry = Entry::new(&who, "leave", format!("{role} {name}")).note(id);
        Ok(Doing::Commit(transaction, entry, stored.row.clone()))
    }
}
