//! Taking away what is ours, and only that.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use wgcni_api::identity_v1::LeaveRequest;
use wgcni_api::{ipam_v1, wireguard_v1};
use wgcni_daemon::files::ensure_private_dir;
use wgcni_dataplane::{Engine, Host, LinkName, Namespace, container, mark};
use wgcni_model::{ClusterId, WireguardKind};
use wgcni_store::{SledStore, Store};

use crate::attachments::stored;
use crate::channel::{Channel, ChannelError};
use crate::config::Config;
use crate::device;
use crate::errors::chain;
use crate::identity::Identity;
use crate::lock::Lock;
use crate::membership::{CALL, Files};
use crate::reconcile::Former;
use crate::tunnels::keep_secrets;

/// What stays in the state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All but what was taken away: the node can be started again as it was.
    State,
    /// The keys.
    Keys,
    /// Nothing.
    Nothing,
}

/// Takes everything of ours off the host. Needs no cluster-manager and may be repeated.
///
/// # Errors
/// All that could not be taken away, after trying the rest.
pub fn cleanup(config: &Config, keep: Keep) -> anyhow::Result<()> {
    let alone = lock(config)?;
    clean(config, keep)?;
    drop(alone);
    Ok(())
}

/// No node-manager works on the host meanwhile.
pub(crate) fn lock(config: &Config) -> anyhow::Result<Lock> {
    ensure_private_dir(&config.state_dir)?;
    Lock::take(&config.state_dir).context("stop it first")
}

fn clean(config: &Config, keep: Keep) -> anyhow::Result<()> {
    let mut problems = clean_host(config);
    if let Err(error) = clean_containers(config) {
        problems.push(format!("{error:#}"));
    }
    let mut attempt = |what: &str, done: io::Result<()>| match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            problems.push(format!("{what}: {error}"));
        }
        _ => {}
    };
    let state = &config.state_dir;
    attempt("remove node.sock", fs::remove_file(config.node_socket()));
    attempt("remove tunnels.sock", fs::remove_file(config.tunnels_socket()));
    attempt("remove dead sockets of devices", remove_dead(Path::new(wgcni_tunnels::UAPI_DIR)));
    if keep != Keep::State {
        attempt("forget the membership", Files::new(state).remove());
        attempt("forget the member", fs::remove_dir_all(state.join("member")));
        attempt("forget the attachments", fs::remove_dir_all(state.join("attachments")));
        attempt("forget tombstones", fs::remove_dir_all(state.join("tombstones")));
    }
    if keep == Keep::Nothing {
        attempt("remove the state", fs::remove_dir_all(state));
    }
    if problems.is_empty() {
        tracing::info!("cleaned up");
        return Ok(());
    }
    bail!("not everything could be taken away:\n  {}", problems.join("\n  "))
}

