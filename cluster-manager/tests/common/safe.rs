//! A cluster-manager whose callers prove who they are, in this process, over real sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cluster_manager::authority::AuthorityFiles;
use cluster_manager::config::Config;
use cluster_manager::serve::{Listeners, run};
use connectrpc::ConnectError;
use connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wgcni_api::admin_v1::{
    CreateTicketRequest, ListAuditRequest, ListMembersRequest, Member as Row, StatusRequest,
};
use wgcni_api::client::ClusterManager;
use wgcni_api::identity_service::JoinServiceClient;
use wgcni_api::identity_v1::__buffa::oneof::finish_join_request::Credential;
use wgcni_api::identity_v1::{
    BeginJoinRequest, BeginJoinResponse, FinishJoinRequest, FinishJoinResponse,
};
use wgcni_channel::client::{Joiner, Member, Session, Trust, join};
use wgcni_channel::tls::{HTTP1, client_config};
use wgcni_daemon::CancellationToken;
use wgcni_daemon::socket::RootSocket;
use wgcni_identity::{
    Certificate, CertificateRequest, ControlKey, CredentialKind, Exporter, JoinCredential,
    JoinString, MeshProof, Pin, Secret, TicketId, Transcript,
};
use wgcni_model::{ClusterId, NodeName, PrivateKey, PublicKey};
use wgcni_store::{MemoryStore, Store};

use super::{DEADLINE, config};

/// What a joiner must read, whatever was wrong.
pub const REFUSED: &str = "refused; the reason is in the cluster's audit log";

/// A cluster-manager.
pub struct Safe {
    pub members: SocketAddr,
    pub joiners: SocketAddr,
    /// Root's client, on the unix socket.
    pub root: ClusterManager,
    pub dir: tempfile::TempDir,
    pub cluster: ClusterId,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<anyhow::Result<()>>,
}

pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

impl Safe {
    pub async fn new() -> Self {
        Self::with(Arc::new(MemoryStore::new()), |_| ()).await
    }

    pub async fn with(store: Arc<dyn Store>, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        AuthorityFiles::new(dir.path()).create(&config().cluster.id, now()).unwrap();
        Self::in_dir(dir, store, change).await
    }

    /// Ends, and starts again with the same keys and records after `meanwhile`.
    pub async fn restart(self, store: Arc<dyn Store>, meanwhile: impl FnOnce(&Path)) -> Self {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
        meanwhile(self.dir.path());
        Self::in_dir(self.dir, store, |_| ()).await
    }

