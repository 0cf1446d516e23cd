//! Looks at what passes through this node's links, for people and their programs. Reads
//! only, beside the passes that write, and keeps nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use wgcni_dataplane::{Engine, Host, LinkName, Traffic};
use wgcni_model::PublicKey;

use crate::errors::chain;
use crate::membership::Membership;

/// What has passed, by peer.
pub type Passed = BTreeMap<PublicKey, Traffic>;

/// An eye on this node's links.
#[derive(Debug, Clone)]
pub struct Eye {
    engine: Engine,
    membership: watch::Receiver<Option<Membership>>,
}

impl Eye {
    /// For links of this engine, once the node is a member.
    pub fn new(engine: Engine, membership: watch::Receiver<Option<Membership>>) -> Self {
        Self { engine, membership }
    }

    /// What has passed between the mesh and the other nodes, by their keys.
    ///
    /// # Errors
    /// A link that cannot be read; as text.
    pub async fn mesh(&self) -> Result<Passed, Arc<str>> {
        let membership = self.membership.borrow().clone();
        let peers = membership.iter().flat_map(|m| m.peers.peers.values());
        let keys = peers.map(|peer| peer.mesh_key).collect();
        self.look(LinkName::Mesh, keys).await
    }

    /// What has passed between the hub and the containers of these keys.
    ///
    /// # Errors
    /// A link that cannot be read; as text.
    pub async fn hub(&self, keys: Vec<PublicKey>) -> Result<Passed, Arc<str>> {
        self.look(LinkName::Hub, keys).await
    }

    async fn look(&self, link: LinkName, keys: Vec<PublicKey>) -> Result<Passed, Arc<str>> {
        let cluster = self.membership.borrow().as_ref().map(|m| m.cluster.id.clone());
        let Some(cluster) = cluster else { return Ok(Passed::new()) };
        let engine = self.engine.clone();
        // The kernel answers when it has the time. All threads are in the host's namespace.
        let look = move || Host::new(cluster, engine)?.traffic(link, &keys);
        match tokio::task::spawn_blocking(look).await {
            Ok(passed) => passed.map_err(|error| chain(&error).into()),
            Err(error) => Err(error.to_string().into()),
        }
    }
}
