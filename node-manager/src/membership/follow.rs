//! Following the stream of peers: what it says becomes the wish only once it is proven to
//! be consistent, and is kept on disk.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::ConnectError;
use connectrpc::client::CallOptions;
use wgcni_api::watch::Event;
use wgcni_api::wireguard_v1::WatchPeersRequest;
use wgcni_daemon::Backoff;
use wgcni_model::{FieldError, Snapshot};
use wgcni_store::Store;

use super::client::Uplink;
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
    #[error("stream of peers: a change came before a snapshot")]
    Early,
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
    let mut follower = Follower { uplink, said: None };
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
    loop {
        let error = match follower.stream(&mut backoff).await {
            Ok(()) => StreamError::Ended,
            Err(error) => error,
        };
        if matches!(error, StreamError::Event(_) | StreamError::Early) {
            // What we hold may not be what the server thinks: from the start again.
            follower.said = Some(Snapshot::default());
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
        let wait = backoff.fail(&mut rand::rng());
        tokio::time::sleep(wait).await;
    }
}

struct Follower<'a, S> {
    uplink: &'a Uplink<S>,
    /// What the server says, believed or not; `None`: what is believed.
    said: Option<Snapshot>,
}

impl<S: Store> Follower<'_, S> {
    async fn stream(&mut self, backoff: &mut Backoff) -> Result<(), StreamError> {
        let uplink = self.uplink;
        let held = self.said.get_or_insert_with(|| believed(uplink));
        let request = WatchPeersRequest {
            node: uplink.config.node.to_string(),
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

    async fn take(&mut self, event: Event) -> Result<(), StreamError> {
        match event {
            Event::Snapshot(snapshot) => self.said = Some(snapshot),
            Event::Delta(delta) => match &mut self.said {
                Some(said) if said.revision.0 > 0 => said.apply(delta),
                _ => return Err(StreamError::Early),
            },
            // What was refused under another lease may be right under this one.
            Event::Heartbeat if self.uplink.link.borrow().peers.is_some() => {}
            Event::Heartbeat => return Ok(()),
        }
        self.believe().await;
        Ok(())
    }

    /// Makes what the server says the wish, if it can be true.
    async fn believe(&self) {
        let uplink = self.uplink;
        let Some(said) = &self.said else { return };
        let Some(current) = uplink.membership.borrow().clone() else { return };
        let verdict = check(said, &current.cluster, &current.lease, uplink.mesh_key);
        let problem = verdict.as_ref().err().map(|refusal| Arc::from(refusal.to_string()));
        uplink.link.send_if_modified(|link| {
            let changed = link.peers != problem;
            if changed && let Some(problem) = &problem {
                tracing::error!(%problem, revision = %said.revision, "peers refused; the old ones stay");
            }
            link.peers = problem;
            changed
        });
        if verdict.is_ok() {
            tracing::debug!(revision = %said.revision, peers = said.peers.len(), "peers");
            let membership = Membership { peers: Arc::new(said.clone()), ..current };
            keep_on_disk(uplink, &membership).await;
            uplink.wish(membership);
        }
    }
}

fn believed<S>(uplink: &Uplink<S>) -> Snapshot {
    let current = uplink.membership.borrow();
    current.as_ref().map_or_else(Snapshot::default, |m| (*m.peers).clone())
}

/// Writes believed peers to the disk, before the kernel has them: a start without the
/// cluster-manager must never take away what the last run had. The stream waits meanwhile;
/// the cluster-manager skips a slow reader forward.
async fn keep_on_disk<S: Store>(uplink: &Uplink<S>, membership: &Membership) {
    let (files, peers) = (uplink.files.clone(), Arc::clone(&membership.peers));
    let cluster = membership.cluster.id.clone();
    let write = tokio::task::spawn_blocking(move || files.store_peers(&cluster, &peers));
    match write.await {
        Ok(Ok(())) => {}
        // The mesh does not wait for a disk that is full.
        Ok(Err(error)) => tracing::error!(%error, "keep the peers on disk"),
        Err(error) => tracing::error!(%error, "keep the peers on disk"),
    }
}
