//! What identities cost: joining, handshakes and calls with mutual TLS, each beside the
//! same in plaintext.

use std::time::{Duration, Instant};

use wgcni_api::admin_v1::CreateTicketRequest;
use wgcni_api::client::ClusterManager;
use wgcni_api::identity_v1::WhoAmIRequest;
use wgcni_api::ipam_v1::AllocateRequest;
use wgcni_api::wireguard_v1::ListPeersRequest;
use wgcni_channel::client::{Joiner, Member, Session, join};
use wgcni_identity::JoinString;
use wgcni_model::{NodeName, PrivateKey};

use crate::process::{Process, name};
use crate::{Entry, percentile};

/// Below what one address may do at once, so that no limit is measured.
const JOINS: u32 = 40;
const HANDSHAKES: usize = 160;
const AT_ONCE: usize = 4;
const CALLS: usize = 1_000;
const TIMEOUT: Duration = Duration::from_secs(30);

pub async fn measure() -> Vec<Entry> {
    let (safe, plain) = (Process::secure(), Process::start());
    let (joining, member) = join_latency(&safe, &plain).await;
    vec![joining, handshakes(&member, &plain).await, calls(&member, &plain).await]
}

async fn join_latency(safe: &Process, plain: &Process) -> (Entry, Member) {
    let (mut ours, mut other) = (Vec::new(), Vec::new());
    let mut last = None;
    for n in 0..JOINS {
        let request = CreateTicketRequest::default();
        let ticket = safe.root().admin.create_ticket(request).await.unwrap().into_owned();
        let ticket: JoinString = ticket.join.parse().unwrap();
        let start = Instant::now();
        last = Some(join_one(&ticket, n).await);
        ours.push(millis(start));
        // A node in plaintext has joined when it has its lease.
        let start = Instant::now();
        let request = AllocateRequest { node: name(n), ..Default::default() };
        plain.client().ipam.allocate(request).await.unwrap();
        other.push(millis(start));
    }
    let entry = Entry {
        name: "join_p50_ms",
        ours: percentile(&mut ours, 0.5),
        other: percentile(&mut other, 0.5),
        unit: "ms",
        n: ours.len(),
        beside: "a lease over a new connection in plaintext",
    };
    (entry, last.unwrap())
}

async fn join_one(ticket: &JoinString, n: u32) -> Member {
    let node: NodeName = name(n).parse().unwrap();
    let mut secret = [9; 32];
    secret[1..5].copy_from_slice(&n.to_be_bytes());
    let mesh = PrivateKey::from_random(secret);
    let joiner = Joiner {
        join: ticket,
        name: &node,
        mesh_key: Some(&mesh),
        held: Vec::new(),
        known: false,
        control_key: None,
    };
    join(joiner).await.unwrap().member
}

async fn handshakes(member: &Member, plain: &Process) -> Entry {
    let session = || {
        let client = Session::new(member.clone(), None).cluster_manager(TIMEOUT);
        async move {
            client.identity.who_am_i(WhoAmIRequest::default()).await.unwrap();
        }
    };
    let ours = per_second(session).await;
    let other = per_second(|| {
        let client = plain.client();
        async move {
            client.wireguard.list_peers(ListPeersRequest::default()).await.unwrap();
        }
    })
    .await;
    Entry {
        name: "handshakes_per_s",
        ours,
        other,
        unit: "/s",
        n: HANDSHAKES,
        beside: "connections in plaintext; a call over each, 4 at once",
    }
}

/// How often something is done in a second, some at a time.
async fn per_second<F: Future<Output = ()> + Send + 'static>(make: impl Fn() -> F) -> f64 {
    let start = Instant::now();
    for _ in 0..HANDSHAKES / AT_ONCE {
        let some: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(make())).collect();
        for one in some {
            one.await.unwrap();
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let done = HANDSHAKES as f64;
    done / start.elapsed().as_secs_f64()
}

async fn calls(member: &Member, plain: &Process) -> Entry {
    let session = Session::new(member.clone(), None);
    let (safe, plain) = (session.cluster_manager(TIMEOUT), plain.client());
    let (mut ours, mut other) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        ours.push(call(&safe).await);
        other.push(call(&plain).await);
    }
    Entry {
        name: "rpc_mtls_p99_ms",
        ours: percentile(&mut ours, 0.99),
        other: percentile(&mut other, 0.99),
        unit: "ms",
        n: CALLS,
        beside: "the same call in plaintext, in turn",
    }
}

async fn call(client: &ClusterManager) -> f64 {
    let request = AllocateRequest { node: name(JOINS - 1), ..Default::default() };
    let start = Instant::now();
    client.ipam.allocate(request).await.unwrap();
    millis(start)
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
