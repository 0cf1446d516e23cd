//! Streams of peers: every change is encoded once and shared by all who watch.
//!
//! No stream has a queue. A watch channel holds the newest change alone; a reader
//! that missed some finds that it is behind and gets what it lacks in one piece.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connectrpc::{ConnectError, PreEncoded};
use futures::Stream;
use tokio::sync::watch;
use tokio::time::sleep;
use wgcni_api::watch::{change, heartbeat, snapshot};
use wgcni_api::wireguard_v1::WatchPeersResponse;
use wgcni_daemon::CancellationToken;
use wgcni_model::{History, Revision};

use crate::Registry;

/// After a change, how long further ones wait, to be sent as one.
const COALESCE: Duration = Duration::from_millis(100);

/// An encoded event.
pub(crate) type Event = PreEncoded<WatchPeersResponse>;

/// The newest change: leads from any revision between `from` and `to` to `to`.
struct News {
    from: Revision,
    to: Revision,
    event: Option<Event>,
}

/// Where all streams hear of changes.
pub(crate) struct Hub {
    registry: Arc<Registry>,
    news: watch::Sender<Arc<News>>,
    /// The last ones made, since many ask at once after a restart: for those whose past
    /// is not known, and for those whose is.
    snapshots: Mutex<[Option<(Revision, Event)>; 2]>,
    heartbeat: Duration,
    shutdown: CancellationToken,
}

impl Hub {
    pub fn new(
        registry: Arc<Registry>,
        heartbeat: Duration,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        let at = registry.revision();
        let (news, _) = watch::channel(Arc::new(News { from: at, to: at, event: None }));
        Arc::new(Self { registry, news, snapshots: Mutex::default(), heartbeat, shutdown })
    }

    /// Announces changes of the registry, coalesced, until the registry is gone.
    pub async fn publish(self: Arc<Self>) {
        let mut followed = self.registry.followed();
        let mut from = self.news.borrow().to;
        // It may have moved on since the hub was made.
        followed.mark_changed();
        while followed.changed().await.is_ok() {
            let news = match self.registry.delta(from) {
                // Leases alone changed: no peer did.
                Some(delta) if delta.upserted.is_empty() && delta.removed.is_empty() => continue,
                Some(delta) => {
                    let event = Event::from_message(&change(&delta));
                    News { from, to: delta.revision, event: Some(event) }
                }
                None => News { from, to: self.registry.revision(), event: None },
            };
            from = news.to;
            self.news.send_replace(Arc::new(news));
            sleep(COALESCE).await;
        }
    }

    /// How many streams there are.
    pub fn watchers(&self) -> usize {
        self.news.receiver_count()
    }

    /// The stream for a reader that holds `after` of `history`.
    pub fn stream(
        self: &Arc<Self>,
        after: Revision,
        history: &History,
    ) -> impl Stream<Item = Result<Event, ConnectError>> + Send + use<> {
        let known = self.registry.knows(history, after);
        let reader = Reader {
            // Before the first event is made, so that nothing falls between.
            news: self.news.subscribe(),
            hub: Arc::clone(self),
            at: if known { after } else { Revision(0) },
            known,
            first: true,
        };
        futures::stream::unfold(reader, async |mut reader| {
            let event = reader.next().await?;
            Some((Ok(event), reader))
        })
    }

    fn snapshot(&self, supersedes: bool) -> (Revision, Event) {
        let newest = self.registry.revision();
        let mut all = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let last = &mut all[usize::from(supersedes)];
        if let Some((revision, event)) = last.as_ref().filter(|(at, _)| *at == newest) {
            return (*revision, event.clone());
        }
        let peers = self.registry.snapshot();
        let made = (peers.revision, Event::from_message(&snapshot(&peers, supersedes)));
        *last = Some(made.clone());
        made
    }
}

/// One reader of the stream.
struct Reader {
    hub: Arc<Hub>,
    news: watch::Receiver<Arc<News>>,
    /// What the reader holds; 0 for nothing.
    at: Revision,
    /// Whether what the reader held at first is in our past.
    known: bool,
    first: bool,
}

