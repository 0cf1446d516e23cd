//! The real kernel, through the data plane.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use wgcni_daemon::files::atomic_write;
use wgcni_daemon::sealed::{seal, unseal};
use wgcni_dataplane::{Engine, Error, Host, LinkName, Parts, Peer, Report, State, Sysctl, diff};
use wgcni_fault::around;
use wgcni_model::PublicKey;

use super::findings::Findings;
use super::ledger::Ledger;
use super::silence::Silence;
use super::{Kernel, Wish};
use crate::config::Config;
use crate::desired::{Containers, Node, desired};
use crate::device;
use crate::errors::chain;
use crate::membership::Membership;

/// The kernel of this host.
#[derive(Debug)]
pub struct HostKernel {
    engine: Engine,
    node: Node,
    former: Former,
    ledger: Ledger,
    silence: Silence,
    host: Option<Host>,
    /// The containers of the pass before, where their devices are in user space.
    containers: Containers,
    /// Whether the firewall could not be set in the pass before.
    unprotected: bool,
}

impl HostKernel {
    /// The kernel of the host that the worker runs on. Former values of settings are kept
    /// in the state directory; what is found goes to `findings`.
    pub fn new(engine: Engine, node: Node, config: &Config, findings: &Arc<Findings>) -> Self {
        Self {
            engine,
            node,
            former: Former::new(&config.state_dir),
            ledger: Ledger::new(Arc::clone(findings)),
            silence: Silence::new(config.silent, Arc::clone(findings)),
            host: None,
            containers: Containers::default(),
            unprotected: false,
        }
    }

    /// The host, for this cluster.
    fn host(&mut self, membership: &Membership) -> Result<Host, Error> {
        match self.host.take() {
            Some(host) => Ok(host),
            None => Host::new(membership.cluster.id.clone(), self.engine.clone()),
        }
    }

    /// Ends userspace devices: of containers that are wanted no more, and in a full pass
    /// those that nobody has. The kernel's go with their namespaces.
    fn end_devices(&mut self, wish: &Wish, parts: Parts) {
        let Engine::Userspace(tunnels) = &self.engine else { return };
        let before = std::mem::replace(&mut self.containers, wish.containers.clone());
        let detached: Vec<PublicKey> =
            before.into_keys().filter(|key| !wish.containers.contains_key(key)).collect();
        if !detached.is_empty() {
            device::end(tunnels, detached);
        }
        if parts.contains(Parts::ALL) {
            device::sweep(tunnels, &wish.containers);
        }
    }

    fn pass(
        &mut self,
        host: &Host,
        membership: &Membership,
        wish: &Wish,
        parts: Parts,
    ) -> Result<Report, String> {
        let mut node = self.node.clone();
        node.mtu = wish.mtu.unwrap_or(node.mtu);
        // Nothing is opened that it does not protect: it is tried first, each time.
        let parts = if self.unprotected { parts | Parts::FIREWALL } else { parts };
        if parts.contains(Parts::SYSCTLS) {
            // Observed each time: what was advertised may come later than this program.
            node.advertised = host.advertised().map_err(|e| chain(&e))?;
        }
        let want = desired(&node, membership, &wish.containers, parts);
        self.former.record(host, &want)?;
        let seen = host.look(&want, parts).map_err(|e| chain(&e))?;
        let mut changes = diff(&seen.state, &want, parts);
        let repairs = self.ledger.judge(&seen.state, &want, &changes);
        if parts.contains(Parts::ALL) {
            changes.extend(self.silence.look(Instant::now(), &seen, &want, membership));
        }
        let report = host.apply(changes);
        self.ledger.close(&repairs, &report, &want, parts);
        self.unprotected = report.failed().contains(Parts::FIREWALL);
        Ok(report)
    }
}

impl Kernel for HostKernel {
    fn apply(&mut self, wish: &Wish, parts: Parts) -> Result<usize, String> {
        let Some(membership) = &wish.membership else { return Ok(0) };
        let host = self.host(membership).map_err(|e| chain(&e))?;
        let report = self.pass(&host, membership, wish, parts);
        self.host = Some(host);
        let report = report?;
        self.end_devices(wish, parts);
        for change in &report.done {
            tracing::debug!(%change, "applied");
        }
        match report.failures.as_slice() {
            [] => Ok(report.done.len()),
            [first] => Err(chain(&first.error)),
            [first, rest @ ..] => {
                Err(format!("{} (and {} more failures)", chain(&first.error), rest.len()))
            }
        }
    }

    fn hub_peer(&mut self, key: PublicKey) -> Result<Option<Peer>, String> {
        let Some(host) = &self.host else { return Ok(None) };
        let mut state = host.observe(Parts::HUB).map_err(|e| chain(&e))?;
        let hub = state.links.remove(&LinkName::Hub);
        Ok(hub.and_then(|mut hub| hub.wireguard.peers.remove(&key)))
    }
}

/// What settings were before they were changed, so that `cleanup` can put them back.
#[derive(Debug, Clone)]
pub struct Former(PathBuf);

impl Former {
    /// As recorded in `state_dir`.
    pub fn new(state_dir: &Path) -> Self {
        Self(state_dir.join("sysctls.json"))
    }

    /// What was recorded.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn load(&self) -> io::Result<BTreeMap<Sysctl, String>> {
        match fs::read(&self.0) {
            Ok(bytes) => {
                let text = unseal(&bytes).map_err(io::Error::other)?;
                serde_json::from_str(text).map_err(io::Error::other)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        }
    }

    /// Forgets what was recorded.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Records settings that are about to be changed for the first time. Those of our own
    /// links vanish with them.
    fn record(&self, host: &Host, want: &State) -> Result<(), String> {
        let ours = |key: &&Sysctl| {
            let text = key.to_string();
            LinkName::ALL.iter().any(|link| text.contains(link.as_str()))
        };
        let named = |e: io::Error| format!("read {}: {e}", self.0.display());
        if want.sysctls.is_empty() {
            return Ok(());
        }
        let mut former = self.load().map_err(named)?;
        let new = want.sysctls.keys().filter(|key| !ours(key) && !former.contains_key(key));
        let new: Vec<Sysctl> = new.cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let values = host.sysctls(&new).map_err(|e| chain(&e))?;
        if values.is_empty() {
            return Ok(());
        }
        former.extend(values);
        let text = serde_json::to_string_pretty(&former).map_err(|e| e.to_string())?;
        around!("node.sysctls-file", atomic_write(&self.0, seal(text).as_bytes(), 0o600))
            .map_err(|e| chain(&e))
    }
}
