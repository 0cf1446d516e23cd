//! What passes found, for Status. Nobody acts on it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use wgcni_dataplane::RepairKind;
use wgcni_model::NodeName;

use super::health::Stage;

/// What is known now.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How often what somebody else changed was restored, since this program started.
    pub repairs: BTreeMap<RepairKind, u64>,
    /// The nodes that do not answer.
    pub silent: Vec<SilentNode>,
    /// What is wrong with the tunnels process.
    pub tunnels: Option<Arc<str>>,
    /// How often that process had to be started again, since this program started.
    pub restarts: u64,
}

/// A node to which packets go and from which nothing comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentNode {
    /// Its name.
    pub node: NodeName,
    /// Where it is said to be.
    pub endpoint: Option<SocketAddr>,
    /// Since when nothing answers.
    pub since: SystemTime,
    /// What was done about it last.
    pub stage: Stage,
}

/// Where passes leave what they found.
#[derive(Debug, Default)]
pub struct Findings(Mutex<Found>);

impl Findings {
    /// What is known now.
    pub fn get(&self) -> Found {
        self.lock().clone()
    }

    pub(super) fn count(&self, kind: RepairKind) {
        *self.lock().repairs.entry(kind).or_default() += 1;
    }

    pub(super) fn set_silent(&self, silent: Vec<SilentNode>) {
        self.lock().silent = silent;
    }

    /// Says what is wrong with the tunnels process, if anything.
    pub fn set_tunnels(&self, problem: Option<Arc<str>>) {
        self.lock().tunnels = problem;
    }

    /// Counts a start of the tunnels process after it died.
    pub fn count_restart(&self) {
        self.lock().restarts += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
