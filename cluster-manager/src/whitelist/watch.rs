//! Looks every second, and does what comes of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use wgcni_identity::Role;
use wgcni_model::NodeName;

use super::memory::Damaged;
use super::{Decision, Known, Look, Memory, Unreadable, decide, look};
use crate::members::MemberState;
use crate::rpc::now;
use crate::{Refusal, Registry};

const EVERY: Duration = Duration::from_secs(1);

/// What is wrong with the whitelist directory, for people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alarms(Arc<Mutex<Vec<String>>>);

impl Alarms {
    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces them; what is new is logged.
    fn set(&self, alarms: Vec<String>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for alarm in alarms.iter().filter(|alarm| !all.contains(alarm)) {
            tracing::warn!(alarm, "whitelist directory");
        }
        *all = alarms;
    }
}

/// The directory, and what is remembered of it.
pub(crate) struct Watch {
    registry: Arc<Registry>,
    directory: PathBuf,
    file: PathBuf,
    memory: Memory,
    alarms: Alarms,
}

impl Watch {
    /// Watches `directory`; what must be remembered is in `state_dir`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn new(
        registry: Arc<Registry>,
        directory: &Path,
        state_dir: &Path,
        alarms: Alarms,
    ) -> Result<Self, Damaged> {
        let file = Memory::path(state_dir);
        let memory = Memory::load(&file)?;
        Ok(Self { registry, directory: directory.to_owned(), file, memory, alarms })
    }

    /// Looks until the store fails.
    pub async fn run(mut self) -> Refusal {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let directory = self.directory.clone();
            // A network file system may hang: nothing else waits for it.
            let seen = tokio::task::spawn_blocking(move || look(&directory)).await;
            let Ok(seen) = seen else { continue };
            if let Err(error) = self.step(&seen, now()).await {
                return error;
            }
        }
    }

    /// Does what comes of a look.
    async fn step(
        &mut self,
        seen: &Result<Look, Unreadable>,
        now: Duration,
    ) -> Result<(), Refusal> {
        let known = self.known(seen.as_ref().ok(), now).await?;
        let decision = decide(&known, seen.as_ref());
        let mut alarms = seen.as_ref().map(|seen| seen.complaints.clone()).unwrap_or_default();
        if let Some(why) = &decision.frozen {
            let why = self.frozen(why, &decision.missing);
            alarms.insert(0, why);
            self.forget_expected(&decision.missing, now).await?;
        }
        self.apply(&decision, &mut alarms, now).await?;
        let memory = Memory { directory: decision.directory, missing: decision.missing };
        if memory != self.memory {
            match memory.store(&self.file) {
                Ok(()) => self.memory = memory,
                Err(error) => alarms.push(format!("whitelist: {error}")),
            }
        }
        self.alarms.set(alarms);
        Ok(())
    }

    /// What is known. Files of nodes that were revoked by hand do not count; they are
    /// forgotten once they are gone.
    async fn known(&self, seen: Option<&Look>, now: Duration) -> Result<Known, Refusal> {
        let mut keys = self.registry.whitelist_files();
        let (_, members) =
            if keys.is_empty() { Default::default() } else { self.registry.members() };
        for member in members.iter().filter(|member| member.role == Role::Node) {
            let revoked = matches!(member.state, MemberState::Revoked(..));
            let listed = keys.get(&member.name).copied();
            if !revoked || listed.is_none() || listed != member.mesh_key {
                continue;
            }
            keys.remove(&member.name);
            let there = seen.is_none_or(|seen| {
                seen.keys.contains_key(&member.name) || seen.bad.contains_key(&member.name)
            });
            if !there {
                self.registry.whitelist_file_gone(&member.name, now).await?;
            }
        }
        let Memory { directory, missing } = self.memory.clone();
        Ok(Known { keys, directory, missing })
    }

    fn frozen(&self, why: &str, missing: &BTreeSet<NodeName>) -> String {
        let directory = self.directory.display();
        let names: Vec<_> = missing.iter().take(8).map(NodeName::as_str).collect();
        let more = if missing.len() > names.len() { ", …" } else { "" };
        let names = names.join(", ") + more;
        format!(
            "whitelist directory {directory} {why}: nothing is taken from it. Bring its files back, \
             or revoke what is really meant to go: wgcni node revoke ({names})"
        )
    }

    /// Whoever did not join yet is not revoked by being forgotten, and is listed again when
    /// the file is back; it must not keep the directory frozen, since nobody can revoke it.
    async fn forget_expected(
        &self,
        missing: &BTreeSet<NodeName>,
        now: Duration,
    ) -> Result<(), Refusal> {
        if missing.is_empty() {
            return Ok(());
        }
        let (_, members) = self.registry.members();
        for member in members.iter().filter(|member| member.state == MemberState::Expected) {
            let joined = members.iter().any(|other| {
                other.role == Role::Node && other.name == member.name && other.id.is_some()
            });
            if missing.contains(&member.name) && !joined {
                self.registry.whitelist_file_gone(&member.name, now).await?;
            }
        }
        Ok(())
    }

    async fn apply(
        &self,
        decision: &Decision,
        alarms: &mut Vec<String>,
        now: Duration,
    ) -> Result<(), Refusal> {
        for name in &decision.removed {
            self.registry.whitelist_file_gone(name, now).await?;
            tracing::info!(%name, "left the whitelist directory");
        }
        for (name, key) in &decision.added {
            match self.registry.whitelist_file(name, *key, now).await {
                Ok(()) => tracing::info!(%name, %key, "on the whitelist"),
                Err(error @ Refusal::Store(_)) => return Err(error),
                Err(error) => alarms.push(format!("{name}.pub: {error}")),
            }
        }
        Ok(())
    }
}
