//! Towards the cluster-manager: lease, registration, and what became of them.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::{ConnectError, ErrorCode};
use rand::Rng;
use tokio::sync::{Notify, watch};
use wgcni_api::client::ClusterManager;
use wgcni_api::{Allocated, Claim, Registration, wireguard_v1};
use wgcni_daemon::Backoff;
use wgcni_fault::around;
use wgcni_model::{ClusterId, FieldError, NodeName, PrivateKey, Revision, Snapshot};
use wgcni_store::Store;

use super::{Files, Keys, Membership, StateError, follow};
use crate::attachments::{AdoptError, Attachments};
use crate::channel::Channel;
use crate::config::Config;
use crate::endpoint::{self, EndpointError};
use crate::errors::chain;
use crate::reconcile::Reconciler;

/// How long a call may take.
pub const CALL: Duration = Duration::from_secs(10);

/// Shortest and longest time between two signs of life.
const SIGN_OF_LIFE: std::ops::Range<u64> = 10_000..15_000;

/// How long applied revisions gather before they are reported, in milliseconds.
const GATHER: std::ops::Range<u64> = 100..800;

/// How long a node that is refused leaves the cluster-manager alone, in milliseconds.
const REFUSED: std::ops::Range<u64> = 45_000..90_000;

/// How the node stands with its cluster-manager.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether the stream of peers is up.
    pub connected: bool,
    /// Whether the cluster-manager refuses this node.
    pub refused: bool,
    /// What is wrong with the node's certificate.
    pub certificate: Option<Arc<str>>,
    /// Why lease or registration do not work.
    pub registration: Option<Arc<str>>,
    /// Why the peers are not up to date.
    pub peers: Option<Arc<str>>,
    /// Why some are kept that the cluster-manager does not list.
    pub kept: Option<Arc<str>>,
}

/// News of how the node stands with its cluster-manager.
pub type Link = watch::Receiver<LinkState>;

