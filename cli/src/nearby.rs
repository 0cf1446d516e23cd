//! The node-manager of this machine, behind its socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use connectrpc::client::UnaryResponse;
use connectrpc::{ConnectError, ErrorCode};
use wgcni_api::client::NodeView;
use wgcni_api::node_v1 as wire;
use wgcni_api::view::{Attachment, PeerSeen};
use wgcni_model::{FieldError, NodeName};

use crate::Failure;
use crate::args::ReachArgs;
use crate::table::clean;

/// Where node-managers listen.
const SOCKET: &str = "/run/wgcni/node.sock";

/// What a node-manager has that was in a cluster once. The directory above it may be there
/// since its package was installed.
const LEASE: &str = "/var/lib/wgcni/node-manager/lease.json";

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);

/// The node-manager of this machine.
#[derive(Clone)]
pub(crate) struct Nearby {
    client: NodeView,
    socket: PathBuf,
    /// Whether it was said where it is.
    said: bool,
}

/// What there is of one kind, and why it is not known what passed.
pub(crate) struct Listed<T> {
    pub all: Vec<T>,
    pub trouble: Option<String>,
}

/// The mesh as one node sees it.
pub(crate) struct Mesh {
    pub node: NodeName,
    pub peers: Listed<PeerSeen>,
}

impl Nearby {
    /// The one that is meant. To be called inside a runtime.
    pub fn new(args: &ReachArgs) -> Self {
        let socket = args.node_socket.clone().unwrap_or_else(|| SOCKET.into());
        let client = NodeView::new(&socket, CALL);
        Self { client, socket, said: args.node_socket.is_some() }
    }

    /// Whether this machine has one, be it running or not.
    pub fn is_there(&self) -> bool {
        self.said || self.socket.exists() || Path::new(LEASE).exists()
    }

    /// How the node is.
    pub async fn status(&self) -> Result<wire::StatusResponse, Failure> {
        let answer = self.client.node.status(wire::StatusRequest::default()).await;
        Ok(self.answer(answer)?.into_owned())
    }

    /// All attachments, in the order of their keys.
    pub async fn attachments(&self) -> Result<Listed<Attachment>, Failure> {
        let (mut all, mut trouble) = (Vec::new(), None);
        let mut request = wire::ListAttachmentsRequest::default();
        loop {
            let answer = self.client.view.list_attachments(request.clone()).await;
            let page = self.answer(answer)?.into_owned();
            note(&mut trouble, &page.trouble);
            let parsed: Result<Vec<_>, _> =
                page.attachments.into_iter().map(Attachment::try_from).collect();
            all.append(&mut parsed.map_err(|error| unreadable(&error))?);
            match all.last() {
                Some(last) if page.more => {
                    request.after = wire::AttachmentKey::from(&last.key).into();
                }
                _ => return Ok(Listed { all, trouble }),
            }
        }
    }

    /// All mesh peers, by name.
    pub async fn mesh(&self) -> Result<Mesh, Failure> {
        let (mut all, mut trouble) = (Vec::new(), None);
        let mut request = wire::ListPeersRequest::default();
        loop {
            let answer = self.client.view.list_peers(request.clone()).await;
            let page = self.answer(answer)?.into_owned();
            note(&mut trouble, &page.trouble);
            let parsed: Result<Vec<_>, _> =
                page.peers.into_iter().map(PeerSeen::try_from).collect();
            all.append(&mut parsed.map_err(|error| unreadable(&error))?);
            match all.last() {
                Some(last) if page.more => request.after = last.node.to_string(),
                _ => {
                    let node = page.node.parse().map_err(|error| {
                        Failure::failed(format!("the node-manager's answer: {error}"))
                    })?;
                    return Ok(Mesh { node, peers: Listed { all, trouble } });
                }
            }
        }
    }

    fn answer<V>(
        &self,
        result: Result<UnaryResponse<V>, ConnectError>,
    ) -> Result<UnaryResponse<V>, Failure> {
        result.map_err(|error| failure(&error, &self.socket))
    }
}

fn note(trouble: &mut Option<String>, said: &str) {
    if trouble.is_none() && !said.is_empty() {
        *trouble = Some(clean(said));
    }
}

fn unreadable(error: &FieldError) -> Failure {
    Failure::failed(format!(
        "the node-manager's answer: {}; is it of another version?",
        clean(&error.to_string())
    ))
}

fn failure(error: &ConnectError, socket: &Path) -> Failure {
    let said = clean(error.message.as_deref().unwrap_or(error.code.as_str()));
    // What came over the wire has no source; what the connection did has one.
    let connection = std::error::Error::source(error).is_some();
    match error.code {
        ErrorCode::Unavailable if connection => Failure::unreached(format!(
            "reach the node-manager at {}: is this a node, does it run (`systemctl start \
             node-manager`), and are you root?",
            clean(&socket.display().to_string())
        )),
        ErrorCode::Unavailable => Failure::unreached(format!("the node-manager: {said}")),
        ErrorCode::DeadlineExceeded => Failure::late("the node-manager did not answer in time"),
        ErrorCode::Unimplemented => Failure::failed(format!(
            "the node-manager does not know this call ({said}): it is of an older version"
        )),
        _ => Failure::failed(format!("the node-manager: {said}")),
    }
}
