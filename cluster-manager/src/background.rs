//! What goes on beside the listeners.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use connectrpc_health::StaticChecker;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use wgcni_channel::server::{Live, ServerKey};
use wgcni_daemon::CancellationToken;

use crate::Registry;
use crate::cluster::Served;
use crate::config::Config;
use crate::feed::{self, FeedError};
use crate::members::FAREWELL;
use crate::rpc::now;
use crate::watch::Hub;
use crate::whitelist::{Damaged, Watch};

/// How often the server's certificate is made anew: it is good for a day.
const RENEW: Duration = Duration::from_hours(8);

/// How often what ends by time alone is looked at: control keys that were renewed.
const LOOK: Duration = Duration::from_secs(10);

/// How often quarantines are looked at.
const SETTLE: Duration = Duration::from_secs(1);

/// Follows the store until `shutdown`, which a failure causes, too.
pub(crate) async fn follow(
    registry: Arc<Registry>,
    health: Vec<Arc<StaticChecker>>,
    shutdown: CancellationToken,
) -> Result<(), FeedError> {
    // Dropping the feed at shutdown is safe: it only copies what is durable.
    let failure = tokio::select! {
        failure = feed::follow(registry) => Some(failure),
        () = shutdown.cancelled() => None,
    };
    for health in health {
        health.shutdown();
    }
    shutdown.cancel();
    failure.map_or(Ok(()), Err)
}

/// Tasks that end when this is dropped. None of them holds anything that must be finished:
/// each works from what is durable, again and again.
pub(crate) struct Background {
    tasks: JoinSet<()>,
}

impl Background {
    /// Starts them.
    ///
    /// # Errors
    /// When what is remembered of the whitelist directory cannot be read.
    pub fn start(
        config: &Config,
        served: &Arc<Served>,
        hub: Arc<Hub>,
        (live, key): (Live, Option<ServerKey>),
    ) -> Result<Self, Damaged> {
        let mut tasks = JoinSet::new();
        tasks.spawn(hub.publish());
        if let Some(key) = key {
            tasks.spawn(cut(Arc::clone(&served.registry), live));
            tasks.spawn(settle(Arc::clone(&served.registry)));
            tasks.spawn(renew(Arc::clone(served), key));
            let paths: [&PathBuf; 2] = [&config.whitelist_dir, &config.state_dir];
            let registry = Arc::clone(&served.registry);
            let watch = Watch::new(registry, paths[0], paths[1], served.whitelist.clone())?;
            tasks.spawn(async move {
                let error = watch.run().await;
                // The store failed: whoever follows it ends the program, and says why.
                tracing::error!(%error, "the whitelist directory is not watched any more");
            });
        }
        Ok(Self { tasks })
    }

    /// One more.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}

/// Cuts the connections of whoever is no member any more; of whoever left, once the answer
/// had time to arrive.
async fn cut(registry: Arc<Registry>, live: Live) {
    let mut followed = registry.followed();
    loop {
        let wait = if registry.has_leaving(now()) { FAREWELL } else { LOOK };
        // Dropping either branch is safe: all connections are looked at either way.
        tokio::select! {
            changed = followed.changed() => if changed.is_err() { return },
            () = sleep(wait) => {}
        }
        followed.mark_unchanged();
        let now = now();
        live.retain(|role, id, key| {
            registry.admits(role, id, key, now) || registry.is_leaving(id, now)
        });
    }
}

async fn settle(registry: Arc<Registry>) {
    let mut ticks = interval(SETTLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = registry.settle_quarantines(now()).await {
            tracing::warn!(%error, "end quarantines of leases");
        }
    }
}

async fn renew(served: Arc<Served>, key: ServerKey) {
    let Some(safe) = &served.safe else { return };
    let mut wait = RENEW;
    loop {
        sleep(wait).await;
        wait = match key.renew(&safe.keys.authority, &safe.reached.names(), now()) {
            Ok(()) => RENEW,
            Err(error) => {
                tracing::error!(%error, "renew the server's certificate");
                Duration::from_mins(1)
            }
        };
    }
}
