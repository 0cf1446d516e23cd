//! The way to the cluster-manager: as a member of its cluster over mutual TLS, or in
//! plaintext, where that was asked for by name and the node never joined.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connectrpc::{ConnectError, ErrorCode};
use http::Uri;
use rand::Rng;
use tokio::sync::watch;
use wgcni_api::client::ClusterManager;
use wgcni_channel::client::{FilesError, JoinError, Joined, Joiner, Member, MemberFiles, Session};
use wgcni_channel::client::{Trust, join};
use wgcni_daemon::Backoff;
use wgcni_identity::{JoinCredential, JoinString, Role};
use wgcni_model::{ClusterId, NodeName, Prefix, PrivateKey};

use crate::config::Config;
use crate::errors::chain;
use crate::membership::{LinkState, Membership, note_refused};

/// Longest sleep: clocks are set, and machines sleep, while we do.
const NAP: Duration = Duration::from_secs(30);

/// How long a node that was refused waits until it tries to join again, in seconds.
const REFUSED: std::ops::Range<u64> = 240..360;

/// Why there is no way to a cluster-manager.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Nobody joined here, and plaintext was not asked for.
    #[error("not joined: run node-manager join")]
    NotJoined,
    /// Plaintext was asked for by a member.
    #[error(
        "this node has joined cluster {0}, and a member does not speak plaintext: remove \
         insecure_plaintext and http:// from the configuration, or run node-manager leave first"
    )]
    Plaintext(ClusterId),
    /// The configuration says another name.
    #[error(
        "the configuration says that this node is {configured}, but it joined as {joined}: \
         remove node from the configuration, or run node-manager leave first"
    )]
    Name {
        /// What the configuration says.
        configured: NodeName,
        /// What the member's file says.
        joined: NodeName,
    },
    /// The member's file is an operator's.
    #[error("the member in the state directory is an operator, not a node")]
    Operator,
    /// There is no name.
    #[error("the host's name cannot be a node's: set node")]
    NoName,
    /// The member's files cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The certificate has expired, and joining again did not work.
    #[error("join again with the node's own key")]
    Join(#[from] JoinError),
}

/// Where joiners are taken, unless a cluster-manager says otherwise.
const JOIN_PORT: &str = "7401";

/// Where the member's files are.
pub fn member_files(state_dir: &Path) -> MemberFiles {
    MemberFiles::new(&state_dir.join("member"))
}

/// Who this node is, and its way to the cluster-manager.
#[derive(Debug, Clone)]
pub struct Channel {
    node: NodeName,
    way: Way,
    /// Where the cluster-manager is in spite of what it says itself.
    given: Vec<String>,
}

#[derive(Debug, Clone)]
enum Way {
    Member { session: Session, files: MemberFiles },
    Plaintext(String),
}

impl Channel {
    /// The way that the member on disk has, or the one that was asked for.
    ///
    /// # Errors
    /// No member and no plaintext, both of them, another name, files that cannot be used.
    pub fn open(config: &Config) -> Result<Self, ChannelError> {
        let files = member_files(&config.state_dir);
        let given = config.managers.clone();
        let Some(mut member) = files.load()? else {
            let (true, Some(manager)) = (config.plaintext, given.first()) else {
                return Err(ChannelError::NotJoined);
            };
            let node = config.node.clone().or_else(|| config.hostname.clone());
            let node = node.ok_or(ChannelError::NoName)?;
            return Ok(Self { node, way: Way::Plaintext(manager.clone()), given });
        };
        if config.plaintext {
            return Err(ChannelError::Plaintext(member.cluster));
        }
        if member.role != Role::Node {
            return Err(ChannelError::Operator);
        }
        let node = member.name.clone();
        if let Some(configured) = config.node.clone().filter(|configured| *configured != node) {
            return Err(ChannelError::Name { configured, joined: node });
        }
        override_addresses(&mut member, &given);
        let session = Session::new(member, Some(files.clone()));
        Ok(Self { node, way: Way::Member { session, files }, given })
    }

    /// Name of this node.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The cluster that this node is a member of.
    pub fn cluster(&self) -> Option<ClusterId> {
        self.member().map(|member| member.cluster.clone())
    }

    /// Where the cluster-manager is, `host:port`.
    pub fn addresses(&self) -> Vec<String> {
        match &self.way {
            Way::Plaintext(manager) => vec![manager.clone()],
            Way::Member { session, .. } => session.member().borrow().addresses.clone(),
        }
    }