    async fn in_dir(
        dir: tempfile::TempDir,
        store: Arc<dyn Store>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = config();
        config.insecure_plaintext = false;
        config.state_dir = dir.path().to_owned();
        config.socket = dir.path().join("cm.sock");
        config.whitelist_dir = dir.path().join("whitelisted-keys");
        config.advertise = vec!["127.0.0.1".to_owned()];
        change(&mut config);
        let cluster = config.cluster.id.clone();
        let keys = AuthorityFiles::new(dir.path()).load(&cluster).unwrap();
        let members = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // The same machine has many addresses in 127.0.0.0/8: all of them reach it.
        let joiners = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = joiners.local_addr().unwrap().port();
        let addresses =
            (members.local_addr().unwrap(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let root = RootSocket::bind(&config.socket).unwrap();
        let client = ClusterManager::unix(&config.socket, DEADLINE);
        let shutdown = CancellationToken::new();
        let listeners =
            Listeners { members, joiners: Some(joiners), root: Some(root), metrics: None };
        let task = tokio::spawn(run(config, store, Some(keys), listeners, shutdown.clone()));
        let (members, joiners) = addresses;
        Self { members, joiners, root: client, dir, cluster, shutdown, task }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn whitelist(&self) -> PathBuf {
        self.path("whitelisted-keys")
    }

    /// A ticket of this kind.
    pub async fn ticket(&self, request: CreateTicketRequest) -> JoinString {
        let made = self.root.admin.create_ticket(request).await.unwrap().into_owned();
        made.join.parse().unwrap()
    }

    /// A ticket for one node.
    pub async fn node_ticket(&self) -> JoinString {
        self.ticket(CreateTicketRequest::default()).await
    }

    /// The cluster, without a secret.
    pub async fn bare(&self) -> JoinString {
        JoinString { credential: JoinCredential::Key, ..self.node_ticket().await }
    }

    /// Joins a node by a ticket of its own.
    pub async fn node(&self, name: &str, mesh: &PrivateKey) -> Member {
        let join = self.node_ticket().await;
        enter(&join, name, Some(mesh)).await.unwrap()
    }

    /// Joins an operator.
    pub async fn operator(&self, name: &str) -> Member {
        let role = wgcni_api::identity_v1::Role::ROLE_OPERATOR.into();
        let join = self.ticket(CreateTicketRequest { role, ..Default::default() }).await;
        enter(&join, name, None).await.unwrap()
    }

    pub async fn rows(&self) -> Vec<Row> {
        let list = self.root.admin.list_members(ListMembersRequest::default()).await;
        list.unwrap().into_owned().members
    }

    /// The lines of the audit log.
    pub async fn audit(&self) -> Vec<(u64, String)> {
        let list = self.root.admin.list_audit(ListAuditRequest::default()).await;
        let entries = list.unwrap().into_owned().entries;
        entries.into_iter().map(|entry| (entry.sequence, entry.line)).collect()
    }

    pub async fn alarms(&self) -> Vec<String> {
        let status = self.root.admin.status(StatusRequest::default()).await;
        status.unwrap().into_owned().alarms
    }

    /// A connection to the join listener, to finish a join by hand.
    pub async fn joining(&self, ca: Pin) -> Joining {
        self.joining_from(ca, Ipv4Addr::LOCALHOST).await
    }

    /// From another address of this machine, since the listener counts by address.
    pub async fn joining_from(&self, ca: Pin, source: Ipv4Addr) -> Joining {
        let trust = Trust { cluster: self.cluster.clone(), ca };
        let stream = tls(&trust, self.joiners, source, None).await.unwrap();
        Joining::over(stream, self.cluster.clone()).await
    }

    /// Sends HTTP/1.1 to the join listener and gives what it answers, until it hangs up.
    pub async fn http1(&self, ca: Pin, request: &[u8]) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let trust = Trust { cluster: self.cluster.clone(), ca };
        let mut stream = tls(&trust, self.joiners, Ipv4Addr::LOCALHOST, Some(HTTP1)).await.unwrap();
        // Whoever refuses a request does not always read all of it.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

async fn tls(
    trust: &Trust,
    to: SocketAddr,
    from: Ipv4Addr,
    alpn: Option<&[u8]>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = client_config(trust, None).unwrap();
    if let Some(alpn) = alpn {
        config.alpn_protocols = vec![alpn.to_vec()];
    }
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    let name = ServerName::IpAddress(to.ip().into());
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// A client of the main listener, as a member.
pub fn client(member: &Member) -> ClusterManager {
    Session::new(member.clone(), None).cluster_manager(DEADLINE)
}

/// Joins as programs do.
pub async fn enter(
    join_string: &JoinString,
    name: &str,
    mesh: Option<&PrivateKey>,
) -> Result<Member, String> {
    let name: NodeName = name.parse().unwrap();
    let joiner = Joiner {
        join: join_string,
        name: &name,
        mesh_key: mesh,
        held: Vec::new(),
        known: false,
        control_key: None,
    };
    join(joiner).await.map(|joined| joined.member).map_err(|error| error.to_string())
}

pub fn mesh(n: u8) -> PrivateKey {
    PrivateKey::from_random([n; 32])
}

/// Writes a file of the whitelist directory.
pub fn list(directory: &Path, name: &str, key: PublicKey) {
    std::fs::write(directory.join(format!("{name}.pub")), format!("{key}\n")).unwrap();
}

/// A connection to the join listener.
pub struct Joining {
    pub client: JoinServiceClient<SharedHttp2Connection>,
    pub connection: Exporter,
    pub server: Pin,
    pub cluster: ClusterId,
}

impl Joining {
    async fn over(stream: TlsStream<TcpStream>, cluster: ClusterId) -> Self {
        let (_, tls) = stream.get_ref();
        let exported = tls.export_keying_material([0; 32], Exporter::LABEL, None).unwrap();
        let leaf = &tls.peer_certificates().unwrap()[0];
        let server = Certificate::from_der(leaf).unwrap().pin;
        let authority: http::Uri = "http://cluster-manager".parse().unwrap();
        let mut once = Some(hyper_util::rt::TokioIo::new(stream));
        let connector = tower::service_fn(move |_: http::Uri| {
            let stream = once.take().ok_or(std::io::ErrorKind::NotConnected);
            async move { Ok::<_, std::io::Error>(stream?) }
        });
        let http2 = Http2Connection::connect_with_connector(connector, authority.clone()).await;
        let config = ClientConfig::new(authority).with_default_timeout(DEADLINE);
        Self {
            client: JoinServiceClient::new(http2.unwrap().shared(16), config),
            connection: Exporter::from_bytes(exported),
            server,
            cluster,
        }
    }

    pub async fn begin(&self) -> BeginJoinResponse {
        self.client.begin_join(BeginJoinRequest::default()).await.unwrap().into_owned()
    }

    pub async fn finish(
        &self,
        request: FinishJoinRequest,
    ) -> Result<FinishJoinResponse, ConnectError> {
        Ok(self.client.finish_join(request).await?.into_owned())
    }

    /// Begins, proves, finishes.
    pub async fn join(&self, proofs: &Proofs) -> Result<FinishJoinResponse, ConnectError> {
        let challenge = self.begin().await;
        self.finish(proofs.request(self, &challenge)).await
    }
}

/// What somebody has who wants to join.
pub struct Proofs {
    pub name: NodeName,
    pub credential: CredentialKind,
    pub secret: Option<Secret>,
    pub mesh: Option<PrivateKey>,
    pub control: ControlKey,
}

impl Proofs {
    pub fn new(name: &str, join: &JoinString, mesh: PrivateKey) -> Self {
        let (credential, secret) = match &join.credential {
            JoinCredential::Ticket(id, secret) => {
                (CredentialKind::Ticket(*id), Some(secret.clone()))
            }
            JoinCredential::SecurityKey(secret) => {
                (CredentialKind::SecurityKey, Some(secret.clone()))
            }
            JoinCredential::Key => (CredentialKind::Whitelist, None),
        };
        let control = ControlKey::generate().unwrap();
        let name = name.parse().unwrap();
        Self { name, credential, secret, mesh: Some(mesh), control }
    }

    /// All proofs over what this connection and challenge are.
    pub fn request(&self, here: &Joining, challenge: &BeginJoinResponse) -> FinishJoinRequest {
        let request = self.control.request().unwrap();
        let client_nonce: [u8; 32] = [7; 32];
        let mesh_key = self.mesh.as_ref().map(PrivateKey::public_key);
        let transcript = Transcript {
            cluster: &here.cluster,
            server: here.server,
            connection: here.connection,
            challenge: &challenge.challenge,
            server_nonce: challenge.server_nonce[..].try_into().unwrap(),
            server_ephemeral: PublicKey::from_bytes(&challenge.server_ephemeral).unwrap(),
            client_nonce,
            name: &self.name,
            credential: self.credential,
            request: &request,
            mesh_key,
        };
        let proof = self.secret.as_ref().map(|s| s.prove(&transcript).unwrap().as_bytes().to_vec());
        let mesh_proof = self.mesh.as_ref().map(|m| MeshProof::new(m, &transcript));
        FinishJoinRequest {
            challenge: challenge.challenge.clone(),
            client_nonce: client_nonce.to_vec(),
            name: self.name.to_string(),
            credential: Some(wire(self.credential)),
            certificate_request: request.der().to_vec(),
            mesh_public_key: mesh_key.map(|k| k.as_bytes().to_vec()).unwrap_or_default(),
            credential_proof: proof.unwrap_or_default(),
            mesh_proof: mesh_proof.map(|p| p.as_bytes().to_vec()).unwrap_or_default(),
            ..Default::default()
        }
    }
}

pub fn wire(credential: CredentialKind) -> Credential {
    use wgcni_api::identity_v1::{KnownKeyCredential, SecurityKeyCredential, WhitelistCredential};
    match credential {
        CredentialKind::Ticket(id) => Credential::TicketId(TicketId::to_string(&id)),
        CredentialKind::SecurityKey => SecurityKeyCredential::default().into(),
        CredentialKind::Whitelist => WhitelistCredential::default().into(),
        CredentialKind::KnownKey => KnownKeyCredential::default().into(),
    }
}

/// A certificate request for a new key.
pub fn request() -> CertificateRequest {
    ControlKey::generate().unwrap().request().unwrap()
}

/// The 14 encodings of points of low order (<https://cr.yp.to/ecdh.html>): seven, and the
/// same with the bit that X25519 ignores.
pub fn low_order() -> Vec<[u8; 32]> {
    let hex = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let bytes = hex.map(|text| {
        std::array::from_fn(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
    });
    let high = |mut key: [u8; 32]| {
        key[31] |= 0x80;
        key
    };
    bytes.into_iter().flat_map(|key| [key, high(key)]).collect()
}

/// Asks again until it is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waited).await.unwrap_or_else(|_| panic!("not so: {what}"));
}
