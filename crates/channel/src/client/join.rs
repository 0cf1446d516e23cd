//! Joining: both calls over one connection, one address after the other.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::client::{ClientConfig, SharedHttp2Connection};
use connectrpc::{ConnectError, ErrorCode};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use wgcni_api::identity_service::JoinServiceClient;
use wgcni_api::identity_v1::{
    self as wire, BeginJoinRequest, FinishJoinRequest, FinishJoinResponse,
};
use wgcni_fault::around;
use wgcni_identity::{CertificateRequest, ControlKey, JoinString, Role, Subject};
use wgcni_model::{Cluster, Field, FieldError, NodeName, Prefix, Prefixes, PrivateKey};

use super::dial::dial_one;
use super::line::{Cause, Line, Trouble, http2};
use super::member::{Member, check_addresses, read_ca, read_certificate};
use super::proving::{Binding, prove};
use super::{Attempt, Trust, Unreachable, Why, now, shown};
use crate::tls;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);

/// How often all addresses are asked, when an answer was lost on the way: the other end may
/// have made the identity.
const ROUNDS: usize = 2;

/// Largest answer: a certificate and some text.
const MAX_ANSWER: usize = 64 * 1024;

/// Who wants to join, and with what.
#[derive(Debug, Clone)]
pub struct Joiner<'a> {
    /// Where, and what entitles.
    pub join: &'a JoinString,
    /// The name that it shall have.
    pub name: &'a NodeName,
    /// A node's mesh key; none for an operator.
    pub mesh_key: Option<&'a PrivateKey>,
    /// What a node that joined before holds: a wish.
    pub held: Vec<Prefix>,
    /// The mesh key is a member's already, and that entitles, whatever the string holds.
    pub known: bool,
    /// The key to be certified, where it must outlive this process so that a lost answer
    /// costs nothing ([`MemberFiles::pending_key`](super::MemberFiles::pending_key)); none:
    /// a new one.
    pub control_key: Option<Arc<ControlKey>>,
}

/// Somebody who joined.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The member, to be stored.
    pub member: Member,
    /// The cluster.
    pub cluster: Cluster,
    /// A node's prefixes; none for an operator.
    pub lease: Option<Prefixes>,
}

/// Why somebody did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No address did. Trying again may help.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The cluster-manager does not want the joiner, and says why to operators only.
    #[error(
        "{name} was refused; `wgcni audit tail` at the cluster says why. A ticket that was used \
         or is too old needs a new one: `wgcni ticket create`"
    )]
    Refused {
        /// Who.
        name: NodeName,
    },
    /// A field of the request is malformed.
    #[error("the cluster-manager cannot read the request: {0}")]
    Field(String),
    /// There is no room, or there were too many attempts.
    #[error("the cluster-manager has no room: {0}")]
    Exhausted(String),
    /// The cluster-manager failed.
    #[error("the cluster-manager failed: {0}")]
    Server(String),
    /// The answer is not what it should be.
    #[error("the cluster-manager's answer cannot be used: {0}")]
    Answer(#[from] FieldError),
    /// A key, a proof or a certificate cannot be used.
    #[error("prove who joins")]
    Identity(#[from] wgcni_identity::Error),
    /// TLS cannot be set up.
    #[error("set up TLS: {0}")]
    Tls(String),
    /// The system has no randomness.
    #[error("get random bytes: {0}")]
    Random(String),
}

/// Joins a cluster. A refusal is final; where the connection is the problem, the next address
/// is tried.
///
/// # Errors
/// When nobody was reached, or the joiner was refused.
pub async fn join(joiner: Joiner<'_>) -> Result<Joined, JoinError> {
    let key = match &joiner.control_key {
        Some(key) => Arc::clone(key),
        None => Arc::new(ControlKey::generate()?),
    };
    let request = key.request()?;
    let tls = tls::client_config(&Trust::from(joiner.join), None);
    let tls = Arc::new(tls.map_err(|error| JoinError::Tls(error.to_string()))?);
    let mut tried = Vec::new();
    for _ in 0..ROUNDS {
        let mut answer_lost = false;
        for address in &joiner.join.addresses {
            let why = match dial_one(address, &tls).await {
                Ok(stream) => match ask(&joiner, &request, stream).await {
                    Ok(answer) => return accept(&joiner, key, answer),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Lost(why)) => {
                        answer_lost = true;
                        why
                    }
                },
                Err(why) => why,
            };
            tried.push(Attempt { address: address.clone(), why });
        }
        if !answer_lost {
            break;
        }
    }
    Err(Unreachable { tried }.into())
}

/// How asking one address ended.
enum Failure {
    /// Another address says nothing else.
    Final(JoinError),
    /// The connection was the problem.
    Lost(Why),
}

impl<E: Into<JoinError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

