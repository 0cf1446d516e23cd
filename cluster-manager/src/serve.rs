//! `cluster-manager serve`: keys, store, registry, listeners, until shutdown.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use wgcni_channel::server::{Live, ServerKey};
use wgcni_daemon::socket::RootSocket;
use wgcni_daemon::{CancellationToken, files};
use wgcni_fault::around;
use wgcni_model::History;
use wgcni_store::{SledStore, Store};
use wgcni_telemetry::commits::Measured;
use wgcni_telemetry::door;

use crate::authority::AuthorityFiles;
use crate::background::{Background, follow};
use crate::cluster::{Reached, Safe, Served};
use crate::config::Config;
use crate::doors::Doors;
use crate::metrics::{self, Meters};
use crate::rpc::now;
use crate::watch::Hub;
use crate::{Keys, Registry, host_routes, whitelist};

/// What is listened on.
pub struct Listeners {
    /// For members; in plaintext for everybody.
    pub members: TcpListener,
    /// For joiners; not in plaintext.
    pub joiners: Option<TcpListener>,
    /// For root on this machine.
    pub root: Option<RootSocket>,
    /// For whoever collects metrics, where that was asked for.
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        let joiners =
            if config.insecure_plaintext { None } else { Some(bind(config.join_listen).await?) };
        let root = around!("cluster.listen", RootSocket::bind(&config.socket));
        let root = root.with_context(|| format!("listen on {}", config.socket.display()))?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self { members: bind(config.listen).await?, joiners, root: Some(root), metrics })
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))
}

/// Serves a cluster from keys and store on disk until `shutdown`.
///
/// # Errors
/// When a prefix overlaps a route of the host, the keys or the store cannot be used, an
/// address cannot be had, or the store fails later.
pub async fn serve(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let routes = host_routes::read().context("read the host's routes")?;
    host_routes::check(&config.cluster.prefixes, &routes)?;
    files::ensure_private_dir(&config.state_dir)?;
    let keys = if config.insecure_plaintext {
        None
    } else {
        Some(AuthorityFiles::new(&config.state_dir).load(&config.cluster.id)?)
    };
    let store = Arc::new(SledStore::open(&config.store_dir())?);
    files::remove_temporaries(&config.state_dir)?;
    let listeners = Listeners::bind(&config).await?;
    run(config, store, keys, listeners, shutdown).await
}

/// Serves a cluster in plaintext from any store on a listener until `shutdown`.
///
/// # Errors
/// When the store is not this cluster's, or fails.
pub async fn serve_store(
    config: Config,
    store: Arc<dyn Store>,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let listeners = Listeners { members: listener, joiners: None, root: None, metrics: None };
    run(config, store, None, listeners, shutdown).await
}

/// Serves a cluster on these listeners until `shutdown`; in plaintext where there are no
/// keys.
///
/// # Errors
/// When the store is not this cluster's, fails, or says that the cluster has been safe and
/// there are no keys.
pub async fn run(
    config: Config,
    store: Arc<dyn Store>,
    keys: Option<Keys>,
    mut listeners: Listeners,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let meters = Meters::default();
    let store = Arc::new(Measured::new(store, meters.commits.clone()));
    let history = History::from_random(rand::random());
    let registry = Arc::new(Registry::start(store, &config, now(), &history).await?);
    if keys.is_none() && registry.has_been_safe() {
        bail!(
            "insecure_plaintext = true, but this cluster has had members that proved who they \
             are: in plaintext anybody could take their place; set it to false"
        );
    }
    let (served, key) = served(&config, &registry, keys, (&listeners, meters))?;
    let hub = Hub::new(Arc::clone(&registry), config.heartbeat, shutdown.clone());
    let live = Live::default();
    announce(&config, &listeners)?;
    let pages = metrics::pages(&served, &hub, live.clone(), key.clone());
    let doors = Doors::new(&served, &hub, (key.clone(), live.clone()), &pages)?;
    let mut background = Background::start(&config, &served, hub, (live, key))?;
    if let Some(listener) = listeners.metrics.take() {
        background.spawn(door::serve(listener, pages, door::Limits::default(), shutdown.clone()));
    }
    let feed = tokio::spawn(follow(registry, doors.health(), shutdown.clone()));
    wgcni_daemon::ready();
    doors.serve(listeners, shutdown).await;
    drop(background);
    feed.await.context("the task that follows the store")?.context("follow the store")
}

/// What the listeners share, and the key of this run.
fn served(
    config: &Config,
    registry: &Arc<Registry>,
    keys: Option<Keys>,
    (listeners, meters): (&Listeners, Meters),
) -> anyhow::Result<(Arc<Served>, Option<ServerKey>)> {
    let address = |l: &TcpListener| l.local_addr().context("address of a listener");
    let members = address(&listeners.members)?;
    let joiners = listeners.joiners.as_ref().map_or(Ok(members), address)?;
    let reached = Reached::new(config, members, joiners);
    let (safe, key) = match keys {
        None => (None, None),
        Some(keys) => {
            let key = ServerKey::new(&keys.authority, &reached.names(), now());
            let key = key.context("make the server's certificate")?;
            (Some(Safe { keys, server: key.pin(), reached }), Some(key))
        }
    };
    let served = Served {
        registry: Arc::clone(registry),
        cluster: config.cluster.id.clone(),
        safe,
        endpoint_cidrs: config.endpoint_cidrs.clone(),
        whitelist: whitelist::Alarms::default(),
        tokens: crate::rest::LastUsed::default(),
        reports: crate::reports::Reports::default(),
        started: now(),
        meters,
    };
    Ok((Arc::new(served), key))
}

fn announce(config: &Config, listeners: &Listeners) -> anyhow::Result<()> {
    let Config { cluster, .. } = config;
    let listen = listeners.members.local_addr().context("address of the listener")?;
    let join = listeners.joiners.as_ref().map(TcpListener::local_addr).transpose();
    let join = join.context("address of the join listener")?;
    if let Some(listener) = &listeners.metrics {
        door::announce(listener.local_addr().context("address of the metrics listener")?);
    }
    if join.is_none() {
        tracing::warn!(
            %listen,
            "INSECURE: the API is plaintext and open to whoever reaches it \
             (insecure_plaintext = true): they can read the mesh and take over addresses"
        );
    }
    let (id, prefixes) = (&cluster.id, &cluster.prefixes);
    let join_listen = join.map(tracing::field::display);
    tracing::info!(%listen, join_listen, cluster = %id, %prefixes, "serving");
    Ok(())
}
