//! The API: messages in, the registry asked, messages out.

mod ipam;
mod wireguard;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connectrpc::{ConnectRpcService, Limits, Router};
use connectrpc_health::StaticChecker;
use connectrpc_reflection::{ReflectionError, Reflector};
use wgcni_api::ipam_service::IPAM_SERVICE_SERVICE_NAME as IPAM;
use wgcni_api::wireguard_service::WIREGUARD_SERVICE_SERVICE_NAME as WIREGUARD;

use crate::Registry;
use crate::watch::Hub;

/// Largest request: the largest of ours is a registration, below 1 KiB.
const MAX_REQUEST: usize = 64 * 1024;

/// All services as one, and the switch of its health.
pub(crate) fn services(
    registry: &Arc<Registry>,
    hub: &Arc<Hub>,
) -> Result<(ConnectRpcService, Arc<StaticChecker>), ReflectionError> {
    let router = Router::new();
    let router = router.add_service(Arc::new(ipam::Ipam::new(Arc::clone(registry))));
    let wireguard = wireguard::Wireguard::new(Arc::clone(registry), Arc::clone(hub));
    let router = router.add_service(Arc::new(wireguard));
    let (router, health) = connectrpc_health::install_static(router, [IPAM, WIREGUARD]);
    let reflector = Reflector::from_descriptor_set_bytes(wgcni_api::DESCRIPTORS)?;
    let router = connectrpc_reflection::install(router, reflector.with_services([IPAM, WIREGUARD]));
    let limits = Limits::default()
        .with_max_request_body_size(MAX_REQUEST)
        .with_max_message_size(MAX_REQUEST);
    Ok((ConnectRpcService::new(router).with_limits(limits), health))
}

/// Time since the Unix epoch: the one place that looks at the clock.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
