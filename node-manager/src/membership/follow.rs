//! Following the stream of peers: what it says becomes the wish only once it is proven to
//! be consistent, and is kept on disk.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::ConnectError;
use connectrpc::client::CallOptions;
use tokio::time::Instant;
use wgcni_api::watch::Event;
use wgcni_api::wireguard_v1::WatchPeersRequest;
use wgcni_daemon::Backoff;
use wgcni_model::{ClusterId, FieldError, Gap, Peer, Revision, Snapshot};
use wgcni_store::Store;

use super::client::{Uplink, note_refused};
use super::doubt::Doubt;
use super::{Membership, check};

/// Longest silence before the stream is taken for dead; heartbeats come every 10 s.
const SILENCE: Duration = Duration::from_secs(45);

/// Longest life of a stream; what follows resumes where it ended.
const LIFE: Duration = Duration::from_hours(24);

/// Why the stream ended.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("stream of peers: {}: {}", .0.code.as_str(), .0.message.as_deref().unwrap_or_default())]
    Call(#[from] ConnectError),
    #[error("stream of peers: {0}")]
    Event(#[from] FieldError),
    #[error("stream of peers: {0}")]
    Gap(#[from] Gap),
    #[error("stream of peers: nothing came for {} s", SILENCE.as_secs())]
    Silent,
    #[error("stream of peers: ended by the cluster-manager")]
    Ended,
}

/// Follows the stream for ever, from where it was left.
pub(super) async fn follow<S: Store>(uplink: &Uplink<S>) {
    let mut membership = uplink.membership();
    // The sender lives as long as the uplink.
    let _ = membership.wait_for(Option::is_some).await;
    let mut follower = Follower { uplink, said: None, doubt: None };
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
    loop {
        let error = match follower.stream(&mut backoff).await {
            Ok(()) => StreamError::Ended,
            Err(error) => error,
        };
        if matches!(error, StreamError::Event(_) | StreamError::Gap(_)) {
            follower.start_again();
        }
        if let StreamError::Event(error) = &error {
            // What cannot even be read is refused like the rest.
            note_refusal(uplink, None, Some(error.to_string()));
        }
        let refused = matches!(&error, StreamError::Call(e) if uplink.channel.is_refusal(e));
        if refused {
            note_refused(&uplink.link, true);
        }
        uplink.link.send_if_modified(|link| {
            let was = std::mem::replace(&mut link.connected, false);
            if was {
                tracing::warn!(%error, "stream of peers lost; peers stay as they are");
            } else {
                tracing::debug!(%error, "no stream of peers");
            }
            was
        });
        uplink.rest(refused, &mut backoff).await;
    }
}

struct Follower<'a, S> {
    uplink: &'a Uplink<S>,
    /// What the server says, believed or not; `None`: what is believed.
    said: Option<Snapshot>,
    /// Whether the server may know less than this node.
    doubt: Option<Doubt>,
}

impl<S: Store> Follower<'_, S> {
    async fn stream(&mut self, backoff: &mut Backoff) -> Result<(), StreamError> {
        let uplink = self.uplink;
        let held = self.said.get_or_insert_with(|| believed(uplink));
        let request = WatchPeersRequest {
            node: uplink.channel.node().to_string(),
            after_revision: held.revision.0,
            history: held.history.to_string(),
            ..Default::default()
        };
        // A call's own limit would end the stream; silence is what ends it.
        let options = CallOptions::default().with_timeout(LIFE);
        let stream = uplink.client.wireguard.watch_peers_with_options(request, options);
        let silent = |_| StreamError::Silent;
        let mut stream = tokio::time::timeout(SILENCE, stream).await.map_err(silent)??;
        loop {
            let message = tokio::time::timeout(SILENCE, stream.message()).await.map_err(silent)?;
            let Some(message) = message? else { return Ok(()) };
            backoff.succeed();
            self.take(Event::try_from(message.to_owned_message())?).await?;
            uplink.link.send_if_modified(|link| {
                let was = std::mem::replace(&mut link.connected, true);
                if !was {
                    tracing::info!("stream of peers is up");
                }
                !was
            });
        }
    }

    /// What is held may not be what the server thinks: asks for all of the same history.
    fn start_again(&mut self) {
        if let Some(said) = &mut self.said {
            *said = Snapshot { history: said.history.clone(), ..Snapshot::default() };
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), StreamError> {
        let said = self.said.get_or_insert_default();
        match event {
            Event::Snapshot { peers, supersedes } => {
                *said = peers;
                if !supersedes {
                    self.begin_to_doubt();
                }
            }
            Event::Delta(delta) => {
                if let Some(doubt) = &mut self.doubt {
                    doubt.note(&delta);
                }
                said.apply(delta)?;
            }
            Event::Heartbeat(history) => {
                said.history = history;
                let link = self.uplink.link.borrow().clone();
                // What was refused under another lease may be right under this one.
                if link.peers.is_none() && link.kept.is_none() {
                    return Ok(());
                }
            }
        }
        self.believe().await;
        Ok(())
    }

    /// The server does not know what this node held: it may have lost its store, or have
    /// one that was restored from a backup.
    fn begin_to_doubt(&mut self) {
        let uplink = self.uplink;
        uplink.forgotten.notify_one();
        let held = believed(uplink);
        if !held.peers.is_empty() {
            self.doubt = Some(Doubt::new(held, Instant::now() + uplink.config.keep_peers));
        }
    }

    /// Makes what the server says the wish, if it can be true.
    async fn believe(&mut self) {
        let uplink = self.uplink;
        let Some(said) = &self.said else { return };
        let Some(current) = uplink.membership.borrow().clone() else { return };
        let verdict = check(said, &current.cluster, &current.lease, uplink.keys);
        let refusal = verdict.as_ref().err().map(ToString::to_string);
        note_refusal(uplink, Some(said.revision), refusal);
        if verdict.is_err() {
            return;
        }
        let mut list = said.clone();
        self.doubt.take_if(|doubt| doubt.is_over(Instant::now()));
        if let Some(doubt) = &self.doubt {
            list = doubt.settle(said, &current, uplink.keys.mesh);
        }
        self.doubt.take_if(|_| list.peers == said.peers);
        note_kept(uplink, &list, said);
        tracing::debug!(revision = %list.revision, peers = list.peers.len(), "peers");
        let on_disk = self.doubt.as_ref().map(|doubt| doubt.unsettled(&list));
        let peers = Arc::new(list);
        let on_disk = on_disk.map_or_else(|| Arc::clone(&peers), Arc::new);
        let membership = Membership { peers, ..current };
        keep_on_disk(uplink, &membership.cluster.id, on_disk).await;
        uplink.wish(membership);
    }
}

/// Keeps why the list is refused, and logs it when it changes.
fn note_refusal<S>(uplink: &Uplink<S>, revision: Option<Revision>, refusal: Option<String>) {
    let problem: Option<Arc<str>> = refusal.map(Arc::from);
    let revision = revision.map(|revision| revision.0);
    uplink.link.send_if_modified(|link| {
        let changed = link.peers != problem;
        if changed && let Some(problem) = &problem {
            tracing::error!(%problem, revision, "peers refused; the old ones stay");
        }
        link.peers = problem;
        changed
    });
}

/// Keeps how many peers are believed in against the list, and logs it when it changes.
fn note_kept<S>(uplink: &Uplink<S>, list: &Snapshot, said: &Snapshot) {
    let differs = |peer: &&Peer| said.peers.get(&peer.node) != Some(peer);
    let kept = list.peers.values().filter(differs).count();
    let text = format!("{kept} peers that the cluster-manager has forgotten are kept for a while");
    let kept: Option<Arc<str>> = (list.peers != said.peers).then(|| text.into());
    uplink.link.send_if_modified(|link| {
        let changed = link.kept != kept;
        match &kept {
            Some(kept) if changed => tracing::warn!("{kept}"),
            None if changed => tracing::info!("peers are what the cluster-manager says again"),
            _ => {}
        }
        link.kept = kept;
        changed
    });
}

fn believed<S>(uplink: &Uplink<S>) -> Snapshot {
    let current = uplink.membership.borrow();
    current.as_ref().map_or_else(Snapshot::default, |m| (*m.peers).clone())
}

/// Writes believed peers to the disk, before the kernel has them: a start without the
/// cluster-manager must never take away what the last run had. The stream waits meanwhile;
/// the cluster-manager skips a slow reader forward.
async fn keep_on_disk<S: Store>(uplink: &Uplink<S>, cluster: &ClusterId, peers: Arc<Snapshot>) {
    let (files, cluster) = (uplink.files.clone(), cluster.clone());
    let write = tokio::task::spawn_blocking(move || files.store_peers(&cluster, &peers));
    match write.await {
        Ok(Ok(())) => {}
        // The mesh does not wait for a disk that is full.
        Ok(Err(error)) => tracing::error!(%error, "keep the peers on disk"),
        Err(error) => tracing::error!(%error, "keep the peers on disk"),
    }
}
