//! A cluster, its server, and clients.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::routing::{get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use wgcni_channel::server::{Caller, Caps, Door, Gate, Live, Server, ServerKey, Who};
use wgcni_channel::tls::{Credentials, Trust, client_config};
use wgcni_identity::{Authority, ControlKey, IdentityId, Lifetime, Pin, Role};
use wgcni_model::ClusterId;

/// Whatever must end in time ends long before.
pub const SOON: Duration = Duration::from_secs(10);

/// How long something lasts here that lasts seconds elsewhere.
pub const SHORT: Duration = Duration::from_millis(300);

pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

pub const DAY: Duration = Duration::from_hours(24);

pub fn today() -> Lifetime {
    Lifetime { from: now(), length: DAY }
}

/// A member's credentials.
pub struct Member {
    pub who: (Role, IdentityId, Pin),
    key: ControlKey,
    certificate: Vec<u8>,
}

impl Member {
    pub fn credentials(&self) -> Credentials {
        credentials(&self.key, self.certificate.clone())
    }

    pub fn config(&self, trust: &Trust) -> ClientConfig {
        client_config(trust, Some(self.credentials())).unwrap()
    }
}

pub fn credentials(key: &ControlKey, certificate: Vec<u8>) -> Credentials {
    (vec![certificate.into()], PrivateKeyDer::Pkcs8(key.to_der().to_vec().into()))
}

pub fn authority(cluster: u8, key: ControlKey) -> Authority {
    let cluster = ClusterId::from_random([cluster; 16]);
    Authority::new(cluster, key, Lifetime { from: now(), length: DAY * 3650 }).unwrap()
}

pub fn trust(authority: &Authority) -> Trust {
    Trust { cluster: authority.cluster().clone(), ca: authority.pin() }
}

/// A node with a certificate for some time.
pub fn node(authority: &Authority, id: u8, lifetime: Lifetime) -> Member {
    let key = ControlKey::generate().unwrap();
    let who = (Role::Node, IdentityId::from_random([id; 8]));
    let request = key.request().unwrap();
    let issued = authority.issue_member(&request, who, lifetime, [id; 16]).unwrap();
    Member { who: (who.0, who.1, key.pin()), key, certificate: issued.der }
}

/// Who is a member.
#[derive(Default)]
pub struct Registry(Mutex<HashSet<(Role, IdentityId, Pin)>>);

impl Registry {
    pub fn add(&self, member: &Member) {
        self.0.lock().unwrap().insert(member.who);
    }

    pub fn remove(&self, member: &Member) {
        self.0.lock().unwrap().remove(&member.who);
    }
}

impl Gate for Registry {
    fn admits(&self, role: Role, id: IdentityId, key: Pin) -> bool {
        self.0.lock().unwrap().contains(&(role, id, key))
    }
}

/// A cluster with one listener.
pub struct Cluster {
    pub authority: Authority,
    pub key: ServerKey,
    pub registry: Arc<Registry>,
    pub live: Live,
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
    pub waiting: Arc<AtomicUsize>,
    _end: DropGuard,
}

pub async fn main_door(caps: Caps) -> Cluster {
    let registry = Arc::new(Registry::default());
    let gate: Arc<dyn Gate> = registry.clone();
    serve(Door::Members(gate), registry, caps).await
}

pub async fn join_door(caps: Caps) -> Cluster {
    serve(Door::Anyone, Arc::default(), caps).await
}

pub async fn serve(door: Door, registry: Arc<Registry>, caps: Caps) -> Cluster {
    let authority = authority(1, ControlKey::generate().unwrap());
    let key = ServerKey::new(&authority, &["localhost".into()], now()).unwrap();
    serve_as(authority, key, door, registry, caps).await
}

pub async fn serve_as(
    authority: Authority,
    key: ServerKey,
    door: Door,
    registry: Arc<Registry>,
    caps: Caps,
) -> Cluster {
    let (live, shutdown) = (Live::default(), CancellationToken::new());
    let server = Server::new(key.clone(), door, live.clone(), caps).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let waiting = Arc::default();
    let router = router(Arc::clone(&waiting));
    let task = tokio::spawn(server.serve(listener, router, shutdown.clone()));
    let end = shutdown.clone().drop_guard();
    Cluster { authority, key, registry, live, address, shutdown, task, waiting, _end: end }
}

