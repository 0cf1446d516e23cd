//! Who is attached with which addresses: decisions, without a disk, a kernel or a clock.
//! Each change comes with the transaction that makes it durable.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use wgcni_api::node::Attach;
use wgcni_ipam::{AllocateError, Allocator, Usage};
use wgcni_model::{Addresses, AttachmentKey, Family, Lease, Prefix, Prefixes, PublicKey};
use wgcni_store::{Loaded, Transaction};

use super::AttachError;
use super::record::{
    ATTACHMENTS, Phase, RESTING, Record, Resting, Unreadable, decode, encode, name, resting_name,
};

/// Most resting records that one transaction tidies away.
const TIDY: usize = 16;

/// An attachment that was begun.
#[derive(Debug)]
pub struct Begun {
    /// It.
    pub record: Record,
    /// The key that this attachment had until now.
    pub replaces: Option<PublicKey>,
    /// What makes it durable.
    pub transaction: Transaction,
}

/// The attachments of this boot, and the addresses of the lease.
#[derive(Debug)]
pub struct Book {
    boot: String,
    quarantine: Duration,
    records: BTreeMap<AttachmentKey, Record>,
    resting: BTreeMap<IpAddr, Resting>,
    pool: Option<Pool>,
}

/// The addresses of a lease.
#[derive(Debug)]
struct Pool {
    lease: Lease,
    addresses: Allocator<AttachmentKey>,
}

impl Pool {
    /// Addresses for an attachment: those that it asks for, else its last ones, else any.
    fn take_or(
        &mut self,
        key: &AttachmentKey,
        requested: Option<Addresses>,
        last: Option<Addresses>,
        now: Duration,
    ) -> Result<Addresses, AttachError> {
        match last.filter(|_| requested.is_none() && self.addresses.get(key).is_none()) {
            Some(last) => self.take(key, Some(last), now).or_else(|_| self.take(key, None, now)),
            None => self.take(key, requested, now),
        }
    }

    /// Addresses for an attachment: those that it has, unless it wants others.
    fn take(
        &mut self,
        key: &AttachmentKey,
        requested: Option<Addresses>,
        now: Duration,
    ) -> Result<Addresses, AttachError> {
        let host = |address| Prefix::host(address).map_err(AttachError::Requested);
        let wanted = requested.iter().flat_map(Addresses::iter).map(host);
        let wanted: Vec<Prefix> = wanted.collect::<Result<_, _>>()?;
        let has = self.addresses.get(key);
        let fits = |has: Prefixes| wanted.iter().all(|w| has.iter().any(|h| h == *w));
        if has.is_some_and(|has| !fits(has)) {
            self.addresses.release(key, now);
        }
        let given = self.addresses.request(key, &wanted, now);
        if let (Err(_), Some(has)) = (&given, has) {
            // It had these a moment ago, and nobody else got in between.
            let restored = self.addresses.restore(key, has);
            debug_assert!(restored.is_ok());
        }
        let given = given.map_err(AttachError::Address)?;
        let addresses = Addresses::from_items(given.iter().map(|part| part.address()));
        addresses.map_err(AttachError::Requested)
    }
}

/// The lease that is offered is another than the one in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// Containers have addresses of the old one.
    #[error(
        "the cluster-manager answers with lease {offered}, but {attachments} attachments have addresses of {current}; keeping {current}"
    )]
    Occupied {
        /// The new one.
        offered: Prefixes,
        /// The old one.
        current: Prefixes,
        /// How many.
        attachments: usize,
    },
    /// An attachment has an address that is not the node's.
    #[error("attachment {0} does not fit into the lease")]
    Foreign(AttachmentKey, #[source] AllocateError),
}