/// Removes what a tunnels process that was killed left: sockets of our devices on which
/// nobody listens.
fn remove_dead(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let host = LinkName::ALL.iter().any(|link| link.as_str() == name);
        let dead = |path| {
            let answer = UnixStream::connect(path);
            answer.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
        };
        if (host || device::is_name(&name)) && dead(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Takes our links, routes, chains and settings away; says what did not work.
fn clean_host(config: &Config) -> Vec<String> {
    let cluster = Files::new(&config.state_dir).cluster().unwrap_or_else(|error| {
        tracing::warn!(%error, "going by the marks alone");
        None
    });
    // What is ours bears our mark, whatever the cluster.
    let cluster = cluster.unwrap_or_else(|| ClusterId::from_random([0; 16]));
    let former = Former::new(&config.state_dir);
    let mut problems = Vec::new();
    let values = former.load().unwrap_or_else(|error| {
        problems.push(format!(
            "read sysctls.json: {error}; settings of the host stay as they are: look at its \
             forwarding, and remove the file"
        ));
        BTreeMap::new()
    });
    match Host::new(cluster, engine(&config.tunnels_socket())) {
        Ok(host) => problems.extend(host.cleanup(&values).iter().map(|e| chain(e))),
        Err(error) => problems.push(chain(&error)),
    }
    if problems.is_empty()
        && let Err(error) = former.remove()
    {
        problems.push(format!("remove sysctls.json: {error}"));
    }
    problems
}

/// Kernel devices of containers live on in the containers' namespaces: those are looked for
/// by what the attachments' records say.
fn clean_containers(config: &Config) -> anyhow::Result<()> {
    let directory = config.state_dir.join("attachments");
    if !directory.exists() {
        return Ok(());
    }
    let store = SledStore::open(&directory).context("find the containers")?;
    let mut problems = Vec::new();
    for record in stored(&store.load()).context("find the containers")? {
        let path = Path::new(&record.path);
        let Some(namespace) = Namespace::find(record.namespace, path) else { continue };
        let (device, mark) = (device::name(record.public_key)?, mark::attachment(&record.key));
        if let Err(error) = container::remove_all(&namespace, &device, &mark) {
            problems.push(format!("{}: {}", record.key, chain(&error)));
        }
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n  "));
    Ok(())
}

/// A tunnels process that is there must end, also where the kernel has WireGuard.
fn engine(tunnels: &Path) -> Engine {
    let kind = if tunnels.exists() { WireguardKind::Userspace } else { WireguardKind::Kernel };
    Engine::of(kind, tunnels)
}

/// Ends the node's membership, then takes everything of ours off the host. Its keys stay, so
/// that it can join again; its certificate does not, and its attachments do not: their
/// addresses may be another node's next.
///
/// # Errors
/// When the cluster-manager does not answer, or something could not be taken away.
pub async fn leave(config: &Config) -> anyhow::Result<()> {
    keep_secrets()?;
    let alone = lock(config)?;
    let channel = way_out(config)?;
    let identity = Identity::load_or_make(&config.state_dir)?;
    let without = "where the cluster-manager is gone or refuses this node, `node-manager cleanup \
                   --purge` does without it";
    depart(&channel, &identity).await.context(without)?;
    tracing::info!(node = %channel.node(), "left the cluster");
    clean(config, Keep::Keys)?;
    drop(alone);
    Ok(())
}

/// The way to the cluster that this node joined, whatever its configuration says by now: to
/// leave is what others are told who find the two to differ.
fn way_out(config: &Config) -> Result<Channel, ChannelError> {
    match Channel::open(config) {
        Err(ChannelError::Name { joined, .. }) => {
            Channel::open(&Config { node: Some(joined), ..config.clone() })
        }
        Err(ChannelError::Plaintext(_)) => {
            let (node, managers) = (None, Vec::new());
            Channel::open(&Config { node, managers, plaintext: false, ..config.clone() })
        }
        way => way,
    }
}

/// A member ends its membership; where nobody proves who it is there is none, only a peer and
/// a lease.
async fn depart(channel: &Channel, identity: &Identity) -> anyhow::Result<()> {
    channel.rejoin_if_expired(&identity.mesh, Vec::new()).await?;
    let client = channel.client(CALL);
    let failed = |what, error| anyhow::anyhow!("{what}: {}", channel.explain(&error));
    if !channel.is_plaintext() {
        let done = client.identity.leave(LeaveRequest::default()).await;
        done.map_err(|error| failed("leave the cluster", error))?;
        return Ok(());
    }
    let node = channel.node().to_string();
    let request = wireguard_v1::DeregisterPeerRequest { node: node.clone(), ..Default::default() };
    let done = client.wireguard.deregister_peer(request).await;
    done.map_err(|error| failed("leave the mesh", error))?;
    let request = ipam_v1::ReleaseRequest { node, ..Default::default() };
    let done = client.ipam.release(request).await;
    done.map_err(|error| failed("give the lease back", error))?;
    Ok(())
}
