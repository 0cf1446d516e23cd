//! A cluster-manager as far as joining and renewal go: the real server, real certificates
//! and proofs, and answers that can be lost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use connectrpc::ConnectRpcService;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use wgcni_channel::server::{Caps, Door, Gate, Live, Server, ServerKey};
use wgcni_identity::{
    Authority, CertificateRequest, ControlKey, IdentityId, JoinCredential, JoinString, Lifetime,
    Pin, Role, Sealer, Secret, TicketId,
};
use wgcni_model::ClusterId;

use crate::services::{Joining, Members};

pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

/// A member as the cluster knows it.
#[derive(Clone)]
pub struct Known {
    pub role: Role,
    pub key: Pin,
    pub former: Option<Pin>,
    pub counter: u64,
    pub revoked: bool,
}

/// What the cluster knows and does.
pub struct State {
    pub authority: Authority,
    pub sealer: Sealer,
    pub secret: Secret,
    pub members: Mutex<BTreeMap<IdentityId, Known>>,
    pub calls: Mutex<Vec<&'static str>>,
    /// Calls whose answer is lost after all was done.
    pub lose: Mutex<usize>,
    pub refuse: Mutex<bool>,
    pub life: Mutex<Duration>,
    pub key: ServerKey,
    pub main: Mutex<Vec<String>>,
    live: Live,
}

/// A cluster that serves until it is dropped.
pub struct Cluster {
    pub state: Arc<State>,
    pub join: JoinString,
    pub join_address: SocketAddr,
    _stop: DropGuard,
}

struct ByRegistry(Arc<State>);

impl Gate for ByRegistry {
    fn admits(&self, role: Role, id: IdentityId, key: Pin) -> bool {
        self.0.members.lock().unwrap().get(&id).is_some_and(|known| {
            let keys = [Some(known.key), known.former];
            !known.revoked && known.role == role && keys.contains(&Some(key))
        })
    }
}

impl Cluster {
    pub async fn start() -> Self {
        Self::start_at(now()).await
    }

    /// A cluster whose server's certificate was made at `time`.
    pub async fn start_at(time: Duration) -> Self {
        let id = ClusterId::from_random(rand::random());
        let ca = ControlKey::generate().unwrap();
        let ten_years = Lifetime { from: time, length: Duration::from_hours(24 * 3650) };
        let authority = Authority::new(id.clone(), ca, ten_years).unwrap();
        let key = ServerKey::new(&authority, &["localhost".into()], time).unwrap();
        let (secret, ticket) = (Secret::from_random([9; 32]), TicketId::from_random([3; 8]));
        let pin = authority.pin();
        let state = Arc::new(State {
            authority,
            sealer: Sealer::new(&Secret::from_random([1; 32])).unwrap(),
            secret: secret.clone(),
            members: Mutex::default(),
            calls: Mutex::default(),
            lose: Mutex::default(),
            refuse: Mutex::default(),
            life: Mutex::new(Duration::from_hours(24)),
            key: key.clone(),
            main: Mutex::default(),
            live: Live::default(),
        });
        let stop = CancellationToken::new();
        let router = connectrpc::Router::new().add_service(Arc::new(Joining(Arc::clone(&state))));
        let join_address = serve(&state, Door::Anyone, Caps::join(), router, &stop).await;
        let door = Door::Members(Arc::new(ByRegistry(Arc::clone(&state))));
        let router = connectrpc::Router::new().add_service(Arc::new(Members(Arc::clone(&state))));
        let main = serve(&state, door, Caps::main(), router, &stop).await;
        *state.main.lock().unwrap() = vec![main.to_string()];
        let join = JoinString {
            cluster: id,
            ca: pin,
            addresses: vec![join_address.to_string()],
            credential: JoinCredential::Ticket(ticket, secret),
        };
        Self { state, join, join_address, _stop: stop.drop_guard() }
    }

    pub fn calls(&self) -> Vec<&'static str> {
        self.state.calls.lock().unwrap().clone()
    }

    pub fn only(&self) -> Known {
        let members = self.state.members.lock().unwrap();
        assert_eq!(members.len(), 1);
        members.values().next().unwrap().clone()
    }

    /// Revokes everybody, and cuts their connections.
    pub fn revoke_all(&self) {
        self.state.members.lock().unwrap().values_mut().for_each(|known| known.revoked = true);
        self.state.live.retain(|_, _, _| false);
    }
}

async fn serve(
    state: &State,
    door: Door,
    caps: Caps,
    router: connectrpc::Router,
    stop: &CancellationToken,
) -> SocketAddr {
    let server = Server::new(state.key.clone(), door, state.live.clone(), caps).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback_service(ConnectRpcService::new(router));
    tokio::spawn(server.serve(listener, app, stop.clone()));
    address
}

impl State {
    pub fn call(&self, name: &'static str) {
        self.calls.lock().unwrap().push(name);
    }

    pub fn certify(&self, request: &CertificateRequest, role: Role, id: IdentityId) -> Vec<u8> {
        let lifetime = Lifetime { from: now(), length: *self.life.lock().unwrap() };
        let issued = self.authority.issue_member(request, (role, id), lifetime, rand::random());
        issued.unwrap().der
    }

    /// The identity of a joiner: the same for the same key.
    pub fn remember(&self, role: Role, key: Pin) -> IdentityId {
        let known = Known { role, key, former: None, counter: 1, revoked: false };
        let mut members = self.members.lock().unwrap();
        let same = members.iter().find(|(_, known)| known.key == key).map(|(id, _)| *id);
        let id = same.unwrap_or_else(|| IdentityId::from_random(rand::random()));
        members.insert(id, known);
        id
    }

    /// Whether this answer is to be lost.
    pub fn loses(&self) -> bool {
        let mut lose = self.lose.lock().unwrap();
        let loses = *lose > 0;
        *lose = lose.saturating_sub(1);
        loses
    }
}
