//! `AttachmentService`: messages to calls and back.

use std::future::Future;
use std::sync::Arc;

use connectrpc::{ConnectError, ConnectRpcService, Limits, RequestContext, Router};
use connectrpc::{Response, ServiceRequest, ServiceResult};
use wgcni_api::node::{Attach, Attached, Checked, Detach, Dns, Hub, Prune};
use wgcni_api::node_service::{ATTACHMENT_SERVICE_SERVICE_NAME, AttachmentService};
use wgcni_api::node_v1 as wire;
use wgcni_ipam::Usage;
use wgcni_model::{AttachmentKey, FieldError, WireguardKind};
use wgcni_store::Store;

use crate::attachments::{Attachments, Record};
use crate::device;
use crate::errors::RpcError;
use crate::membership::{Link, Membership};
use crate::reconcile::{Applied, Reconciler};

/// Largest request: a Prune with every attachment of a full node.
const REQUEST: usize = 1024 * 1024;

/// What every answer says of the node.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name.
    pub node: String,
    /// The hub.
    pub hub: Hub,
    /// MTU of the containers' interfaces.
    pub mtu: u16,
    /// Kind of devices.
    pub kind: WireguardKind,
    /// Name servers.
    pub dns: Dns,
}

/// The service.
pub struct Service<S> {
    /// The containers.
    pub attachments: Arc<Attachments<S>>,
    /// The kernel.
    pub reconciler: Arc<Reconciler>,
    /// The node's place in the cluster.
    pub membership: tokio::sync::watch::Receiver<Option<Membership>>,
    /// How the node stands with its cluster-manager.
    pub link: Link,
    /// The node.
    pub about: About,
}

/// All that is served on the socket.
///
/// # Errors
/// When the contract that this program was built with is damaged.
pub fn router<S: Store>(service: Arc<Service<S>>) -> anyhow::Result<axum::Router> {
    let router = Router::new().add_service(service);
    let (health, _) = connectrpc_health::install_static(router, [ATTACHMENT_SERVICE_SERVICE_NAME]);
    let contract = wgcni_api::DESCRIPTORS;
    let reflector = connectrpc_reflection::Reflector::from_descriptor_set_bytes(contract)?;
    let router = connectrpc_reflection::install(health, reflector);
    let limits =
        Limits::default().with_max_request_body_size(REQUEST).with_max_message_size(REQUEST);
    let service = ConnectRpcService::new(router).with_limits(limits);
    Ok(axum::Router::new().fallback_service(service))
}

// Concrete answers instead of the trait's opaque ones: nobody else implements it here.
#[allow(refining_impl_trait)]
impl<S: Store> AttachmentService for Service<S> {
    async fn attach(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::AttachRequest>,
    ) -> ServiceResult<wire::AttachResponse> {
        let attach = parse::<_, Attach>(request.to_owned_message())?;
        let attachments = Arc::clone(&self.attachments);
        let record = to_the_end(async move { attachments.attach(attach).await }).await?;
        Response::ok(wire::AttachResponse::from(&self.attached(&record)?))
    }

    async fn detach(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::DetachRequest>,
    ) -> ServiceResult<wire::DetachResponse> {
        let detach = parse::<_, Detach>(request.to_owned_message())?;
        let attachments = Arc::clone(&self.attachments);
        to_the_end(async move { attachments.detach(detach).await }).await?;
        Response::ok(wire::DetachResponse::default())
    }

    async fn check(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CheckRequest>,
    ) -> ServiceResult<wire::CheckResponse> {
        let mut request = request.to_owned_message();
        let key = request.key.take().ok_or_else(|| FieldError::new("key", "is missing"));
        let key = key.and_then(|key| AttachmentKey::try_from(key).map_err(|e| e.inside("key")));
        let key = key.map_err(|e| RpcError::from(e).to_connect())?;
        let record = self.attachments.check(&key).await;
        let record = record.map_err(|e| RpcError::from(e).to_connect())?;
        Response::ok(wire::CheckResponse::from(&Checked {
            attached: self.attached(&record)?,
            public_key: record.public_key,
            namespace: record.namespace(),
        }))
    }

