//! A node that joins a cluster, and what becomes of it there: over real TLS, with a
//! cluster-manager that lets in whom the test says.
#![allow(clippy::unwrap_used)]

mod manager;

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use connectrpc::{ConnectError, RequestContext, Response, Router, ServiceRequest, ServiceResult};
use manager::{Leases, Script};
use node_manager::attachments::Attachments;
use node_manager::channel::{Channel, ChannelError, member_files};
use node_manager::config::{Config, Settings};
use node_manager::identity::Identity;
use node_manager::membership::{Ends, Files, LinkState, Uplink};
use node_manager::reconcile::Reconciler;
use tokio::net::TcpListener;
use tokio::sync::watch;
use wgcni_api::identity_service::JoinService;
use wgcni_api::identity_v1 as wire;
use wgcni_api::identity_v1::finish_join_request::Credential;
use wgcni_channel::server::{Caps, Door, Gate, Live, Server, ServerKey};
use wgcni_daemon::CancellationToken;
use wgcni_daemon::config::Flags;
use wgcni_identity::{
    Authority, CertificateRequest, ControlKey, IdentityId, JoinCredential, JoinString, Lifetime,
    Pin, Role, Secret, TicketId,
};
use wgcni_model::{ClusterId, PrivateKey};
use wgcni_store::MemoryStore;

const SOON: Duration = Duration::from_secs(30);
const DAY: u64 = 86_400;

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// A cluster with two listeners on the loopback.
#[derive(Clone)]
struct Cluster {
    authority: Arc<Authority>,
    /// Whether members are let in, and joiners.
    open: Arc<AtomicBool>,
    /// How long new certificates are good, in seconds.
    life: Arc<AtomicU64>,
    /// What joiners came with.
    credentials: Arc<Mutex<Vec<&'static str>>>,
    script: Arc<Script>,
    live: Live,
    main: String,
    join: String,
}

impl Gate for Cluster {
    fn admits(&self, _: Role, _: IdentityId, _: Pin) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}

impl Cluster {
    async fn start() -> Self {
        let id = ClusterId::from_random((7_u128).to_be_bytes());
        let lifetime = Lifetime { from: now(), length: Duration::from_secs(10 * DAY) };
        let authority = Authority::new(id, ControlKey::generate().unwrap(), lifetime).unwrap();
        let (main, join) = (listener().await, listener().await);
        let cluster = Self {
            authority: Arc::new(authority),
            open: Arc::new(AtomicBool::new(true)),
            life: Arc::new(AtomicU64::new(DAY)),
            credentials: Arc::default(),
            script: Arc::default(),
            live: Live::default(),
            main: main.local_addr().unwrap().to_string(),
            join: join.local_addr().unwrap().to_string(),
        };
        let members =
            Router::new().add_service(Arc::new(Leases)).add_service(Arc::clone(&cluster.script));
        let gate = Door::Members(Arc::new(cluster.clone()));
        cluster.serve(main, gate, Caps::main(), members);
        let joining = Router::new().add_service(Arc::new(cluster.clone()));
        cluster.serve(join, Door::Anyone, Caps::join(), joining);
        cluster
    }

    fn serve(&self, listener: TcpListener, door: Door, caps: Caps, router: Router) {
        let key = ServerKey::new(&self.authority, &["127.0.0.1".to_owned()], now()).unwrap();
        let server = Server::new(key, door, self.live.clone(), caps).unwrap();
        let router = axum::Router::new().fallback_service(router.into_axum_service());
        tokio::spawn(server.serve(listener, router, CancellationToken::new()));
    }

    fn string(&self, credential: JoinCredential) -> String {
        let join = JoinString {
            cluster: self.authority.cluster().clone(),
            ca: self.authority.pin(),
            addresses: vec![self.join.clone()],
            credential,
        };
        join.to_text().to_string()
    }

    fn ticket(&self) -> String {
        let secret = Secret::from_random([9; 32]);
        self.string(JoinCredential::Ticket(TicketId::from_random([3; 8]), secret))
    }

    /// Lets nobody in any more, whoever is in included.
    fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
        self.live.retain(|_, _, _| false);
    }

    fn came_with(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.credentials.lock().unwrap())
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

