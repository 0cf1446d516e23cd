//! Parts of both families together, by owner.

use std::collections::BTreeMap;
use std::time::Duration;

use wgcni_model::{Family, Invalid, Prefix, Prefixes};

use crate::pool::Pool;
use crate::{AllocateError, Usage};

/// Lengths of the prefixes that nodes get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// For IPv4.
    pub v4: u8,
    /// For IPv6.
    pub v6: u8,
}

impl Lengths {
    /// The length for a family.
    pub fn of(&self, family: Family) -> u8 {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

/// Gives each owner one part of each family, all or nothing.
#[derive(Debug, Clone)]
pub struct Allocator<O> {
    pools: Vec<Pool<O>>,
    owners: BTreeMap<O, Prefixes>,
    quarantine: Duration,
}

impl<O: Ord + Clone> Allocator<O> {
    /// Gives subnets of a cluster's prefixes to nodes.
    ///
    /// # Errors
    /// A length that does not fit into its prefix.
    pub fn subnets(
        cluster: Prefixes,
        lengths: Lengths,
        quarantine: Duration,
    ) -> Result<Self, Invalid> {
        let pools = cluster.iter().map(|prefix| {
            let length = lengths.of(prefix.family());
            if prefix.subnets(length) == 0 {
                let why = format!("a lease of length {length} does not fit into it");
                return Err(Invalid::new("prefix", prefix.to_string(), why));
            }
            Ok(Pool::subnets(prefix, length))
        });
        Ok(Self { pools: pools.collect::<Result<_, _>>()?, owners: BTreeMap::new(), quarantine })
    }

    /// Gives addresses of a node's lease to its containers, as host prefixes. The
    /// first host is the node's own.
    pub fn hosts(lease: Prefixes, quarantine: Duration) -> Self {
        let pools = lease.iter().map(Pool::hosts).collect();
        Self { pools, owners: BTreeMap::new(), quarantine }
    }

    /// What an owner has.
    pub fn get(&self, owner: &O) -> Option<Prefixes> {
        self.owners.get(owner).copied()
    }

    /// Owners and what they have.
    pub fn iter(&self) -> impl Iterator<Item = (&O, Prefixes)> {
        self.owners.iter().map(|(owner, parts)| (owner, *parts))
    }

    /// Gives one part of each family. An owner that has some gets the same again.
    ///
    /// # Errors
    /// [`AllocateError::Exhausted`] for the first family that is used up.
    pub fn allocate(&mut self, owner: &O, now: Duration) -> Result<Prefixes, AllocateError> {
        self.request(owner, &[], now)
    }

    /// As [`allocate`](Self::allocate), but with these parts, of any families.
    ///
    /// # Errors
    /// [`AllocateError::NotFree`] when a wanted part is another's, not ours to give,
    /// or the owner has another already.
    pub fn request(
        &mut self,
        owner: &O,
        wanted: &[Prefix],
        now: Duration,
    ) -> Result<Prefixes, AllocateError> {
        if let Some(has) = self.get(owner) {
            return match wanted.iter().find(|wanted| !has.iter().any(|part| part == **wanted)) {
                Some(wanted) => {
                    Err(AllocateError::NotFree { wanted: *wanted, why: "its asker has another" })
                }
                None => Ok(has),
            };
        }
        let numbers = self.choose(owner, wanted, now)?;
        let parts = self.pools.iter().zip(&numbers).filter_map(|(pool, n)| pool.part(*n));
        // One part of each pool, and a pool for each family of a `Prefixes`.
        let parts = Prefixes::from_items(parts).map_err(|_| self.exhausted(0, now))?;
        for (pool, number) in self.pools.iter_mut().zip(numbers) {
            pool.take(number);
        }
        self.owners.insert(owner.clone(), parts);
        Ok(parts)
    }

    /// A number in each pool, none of them taken yet.
    fn choose(
        &mut self,
        owner: &O,
        wanted: &[Prefix],
        now: Duration,
    ) -> Result<Vec<u128>, AllocateError> {
        let mut numbers: Vec<Option<u128>> = vec![None; self.pools.len()];
        for wanted in wanted.iter().copied() {
            let refuse = |why| AllocateError::NotFree { wanted, why };
            let found =
                self.pools.iter().enumerate().find_map(|(n, pool)| Some((n, pool.number(wanted)?)));
            let (pool, number) = found.ok_or_else(|| refuse("it is not one that can be given"))?;
            let free = self.pools[pool].check(number, owner, now, self.quarantine);
            free.map_err(refuse)?;
            if numbers[pool].replace(number).is_some_and(|other| other != number) {
                return Err(refuse("it is the second of its family"));
            }
        }
        let quarantine = self.quarantine;
        for (n, number) in numbers.iter_mut().enumerate() {
            *number = number.or_else(|| self.pools[n].next(now, quarantine));
        }
        let all: Option<Vec<_>> = numbers.iter().copied().collect();
        let used_up = numbers.iter().position(Option::is_none).unwrap_or_default();
        all.ok_or_else(|| self.exhausted(used_up, now))
    }

    fn exhausted(&self, pool: usize, now: Duration) -> AllocateError {
        AllocateError::Exhausted { usage: self.pools[pool].usage(now, self.quarantine) }
    }

    /// Takes back what an owner has; it rests from now on.
    pub fn release(&mut self, owner: &O, now: Duration) -> Option<Prefixes> {
        let parts = self.owners.remove(owner)?;
        self.each(parts, |pool, number| {
            pool.release(number, owner.clone(), now);
        });
        Some(parts)
    }

    /// Puts back what an owner had before a restart.
    ///
    /// # Errors
    /// [`AllocateError::NotFree`] when a part is another's or not ours to give; then
    /// nothing is put back.
    pub fn restore(&mut self, owner: &O, parts: Prefixes) -> Result<(), AllocateError> {
        let has = self.get(owner);
        if has == Some(parts) {
            return Ok(());
        }
        for wanted in parts.iter() {
            let refuse = |why| Err(AllocateError::NotFree { wanted, why });
            match self.pools.iter().find_map(|pool| Some((pool, pool.number(wanted)?))) {
                _ if has.is_some() => return refuse("its owner has another"),
                None => return refuse("it is not one that can be given"),
                Some((pool, number)) if pool.is_taken(number) => return refuse("it is in use"),
                Some(_) => {}
            }
        }
        self.owners.insert(owner.clone(), parts);
        self.each(parts, Pool::take);
        Ok(())
    }

    /// Puts back what rested before a restart, since `since`. Parts that are in use or
    /// not ours are left out.
    pub fn restore_resting(&mut self, owner: &O, parts: Prefixes, since: Duration) {
        self.each(parts, |pool, number| {
            pool.rest(number, owner.clone(), since);
        });
    }

    fn each(&mut self, parts: Prefixes, mut act: impl FnMut(&mut Pool<O>, u128)) {
        for part in parts.iter() {
            for pool in &mut self.pools {
                if let Some(number) = pool.number(part) {
                    act(pool, number);
                }
            }
        }
    }

    /// How full each family is, IPv4 first.
    pub fn usage(&self, now: Duration) -> Vec<Usage> {
        self.pools.iter().map(|pool| pool.usage(now, self.quarantine)).collect()
    }
}