/// Why the node is not registered.
#[derive(Debug, thiserror::Error)]
enum UplinkError {
    #[error("{what}: {text}")]
    Call { what: &'static str, text: String, refused: bool },
    #[error("the cluster-manager's answer: {0}")]
    Answer(#[from] FieldError),
    #[error("the cluster-manager answers with a lease of node {0}")]
    Foreign(NodeName),
    #[error("the cluster-manager answers for cluster {0}, which this node has not joined")]
    Cluster(ClusterId),
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    #[error("{}", chain(.0))]
    State(#[from] StateError),
    #[error("{}", chain(.0))]
    Endpoint(#[from] EndpointError),
}

/// Both ends of the conversation.
#[derive(Debug, Clone)]
pub struct Ends {
    /// What the operator said.
    pub config: Arc<Config>,
    /// Who this node is, and the way to its cluster-manager.
    pub channel: Channel,
    /// Its keys.
    pub keys: Keys,
    /// Where its place in the cluster is kept.
    pub files: Files,
}

/// The node's side of the conversation with the cluster-manager.
pub struct Uplink<S> {
    pub(super) config: Arc<Config>,
    pub(super) channel: Channel,
    pub(super) keys: Keys,
    pub(super) client: ClusterManager,
    pub(super) files: Files,
    attachments: Arc<Attachments<S>>,
    reconciler: Arc<Reconciler>,
    pub(super) membership: watch::Sender<Option<Membership>>,
    pub(super) link: watch::Sender<LinkState>,
    /// The cluster-manager may not know this node any more.
    pub(super) forgotten: Notify,
}

impl<S: Store> Uplink<S> {
    /// Prepares the conversation; nothing is sent yet.
    pub fn new(ends: Ends, attachments: Arc<Attachments<S>>, reconciler: Arc<Reconciler>) -> Self {
        let Ends { config, channel, keys, files } = ends;
        Self {
            client: channel.client(CALL),
            config,
            channel,
            keys,
            files,
            attachments,
            reconciler,
            membership: watch::Sender::new(None),
            link: watch::Sender::default(),
            forgotten: Notify::new(),
        }
    }

    /// How the node stands with its cluster-manager.
    pub fn link(&self) -> Link {
        self.link.subscribe()
    }

    /// The node's place in the cluster, and news of it.
    pub fn membership(&self) -> watch::Receiver<Option<Membership>> {
        self.membership.subscribe()
    }

    /// Takes up a place in the cluster: addresses come from its lease, the kernel follows.
    ///
    /// # Errors
    /// When attachments have addresses of another lease.
    pub fn adopt(&self, membership: Membership) -> Result<(), AdoptError> {
        self.attachments.adopt(&membership.lease)?;
        self.wish(membership);
        Ok(())
    }

    /// Makes a membership, whose lease is adopted, what the kernel follows.
    pub(super) fn wish(&self, membership: Membership) {
        self.reconciler.set_membership(membership.clone());
        self.membership.send_replace(Some(membership));
    }

    /// Keeps the node leased, registered, certified and up to date, for ever. `mesh_key`
    /// proves who it is should its certificate have expired.
    pub async fn run(&self, mesh_key: &PrivateKey) {
        // Joining is a large future, and rare.
        let certified = Box::pin(self.channel.keep(mesh_key, &self.membership, &self.link));
        // None ends.
        tokio::join!(self.keep_registered(), follow::follow(self), certified);
    }

    /// Waits after a call that did not work: a cluster-manager that refuses this node is left
    /// alone for longer, as long as this node has no other credentials.
    pub(super) async fn rest(&self, refused: bool, backoff: &mut Backoff) {
        let wait = backoff.fail(&mut rand::rng());
        let slow = Duration::from_millis(rand::rng().random_range(REFUSED));
        // Dropping either loses nothing: both only wait.
        tokio::select! {
            () = tokio::time::sleep(if refused { slow } else { wait }) => {}
            () = self.channel.changed() => {}
        }
    }

    async fn keep_registered(&self) {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
        let mut applied = self.reconciler.subscribe();
        let mut leased = false;
        loop {
            let revision = applied.borrow_and_update().revision;
            match self.announce(&mut leased, revision).await {
                Ok(()) => {
                    self.note(None, false);
                    backoff.succeed();
                    let period = Duration::from_millis(rand::rng().random_range(SIGN_OF_LIFE));
                    let news = async {
                        let _ = applied.wait_for(|applied| applied.revision != revision).await;
                    };
                    // Dropping the other branches loses nothing: one of them ends the wait,
                    // and the revision is read anew.
                    tokio::select! {
                        () = tokio::time::sleep(period) => {}
                        () = self.forgotten.notified() => leased = false,
                        () = news => {
                            let gather = rand::rng().random_range(GATHER);
                            tokio::time::sleep(Duration::from_millis(gather)).await;
                        }
                    }
                }
                Err(error) => {
                    let refused = matches!(error, UplinkError::Call { refused: true, .. });
                    self.note(Some(error.to_string().into()), refused);
                    self.rest(refused, &mut backoff).await;
                }
            }
        }
    }

    /// Keeps how registration stands, and logs it when it changes.
    fn note(&self, problem: Option<Arc<str>>, refused: bool) {
        // Another failure tells nothing of that.
        if refused || problem.is_none() {
            note_refused(&self.link, refused);
        }
        self.link.send_if_modified(|link| {
            if link.registration == problem {
                return false;
            }
            match &problem {
                // Told already.
                Some(_) if refused => {}
                Some(problem) => tracing::warn!(%problem, "not registered; trying again"),
                None => tracing::info!("registered again"),
            }
            link.registration = problem;
            true
        });
    }

    fn failed(&self, what: &'static str, error: &ConnectError) -> UplinkError {
        let refused = self.channel.is_refusal(error);
        UplinkError::Call { what, text: self.channel.explain(error), refused }
    }

    /// Asks for the lease where it may be unknown, then registers.
    async fn announce(&self, leased: &mut bool, applied: Revision) -> Result<(), UplinkError> {
        if !*leased {
            self.confirm_lease().await?;
            *leased = true;
        }
        let registration = Registration {
            node: self.channel.node().clone(),
            mesh_key: self.keys.mesh,
            hub_key: self.keys.hub,
            endpoints: endpoint::find(&self.config).await?,
            applied,
        };
        let request = wireguard_v1::RegisterPeerRequest::from(&registration);
        let answer = around!("node.register", self.client.wireguard.register_peer(request).await);
        answer.map(drop).map_err(|error| {
            // A cluster-manager that lost its leases: ask for ours again.
            *leased &= error.code != ErrorCode::FailedPrecondition;
            self.failed("register", &error)
        })
    }

    async fn confirm_lease(&self) -> Result<(), UplinkError> {
        let current = self.membership.borrow().clone();
        let held = current.as_ref().map(|current| current.lease.prefixes);
        let claim = Claim { node: self.channel.node().clone(), held };
        let answer = around!("node.allocate", self.client.ipam.allocate((&claim).into()).await);
        let answer = answer.map_err(|error| self.failed("get a lease", &error))?;
        let Allocated { lease, cluster } = Allocated::try_from(answer.into_owned())?;
        if lease.node != *self.channel.node() {
            return Err(UplinkError::Foreign(lease.node));
        }
        if self.channel.cluster().is_some_and(|joined| joined != cluster.id) {
            return Err(UplinkError::Cluster(cluster.id));
        }
        if let Some(current) = &current
            && (&*current.lease, &*current.cluster) == (&lease, &cluster)
        {
            return Ok(());
        }
        endpoint::check_overlap(&cluster.prefixes)?;
        self.attachments.adopt(&lease)?;
        self.files.store_lease(&cluster, &lease)?;
        tracing::info!(lease = %lease.prefixes, cluster = %cluster.id, "leased");
        // Peers of the cluster that we knew stay until the stream says otherwise.
        let same = current.filter(|current| current.cluster.id == cluster.id);
        let peers = same.map_or_else(|| Arc::new(Snapshot::default()), |current| current.peers);
        self.wish(Membership { cluster: Arc::new(cluster), lease: Arc::new(lease), peers });
        Ok(())
    }
}

/// Keeps whether the cluster-manager refuses this node, and logs it when it changes.
pub(crate) fn note_refused(link: &watch::Sender<LinkState>, refused: bool) {
    link.send_if_modified(|link| {
        let was = std::mem::replace(&mut link.refused, refused);
        if refused && !was {
            tracing::error!(
                "the cluster-manager refuses this node: it was revoked, or what it does is not \
                 allowed; ask the operator. What the kernel holds stays"
            );
        } else if was && !refused {
            tracing::info!("the cluster-manager does not refuse this node any more");
        }
        was != refused
    });
}
