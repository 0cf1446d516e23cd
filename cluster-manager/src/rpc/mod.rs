//! The API: messages in, the registry asked, messages out.

mod admin;
mod caller;
mod identity;
mod ipam;
mod join;
mod view;
mod wireguard;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connectrpc::{ConnectRpcService, Limits, Router};
use connectrpc_health::StaticChecker;
use connectrpc_reflection::{ReflectionError, Reflector};
use wgcni_api::admin_service::ADMIN_SERVICE_SERVICE_NAME as ADMIN;
use wgcni_api::identity_service::IDENTITY_SERVICE_SERVICE_NAME as IDENTITY;
use wgcni_api::identity_service::JOIN_SERVICE_SERVICE_NAME as JOIN;
use wgcni_api::identity_v1::Role as WireRole;
use wgcni_api::ipam_service::IPAM_SERVICE_SERVICE_NAME as IPAM;
use wgcni_api::view_service;
use wgcni_api::view_service::REPORT_SERVICE_SERVICE_NAME as REPORT;
use wgcni_api::view_service::VIEW_SERVICE_SERVICE_NAME as VIEW;
use wgcni_api::wireguard_service::WIREGUARD_SERVICE_SERVICE_NAME as WIREGUARD;
use wgcni_identity::Role;

use crate::cluster::Served;
use crate::watch::Hub;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use join::{Here, parse};

/// Largest request: the largest of ours is a node's report, below 64 KiB.
const MAX_REQUEST: usize = 64 * 1024;

/// Largest request of somebody who has not joined.
const MAX_JOIN_REQUEST: usize = 16 * 1024;

/// What the elements of one request may take in memory: a list of nothings is short on the
/// wire and long here.
const MAX_ELEMENTS: usize = 1024 * 1024;

/// Which services a listener has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// All that members and root may use, and more than each of them may.
    Members,
    /// Leases and peers for everybody, and nodes' reports: plaintext.
    Plaintext,
}

/// The services of members as one, and the switch of their health.
pub(crate) fn services(
    served: &Arc<Served>,
    hub: &Arc<Hub>,
    offer: Offer,
) -> Result<(ConnectRpcService, Arc<StaticChecker>), ReflectionError> {
    let router = Router::new();
    let router = router.add_service(Arc::new(ipam::Ipam::new(Arc::clone(served))));
    let wireguard = wireguard::Wireguard::new(Arc::clone(served), Arc::clone(hub));
    let router = router.add_service(Arc::new(wireguard));
    let views = Arc::new(view::Views::new(Arc::clone(served)));
    let mut router = view_service::ReportServiceExt::register(Arc::clone(&views), router);
    let mut names = vec![IPAM, WIREGUARD, REPORT];
    if offer == Offer::Members {
        router = router.add_service(Arc::new(identity::Identities::new(Arc::clone(served))));
        router = router.add_service(Arc::new(admin::Admin::new(Arc::clone(served))));
        router = view_service::ViewServiceExt::register(views, router);
        names.extend([IDENTITY, ADMIN, VIEW]);
    }
    let (router, health) = connectrpc_health::install_static(router, names.iter().copied());
    let reflector = Reflector::from_descriptor_set_bytes(wgcni_api::DESCRIPTORS)?;
    let router = connectrpc_reflection::install(router, reflector.with_services(names));
    Ok((limited(router, MAX_REQUEST).with_interceptor(served.meters.calls.clone()), health))
}

/// The service of joiners, and the switch of its health: whoever has no certificate can ask
/// for that here, like a service manager.
pub(crate) fn join_service(served: &Arc<Served>) -> (ConnectRpcService, Arc<StaticChecker>) {
    let router = Router::new().add_service(Arc::new(join::Joins::new(Arc::clone(served))));
    let (router, health) = connectrpc_health::install_static(router, [JOIN]);
    (limited(router, MAX_JOIN_REQUEST).with_interceptor(served.meters.calls.clone()), health)
}

fn limited(router: Router, largest: usize) -> ConnectRpcService {
    let limits = Limits::default()
        .with_max_request_body_size(largest)
        .with_max_message_size(largest)
        .with_element_memory_limit(MAX_ELEMENTS);
    ConnectRpcService::new(router).with_limits(limits)
}

/// Time since the Unix epoch: the one place that looks at the clock.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn role(role: Role) -> WireRole {
    match role {
        Role::Node => WireRole::ROLE_NODE,
        Role::Operator => WireRole::ROLE_OPERATOR,
    }
}