    async fn prune(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::PruneRequest>,
    ) -> ServiceResult<wire::PruneResponse> {
        let prune = parse::<_, Prune>(request.to_owned_message())?;
        let attachments = Arc::clone(&self.attachments);
        let gone = to_the_end(async move { attachments.prune(prune).await }).await?;
        let removed = gone.iter().map(wire::AttachmentKey::from).collect();
        Response::ok(wire::PruneResponse { removed, ..Default::default() })
    }

    async fn status(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::StatusRequest>,
    ) -> ServiceResult<wire::StatusResponse> {
        Response::ok(self.state())
    }
}

impl<S: Store> Service<S> {
    /// What the plugin needs to know of an attachment.
    fn attached(&self, record: &Record) -> Result<Attached, ConnectError> {
        let membership = self.membership.borrow();
        // An attachment has addresses of a lease, and a lease comes with a cluster.
        let membership = membership.as_ref().ok_or_else(|| RpcError::Interrupted.to_connect())?;
        Ok(Attached {
            addresses: record.addresses,
            hub: self.about.hub,
            cluster: membership.cluster.prefixes,
            mtu: self.about.mtu,
            kind: self.about.kind,
            device: device::name(record.public_key)
                .map_err(|_| RpcError::Interrupted.to_connect())?,
            dns: self.about.dns.clone(),
        })
    }

    /// Why Attach cannot work now, and why the node is not all that it should be.
    fn reasons(&self, applied: &Applied, usage: &[Usage]) -> (Vec<String>, Vec<String>) {
        let mut blocked = Vec::new();
        if self.membership.borrow().is_none() {
            blocked.push("no lease yet".to_owned());
        } else if !applied.ready {
            blocked.push("the host is not ready yet".to_owned());
        }
        if let Some(full) = usage.iter().find(|u| u.used + u.resting >= u.capacity) {
            blocked.push(format!("no free {} address: {full}", full.prefix.family()));
        }
        let link = self.link.borrow();
        let mut degraded = Vec::new();
        degraded.extend(applied.failure.iter().map(|f| format!("degraded: {}", f.reason)));
        degraded.extend(link.registration.iter().map(|r| format!("degraded: not registered: {r}")));
        degraded.extend(link.peers.iter().map(|r| format!("degraded: peers refused: {r}")));
        degraded.extend(link.kept.iter().map(|r| format!("degraded: {r}")));
        if !link.connected {
            degraded.push("degraded: no stream of peers from the cluster-manager".to_owned());
        }
        (blocked, degraded)
    }

    fn state(&self) -> wire::StatusResponse {
        let applied = self.reconciler.subscribe().borrow().clone();
        let (attachments, usage) = self.attachments.usage();
        let (blocked, degraded) = self.reasons(&applied, &usage);
        let free = usage.iter().map(|u| u.capacity.saturating_sub(u.used + u.resting)).min();
        let membership = self.membership.borrow();
        let lease = membership.iter().flat_map(|m| m.lease.prefixes.iter());
        wire::StatusResponse {
            ready: blocked.is_empty(),
            reasons: [blocked, degraded].concat(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.about.node.clone(),
            lease: lease.map(|prefix| prefix.to_string()).collect(),
            wireguard_kind: wire::WireguardKind::from(self.about.kind).into(),
            attachments: attachments as u64,
            free_addresses: free.unwrap_or_default(),
            peers: membership.as_ref().map_or(0, |m| others(m) as u64),
            applied_revision: applied.revision.0,
            cluster_manager_connected: self.link.borrow().connected,
            ..Default::default()
        }
    }
}

fn others(membership: &Membership) -> usize {
    let peers = &membership.peers.peers;
    peers.len() - usize::from(peers.contains_key(&membership.lease.node))
}

fn parse<W, T: TryFrom<W, Error = FieldError>>(message: W) -> Result<T, ConnectError> {
    T::try_from(message).map_err(|e| RpcError::from(e).to_connect())
}

/// Runs a change to its end, also when the caller hangs up meanwhile.
async fn to_the_end<T, E>(
    change: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ConnectError>
where
    T: Send + 'static,
    E: Into<RpcError> + Send + 'static,
{
    let done = match tokio::spawn(change).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(RpcError::Interrupted),
    };
    done.map_err(|error| error.to_connect())
}