impl Book {
    /// Reads what was stored. Attachments of another boot and unfinished ones are taken
    /// out; the transaction makes that durable.
    ///
    /// # Errors
    /// A record that this program did not write.
    pub fn load(
        loaded: &Loaded,
        boot: &str,
        now: Duration,
        quarantine: Duration,
    ) -> Result<(Self, Transaction), Unreadable> {
        let mut this = Self {
            boot: boot.to_owned(),
            quarantine,
            records: BTreeMap::new(),
            resting: BTreeMap::new(),
            pool: None,
        };
        let mut transaction = Transaction::new();
        for (name, stored) in &loaded.records {
            if name.table() == RESTING {
                let mut resting: Resting = decode(name, stored)?;
                resting.since = resting.since.min(now);
                this.resting.insert(resting.address, resting);
            } else if name.table() == ATTACHMENTS {
                let record: Record = decode(name, stored)?;
                if record.phase == Phase::Complete && record.boot == boot {
                    this.records.insert(record.key.clone(), record);
                } else {
                    transaction = this.lay_to_rest(transaction.delete(name), &record, now);
                }
            }
        }
        Ok((this, transaction))
    }

    /// Takes addresses from this lease from now on.
    ///
    /// # Errors
    /// When attachments have addresses of another.
    pub fn adopt(&mut self, lease: &Lease) -> Result<(), AdoptError> {
        match self.lease() {
            Some(current) if current == lease => return Ok(()),
            Some(current) if !self.records.is_empty() => {
                return Err(AdoptError::Occupied {
                    offered: lease.prefixes,
                    current: current.prefixes,
                    attachments: self.records.len(),
                });
            }
            _ => {}
        }
        let mut addresses = Allocator::hosts(lease.prefixes, self.quarantine);
        for rest in self.resting.values() {
            if let Ok(part) = hosts([rest.address]) {
                addresses.restore_resting(&rest.key, part, rest.since);
            }
        }
        for record in self.records.values() {
            let parts = hosts(record.addresses.iter());
            let restored = parts.map(|parts| addresses.restore(&record.key, parts));
            if let Ok(Err(error)) = restored {
                return Err(AdoptError::Foreign(record.key.clone(), error));
            }
        }
        self.pool = Some(Pool { lease: lease.clone(), addresses });
        Ok(())
    }

    /// Begins an attachment, in place of one that is unfinished or of another namespace.
    ///
    /// # Errors
    /// It is there already; its key is another's; no address is free.
    pub fn begin(
        &mut self,
        attach: &Attach,
        mtu: u16,
        now: Duration,
    ) -> Result<Begun, AttachError> {
        self.set_back(now);
        let key = &attach.key;
        let old = self.records.get(key).cloned();
        if let Some(old) = &old
            && old.phase == Phase::Complete
            && old.namespace.may_be(attach.namespace.id)
            && old.boot == self.boot
        {
            return Err(AttachError::Exists(key.clone(), old.addresses));
        }
        self.check_key(attach)?;
        let last = self.last(key);
        let pool = self.pool.as_mut().ok_or(AttachError::NoLease)?;
        let addresses = pool.take_or(key, attach.requested, last, now)?;
        let record = Record {
            key: key.clone(),
            path: attach.namespace.path.clone(),
            namespace: attach.namespace.id,
            boot: self.boot.clone(),
            public_key: attach.public_key,
            addresses,
            mtu: Some(mtu),
            made: now,
            phase: Phase::Pending,
        };
        let mut transaction = Transaction::new().put(&record.name(), encode(&record));
        for address in addresses.iter() {
            self.resting.remove(&address);
            transaction = transaction.delete(&resting_name(address));
        }
        transaction = self.tidy(transaction, now);
        if let Some(old) = old.as_ref().filter(|old| old.addresses != addresses) {
            transaction = self.lay_to_rest(transaction, old, now);
        }
        self.records.insert(key.clone(), record.clone());
        Ok(Begun { record, replaces: old.map(|old| old.public_key), transaction })
    }

