//! `node-manager serve`: builds the parts, wires them, and runs them until SIGTERM. What
//! the kernel holds then stays, so that an upgrade loses no packet.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use wgcni_api::node::{Dns, Hub};
use wgcni_daemon::CancellationToken;
use wgcni_daemon::files::{ensure_private_dir, remove_temporaries};
use wgcni_daemon::serve::{Limits, until_shutdown};
use wgcni_dataplane::Engine;
use wgcni_fault::around;
use wgcni_store::SledStore;
use wgcni_telemetry::commits::{Commits, Measured};

use crate::attachments::Attachments;
use crate::channel::Channel;
use crate::config::Config;
use crate::desired::Node;
use crate::endpoint;
use crate::eye::Eye;
use crate::identity::Identity;
use crate::lock::Lock;
use crate::membership::{Ends, Files, Uplink};
use crate::metrics::{self, Meters};
use crate::notifications::Notifications;
use crate::reclaim::Reclaimer;
use crate::reconcile::{Findings, HostKernel, Reconciler, Worker};
use crate::report::keep_telling;
use crate::rpc::{About, Service, router};
use crate::socket::{self, NodeSocket};
use crate::tombstones::Tombstones;
use crate::tunnels::{Process, keep_secrets};

/// Time between two looks for new tombstones.
const TOMBSTONES: Duration = Duration::from_secs(5);

/// The attachments' store.
type Disk = Measured<SledStore>;

/// Serves the node until SIGTERM or SIGINT.
///
/// # Errors
/// What stands in the way of a start.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = wgcni_daemon::shutdown()?;
    keep_secrets()?;
    let _alone = prepare(&config)?;
    let (channel, config) = open_channel(config)?;
    let identity = Identity::load_or_make(&config.state_dir)?;
    let engine = Engine::detect(config.wireguard, &config.tunnels_socket())?;
    let reconciler = Arc::new(Reconciler::default());
    let findings = Arc::new(Findings::default());
    let mut tasks = JoinSet::new();
    start_tunnels(Process::new(&config, &findings), &engine, &reconciler, &mut tasks).await?;

    let meters = Meters::new(&config);
    let (uplink, attachments) =
        take_up((&config, &meters), &channel, &identity, &reconciler).await?;
    let node = node(&config, &identity).await?;
    let about = about(&config, &identity, &engine, node.mtu);
    let eye = Eye::new(engine.clone(), uplink.membership());
    let kernel = HostKernel::new(engine, node, &config, &findings);
    let _worker = Worker::start(Arc::clone(&reconciler), kernel, config.resync)?;
    let _notifications = Notifications::start(&reconciler)?;

    let tombstones = Tombstones::new(&config.state_dir);
    tombstones.drain(&attachments).await;
    tasks.spawn(keep_draining(tombstones, Arc::clone(&attachments)));
    let reclaimer = Arc::new(Reclaimer::new(Arc::clone(&attachments), config.reclaim_after));
    let reclaims = Arc::clone(&reclaimer);
    tasks.spawn(async move { reclaims.run().await });
    let (membership, link) = (uplink.membership(), uplink.link());
    tasks.spawn(async move { uplink.run(&identity.mesh).await });
    tasks.spawn(follow_mtu(Arc::clone(&config), Arc::clone(&reconciler), about.mtu.clone()));
    let service = Arc::new(Service {
        attachments,
        reclaimer,
        reconciler,
        membership,
        channel,
        link,
        findings,
        eye,
        about,
        meters,
    });
    tasks.spawn(announce(Arc::clone(&config), Arc::clone(&service)));
    tasks.spawn(keep_telling(Arc::clone(&service)));
    listen(&config, service, shutdown).await?;
    tasks.shutdown().await;
    tracing::info!("stopped; links, routes and firewall stay as they are");
    Ok(())
}

/// Directories as they should be, and nobody else at work in them.
fn prepare(config: &Config) -> anyhow::Result<Lock> {
    ensure_private_dir(&config.state_dir)?;
    socket::prepare(&config.run_dir).context("directory of the sockets")?;
    let alone = Lock::take(&config.state_dir)?;
    for directory in [config.state_dir.clone(), config.state_dir.join("member")] {
        if directory.exists() {
            remove_temporaries(&directory)?;
        }
    }
    Ok(alone)
}

/// The way to the cluster-manager; where that leads is one of the things that tell the
/// endpoint.
fn open_channel(config: Config) -> anyhow::Result<(Channel, Arc<Config>)> {
    let channel = Channel::open(&config)?;
    let to = channel.addresses();
    if channel.is_plaintext() {
        tracing::warn!(
            ?to,
            "INSECURE: everything to and from the cluster-manager can be read and changed on the way"
        );
    }
    Ok((channel, Arc::new(Config { managers: to, ..config })))
}

/// Takes up what is on disk: attachments, and the node's place in the cluster.
async fn take_up(
    (config, meters): (&Arc<Config>, &Meters),
    channel: &Channel,
    identity: &Identity,
    reconciler: &Arc<Reconciler>,
) -> anyhow::Result<(Uplink<Disk>, Arc<Attachments<Disk>>)> {
    let commits = meters.commits.clone();
    let attachments = Arc::new(open_attachments(config, commits, reconciler).await?);
    let files = Files::new(&config.state_dir);
    let stored = files.load(channel.node())?;
    let (config, channel) = (Arc::clone(config), channel.clone());
    let joined = channel.cluster();
    let ends = Ends { config, channel, keys: identity.public(), files };
    let uplink = Uplink::new(ends, Arc::clone(&attachments), Arc::clone(reconciler));
    if let Some(membership) = stored {
        let cluster = &membership.cluster.id;
        anyhow::ensure!(
            joined.is_none_or(|joined| joined == *cluster),
            "lease.json is of cluster {cluster}, which this node has not joined: run node-manager join again"
        );
        endpoint::check_overlap(&membership.cluster.prefixes)?;
        uplink.adopt(membership)?;
    }
    Ok((uplink, attachments))
}

