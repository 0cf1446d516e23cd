//! What a request would change: pure, decided on the cache, done by the store.

use std::collections::BTreeSet;
use std::time::Duration;

use wgcni_api::{Claim, Registration};
use wgcni_ipam::AllocateError;
use wgcni_model::{FieldError, Lease, NodeName, Prefix, Prefixes, PublicKey, Revision};
use wgcni_store::{Precondition, Transaction};

use super::state::{State, Stored};
use crate::Refusal;
use crate::records::{
    KeyRow, LeaseRow, PeerRow, PrefixRow, Row, key_key, lease_key, peer_key, prefix_key,
};

/// The answer to a request.
pub(crate) enum Plan<T> {
    /// Everything is as it should be.
    Done(T),
    /// This must become durable first.
    Commit(Transaction, T),
}

impl State {
    /// A lease for a node. Marks the prefixes as planned, so that nobody else gets them
    /// while the lease is on its way to the disk.
    pub fn plan_allocate(
        &mut self,
        Claim { node, held }: &Claim,
        now: Duration,
    ) -> Result<Plan<Lease>, Refusal> {
        if let Some(lease) = self.lease(node) {
            return Ok(Plan::Done(lease));
        }
        // What is held back is not given to a new machine under the same name, either.
        let back = |prefix: &Prefix| self.prefixes.get(prefix).is_some_and(|p| p.row.held);
        let held: Vec<_> =
            held.iter().flat_map(Prefixes::iter).filter(|prefix| !back(prefix)).collect();
        let prefixes = match self.allocator.request(node, &held, now) {
            Err(AllocateError::NotFree { .. }) => self.allocator.allocate(node, now),
            prefixes => prefixes,
        };
        let prefixes =
            prefixes.map_err(|source| Refusal::Exhausted { node: node.clone(), source })?;
        let row = PrefixRow { node: node.clone(), released: None, held: false };
        let mut transaction =
            Transaction::new().create(&lease_key(node), LeaseRow { prefixes }.encode());
        for prefix in prefixes.iter() {
            let key = prefix_key(prefix);
            transaction = match self.prefixes.get(&prefix) {
                Some(before) => transaction.replace(&key, before.revision, row.encode()),
                None => transaction.create(&key, row.encode()),
            };
        }
        Ok(Plan::Commit(transaction, Lease { node: node.clone(), prefixes }))
    }

    /// Gives up a plan for a lease that did not become durable.
    pub fn drop_plan(&mut self, node: &NodeName) {
        if !self.leases.contains_key(node) {
            self.allocator.release(node, Duration::ZERO);
        }
    }

    /// The end of a node's lease, and of its place in the mesh.
    pub fn plan_release(&self, node: &NodeName, now: Duration) -> Plan<()> {
        let Some(lease) = self.leases.get(node) else { return Plan::Done(()) };
        let released = u64::try_from(now.as_millis()).ok();
        let row = PrefixRow { node: node.clone(), released, held: false };
        let mut transaction = Transaction::new().remove(&lease_key(node), lease.revision);
        for prefix in lease.row.prefixes.iter() {
            transaction = transaction.put(&prefix_key(prefix), row.encode());
        }
        Plan::Commit(self.leave(node, transaction), ())
    }

    /// The end of a node's place in the mesh.
    pub fn plan_deregister(&self, node: &NodeName) -> Plan<Revision> {
        if self.peers.contains_key(node) {
            Plan::Commit(self.leave(node, Transaction::new()), Revision(0))
        } else {
            Plan::Done(self.revision)
        }
    }

    pub(crate) fn leave(&self, node: &NodeName, transaction: Transaction) -> Transaction {
        let key = peer_key(node);
        let Some(peer) = self.peers.get(node) else {
            return transaction.when(&key, Precondition::Absent);
        };
        let transaction = transaction.remove(&key, peer.revision);
        keys(&peer.row).into_iter().fold(transaction, |t, key| t.delete(&key_key(&key)))
    }

    /// A node's place in the mesh.
    pub fn plan_register(&self, wanted: &Registration) -> Result<Plan<Revision>, Refusal> {
        let node = &wanted.node;
        let Some(lease) = self.leases.get(node) else {
            return Err(Refusal::NoLease(node.clone()));
        };
        self.check_registration(wanted)?;
        let row = PeerRow {
            mesh_key: wanted.mesh_key,
            hub_key: wanted.hub_key,
            endpoints: wanted.endpoints.clone(),
        };
        let before = self.peers.get(node);
        if let Some(Stored { revision, .. }) = before.filter(|before| before.row == row) {
            return Ok(Plan::Done(*revision));
        }
        let mut transaction =
            Transaction::new().when(&lease_key(node), Precondition::Unchanged(lease.revision));
        transaction = match before {
            Some(before) => transaction.replace(&peer_key(node), before.revision, row.encode()),
            None => transaction.create(&peer_key(node), row.encode()),
        };
        let old = before.map(|before| keys(&before.row)).unwrap_or_default();
        let new = keys(&row);
        for key in new.difference(&old) {
            let owner = KeyRow { node: node.clone() };
            transaction = transaction.create(&key_key(key), owner.encode());
        }
        let gone = old.difference(&new);
        let transaction = gone.fold(transaction, |t, key| t.delete(&key_key(key)));
        Ok(Plan::Commit(transaction, Revision(0)))
    }

    fn check_registration(&self, wanted: &Registration) -> Result<(), Refusal> {
        if wanted.mesh_key == wanted.hub_key {
            let why = "is the mesh key too, and containers must not learn that";
            return Err(FieldError::new("hub_public_key", why).into());
        }
        let keys = [("mesh_public_key", wanted.mesh_key), ("hub_public_key", wanted.hub_key)];
        for (field, key) in keys {
            if self.members.burnt.contains(&key) {
                return Err(Refusal::Burnt { field });
            }
            if self.keys.get(&key).is_some_and(|owner| owner.row.node != wanted.node) {
                return Err(Refusal::KeyInUse { field });
            }
        }
        // A mesh key is its member's before it is registered, and while it is expected.
        let hub_key = &wanted.hub_key;
        let listed = !self.keys.contains_key(hub_key) && self.members.is_listed(hub_key);
        if listed || self.members.by_mesh_key(hub_key).is_some() {
            return Err(Refusal::KeyInUse { field: "hub_public_key" });
        }
        check_endpoints(wanted, &self.cluster.prefixes)
    }
}

/// Tunnel packets to an address inside the overlay would need the tunnel they are.
fn check_endpoints(wanted: &Registration, overlay: &Prefixes) -> Result<(), Refusal> {
    for (n, endpoint) in wanted.endpoints.as_slice().iter().enumerate() {
        if overlay.contains(endpoint.ip()) {
            let why = format!("{endpoint} is inside the overlay ({overlay})");
            return Err(FieldError::new(format!("endpoints[{n}]"), why).into());
        }
    }
    Ok(())
}

fn keys(row: &PeerRow) -> BTreeSet<PublicKey> {
    BTreeSet::from([row.mesh_key, row.hub_key])
}