impl Reader {
    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.first) {
            return Some(self.catch_up());
        }
        loop {
            // Dropping the other branches is safe: `changed` marks nothing as seen
            // before it is ready, the others hold nothing.
            tokio::select! {
                biased;
                () = self.hub.shutdown.cancelled() => return None,
                changed = self.news.changed() => changed.ok()?,
                () = sleep(self.hub.heartbeat) => return Some(self.heartbeat()),
            }
            let news = Arc::clone(&self.news.borrow_and_update());
            if news.to <= self.at {
                continue;
            }
            return match &news.event {
                Some(event) if news.from <= self.at => {
                    self.at = news.to;
                    Some(event.clone())
                }
                _ => Some(self.catch_up()),
            };
        }
    }

    /// What leads from where the reader is to now: the changes where they are known,
    /// else everything.
    fn catch_up(&mut self) -> Event {
        let registry = &self.hub.registry;
        let delta = if self.at == Revision(0) { None } else { registry.delta(self.at) };
        match delta {
            Some(delta) if delta.upserted.is_empty() && delta.removed.is_empty() => {
                self.heartbeat()
            }
            Some(delta) => {
                self.at = delta.revision;
                Event::from_message(&change(&delta))
            }
            None => {
                let (revision, event) = self.hub.snapshot(self.known);
                self.known = true;
                self.at = revision;
                event
            }
        }
    }

    fn heartbeat(&self) -> Event {
        Event::from_message(&heartbeat(self.at, &self.hub.registry.history()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use connectrpc::{CodecFormat, Encodable};
    use futures::StreamExt;
    use wgcni_api::watch::Event as Seen;
    use wgcni_api::{Claim, Registration};
    use wgcni_daemon::config::{File, Flags, layered};
    use wgcni_model::{Endpoints, NodeName, PrivateKey};
    use wgcni_store::MemoryStore;

    use super::*;
    use crate::config::{Config, Settings};
    use crate::feed;

    async fn cluster() -> (Arc<Registry>, Arc<Hub>) {
        let mut layered = layered::<Settings>(&File::optional("/nowhere"), &Flags::default());
        layered.settings.complete(([1; 16], [2; 5]));
        let config = Config::check(layered).unwrap();
        let store = Arc::new(MemoryStore::new());
        let run = History::from_random([3; 16]);
        let registry =
            Arc::new(Registry::start(store, &config, Duration::ZERO, &run).await.unwrap());
        let hub = Hub::new(Arc::clone(&registry), config.heartbeat, CancellationToken::new());
        tokio::spawn(feed::follow(Arc::clone(&registry)));
        tokio::spawn(Arc::clone(&hub).publish());
        (registry, hub)
    }

    async fn join(registry: &Registry, number: u8) {
        let node: NodeName = format!("n{number}").parse().unwrap();
        let claim = Claim { node: node.clone(), held: None };
        registry.allocate(&claim, Duration::ZERO).await.unwrap();
        let registration = Registration {
            node,
            mesh_key: PrivateKey::from_random([number; 32]).public_key(),
            hub_key: PrivateKey::from_random([number + 100; 32]).public_key(),
            endpoints: Endpoints::default(),
            applied: Revision(0),
        };
        registry.register(&registration, Duration::ZERO).await.unwrap();
    }

    fn read(event: &Event) -> Seen {
        let json = event.encode(CodecFormat::Json).unwrap();
        let message: WatchPeersResponse = serde_json::from_slice(&json).unwrap();
        Seen::try_from(message).unwrap()
    }

    async fn next<S: Stream<Item = Result<Event, ConnectError>> + Unpin>(stream: &mut S) -> Seen {
        read(&stream.next().await.unwrap().unwrap())
    }

    #[tokio::test]
    async fn slow_reader_is_skipped_forward_and_has_no_queue() {
        let (registry, hub) = cluster().await;
        let mut slow = Box::pin(hub.stream(Revision(0), &History::default()));
        let mut quick = Box::pin(hub.stream(Revision(0), &History::default()));
        assert!(matches!(next(&mut slow).await, Seen::Snapshot { .. }));
        assert!(matches!(next(&mut quick).await, Seen::Snapshot { .. }));
        for number in 1..=3 {
            join(&registry, number).await;
            let Seen::Delta(delta) = next(&mut quick).await else { panic!("no delta") };
            assert_eq!(delta.upserted.len(), 1);
        }
        let Seen::Delta(delta) = next(&mut slow).await else { panic!("no delta") };
        assert_eq!((delta.revision, delta.upserted.len()), (registry.revision(), 3));
        join(&registry, 4).await;
        let Seen::Delta(delta) = next(&mut slow).await else { panic!("no delta") };
        assert_eq!(delta.upserted.len(), 1);
    }

    #[tokio::test]
    async fn readers_share_one_encoding() {
        let (registry, hub) = cluster().await;
        let mut readers: Vec<_> =
            (0..3).map(|_| Box::pin(hub.stream(Revision(0), &History::default()))).collect();
        for round in 0..2 {
            let mut places = Vec::new();
            for reader in &mut readers {
                let event = reader.next().await.unwrap().unwrap();
                places.push(event.encode(CodecFormat::Proto).unwrap().as_ptr());
            }
            assert!(places.iter().all(|place| *place == places[0]), "round {round}");
            join(&registry, round + 1).await;
        }
    }
}
