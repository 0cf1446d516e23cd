//! The leases of the revoked: nobody gets them while some node may still send to the old
//! holder.

use std::time::Duration;

use wgcni_model::{NodeName, Revision};
use wgcni_store::Transaction;

use super::millis;
use crate::Refusal;
use crate::records::{PrefixRow, Row, prefix_key};
use crate::registry::{Registry, State};

/// How long a lease is held for nodes that do not acknowledge.
pub const LONGEST_HOLD: Duration = Duration::from_hours(24);

impl Registry {
    /// Lets the leases of the revoked rest as others do, once every node in the mesh has
    /// acknowledged that they are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_quarantines(&self, now: Duration) -> Result<(), Refusal> {
        let transaction = {
            let state = self.state();
            let acknowledged = self.acknowledged(&state);
            state.plan_settle(acknowledged, now)
        };
        if let Some(transaction) = transaction {
            // Whoever changed a prefix meanwhile had a better reason.
            self.commit(transaction).await?;
        }
        Ok(())
    }

    /// The newest revision that all nodes in the mesh have applied.
    fn acknowledged(&self, state: &State) -> Revision {
        let names = self.names();
        let applied = |node: &NodeName| names.seen(node).map_or(Revision(0), |seen| seen.applied);
        let oldest = state.peers.keys().map(applied).min();
        oldest.unwrap_or(state.revision)
    }
}

impl State {
    fn plan_settle(&self, acknowledged: Revision, now: Duration) -> Option<Transaction> {
        let held = self.prefixes.iter().filter(|(_, stored)| stored.row.held);
        let mut settled = held.filter(|(_, stored)| {
            let since = Duration::from_millis(stored.row.released.unwrap_or_default());
            stored.revision <= acknowledged || since + LONGEST_HOLD <= now
        });
        let first = settled.next()?;
        let row = |node: &NodeName| {
            PrefixRow { node: node.clone(), released: Some(millis(now)), held: false }.encode()
        };
        let all = std::iter::once(first).chain(settled);
        Some(all.fold(Transaction::new(), |t, (prefix, stored)| {
            t.replace(&prefix_key(*prefix), stored.revision, row(&stored.row.node))
        }))
    }
}
