//! `cluster-manager serve`: store, registry, streams and API, until shutdown.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use wgcni_daemon::serve::{Limits, until_shutdown};
use wgcni_daemon::{CancellationToken, files};
use wgcni_model::History;
use wgcni_store::{SledStore, Store};

use crate::config::Config;
use crate::watch::Hub;
use crate::{Registry, feed, host_routes, rpc};

/// Serves a cluster from the store on disk until `shutdown`.
///
/// # Errors
/// When a prefix overlaps a route of the host, the store cannot be opened, the
/// address cannot be had, or the store fails later.
pub async fn serve(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let routes = host_routes::read().context("read the host's routes")?;
    host_routes::check(&config.cluster.prefixes, &routes)?;
    files::ensure_private_dir(&config.state_dir)?;
    let store = Arc::new(SledStore::open(&config.store_dir())?);
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("listen on {}", config.listen))?;
    if !config.listen.ip().is_loopback() {
        tracing::warn!(
            listen = %config.listen,
            "INSECURE: the API is plaintext and open to the network (insecure_plaintext = true): \
             whoever reaches it can read the mesh and take over addresses"
        );
    }
    serve_store(config, store, listener, shutdown).await
}

/// Serves a cluster from any store on a listener until `shutdown`.
///
/// # Errors
/// When the store is not this cluster's, or fails.
pub async fn serve_store(
    config: Config,
    store: Arc<dyn Store>,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let run = History::from_random(rand::random());
    let registry = Arc::new(Registry::start(store, &config, rpc::now(), &run).await?);
    let hub = Hub::new(Arc::clone(&registry), config.heartbeat, shutdown.clone());
    let (services, health) = rpc::services(&registry, &hub).context("reflection service")?;
    let publisher = tokio::spawn(hub.publish());
    let stop = shutdown.clone();
    let feed = tokio::spawn(async move {
        // Dropping the feed at shutdown is safe: it only copies what is durable.
        tokio::select! {
            failure = feed::follow(registry) => {
                stop.cancel();
                Err(failure)
            }
            () = stop.cancelled() => {
                health.shutdown();
                Ok(())
            }
        }
    });
    let address = listener.local_addr().context("address of the listener")?;
    let Config { cluster, .. } = &config;
    tracing::info!(listen = %address, cluster = %cluster.id, prefixes = %cluster.prefixes, "serving");
    let listener = listener.tap_io(|stream| {
        // Without it small answers wait for acknowledgements of earlier ones.
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new().fallback_service(services);
    until_shutdown(listener, router, Limits::default(), shutdown).await;
    publisher.abort();
    feed.await.context("the task that follows the store")?.context("follow the store")
}
