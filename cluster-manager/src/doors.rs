//! The listeners: which services each has, and how callers are known on it.
//!
//! ```text
//! members  mutual TLS            -> leases, peers, identity, administration, health, reflection
//! joiners  TLS                   -> joining, REST, health
//! root     unix socket           -> as members, metrics
//! (plaintext instead of members  -> leases, peers, health, reflection)
//! ```

use std::sync::Arc;

use axum::extract::Request;
use axum::serve::ListenerExt;
use axum::{Router, middleware};
use connectrpc_health::StaticChecker;
use connectrpc_reflection::ReflectionError;
use tokio::net::TcpListener;
use wgcni_channel::server::{Caller, Caps, Door, Gate, Live, Server, ServerError, ServerKey, Who};
use wgcni_daemon::CancellationToken;
use wgcni_daemon::serve::{Limits, until_shutdown};
use wgcni_identity::{IdentityId, Pin, Role};
use wgcni_telemetry::Source;

use crate::authz::{Denied, authorize};
use crate::cluster::Served;
use crate::rpc::{self, Offer, now};
use crate::serve::Listeners;
use crate::watch::Hub;
use crate::{Registry, rest};

/// Who comes in: whoever the registry admits.
struct Admission(Arc<Registry>);

impl Gate for Admission {
    fn admits(&self, role: Role, id: IdentityId, key: Pin) -> bool {
        self.0.admits(role, id, key, now())
    }
}

/// What is behind the listeners.
pub(crate) struct Doors {
    network: Network,
    root: Router,
    health: Vec<Arc<StaticChecker>>,
}

enum Network {
    Safe(Box<Safe>),
    Plaintext(Router),
}

/// Servers for members and for joiners, and what is behind each.
struct Safe {
    members: (Server, Router),
    joiners: (Server, Router),
}

/// The listeners cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorsError {
    /// The services do not describe themselves.
    #[error("reflection service")]
    Reflection(#[from] ReflectionError),
    /// TLS.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl Doors {
    /// Builds what is behind them; in plaintext where there is no key.
    ///
    /// # Errors
    /// When the services do not describe themselves, or TLS cannot be set up.
    pub fn new(
        served: &Arc<Served>,
        hub: &Arc<Hub>,
        (key, live): (Option<ServerKey>, Live),
        pages: &Arc<Source>,
    ) -> Result<Self, DoorsError> {
        let (denied, refused) = (&served.meters.denied, &served.meters.refused);
        let offer = if key.is_some() { Offer::Members } else { Offer::Plaintext };
        let (members, one) = rpc::services(served, hub, offer)?;
        let (root, two) = rpc::services(served, hub, Offer::Members)?;
        let members = guarded(Router::new().fallback_service(members), denied);
        let root = guarded(pages.router().fallback_service(root), denied);
        let mut health = vec![one, two];
        let network = match key {
            None => Network::Plaintext(known(members, Caller::plaintext())),
            Some(key) => {
                let gate = Arc::new(Admission(Arc::clone(&served.registry)));
                let inside = Door::Members(gate);
                let inside = Server::new(key.clone(), inside, live.clone(), Caps::main())?;
                let inside = inside.counting(refused.members.clone());
                let outside = Server::new(key, Door::Anyone, live, Caps::join())?;
                let outside = outside.counting(refused.joiners.clone());
                let (join, three) = rpc::join_service(served);
                health.push(three);
                let join = Router::new().fallback_service(join);
                let members = noting(members, &served.registry);
                let join = guarded(rest::router(Arc::clone(served)).merge(join), denied);
                let (members, joiners) = ((inside, members), (outside, join));
                Network::Safe(Box::new(Safe { members, joiners }))
            }
        };
        Ok(Self { network, root: known(root, Caller::root()), health })
    }

    /// The switches of health.
    pub fn health(&self) -> Vec<Arc<StaticChecker>> {
        self.health.clone()
    }

    /// Serves until `shutdown`.
    pub async fn serve(self, listeners: Listeners, shutdown: CancellationToken) {
        let Listeners { members, joiners, root, metrics: _ } = listeners;
        let stop = shutdown.clone();
        let root = async {
            if let Some(socket) = root {
                until_shutdown(socket, self.root, Limits::default(), stop).await;
            }
        };
        let network = async {
            let safe = match self.network {
                Network::Plaintext(router) => return plaintext(members, router, shutdown).await,
                Network::Safe(safe) => *safe,
            };
            let ((inside, behind), (outside, before)) = (safe.members, safe.joiners);
            let inside = inside.serve(members, behind, shutdown.clone());
            let outside = async {
                if let Some(joiners) = joiners {
                    outside.serve(joiners, before, shutdown.clone()).await;
                }
            };
            tokio::join!(inside, outside);
        };
        tokio::join!(network, root);
    }
}

/// Nothing gets past the table.
fn guarded(router: Router, denied: &Denied) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::clone(denied), authorize))
}

/// A member that calls with its newest control key has it: the one before ends.
fn noting(router: Router, registry: &Arc<Registry>) -> Router {
    let registry = Arc::clone(registry);
    router.layer(middleware::map_request(move |request: Request| {
        if let Some(Caller { who: Who::Member { id, key, .. }, .. }) = request.extensions().get() {
            registry.note_used(*id, *key);
        }
        std::future::ready(request)
    }))
}

/// Whoever comes in here is this caller.
fn known(router: Router, caller: Caller) -> Router {
    router.layer(caller.layer())
}

async fn plaintext(listener: TcpListener, router: Router, stop: CancellationToken) {
    let listener = listener.tap_io(|stream| {
        // Without it small answers wait for acknowledgements of earlier ones.
        let _ = stream.set_nodelay(true);
    });
    until_shutdown(listener, router, Limits::default(), stop).await;
}