#[allow(refining_impl_trait)]
impl JoinService for Cluster {
    async fn begin_join(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::BeginJoinRequest>,
    ) -> ServiceResult<wire::BeginJoinResponse> {
        let ephemeral = PrivateKey::from_random([5; 32]).public_key();
        Response::ok(wire::BeginJoinResponse {
            challenge: vec![1, 2, 3],
            server_nonce: vec![4; 32],
            server_ephemeral: ephemeral.as_bytes().to_vec(),
            expires_in_seconds: 30,
            ..Default::default()
        })
    }

    async fn finish_join(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::FinishJoinRequest>,
    ) -> ServiceResult<wire::FinishJoinResponse> {
        let request = request.to_owned_message();
        self.credentials.lock().unwrap().push(match request.credential {
            Some(Credential::TicketId(_)) => "ticket",
            Some(Credential::SecurityKey(_)) => "security key",
            Some(Credential::Whitelist(_)) => "whitelist",
            Some(Credential::KnownKey(_)) => "known key",
            None => "nothing",
        });
        if !self.open.load(Ordering::Relaxed) {
            return Err(ConnectError::permission_denied("refused"));
        }
        assert_eq!((request.mesh_proof.len(), request.mesh_public_key.len()), (32, 32));
        let asked = CertificateRequest::from_der(&request.certificate_request).unwrap();
        let id = IdentityId::from_random([6; 8]);
        let length = Duration::from_secs(self.life.load(Ordering::Relaxed));
        let lifetime = Lifetime { from: now(), length };
        let issued = self.authority.issue_member(&asked, (Role::Node, id), lifetime, [1; 16]);
        let issued = issued.unwrap();
        Response::ok(wire::FinishJoinResponse {
            certificate: issued.der,
            ca_certificate: self.authority.certificate().der.clone(),
            identity_id: id.to_string(),
            role: wire::Role::ROLE_NODE.into(),
            name: request.name,
            counter: 1,
            not_after_unix_ms: u64::try_from(issued.not_after.as_millis()).unwrap(),
            lease: vec!["10.64.1.0/24".to_owned()],
            cluster_id: self.authority.cluster().to_string(),
            cluster_prefixes: vec!["10.64.0.0/12".to_owned()],
            addresses: vec![self.main.clone()],
            ..Default::default()
        })
    }
}

