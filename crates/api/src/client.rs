//! Clients: of a cluster-manager over TCP, of a node-manager over its unix socket.

use crate::admin_service::AdminServiceClient;
use crate::identity_service::IdentityServiceClient;
use crate::ipam_service::IpamServiceClient;
use crate::node_service::{AttachmentServiceClient, ViewServiceClient as NodeViewClient};
use crate::view_service::{ReportServiceClient, ViewServiceClient};
use crate::wireguard_service::WireguardServiceClient;
use connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use http::Uri;
use std::path::Path;
use std::time::Duration;

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(5);

/// Requests that may wait for one connection.
const IN_FLIGHT: usize = 1024;

/// A cluster-manager. Its connection comes up on first use, and again after it was lost.
#[derive(Clone)]
pub struct ClusterManager {
    /// Leases.
    pub ipam: IpamServiceClient<SharedHttp2Connection>,
    /// Peers.
    pub wireguard: WireguardServiceClient<SharedHttp2Connection>,
    /// The caller's own identity.
    pub identity: IdentityServiceClient<SharedHttp2Connection>,
    /// Administration.
    pub admin: AdminServiceClient<SharedHttp2Connection>,
    /// What nodes tell.
    pub report: ReportServiceClient<SharedHttp2Connection>,
    /// What nodes told.
    pub view: ViewServiceClient<SharedHttp2Connection>,
}

impl ClusterManager {
    /// A client of the cluster-manager at `uri` (`http://host:port`), in plaintext HTTP/2.
    /// Calls end after `timeout`; whoever watches peers gives that call a limit of its own.
    pub fn plaintext(uri: Uri, timeout: Duration) -> Self {
        let connection = Http2Connection::builder()
            .tcp_connect_timeout(CONNECT)
            .keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .lazy_plaintext(uri.clone())
            .shared(IN_FLIGHT);
        Self::over(connection, uri, timeout)
    }

    /// A client of the cluster-manager that listens on the unix socket `socket`.
    pub fn unix(socket: &Path, timeout: Duration) -> Self {
        let authority = Uri::from_static("http://cluster-manager");
        let connection = Http2Connection::builder()
            .establishment_timeout(timeout)
            .lazy_unix(socket, authority.clone())
            .shared(IN_FLIGHT);
        Self::over(connection, authority, timeout)
    }

    /// A client over a connection that somebody else makes, who says by `authority` where
    /// it leads.
    pub fn over(connection: SharedHttp2Connection, authority: Uri, timeout: Duration) -> Self {
        let config = ClientConfig::new(authority).with_default_timeout(timeout);
        Self {
            ipam: IpamServiceClient::new(connection.clone(), config.clone()),
            wireguard: WireguardServiceClient::new(connection.clone(), config.clone()),
            identity: IdentityServiceClient::new(connection.clone(), config.clone()),
            admin: AdminServiceClient::new(connection.clone(), config.clone()),
            report: ReportServiceClient::new(connection.clone(), config.clone()),
            view: ViewServiceClient::new(connection, config),
        }
    }
}

/// A node-manager behind its unix socket.
pub type Node = AttachmentServiceClient<SharedHttp2Connection>;

/// A client of the node-manager that listens on `socket`; calls end after `timeout`.
///
/// # Errors
/// None here: the connection comes up on the first call.
pub fn node(socket: &Path, timeout: Duration) -> Node {
    let (connection, config) = node_connection(socket, timeout);
    AttachmentServiceClient::new(connection, config)
}

/// A node-manager behind its unix socket, for whoever looks.
#[derive(Clone)]
pub struct NodeView {
    /// The node itself, and its containers.
    pub node: Node,
    /// What passes through its links.
    pub view: NodeViewClient<SharedHttp2Connection>,
}

impl NodeView {
    /// A client of the node-manager that listens on `socket`; calls end after `timeout`.
    pub fn new(socket: &Path, timeout: Duration) -> Self {
        let (connection, config) = node_connection(socket, timeout);
        let node = AttachmentServiceClient::new(connection.clone(), config.clone());
        Self { node, view: NodeViewClient::new(connection, config) }
    }
}

fn node_connection(socket: &Path, timeout: Duration) -> (SharedHttp2Connection, ClientConfig) {
    let authority = Uri::from_static("http://node-manager");
    let connection = Http2Connection::builder()
        .establishment_timeout(timeout)
        .lazy_unix(socket, authority.clone())
        .shared(IN_FLIGHT);
    (connection, ClientConfig::new(authority).with_default_timeout(timeout))
}
