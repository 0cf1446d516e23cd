//! `AttachmentService`: messages to calls and back.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use connectrpc::{ConnectError, ConnectRpcService, Limits, RequestContext, Router};
use connectrpc::{Response, ServiceRequest, ServiceResult};
use tracing::{Instrument, Span};
use wgcni_api::node::{Attach, Attached, Checked, Detach, Dns, Hub, Prune, Pruned};
use wgcni_api::node_service::VIEW_SERVICE_SERVICE_NAME;
use wgcni_api::node_service::{ATTACHMENT_SERVICE_SERVICE_NAME, AttachmentService};
use wgcni_api::node_v1 as wire;
use wgcni_model::{AttachmentKey, FieldError, WireguardKind};
use wgcni_store::Store;
use wgcni_telemetry::Source;

use crate::attachments::{Attachments, Record};
use crate::channel::Channel;
use crate::device;
use crate::errors::RpcError;
use crate::eye::Eye;
use crate::membership::{Link, Membership};
use crate::metrics::Meters;
use crate::reclaim::{Candidate, Reclaimer, Verdict};
use crate::reconcile::{Findings, Reconciler};
use crate::status;
use crate::view::Views;

/// Largest request: a Prune with every attachment of a full node.
const REQUEST: usize = 1024 * 1024;

/// What every answer says of the node.
#[derive(Debug, Clone)]
pub struct About {
    /// The hub.
    pub hub: Hub,
    /// MTU of the containers' interfaces.
    pub mtu: Arc<AtomicU16>,
    /// Kind of devices.
    pub kind: WireguardKind,
    /// Name servers.
    pub dns: Dns,
}

/// The service.
pub struct Service<S> {
    /// The containers.
    pub attachments: Arc<Attachments<S>>,
    /// What ends those that died.
    pub reclaimer: Arc<Reclaimer<S>>,
    /// The kernel.
    pub reconciler: Arc<Reconciler>,
    /// The node's place in the cluster.
    pub membership: tokio::sync::watch::Receiver<Option<Membership>>,
    /// Who the node is, and its way to its cluster-manager.
    pub channel: Channel,
    /// How the node stands with its cluster-manager.
    pub link: Link,
    /// What passes over the kernel found.
    pub findings: Arc<Findings>,
    /// What passes through the links.
    pub eye: Eye,
    /// The node.
    pub about: About,
    /// What is counted while it happens.
    pub meters: Meters,
}

/// All that is served on the socket.
///
/// # Errors
/// When the contract that this program was built with is damaged.
pub fn router<S: Store>(
    service: Arc<Service<S>>,
    pages: &Arc<Source>,
) -> anyhow::Result<axum::Router> {
    let calls = service.meters.calls.clone();
    let views = Arc::new(Views(Arc::clone(&service)));
    let router = Router::new().add_service(service).add_service(views);
    let names = [ATTACHMENT_SERVICE_SERVICE_NAME, VIEW_SERVICE_SERVICE_NAME];
    let (health, _) = connectrpc_health::install_static(router, names);
    let contract = wgcni_api::DESCRIPTORS;
    let reflector = connectrpc_reflection::Reflector::from_descriptor_set_bytes(contract)?;
    let router = connectrpc_reflection::install(health, reflector);
    let limits =
        Limits::default().with_max_request_body_size(REQUEST).with_max_message_size(REQUEST);
    let service = ConnectRpcService::new(router).with_limits(limits).with_interceptor(calls);
    Ok(pages.router().fallback_service(service))
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
        let (attachments, span) = (Arc::clone(&self.attachments), span("attach", &attach.key));
        let mtu = self.about.mtu.load(Ordering::Relaxed);
        let record = to_the_end(span, async move { attachments.attach(attach, mtu).await }).await?;
        Response::ok(wire::AttachResponse::from(&self.attached(&record)?))
    }

    async fn detach(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::DetachRequest>,
    ) -> ServiceResult<wire::DetachResponse> {
        let detach = parse::<_, Detach>(request.to_owned_message())?;
        let (attachments, span) = (Arc::clone(&self.attachments), span("detach", &detach.key));
        to_the_end(span, async move { attachments.detach(detach).await }).await?;
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
        let record = self.attachments.check(&key).instrument(span("check", &key)).await;
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
        let reclaimer = Arc::clone(&self.reclaimer);
        let gone = to_the_end(Span::current(), async move { reclaimer.prune(prune).await }).await?;
        let pruned = |record: Record| Pruned { namespace: record.namespace(), key: record.key };
        let removed = gone.into_iter().map(|r| wire::PrunedAttachment::from(&pruned(r)));
        Response::ok(wire::PruneResponse { removed: removed.collect(), ..Default::default() })
    }

    async fn reclaim(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ReclaimRequest>,
    ) -> ServiceResult<wire::ReclaimResponse> {
        let dry_run = request.to_owned_message().dry_run;
        let reclaimer = Arc::clone(&self.reclaimer);
        let found =
            to_the_end(Span::current(), async move { reclaimer.reclaim(dry_run).await }).await?;
        let candidates = found.iter().map(candidate).collect();
        Response::ok(wire::ReclaimResponse { candidates, ..Default::default() })
    }

    async fn status(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::StatusRequest>,
    ) -> ServiceResult<wire::StatusResponse> {
        Response::ok(status::status(self))
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
            mtu: record.mtu.unwrap_or_else(|| self.about.mtu.load(Ordering::Relaxed)),
            kind: self.about.kind,
            device: device::name(record.public_key)
                .map_err(|_| RpcError::Interrupted.to_connect())?,
            dns: self.about.dns.clone(),
        })
    }
}

fn candidate(candidate: &Candidate) -> wire::ReclaimCandidate {
    let (verdict, left) = match candidate.verdict {
        Verdict::Alive(_) => (wire::Verdict::VERDICT_ALIVE, Duration::ZERO),
        Verdict::Waits { left, .. } => (wire::Verdict::VERDICT_WAITS, left),
        Verdict::Due { .. } => (wire::Verdict::VERDICT_DUE, Duration::ZERO),
    };
    wire::ReclaimCandidate {
        key: wire::AttachmentKey::from(&candidate.record.key).into(),
        addresses: candidate.record.addresses.iter().map(|a| a.to_string()).collect(),
        verdict: verdict.into(),
        reason: candidate.reason(),
        seconds_left: left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
        ..Default::default()
    }
}

fn parse<W, T: TryFrom<W, Error = FieldError>>(message: W) -> Result<T, ConnectError> {
    T::try_from(message).map_err(|e| RpcError::from(e).to_connect())
}

/// What is logged meanwhile says which attachment it is about.
fn span(verb: &'static str, key: &AttachmentKey) -> Span {
    let AttachmentKey { network, container_id, ifname } = key;
    tracing::info_span!("attachment", verb, %network, %container_id, %ifname)
}

/// Runs a change to its end, also when the caller hangs up meanwhile.
async fn to_the_end<T, E>(
    span: Span,
    change: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ConnectError>
where
    T: Send + 'static,
    E: Into<RpcError> + Send + 'static,
{
    let done = match tokio::spawn(change.instrument(span)).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(RpcError::Interrupted),
    };
    done.map_err(|error| error.to_connect())
}