    /// A clock that was ahead and was set back would let addresses rest until it is there
    /// again: they rest from now on.
    fn set_back(&mut self, now: Duration) {
        for rest in self.resting.values_mut().filter(|rest| rest.since > now) {
            rest.since = now;
            if let (Some(pool), Ok(part)) = (&mut self.pool, hosts([rest.address])) {
                pool.addresses.restore_resting(&rest.key, part, now);
            }
        }
    }

    /// What an attachment had when it ended last, while that is known: who comes back after
    /// a reboot, or is restarted, is found where it was.
    fn last(&self, key: &AttachmentKey) -> Option<Addresses> {
        let own = self.resting.values().filter(|rest| rest.key == *key);
        // The newest of each family.
        let newest = |family: Family| {
            let of_family = own.clone().filter(|rest| Family::of(rest.address) == family);
            of_family.max_by_key(|rest| rest.since).map(|rest| rest.address)
        };
        let newest = [Family::V4, Family::V6].into_iter().filter_map(newest);
        Addresses::from_items(newest).ok()
    }

    /// A key of two attachments would move the first one's address to the second.
    fn check_key(&self, attach: &Attach) -> Result<(), AttachError> {
        let same = |r: &&Record| r.public_key == attach.public_key && r.key != attach.key;
        match self.records.values().find(same) {
            Some(other) => Err(AttachError::KeyTaken(other.key.clone())),
            None => Ok(()),
        }
    }

    /// Notes that an attachment is complete.
    pub fn complete(&mut self, record: &mut Record) -> Transaction {
        record.phase = Phase::Complete;
        self.records.insert(record.key.clone(), record.clone());
        Transaction::new().put(&record.name(), encode(record))
    }

    /// Takes an attachment out; its addresses rest.
    pub fn end(&mut self, key: &AttachmentKey, now: Duration) -> Option<Transaction> {
        let record = self.records.remove(key)?;
        if let Some(pool) = &mut self.pool {
            pool.addresses.release(key, now);
        }
        let transaction = self.tidy(Transaction::new().delete(&name(key)), now);
        Some(self.lay_to_rest(transaction, &record, now))
    }

    fn lay_to_rest(&mut self, mut to: Transaction, record: &Record, now: Duration) -> Transaction {
        for address in record.addresses.iter() {
            let resting = Resting { key: record.key.clone(), address, since: now };
            to = to.put(&resting_name(address), encode(&resting));
            self.resting.insert(address, resting);
        }
        to
    }

    /// Forgets some of the addresses that have rested: they ride on a write that happens
    /// anyway.
    fn tidy(&mut self, mut transaction: Transaction, now: Duration) -> Transaction {
        let rested = |rest: &&Resting| rest.since + self.quarantine <= now;
        let rested = self.resting.values().filter(rested).map(|rest| rest.address);
        let rested: Vec<IpAddr> = rested.take(TIDY).collect();
        for address in rested {
            self.resting.remove(&address);
            transaction = transaction.delete(&resting_name(address));
        }
        transaction
    }

    /// The boot whose attachments these are.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// An attachment.
    pub fn get(&self, key: &AttachmentKey) -> Option<&Record> {
        self.records.get(key)
    }

    /// All attachments.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// How many addresses have a record that they rest.
    pub fn resting(&self) -> usize {
        self.resting.len()
    }

    /// The lease in use.
    pub fn lease(&self) -> Option<&Lease> {
        self.pool.as_ref().map(|pool| &pool.lease)
    }

    /// How full each family is.
    pub fn usage(&self, now: Duration) -> Vec<Usage> {
        self.pool.as_ref().map_or_else(Vec::new, |pool| pool.addresses.usage(now))
    }
}

/// Host prefixes of addresses.
fn hosts(addresses: impl IntoIterator<Item = IpAddr>) -> Result<Prefixes, wgcni_model::Invalid> {
    let hosts: Result<Vec<_>, _> = addresses.into_iter().map(Prefix::host).collect();
    Prefixes::from_items(hosts?)
}
