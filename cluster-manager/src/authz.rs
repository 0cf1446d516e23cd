//! Who may call what: one table for all listeners. What is not in it, nobody may.
//!
//! It is asked before a request's body is read. What a node may say of whom is decided
//! with the message, in [`crate::rpc`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use connectrpc::ConnectError;
use wgcni_channel::server::{Caller, Who};
use wgcni_identity::Role;

/// Who calls, as far as methods differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A node, by its certificate.
    Node,
    /// An operator, by its certificate.
    Operator,
    /// Root on this machine, on the unix socket.
    Root,
    /// Whoever reaches the join listener.
    Anyone,
    /// Whoever reaches a listener that is not encrypted.
    Plaintext,
}

impl Kind {
    /// Of a caller.
    pub fn of(who: &Who) -> Self {
        match who {
            Who::Member { role: Role::Node, .. } => Self::Node,
            Who::Member { role: Role::Operator, .. } => Self::Operator,
            Who::Root => Self::Root,
            Who::Anonymous => Self::Anyone,
            Who::Plaintext => Self::Plaintext,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Node => "a node",
            Self::Operator => "an operator",
            Self::Root => "root on this machine",
            Self::Anyone => "whoever has not joined",
            Self::Plaintext => "a plaintext listener",
        }
    }
}

/// A node for itself; or anybody, where nobody proves who it is.
const NODES: &[Kind] = &[Kind::Node, Kind::Plaintext];
const OPERATORS: &[Kind] = &[Kind::Operator, Kind::Root];
const READERS: &[Kind] = &[Kind::Node, Kind::Operator, Kind::Root, Kind::Plaintext];
const JOINERS: &[Kind] = &[Kind::Anyone];
const EVERYBODY: &[Kind] = &[Kind::Node, Kind::Operator, Kind::Root, Kind::Plaintext, Kind::Anyone];

/// Every path that is served, and for whom.
pub const METHODS: &[(&str, &[Kind])] = &[
    ("/wgcni.ipam.v1.IpamService/Allocate", NODES),
    ("/wgcni.ipam.v1.IpamService/Release", NODES),
    ("/wgcni.ipam.v1.IpamService/List", &[Kind::Operator, Kind::Root, Kind::Plaintext]),
    ("/wgcni.wireguard.v1.WireguardService/RegisterPeer", NODES),
    ("/wgcni.wireguard.v1.WireguardService/DeregisterPeer", NODES),
    ("/wgcni.wireguard.v1.WireguardService/ListPeers", READERS),
    ("/wgcni.wireguard.v1.WireguardService/WatchPeers", READERS),
    ("/wgcni.identity.v1.JoinService/BeginJoin", JOINERS),
    ("/wgcni.identity.v1.JoinService/FinishJoin", JOINERS),
    ("/wgcni.identity.v1.IdentityService/Renew", &[Kind::Node, Kind::Operator]),
    ("/wgcni.identity.v1.IdentityService/WhoAmI", &[Kind::Node, Kind::Operator, Kind::Root]),
    ("/wgcni.identity.v1.IdentityService/Leave", &[Kind::Node, Kind::Operator]),
    ("/wgcni.admin.v1.AdminService/CreateTicket", OPERATORS),
    ("/wgcni.admin.v1.AdminService/ListTickets", OPERATORS),
    ("/wgcni.admin.v1.AdminService/RevokeTicket", OPERATORS),
    ("/wgcni.admin.v1.AdminService/ShowSecurityKey", OPERATORS),
    ("/wgcni.admin.v1.AdminService/RotateSecurityKey", OPERATORS),
    ("/wgcni.admin.v1.AdminService/CreateToken", OPERATORS),
    ("/wgcni.admin.v1.AdminService/ListTokens", OPERATORS),
    ("/wgcni.admin.v1.AdminService/RevokeToken", OPERATORS),
    ("/wgcni.admin.v1.AdminService/ListMembers", OPERATORS),
    ("/wgcni.admin.v1.AdminService/AddNode", OPERATORS),
    ("/wgcni.admin.v1.AdminService/RevokeMember", OPERATORS),
    ("/wgcni.admin.v1.AdminService/RemoveMember", OPERATORS),
    ("/wgcni.admin.v1.AdminService/ListAudit", OPERATORS),
    ("/wgcni.admin.v1.AdminService/Status", OPERATORS),
    ("/wgcni.view.v1.ReportService/Report", NODES),
    ("/wgcni.view.v1.ViewService/ListReports", OPERATORS),
    ("/grpc.health.v1.Health/Check", EVERYBODY),
    ("/grpc.health.v1.Health/Watch", READERS),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", READERS),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", READERS),
    (crate::rest::PATH, JOINERS),
    (wgcni_telemetry::PATH, &[Kind::Root]),
];

/// Whether `kind` may call `path`.
pub fn may(path: &str, kind: Kind) -> bool {
    METHODS.iter().any(|(method, who)| *method == path && who.contains(&kind))
}

/// How many requests were refused; clones share it.
pub(crate) type Denied = Arc<AtomicU64>;

/// Refuses what the table does not allow, before anything else looks at the request.
pub(crate) async fn authorize(
    State(denied): State<Denied>,
    request: Request,
    next: Next,
) -> Response {
    // A listener that says nothing of its callers has none that may anything.
    let kind = request.extensions().get::<Caller>().map(|caller| Kind::of(&caller.who));
    match kind {
        Some(kind) if may(request.uri().path(), kind) => next.run(request).await,
        kind => {
            denied.fetch_add(1, Ordering::Relaxed);
            let kind = kind.map_or("you", Kind::name);
            let error = ConnectError::permission_denied(format!("this is not for {kind}"));
            error.into_http_response(request.headers()).map(axum::body::Body::new)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_nobodys() {
        let all = [Kind::Node, Kind::Operator, Kind::Root, Kind::Anyone, Kind::Plaintext];
        for path in [
            "/",
            "",
            "/wgcni.admin.v1.AdminService/",
            "/wgcni.admin.v1.AdminService/Shutdown",
            "/wgcni.admin.v1.AdminService/Status/",
            "//wgcni.admin.v1.AdminService/Status",
            "/WGCNI.admin.v1.AdminService/Status",
            "/wgcni.node.v1.AttachmentService/Attach",
        ] {
            assert!(all.iter().all(|kind| !may(path, *kind)), "{path}");
        }
    }

    #[test]
    fn nobody_is_in_the_table_twice_and_no_node_administers() {
        let mut seen = BTreeSet::new();
        for (path, who) in METHODS {
            assert!(seen.insert(path), "{path}");
            let admin = path.starts_with("/wgcni.admin.");
            let view = path.starts_with("/wgcni.view.v1.ViewService/");
            assert!(!(admin || view) || *who == OPERATORS, "{path}");
            let open = who.contains(&Kind::Anyone);
            let health = *path == "/grpc.health.v1.Health/Check";
            assert!(!open || *who == JOINERS || health, "{path}");
        }
    }
}
