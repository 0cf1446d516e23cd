//! A host: its own network namespace, seen and changed.

use crate::diff::Change;
use crate::error::Error;
use crate::parts::Parts;
use crate::state::{State, Sysctl};
use crate::wireguard::Engine;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use wgcni_model::{ClusterId, IfName};

/// The host that the calling thread is in. Keeps no memory of what it did.
#[derive(Debug)]
pub struct Host {
    _engine: Engine,
    _cluster: ClusterId,
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
    /// Whether everything is as wished now.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }
}

impl Host {
    /// The host of the calling thread. Its sockets stay in this namespace, so that other
    /// threads may use it.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn new(_cluster: ClusterId, _engine: Engine) -> Result<Self, Error> {
        todo!()
    }

    /// What the host holds of ours in these parts; of the sysctls, none (see
    /// [`Host::sysctls`]).
    ///
    /// # Errors
    /// A part that cannot be read, an interface with our name but not our mark.
    pub fn observe(&self, _parts: Parts) -> Result<State, Error> {
        todo!()
    }

    /// Values of settings; those that do not exist are left out. For recording what was
    /// before anything is changed.
    ///
    /// # Errors
    /// A setting that cannot be read.
    pub fn sysctls<'a>(
        &self,
        _keys: impl IntoIterator<Item = &'a Sysctl>,
    ) -> Result<BTreeMap<Sysctl, String>, Error> {
        todo!()
    }

    /// Interfaces that have a route from a router advertisement. Such a host loses it as
    /// soon as it forwards, unless their `accept_ra` is 2: the wish should say so.
    ///
    /// # Errors
    /// Routes that cannot be read.
    pub fn advertised(&self) -> Result<BTreeSet<IfName>, Error> {
        todo!()
    }

    /// Performs changes, one after the other, and goes on after a failure.
    pub fn apply(&self, _changes: Vec<Change>) -> Report {
        todo!()
    }

    /// One pass: observe, diff, apply.
    ///
    /// # Errors
    /// What cannot be observed; changes that failed are in the report.
    pub fn reconcile(&self, _want: &State, _parts: Parts) -> Result<Report, Error> {
        todo!()
    }

    /// Removes everything of ours, containers' devices in transit included, writes the
    /// former values of settings back and ends the tunnels process. May be repeated.
    pub fn cleanup(&self, _former: &BTreeMap<Sysctl, String>) -> Vec<Error> {
        todo!()
    }
}

/// Tells when something of ours changes in the kernel.
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    /// Watches the namespace of the calling thread.
    ///
    /// # Errors
    /// No netlink socket.
    pub fn open() -> Result<Self, Error> {
        todo!()
    }

    /// Blocks until links, addresses or routes of ours change, at most for `timeout`;
    /// returns the parts to look at, none when the time is up. Hears our own changes too.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn wait(&self, _timeout: std::time::Duration) -> Result<Parts, Error> {
        todo!()
    }
}