fn router(waiting: Arc<AtomicUsize>) -> Router {
    let endless = async || {
        let chunks = futures::stream::repeat(()).then(async |()| {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok::<_, Infallible>(Bytes::from_static(b"tick"))
        });
        Body::from_stream(chunks)
    };
    let wait = async move || {
        waiting.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    };
    let panic = async || -> () { panic!("a handler's mistake, made on purpose") };
    Router::new()
        .route("/", get(async |Extension(caller): Extension<Caller>| format!("{:?}", caller.who)))
        .route("/exporter", get(async |Extension(caller): Extension<Caller>| exported(&caller)))
        .route("/echo", post(async |body: Bytes| body))
        .route("/late", get(async || tokio::time::sleep(SHORT).await))
        .route("/endless", get(endless))
        .route("/wait", get(wait))
        .route("/panic", get(panic))
}

fn exported(caller: &Caller) -> Bytes {
    Bytes::copy_from_slice(caller.exporter.unwrap().as_bytes())
}

impl Cluster {
    pub fn trust(&self) -> Trust {
        trust(&self.authority)
    }

    /// A node that the registry knows.
    pub fn node(&self, id: u8) -> Member {
        let member = node(&self.authority, id, today());
        self.registry.add(&member);
        member
    }

    /// What the server says to this member of who it is.
    pub fn expected(member: &Member) -> String {
        let (role, id, key) = member.who;
        format!("{:?}", Who::Member { role, id, key })
    }

    pub async fn connect(&self, member: &Member) -> Client {
        self.connect_as(member.config(&self.trust())).await.unwrap()
    }

    pub async fn connect_as(&self, config: ClientConfig) -> io::Result<Client> {
        Ok(Client::over(tls(self.address, config).await?).await)
    }

    /// Who the server says that asks with this configuration.
    pub async fn who(&self, config: ClientConfig) -> String {
        let mut client = self.connect_as(config).await.unwrap();
        text(client.get("/").await.unwrap()).await
    }

    /// Why whoever connects with this configuration is refused.
    pub async fn refusal(&self, config: ClientConfig) -> String {
        let refusal = async {
            match tls(self.address, config).await {
                // A client's handshake is done before the server has seen its certificate.
                Ok(mut stream) => stream.read_u8().await.map(drop).unwrap_err(),
                Err(error) => error,
            }
        };
        reason(&timeout(SOON, refusal).await.expect("a refusal comes soon"))
    }
}

pub fn reason(error: &dyn std::error::Error) -> String {
    let source = error.source().map(reason).unwrap_or_default();
    format!("{error}: {source}")
}

pub async fn tls(address: SocketAddr, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    shake(TcpStream::connect(address).await?, config).await
}

pub async fn shake(tcp: TcpStream, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// A TCP connection from a loopback address of its own.
pub async fn from(source: [u8; 4], to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(to).await
}

/// HTTP/2 over one connection.
pub struct Client {
    pub sender: SendRequest<Body>,
    pub connection: JoinHandle<Result<(), hyper::Error>>,
}

impl Client {
    pub async fn over(stream: TlsStream<TcpStream>) -> Self {
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { sender, connection: tokio::spawn(connection) }
    }

    pub async fn get(&mut self, path: &str) -> Result<Response<Incoming>, hyper::Error> {
        self.send(request(path)).await
    }

    pub async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        timeout(SOON, self.sender.send_request(request)).await.expect("an answer comes soon")
    }

    pub async fn status(&mut self, path: &str) -> StatusCode {
        self.get(path).await.unwrap().status()
    }

    /// The connection ends soon, whoever ends it.
    pub async fn ends(self) {
        let _ = timeout(SOON, self.connection).await.expect("the connection ends soon");
    }
}

pub fn request(path: &str) -> Request<Body> {
    Request::get(format!("https://cluster-manager{path}")).body(Body::empty()).unwrap()
}

pub async fn text(answer: Response<Incoming>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The next bytes of an answer under way, or why there are none.
pub async fn chunk(answer: &mut Response<Incoming>) -> Result<Bytes, String> {
    let frame = timeout(SOON, answer.body_mut().frame()).await.expect("bytes or an end");
    match frame {
        Some(Ok(frame)) => Ok(frame.into_data().unwrap_or_default()),
        Some(Err(error)) => Err(reason(&error)),
        None => Err("the end".into()),
    }
}

/// The stream under way ends soon.
pub async fn ends(mut answer: Response<Incoming>) {
    let all = async { while chunk(&mut answer).await.is_ok() {} };
    timeout(SOON, all).await.expect("the stream ends soon");
}
