//! A host: its own network namespace, seen and changed.

mod apply;
mod cleanup;
mod observe;
mod watch;

pub use watch::Watch;

use crate::diff::{Change, diff};
use crate::error::{Doing, Error};
use crate::firewall::{Tool, Variant};
use crate::netlink::Netlink;
use crate::parts::Parts;
use crate::state::{LinkName, State, Sysctl, Traffic};
use crate::wireguard::Engine;
use std::collections::{BTreeMap, BTreeSet};
use wgcni_model::{ClusterId, Family, IfName, PublicKey};

/// The host that the calling thread is in. Keeps no memory of what it did.
///
/// All methods are to be called in the namespace that it was made in: programs, settings
/// and kernel devices are reached from the calling thread's.
#[derive(Debug)]
pub struct Host {
    cluster: ClusterId,
    engine: Engine,
    netlink: Netlink,
    iptables: Variant,
}

/// What a host was seen to hold.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// All of ours.
    pub state: State,
    /// What has passed between the mesh and those of its peers that are wished for.
    pub traffic: BTreeMap<PublicKey, Traffic>,
}

/// A change that did not work.
#[derive(Debug)]
pub struct Failure {
    /// What.
    pub change: Change,
    /// Why.
    pub error: Error,
}

/// What a pass did.
#[derive(Debug, Default)]
pub struct Report {
    /// The changes that worked, in order.
    pub done: Vec<Change>,
    /// The changes that did not.
    pub failures: Vec<Failure>,
}

impl Report {
    /// The parts in which something did not work.
    pub fn failed(&self) -> Parts {
        let parts = self.failures.iter().map(|failure| failure.change.part());
        parts.fold(Parts::NONE, |all, part| all | part)
    }

    /// Whether everything is as wished now.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }

    fn add(&mut self, change: Change, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) => self.done.push(change),
            Err(error) => self.failures.push(Failure { change, error }),
        }
    }
}

impl Host {
    /// The host of the calling thread.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn new(cluster: ClusterId, engine: Engine) -> Result<Self, Error> {
        Ok(Self { cluster, engine, netlink: Netlink::open()?, iptables: Variant::Host })
    }

    /// The same host with a certain iptables.
    #[must_use]
    pub fn with_iptables(self, iptables: Variant) -> Self {
        Self { iptables, ..self }
    }

    /// What the host holds of ours in these parts; of the settings, none
    /// (see [`Host::sysctls`]).
    ///
    /// # Errors
    /// A part that cannot be read, an interface with our name but not our mark.
    pub fn observe(&self, parts: Parts) -> Result<State, Error> {
        self.look(&State::default(), parts).map(|seen| seen.state)
    }

    /// What the host holds in these parts; the wish tells which settings and keys matter.
    ///
    /// # Errors
    /// As [`Host::observe`].
    pub fn look(&self, want: &State, parts: Parts) -> Result<Seen, Error> {
        observe::observe(self, want, parts)
    }

    /// What has passed between one of our links and those of its peers that have one of
    /// these keys. Changes nothing and reads nothing else: made for being watched.
    ///
    /// # Errors
    /// A link that cannot be read, an interface with our name but not our mark.
    pub fn traffic<'a>(
        &self,
        link: LinkName,
        keys: impl IntoIterator<Item = &'a PublicKey>,
    ) -> Result<BTreeMap<PublicKey, Traffic>, Error> {
        observe::passed(self, link, keys)
    }

    /// Values of settings; those that do not exist are left out. For recording what was
    /// before anything is changed.
    ///
    /// # Errors
    /// A setting that cannot be read.
    pub fn sysctls<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a Sysctl>,
    ) -> Result<BTreeMap<Sysctl, String>, Error> {
        let mut values = BTreeMap::new();
        for key in keys {
            if let Some(value) = key.read().doing(|| format!("read {key}"))? {
                values.insert(key.clone(), value);
            }
        }
        Ok(values)
    }

    /// Interfaces that have a route from a router advertisement. Such a host loses it as
    /// soon as it forwards, unless their `accept_ra` is 2: the wish should say so.
    ///
    /// # Errors
    /// Routes that cannot be read.
    pub fn advertised(&self) -> Result<BTreeSet<IfName>, Error> {
        let read = || "read routes".to_owned();
        let indices = self.netlink.advertised().doing(read)?;
        if indices.is_empty() {
            return Ok(BTreeSet::new());
        }
        let links = self.netlink.links().doing(read)?;
        let named = links.into_iter().filter(|link| indices.contains(&link.index));
        Ok(named.filter_map(|link| link.name.parse().ok()).collect())
    }

    /// Performs changes, one after the other, and goes on after a failure.
    pub fn apply(&self, changes: Vec<Change>) -> Report {
        apply::apply(self, changes)
    }

    /// One pass: observe, diff, apply. Reads the parts asked for only: a pass over the hub
    /// costs the same whatever the size of the mesh.
    ///
    /// # Errors
    /// What cannot be observed; changes that failed are in the report.
    pub fn reconcile(&self, want: &State, parts: Parts) -> Result<Report, Error> {
        let have = self.look(want, parts)?.state;
        Ok(self.apply(diff(&have, want, parts)))
    }

    /// Removes everything of ours from the host, writes the former values of settings back
    /// and ends the tunnels process. Goes on after a failure and returns all of them. May be
    /// repeated.
    pub fn cleanup(&self, former: &BTreeMap<Sysctl, String>) -> Vec<Error> {
        cleanup::cleanup(self, former)
    }

    fn tool(&self, family: Family) -> Tool {
        Tool::new(self.iptables, family)
    }
}