async fn ask(
    joiner: &Joiner<'_>,
    request: &CertificateRequest,
    stream: TlsStream<TcpStream>,
) -> Result<FinishJoinResponse, Failure> {
    let binding = Binding::of(&stream)?;
    let trouble = Trouble::default();
    let lost = |error: ConnectError| failure(&error, &trouble, joiner.name);
    let authority = Uri::from_static("https://cluster-manager");
    let config = ClientConfig::new(authority.clone())
        .with_default_timeout(CALL)
        .with_default_max_message_size(MAX_ANSWER);
    let connection = only(stream, authority, trouble.clone()).await.map_err(lost)?;
    let client = JoinServiceClient::new(connection, config);
    let challenge = client.begin_join(BeginJoinRequest::default()).await.map_err(lost)?;
    let proofs: FinishJoinRequest = prove(joiner, request, &binding, challenge.into_owned())?;
    let answer = around!("join.finish", client.finish_join(proofs).await);
    Ok(answer.map_err(lost)?.into_owned())
}

/// HTTP/2 over this connection and no other: proofs hold for the connection that they were
/// made for.
async fn only(
    stream: TlsStream<TcpStream>,
    authority: Uri,
    trouble: Trouble,
) -> Result<SharedHttp2Connection, ConnectError> {
    let line = Line::new(stream, CancellationToken::new(), trouble);
    let mut line = Some(TokioIo::new(line));
    let connector = tower::service_fn(move |_: Uri| {
        let line = line.take().ok_or_else(|| std::io::Error::other("the connection is gone"));
        std::future::ready(line)
    });
    let connection = http2(CALL).connect_with_connector(connector, authority).await?;
    Ok(connection.shared(2))
}

fn failure(error: &ConnectError, trouble: &Trouble, name: &NodeName) -> Failure {
    let text = shown(error.message.as_deref().unwrap_or(error.code.as_str()));
    match error.code {
        ErrorCode::PermissionDenied => Failure::Final(JoinError::Refused { name: name.clone() }),
        ErrorCode::InvalidArgument => Failure::Final(JoinError::Field(text)),
        ErrorCode::ResourceExhausted => Failure::Final(JoinError::Exhausted(text)),
        code if is_lost(code, error) => Failure::Lost(match trouble.get() {
            Some(Cause::Line(why)) => why,
            _ => Why::Lost(text),
        }),
        _ => Failure::Final(JoinError::Server(text)),
    }
}

/// Whether an error is the connection's; what came over the wire has no source.
fn is_lost(code: ErrorCode, error: &ConnectError) -> bool {
    use ErrorCode::{Aborted, Canceled, DeadlineExceeded, Unavailable};
    matches!(code, Unavailable | DeadlineExceeded | Canceled | Aborted)
        || std::error::Error::source(error).is_some()
}

fn accept(
    joiner: &Joiner<'_>,
    key: Arc<ControlKey>,
    answer: FinishJoinResponse,
) -> Result<Joined, JoinError> {
    let Trust { cluster, ca } = Trust::from(joiner.join);
    let bad = |field: &str, why: &str| Err(JoinError::from(FieldError::new(field, why)));
    if answer.cluster_id != cluster.as_str() {
        return bad("cluster_id", "is another cluster's");
    }
    let name: NodeName = answer.name.parse().field("name")?;
    if name != *joiner.name {
        return bad("name", "is another one");
    }
    let wanted = if joiner.mesh_key.is_some() { Role::Node } else { Role::Operator };
    if answer.role != wire_role(wanted) {
        return bad("role", "is not what this command joins as");
    }
    let id = answer.identity_id.parse().field("identity_id")?;
    read_ca(&answer.ca_certificate, ca)?;
    let subject = Subject::Member(wanted, id);
    let read = read_certificate(&answer.certificate, &cluster, subject, key.pin())?;
    check_addresses("addresses", &answer.addresses)?;
    let (space, lease) = prefixes(&answer, wanted)?;
    let member = Member {
        cluster: cluster.clone(),
        ca,
        ca_certificate: answer.ca_certificate,
        name,
        role: wanted,
        id,
        addresses: answer.addresses,
        join_addresses: joiner.join.addresses.clone(),
        counter: answer.counter,
        certificate: answer.certificate,
        key,
        issued: now(),
        not_after: read.not_after,
    };
    Ok(Joined { member, cluster: Cluster { id: cluster, prefixes: space }, lease })
}

fn wire_role(role: Role) -> wire::Role {
    match role {
        Role::Node => wire::Role::ROLE_NODE,
        Role::Operator => wire::Role::ROLE_OPERATOR,
    }
}

/// The cluster's address space, and the lease inside it.
fn prefixes(
    answer: &FinishJoinResponse,
    role: Role,
) -> Result<(Prefixes, Option<Prefixes>), FieldError> {
    let space = dual("cluster_prefixes", &answer.cluster_prefixes)?;
    if role == Role::Operator {
        return Ok((space, None));
    }
    let lease = dual("lease", &answer.lease)?;
    if !space.cover(&lease) {
        return Err(FieldError::new("lease", "is not inside the cluster's prefixes"));
    }
    Ok((space, Some(lease)))
}

fn dual(field: &str, texts: &[String]) -> Result<Prefixes, FieldError> {
    if texts.len() > 2 {
        return Err(FieldError::new(field, "has more than two prefixes"));
    }
    let prefixes: Result<Vec<Prefix>, _> = texts.iter().map(|text| text.parse()).collect();
    Prefixes::from_items(prefixes.field(field)?).field(field)
}