/// Runs the program, with something on its standard input.
async fn node_manager(state: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node-manager"));
    command.args(args).arg("--state-dir").arg(state).args(["--log", "info"]);
    command.args(["--config", "/dev/null"]).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let run = move || {
        let mut child = command.spawn().unwrap();
        // One that ends without reading is fine.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    settings: Flags<Settings>,
}

fn config(state: &Path, flags: &str) -> Config {
    let state = state.display();
    let line = format!("x --endpoint 192.0.2.1 --state-dir {state} {flags}");
    let cli = Cli::parse_from(line.split_whitespace());
    let file = tempfile::NamedTempFile::new().unwrap();
    Config::load(Some(file.path().to_owned()), &cli.settings).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_with_one_string_and_says_so_in_one_line() {
    let (cluster, dir) = (Cluster::start().await, tempfile::tempdir().unwrap());
    let state = dir.path().join("state");
    let ticket = cluster.ticket();
    let output = node_manager(&state, &["join", "--name", "one"], &ticket).await;
    let line = out(&output);
    assert_eq!(line.lines().count(), 1, "{line}");
    let said = format!("one joined cluster {:032x} with 10.64.1.0/24; its certificate ends ", 7);
    assert!(line.starts_with(&said), "{line}");
    assert_eq!(cluster.came_with(), ["ticket"]);
    let secret = &ticket[100..140];
    assert!(!format!("{output:?}").contains(secret));
    for file in ["mesh.key", "hub.key", "lease.json", "member/member.json", "member/control.key"] {
        assert_eq!(state.join(file).metadata().unwrap().mode() & 0o777, 0o600, "{file}");
        let text = std::fs::read_to_string(state.join(file)).unwrap();
        assert!(!text.contains(secret), "{file}");
    }
    // A script that runs at every start leaves it alone, whatever the string.
    let again = node_manager(&state, &["join", "--unless-joined"], "used up").await;
    let already = format!("one is in cluster {:032x} already: nothing to do\n", 7);
    assert_eq!(out(&again), already);
    // Once more: under its own name, and the string as an argument.
    out(&node_manager(&state, &["join", &ticket], "").await);
    assert_eq!(cluster.came_with(), ["ticket"]);
    let other = node_manager(&state, &["join", "-", "--name", "two"], &ticket).await;
    assert!(error(&other).contains("this node is one in this cluster"));
    // Its certificate is good: its own key is not tried.
    cluster.open.store(false, Ordering::Relaxed);
    let refused = error(&node_manager(&state, &["join"], &ticket).await);
    assert!(refused.contains("one was refused"), "{refused}");
    assert_eq!(cluster.came_with(), ["ticket"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_one_cluster_joins_no_other() {
    let (cluster, dir) = (Cluster::start().await, tempfile::tempdir().unwrap());
    let state = dir.path();
    std::fs::set_permissions(state, std::fs::Permissions::from_mode(0o700)).unwrap();
    out(&node_manager(state, &["join", "--name", "one"], &cluster.ticket()).await);
    let mut other: JoinString = cluster.ticket().parse().unwrap();
    other.cluster = ClusterId::from_random([8; 16]);
    let refused = error(&node_manager(state, &["join"], &other.to_text()).await);
    assert!(refused.contains("node-manager leave"), "{refused}");
    assert!(refused.contains("cleanup --purge"), "{refused}");
    for (bad, why) in [("", "no join string"), ("wgcni1.AAAA", "join string"), ("x\n", "join")] {
        let refused = error(&node_manager(state, &["join"], bad).await);
        assert!(refused.contains(why), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_the_whitelist_is_one_line_and_joins() {
    let (cluster, dir) = (Cluster::start().await, tempfile::tempdir().unwrap());
    let state = dir.path().join("state");
    let line = out(&node_manager(&state, &["init", "--whitelist"], "").await);
    let key = Identity::load_or_make(&state).unwrap().public().mesh;
    assert_eq!(line, format!("{key}\n"));
    assert_eq!(out(&node_manager(&state, &["init"], "").await), line);
    let string = cluster.string(JoinCredential::Key);
    out(&node_manager(&state, &["join", "--name", "one"], &string).await);
    assert_eq!(cluster.came_with(), ["whitelist"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_and_membership_exclude_each_other() {
    let (cluster, dir) = (Cluster::start().await, tempfile::tempdir().unwrap());
    let state = dir.path().join("state");
    let open = |flags: &str| Channel::open(&config(&state, flags));
    assert!(matches!(open(""), Err(ChannelError::NotJoined)));
    assert!(matches!(open("--cluster-manager 192.0.2.1:7400"), Err(ChannelError::NotJoined)));
    assert_eq!(open("--node x --insecure-plaintext").unwrap().label(), "insecure plaintext");
    let run = dir.path().join("run");
    let serve = ["serve", "--run-dir", run.to_str().unwrap()];
    let refused = error(&node_manager(&state, &serve, "").await);
    assert!(refused.contains("not joined: run node-manager join"), "{refused}");
    let insecure = ["join", "--name", "one", "--insecure-plaintext"];
    let refused = error(&node_manager(&state, &insecure, &cluster.ticket()).await);
    assert!(refused.contains("a member does not speak plaintext"), "{refused}");
    assert_eq!(cluster.came_with(), <[&str; 0]>::default());

    out(&node_manager(&state, &["join", "--name", "one"], &cluster.ticket()).await);
    assert!(matches!(open("--insecure-plaintext"), Err(ChannelError::Plaintext(_))));
    assert!(matches!(open("--node two"), Err(ChannelError::Name { .. })));
    let channel = open("").unwrap();
    assert_eq!((channel.label(), channel.node().as_str()), ("mtls", "one"));
    assert_eq!(channel.addresses(), std::slice::from_ref(&cluster.main));
    let given = open("--cluster-manager 192.0.2.1:7400,192.0.2.2:7400").unwrap();
    assert_eq!(given.addresses(), ["192.0.2.1:7400", "192.0.2.2:7400"]);
    let key = state.join("member/control.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = open("").unwrap_err().to_string();
    assert!(refused.contains("mode 0640") && refused.contains("control.key"), "{refused}");
}

/// A joined node's conversation with its cluster.
struct Node {
    link: watch::Receiver<LinkState>,
    state: tempfile::TempDir,
}

impl Node {
    async fn join(cluster: &Cluster) -> Self {
        let state = tempfile::tempdir().unwrap();
        std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        out(&node_manager(state.path(), &["join", "--name", "one"], &cluster.ticket()).await);
        cluster.came_with();
        let (link, _) = watch::channel(LinkState::default());
        Self { link: link.subscribe(), state }
    }

    async fn talk(&mut self) {
        let path = self.state.path();
        let config = Arc::new(config(path, ""));
        let channel = Channel::open(&config).unwrap();
        let reconciler = Arc::new(Reconciler::default());
        let (store, r) = (MemoryStore::new(), Arc::clone(&reconciler));
        let attachments = Attachments::open(store, r, "boot", Duration::ZERO).await.unwrap();
        let (identity, files) = (Identity::load_or_make(path).unwrap(), Files::new(path));
        let membership = files.load(channel.node()).unwrap().unwrap();
        let ends = Ends { config, channel, keys: identity.public(), files };
        let uplink = Uplink::new(ends, Arc::new(attachments), reconciler);
        uplink.adopt(membership).unwrap();
        self.link = uplink.link();
        tokio::spawn(async move { uplink.run(&identity.mesh).await });
    }

    async fn link(&mut self, is_so: impl FnMut(&LinkState) -> bool) -> LinkState {
        let link = tokio::time::timeout(SOON, self.link.wait_for(is_so)).await;
        link.unwrap().unwrap().clone()
    }

    /// TLS looks at whole seconds.
    async fn outlive_its_certificate(&self) {
        while now() < self.not_after() + Duration::from_secs(1) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn not_after(&self) -> Duration {
        member_files(self.state.path()).load().unwrap().unwrap().not_after
    }
}

async fn registered(cluster: &Cluster) {
    let mut registered = cluster.script.registered.subscribe();
    let some = registered.wait_for(|all| !all.is_empty());
    tokio::time::timeout(SOON, some).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_registers_over_tls_and_a_revoked_one_says_so_and_waits() {
    let cluster = Cluster::start().await;
    let mut node = Node::join(&cluster).await;
    node.talk().await;
    registered(&cluster).await;
    assert_eq!(node.link(|link| !link.refused).await.certificate, None);
    cluster.close();
    node.link(|link| link.refused && !link.connected).await;
    // It does not knock all the time.
    let calls = cluster.script.registered.borrow().len();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cluster.script.registered.borrow().len(), calls);
    assert_eq!(cluster.came_with(), <[&str; 0]>::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_certificate_expired_while_it_was_away_joins_again_by_its_key() {
    let cluster = Cluster::start().await;
    cluster.life.store(1, Ordering::Relaxed);
    let mut node = Node::join(&cluster).await;
    node.outlive_its_certificate().await;
    cluster.life.store(DAY, Ordering::Relaxed);
    node.talk().await;
    registered(&cluster).await;
    assert_eq!(cluster.came_with(), ["known key"]);
    assert!(node.not_after() > now());
    assert!(!node.link(|link| link.certificate.is_none()).await.refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_where_the_cluster_manager_has_moved() {
    let cluster = Cluster::start().await;
    cluster.life.store(1, Ordering::Relaxed);
    let node = Node::join(&cluster).await;
    node.outlive_its_certificate().await;
    cluster.life.store(DAY, Ordering::Relaxed);
    // Where it joined there is nobody any more.
    let path = node.state.path();
    let mut member = member_files(path).load().unwrap().unwrap();
    let port = cluster.join.rsplit_once(':').unwrap().1;
    member.join_addresses = vec![format!("127.0.0.9:{port}")];
    member_files(path).store(&member).unwrap();
    let mesh = Identity::load_or_make(path).unwrap().mesh;
    let rejoin = async |flags: &str| {
        Channel::open(&config(path, flags)).unwrap().rejoin_if_expired(&mesh, Vec::new()).await
    };
    assert!(rejoin("").await.is_err());
    rejoin(&format!("--cluster-manager {}", cluster.main)).await.unwrap();
    assert_eq!(cluster.came_with(), ["known key"]);
    assert!(node.not_after() > now());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_whose_certificate_expired_says_both() {
    let cluster = Cluster::start().await;
    cluster.life.store(1, Ordering::Relaxed);
    let mut node = Node::join(&cluster).await;
    node.outlive_its_certificate().await;
    cluster.close();
    node.talk().await;
    let link = node.link(|link| link.refused && link.certificate.is_some()).await;
    let why = link.certificate.unwrap();
    assert!(why.contains("the certificate expired") && why.contains("refused"), "{why}");
    assert_eq!(cluster.came_with(), ["known key"]);
}