/// Serves the plugin until shutdown, or until the store fails: what is on the disk is known
/// only to the next start.
async fn listen(
    config: &Config,
    service: Arc<Service<Disk>>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let pages = metrics::pages(&service);
    let path = config.node_socket();
    let socket = around!("node.listen", NodeSocket::bind(&path))
        .with_context(|| format!("listen on {}", path.display()))?;
    let limits = Limits { connections: 256, streams: 64, ..Limits::default() };
    // Containers may come, and are told why where the node is not ready for them yet.
    wgcni_daemon::ready();
    let failed = CancellationToken::new();
    let watch = end_with_store(Arc::clone(&service.attachments), failed.clone(), shutdown.clone());
    let watch = tokio::spawn(watch);
    let router = router(service, &pages)?;
    let metrics = metrics::listen(config.metrics_listen, pages, shutdown.clone()).await?;
    until_shutdown(socket, router, limits, shutdown).await;
    drop(metrics);
    watch.abort();
    anyhow::ensure!(
        !failed.is_cancelled(),
        "the attachments in {} could not be written, see the first error; the network stays as it is",
        config.state_dir.display()
    );
    Ok(())
}

async fn end_with_store(
    attachments: Arc<Attachments<Disk>>,
    failed: CancellationToken,
    shutdown: CancellationToken,
) {
    attachments.store_failed().await;
    failed.cancel();
    shutdown.cancel();
}

async fn start_tunnels(
    process: Process,
    engine: &Engine,
    reconciler: &Arc<Reconciler>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    if let Engine::Userspace(_) = engine {
        let stream = process.ensure().await?;
        let reconciler = Arc::clone(reconciler);
        tasks.spawn(async move { process.guard(stream, reconciler).await });
    }
    Ok(())
}

async fn open_attachments(
    config: &Config,
    commits: Commits,
    reconciler: &Arc<Reconciler>,
) -> anyhow::Result<Attachments<Disk>> {
    let store = SledStore::open(&config.state_dir.join("attachments"))?;
    let store = Measured::new(store, commits);
    let boot = boot_id().context("read the boot id")?;
    let reconciler = Arc::clone(reconciler);
    Ok(Attachments::open(store, reconciler, &boot, config.quarantine).await?)
}

/// Identity of this boot of the kernel.
fn boot_id() -> std::io::Result<String> {
    let id = fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id"))?;
    Ok(id.trim().to_owned())
}

async fn node(config: &Config, identity: &Identity) -> anyhow::Result<Node> {
    Ok(Node {
        mesh_key: identity.mesh.clone(),
        hub_key: identity.hub.clone(),
        mesh_port: config.mesh_port,
        hub_port: config.hub_port,
        mtu: endpoint::mesh_mtu(config).await?,
        host_ports: config.host_ports.clone(),
        advertised: std::collections::BTreeSet::new(),
    })
}

fn about(config: &Config, identity: &Identity, engine: &Engine, mtu: u16) -> About {
    About {
        hub: Hub {
            public_key: identity.hub.public_key(),
            endpoint: SocketAddr::from((Ipv4Addr::LOCALHOST, config.hub_port)),
        },
        mtu: Arc::new(AtomicU16::new(mtu)),
        kind: engine.kind(),
        dns: Dns { nameservers: config.dns_nameservers.clone(), ..Dns::default() },
    }
}

/// Mesh and hub follow the underlay's MTU; containers have what it was when they started.
async fn follow_mtu(config: Arc<Config>, reconciler: Arc<Reconciler>, known: Arc<AtomicU16>) {
    loop {
        tokio::time::sleep(config.resync).await;
        match endpoint::mesh_mtu(&config).await {
            Ok(mtu) if known.swap(mtu, Ordering::Relaxed) != mtu => {
                tracing::info!(mtu, "the network between the nodes has another MTU");
                reconciler.set_mtu(mtu);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "read the underlay's MTU"),
        }
    }
}

/// Says once that ADD works now.
async fn announce(config: Arc<Config>, service: Arc<Service<Disk>>) {
    let mut applied = service.reconciler.subscribe();
    // The sender lives as long as the service.
    let _ = applied.wait_for(|applied| applied.ready).await;
    let lease = service.membership.borrow().as_ref().map(|m| m.lease.prefixes.to_string());
    let endpoint = endpoint::find(&config).await.ok();
    let endpoint = endpoint.and_then(|list| list.as_slice().first().map(ToString::to_string));
    tracing::info!(
        node = %service.channel.node(),
        lease = lease.as_deref().unwrap_or("none"),
        engine = %service.about.kind,
        endpoint = endpoint.as_deref().unwrap_or("none"),
        "ready"
    );
}

async fn keep_draining(tombstones: Tombstones, attachments: Arc<Attachments<Disk>>) {
    loop {
        tokio::time::sleep(TOMBSTONES).await;
        tombstones.drain(&attachments).await;
    }
}
