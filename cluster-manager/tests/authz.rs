//! Who may call what, over real sockets.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::io::Write as _;

use buffa::Message;
use buffa_descriptor::generated::descriptor::FileDescriptorSet;
use cluster_manager::authz::{Kind, METHODS, may};
use common::safe::{Safe, client, low_order, mesh};
use common::{allocate, refusal, registration};
use connectrpc::ErrorCode;
use wgcni_api::Registration;
use wgcni_api::admin_v1::ListMembersRequest;
use wgcni_api::client::ClusterManager;
use wgcni_api::ipam_v1::{ListRequest, ReleaseRequest};
use wgcni_api::wireguard_v1::{DeregisterPeerRequest, ListPeersRequest};
use wgcni_channel::client::{Member, Session};
use wgcni_model::{Endpoints, Revision};

/// Every method of every service of the contract, as a path.
fn contract() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode_from_slice(wgcni_api::DESCRIPTORS).unwrap();
    let mut methods = BTreeSet::new();
    for file in set.file {
        let package = file.package.unwrap_or_default();
        for service in file.service {
            let name = service.name.unwrap_or_default();
            for method in service.method {
                let method = method.name.unwrap_or_default();
                methods.insert(format!("/{package}.{name}/{method}"));
            }
        }
    }
    methods
}

/// The method that ends the caller's membership.
const LEAVE: &str = "/wgcni.identity.v1.IdentityService/Leave";

/// The methods of the contract in an order in which a member can call all of them.
fn contract_to_call() -> impl Iterator<Item = String> {
    let others = contract().into_iter().filter(|path| path != LEAVE);
    others.chain([LEAVE.to_owned()])
}

#[test]
fn every_method_of_the_contract_is_in_the_table_and_no_other() {
    let contract = contract();
    assert!(contract.len() > 25, "{contract:?}");
    let own = |path: &&String| !path.starts_with("/wgcni.node.v1.");
    for path in contract.iter().filter(own) {
        assert!(METHODS.iter().any(|(method, _)| method == path), "{path} is not in the table");
    }
    for (path, _) in METHODS.iter().filter(|(path, _)| path.starts_with("/wgcni.")) {
        assert!(contract.contains(*path), "{path} is no method");
    }
    let all = [Kind::Node, Kind::Operator, Kind::Root, Kind::Anyone, Kind::Plaintext];
    for path in contract.iter().filter(|path| !own(path)) {
        assert!(all.iter().all(|kind| !may(path, *kind)), "{path} is the node-manager's");
    }
}

/// Calls a method with an empty message and says how it was refused.
async fn call(member: &Member, path: &str) -> Option<(ErrorCode, String)> {
    use connectrpc::client::{CallOptions, ClientConfig, call_unary};
    use connectrpc::{Spec, StreamType};
    type Empty = wgcni_api::identity_v1::WhoAmIRequest;
    type Any = wgcni_api::identity_v1::__buffa::view::WhoAmIResponseView<'static>;
    let session = Session::new(member.clone(), None);
    let config = ClientConfig::new("http://cluster-manager".parse().unwrap());
    // As if it were unary: what the table refuses is refused before that matters.
    let spec = Spec::client(path.to_owned().leak(), StreamType::Unary);
    let (transport, options) = (session.connection(), CallOptions::default());
    let called = call_unary::<_, Empty, Any>(&transport, &config, spec, Empty::default(), options);
    called.await.err().map(|error| (error.code, error.message.unwrap_or_default()))
}

#[tokio::test]
async fn a_nodes_certificate_opens_no_method_of_operators_or_joiners() {
    let safe = Safe::new().await;
    let ash = safe.node("ash", &mesh(1)).await;
    let mut denied = 0;
    for path in contract_to_call() {
        let refused = call(&ash, &path).await;
        let told = refused.clone().is_some_and(|(code, message)| {
            code == ErrorCode::PermissionDenied && message == "this is not for a node"
        });
        assert_eq!(told, !may(&path, Kind::Node), "{path}: {refused:?}");
        denied += usize::from(told);
    }
    assert!(denied >= 15, "{denied}");
    // It left with the last call.
    let ash = safe.node("ash", &mesh(1)).await;
    let (code, message) =
        refusal(client(&ash).admin.list_members(ListMembersRequest::default()).await);
    assert_eq!((code, &*message), (ErrorCode::PermissionDenied, "this is not for a node"));
    safe.stop().await;
}