    /// What protects the way, for Status.
    pub fn label(&self) -> &'static str {
        if self.is_plaintext() { "insecure plaintext" } else { "mtls" }
    }

    /// Whether nothing protects it.
    pub fn is_plaintext(&self) -> bool {
        matches!(self.way, Way::Plaintext(_))
    }

    /// End of this node's certificate, since the Unix epoch.
    pub fn certified_until(&self) -> Option<Duration> {
        self.member().map(|member| member.not_after)
    }

    /// The cluster-manager; calls end after `timeout`. To be called inside a runtime.
    pub fn client(&self, timeout: Duration) -> ClusterManager {
        match &self.way {
            Way::Member { session, .. } => session.cluster_manager(timeout),
            Way::Plaintext(manager) => {
                // The configuration was checked: an address is an authority.
                let uri = Uri::try_from(format!("http://{manager}")).unwrap_or_default();
                ClusterManager::plaintext(uri, timeout)
            }
        }
    }

    /// Whether an error means that the cluster-manager refuses this node. An expired
    /// certificate is this node's own matter.
    pub fn is_refusal(&self, error: &ConnectError) -> bool {
        if matches!(error.code, ErrorCode::PermissionDenied | ErrorCode::Unauthenticated) {
            return true;
        }
        let Way::Member { session, .. } = &self.way else { return false };
        session.is_refused() && !session.member().borrow().is_expired(now())
    }

    /// What went wrong, for people.
    pub fn explain(&self, error: &ConnectError) -> String {
        let trouble = match &self.way {
            Way::Member { session, .. } if error.code == ErrorCode::Unavailable => {
                session.trouble()
            }
            _ => None,
        };
        let message = || error.message.clone().unwrap_or_default();
        trouble.unwrap_or_else(|| format!("{}: {}", error.code.as_str(), message()))
    }

    /// Ends when this node has other credentials.
    pub(crate) async fn changed(&self) {
        let Way::Member { session, .. } = &self.way else { return std::future::pending().await };
        // The session lives as long as this, and with it the sender.
        let _ = session.member().changed().await;
    }

    /// Keeps the certificate good, for ever: renews it in time, and joins again where it
    /// expired while the node was away.
    pub(crate) async fn keep(
        &self,
        mesh_key: &PrivateKey,
        membership: &watch::Sender<Option<Membership>>,
        link: &watch::Sender<LinkState>,
    ) {
        let Way::Member { session, .. } = &self.way else { return std::future::pending().await };
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
        loop {
            let held = membership.borrow().as_ref().map(|m| m.lease.prefixes.iter().collect());
            match self.rejoin_if_expired(mesh_key, held.unwrap_or_default()).await {
                Ok(()) => {
                    note(link, None);
                    backoff.succeed();
                    // Dropping a renewal loses nothing: its key waits on disk.
                    tokio::select! {
                        () = session.keep_renewed() => {}
                        () = expiry(session) => {}
                    }
                }
                Err(error) => {
                    let refused = matches!(error, ChannelError::Join(JoinError::Refused { .. }));
                    if refused {
                        note_refused(link, true);
                    }
                    note(link, Some(format!("the certificate expired: {}", chain(&error))));
                    let slow = Duration::from_secs(rand::rng().random_range(REFUSED));
                    let wait = backoff.fail(&mut rand::rng());
                    tokio::time::sleep(if refused { slow } else { wait }).await;
                }
            }
        }
    }

    /// A certificate that expired is no way in; the node's own key is.
    ///
    /// # Errors
    /// When the cluster-manager is away or does not want this node any more.
    pub async fn rejoin_if_expired(
        &self,
        mesh_key: &PrivateKey,
        held: Vec<Prefix>,
    ) -> Result<(), ChannelError> {
        let Way::Member { session, files } = &self.way else { return Ok(()) };
        let member = Arc::clone(&session.member().borrow());
        if !member.is_expired(now()) {
            return Ok(());
        }
        tracing::info!("the certificate has expired; joining again with the node's own key");
        let Trust { cluster, ca } = member.trust();
        let addresses = join_addresses(&member, &self.given);
        let string = JoinString { cluster, ca, addresses, credential: JoinCredential::Key };
        let joiner = Joiner {
            join: &string,
            name: &member.name,
            mesh_key: Some(mesh_key),
            held,
            known: true,
            control_key: Some(files.pending_key(Some(&member))?),
        };
        let done = join(joiner).await;
        if matches!(done, Err(JoinError::Refused { .. })) {
            // It may be the control key that is refused: the next attempt has another.
            files.forget_pending()?;
        }
        let Joined { mut member, .. } = done?;
        files.store(&member)?;
        override_addresses(&mut member, &self.given);
        session.replace(member);
        tracing::info!("joined again");
        Ok(())
    }

    fn member(&self) -> Option<Arc<Member>> {
        match &self.way {
            Way::Member { session, .. } => Some(Arc::clone(&session.member().borrow())),
            Way::Plaintext(_) => None,
        }
    }
}

/// Where a cluster-manager takes joiners: one that has moved does at its new hosts, at the
/// port that it always had.
fn join_addresses(member: &Member, given: &[String]) -> Vec<String> {
    let port = member.join_addresses.first().and_then(|first| first.rsplit_once(':'));
    let port = port.map_or(JOIN_PORT, |(_, port)| port);
    let hosts = given.iter().filter_map(|given| given.rsplit_once(':'));
    let mut all: Vec<String> = hosts.map(|(host, _)| format!("{host}:{port}")).collect();
    let known = member.join_addresses.iter().filter(|known| !all.contains(known));
    let known: Vec<String> = known.cloned().collect();
    all.extend(known);
    all
}

fn override_addresses(member: &mut Member, given: &[String]) {
    if !given.is_empty() {
        member.addresses = given.to_vec();
    }
}

/// Keeps what is wrong with the certificate, and logs it when it changes.
fn note(link: &watch::Sender<LinkState>, problem: Option<String>) {
    let problem: Option<Arc<str>> = problem.map(Arc::from);
    link.send_if_modified(|link| {
        if link.certificate == problem {
            return false;
        }
        if let Some(problem) = &problem {
            tracing::warn!("{problem}; trying again");
        }
        link.certificate = problem;
        true
    });
}

/// Ends when the session's certificate does.
async fn expiry(session: &Session) {
    loop {
        let end = session.member().borrow().not_after;
        let left = end.saturating_sub(now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP)).await;
    }
}

/// Time since the Unix epoch.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