#[tokio::test]
async fn an_operator_administers_and_is_no_node() {
    let safe = Safe::new().await;
    let ann = safe.operator("ann").await;
    for path in contract_to_call() {
        let refused = call(&ann, &path).await;
        let told =
            refused.clone().is_some_and(|(_, message)| message == "this is not for an operator");
        assert_eq!(told, !may(&path, Kind::Operator), "{path}: {refused:?}");
    }
    // It left with the last call.
    let ann = client(&safe.operator("ann").await);
    assert_eq!(refusal(allocate(&ann, "ann").await).0, ErrorCode::PermissionDenied);
    assert!(ann.ipam.list(ListRequest::default()).await.is_ok());
}

#[tokio::test]
async fn root_has_the_socket_and_plaintext_has_no_administration() {
    let safe = Safe::new().await;
    assert!(safe.root.ipam.list(ListRequest::default()).await.is_ok());
    assert!(safe.root.wireguard.list_peers(ListPeersRequest::default()).await.is_ok());
    assert_eq!(refusal(allocate(&safe.root, "ash").await).0, ErrorCode::PermissionDenied);
    safe.node_ticket().await;
    let lines = safe.audit().await;
    assert!(lines[0].1.contains(r#""who":"root","what":"ticket.create""#), "{lines:?}");
    let served = common::Served::new().await;
    let (code, _) = refusal(served.client.admin.list_members(ListMembersRequest::default()).await);
    assert_eq!(code, ErrorCode::PermissionDenied);
    served.stop().await;
}

/// What a node would register of itself.
fn own(name: &str, n: u8) -> Registration {
    let node = name.parse().unwrap();
    let endpoints = Endpoints::try_from(vec!["192.0.2.1:51820".parse().unwrap()]).unwrap();
    Registration { node, mesh_key: mesh(n).public_key(), endpoints, ..registration(n) }
}

async fn register(
    client: &ClusterManager,
    registration: &Registration,
) -> Result<Revision, connectrpc::ConnectError> {
    let answer = client.wireguard.register_peer(registration.into()).await?;
    Ok(Revision(answer.into_owned().revision))
}

#[tokio::test]
async fn a_node_speaks_for_itself_alone() {
    let safe = Safe::new().await;
    let (ash, birch) = (safe.node("ash", &mesh(1)).await, safe.node("birch", &mesh(2)).await);
    let (ash, birch) = (client(&ash), client(&birch));
    register(&birch, &own("birch", 2)).await.unwrap();
    let denied = |result: Result<(), connectrpc::ConnectError>| {
        let (code, message) = refusal(result);
        assert_eq!(
            (code, &*message),
            (ErrorCode::PermissionDenied, "node: this caller is node ash")
        );
    };
    denied(allocate(&ash, "birch").await.map(drop));
    denied(register(&ash, &own("birch", 1)).await.map(drop));
    let node = "birch".to_owned();
    let release = ReleaseRequest { node: node.clone(), ..Default::default() };
    denied(ash.ipam.release(release).await.map(drop));
    let deregister = DeregisterPeerRequest { node, ..Default::default() };
    denied(ash.wireguard.deregister_peer(deregister).await.map(drop));
    let (code, message) = refusal(register(&ash, &own("ash", 2)).await);
    assert_eq!(code, ErrorCode::PermissionDenied);
    assert!(message.starts_with("mesh_public_key: is not the key"), "{message}");
    let stolen = Registration { hub_key: mesh(2).public_key(), ..own("ash", 1) };
    assert_eq!(refusal(register(&ash, &stolen).await).0, ErrorCode::AlreadyExists);
    register(&ash, &own("ash", 1)).await.unwrap();
    let peers = ash.wireguard.list_peers(ListPeersRequest::default()).await.unwrap().into_owned();
    assert_eq!(peers.peers.len(), 2);
}

#[tokio::test]
async fn endpoints_and_keys_that_nobody_can_have_are_refused() {
    let safe = Safe::new().await;
    let ash = client(&safe.node("ash", &mesh(1)).await);
    for bad in [
        "127.0.0.1:51820",
        "169.254.169.254:51820",
        "[fe80::1]:51820",
        "224.0.0.1:51820",
        "255.255.255.255:51820",
        "0.0.0.0:51820",
        "[::ffff:192.0.2.1]:51820",
        "10.64.0.1:51820",
        "[fd00::1]:51820",
        "192.0.2.1:0",
        "192.0.2.1:51820\n",
    ] {
        let mut request = wgcni_api::wireguard_v1::RegisterPeerRequest::from(&own("ash", 1));
        request.endpoints = vec![bad.to_owned()];
        let (code, message) = refusal(ash.wireguard.register_peer(request).await);
        assert_eq!(code, ErrorCode::InvalidArgument, "{bad}");
        assert!(message.starts_with("endpoints[0]: "), "{bad}: {message}");
    }
    for key in low_order() {
        for field in ["mesh_public_key", "hub_public_key"] {
            let mut request = wgcni_api::wireguard_v1::RegisterPeerRequest::from(&own("ash", 1));
            match field {
                "mesh_public_key" => request.mesh_public_key = key.to_vec(),
                _ => request.hub_public_key = key.to_vec(),
            }
            let (code, message) = refusal(ash.wireguard.register_peer(request).await);
            assert_eq!(code, ErrorCode::InvalidArgument);
            assert!(message.starts_with(field), "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_allocates_of_one_node_are_one_lease() {
    let safe = Safe::new().await;
    let ash = client(&safe.node("ash", &mesh(1)).await);
    let asking = (0..8).map(|_| {
        let ash = ash.clone();
        tokio::spawn(async move {
            let mut answers = BTreeSet::new();
            for _ in 0..1250 {
                match allocate(&ash, "ash").await {
                    Ok(lease) => _ = answers.insert(lease.prefixes),
                    // More than one member may ask in a second.
                    Err(error) => assert_eq!(error.code, ErrorCode::Unavailable, "{error}"),
                }
            }
            answers
        })
    });
    let mut answers = BTreeSet::new();
    for task in asking.collect::<Vec<_>>() {
        answers.extend(task.await.unwrap());
    }
    assert_eq!(answers.len(), 1);
    let list = safe.root.ipam.list(ListRequest::default()).await.unwrap().into_owned();
    assert_eq!((list.leases.len(), list.resting.len()), (1, 0));
}

/// A request to join with this body and encoding, as a program that is not ours sends it.
fn post(body: &[u8], encoding: &str) -> Vec<u8> {
    let head = format!(
        "POST /wgcni.identity.v1.JoinService/FinishJoin HTTP/1.1\r\nhost: x\r\n\
         content-type: application/json\r\nconnection: close\r\n\
         content-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Gzip of blanks (RFC 1952), by the program of that name.
fn bomb(megabytes: usize) -> Vec<u8> {
    use std::process::{Command, Stdio};
    let mut gzip = Command::new("gzip");
    let mut gzip = gzip.arg("-9").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for _ in 0..megabytes {
            input.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
    });
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

#[tokio::test]
async fn bombs_depths_and_sizes_are_refused() {
    let safe = Safe::new().await;
    let ca = safe.node_ticket().await.ca;
    let before = rss();
    let deep = "[".repeat(10_000);
    let deep = format!(r#"{{"held":{deep}"#);
    let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(16 * 1024));
    let many = format!(r#"{{"held":[{}""]}}"#, r#""","#.repeat(5_000));
    let bomb = bomb(8);
    assert!(bomb.len() < 16 * 1024, "{}", bomb.len());
    for (what, request) in [
        ("a gzip bomb", post(&bomb, "gzip")),
        ("JSON that is deep", post(deep.as_bytes(), "identity")),
        ("a message that is long", post(long.as_bytes(), "identity")),
        ("a list that is long", post(many.as_bytes(), "identity")),
        ("an encoding that is none", post(b"{}", "x")),
    ] {
        let answer = safe.http1(ca, &request).await;
        assert!(
            answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 501"),
            "{what}: {answer}"
        );
    }
    // Members may send more, and not much.
    let ash = client(&safe.node("ash", &mesh(1)).await);
    let (code, _) = refusal(allocate(&ash, &"a".repeat(65 * 1024)).await);
    assert_eq!(code, ErrorCode::ResourceExhausted);
    assert!(allocate(&ash, "ash").await.is_ok(), "an honest call is answered");
    let grown = rss().saturating_sub(before);
    assert!(grown < 64 << 20, "grew by {grown} bytes");
}

/// Memory of this process in bytes.
fn rss() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn plaintext_ends_for_ever_once_somebody_has_joined() {
    let store: std::sync::Arc<dyn wgcni_store::Store> =
        std::sync::Arc::new(wgcni_store::MemoryStore::new());
    let safe = Safe::with(std::sync::Arc::clone(&store), |_| ()).await;
    safe.node("ash", &mesh(1)).await;
    safe.stop().await;
    let served = common::Served::with(common::config(), store).await;
    let error = served.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("in plaintext anybody could take their place"), "{error}");
}
