//! All devices of the process, by name.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Instrument;

use crate::device::Device;
use crate::engine::Engine;
use crate::name::Name;
use crate::tun::Opened;

/// Creates, lists and deletes; devices whose link has gone leave by themselves.
pub(crate) struct Devices {
    engine: Engine,
    entries: Entries,
}

type Entries = Arc<Mutex<BTreeMap<Name, Entry>>>;

/// A device, or the intention to make one.
#[derive(Clone)]
struct Entry {
    /// Set to true to end the device; closed when it has ended.
    stop: watch::Sender<bool>,
}

/// Takes the name out of the list when the device has ended, however it did.
struct Listed {
    entries: Entries,
    name: Name,
    stop: watch::Receiver<bool>,
}

impl Devices {
    pub(crate) fn new(engine: Engine) -> Self {
        let entries = Entries::default();
        Self { engine, entries }
    }

    /// Makes a device; when this returns, its link and UAPI socket are there.
    ///
    /// # Errors
    /// `AlreadyExists` when there is a device, a link or a living UAPI socket of that name.
    pub(crate) async fn create(&self, name: Name) -> io::Result<()> {
        let listed = self.enlist(&name)?;
        let link = {
            let name = name.clone();
            // The kernel's lock on links may be held for long; packets must not wait for it.
            tokio::task::spawn_blocking(move || Opened::new(&name)).await?
        };
        let link = link.map_err(taken)?;
        let (started, start) = tokio::sync::oneshot::channel();
        let span = tracing::info_span!("device", %name);
        let run = async move {
            match Device::start(&listed.name, link).await {
                Err(error) => {
                    drop(listed);
                    let _ = started.send(Err(taken(error)));
                }
                Ok(device) => {
                    tracing::info!("created");
                    let _ = started.send(Ok(()));
                    listed.run(device).await;
                }
            }
        };
        self.engine.place().spawn(run.instrument(span));
        start.await.map_err(io::Error::other)?
    }

    /// Ends a device; when this returns, nothing of it is left.
    ///
    /// # Errors
    /// `ENODEV` when there is none.
    pub(crate) async fn delete(&self, name: &Name) -> io::Result<()> {
        let entry = lock(&self.entries).get(name).cloned();
        let entry = entry.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
        entry.end().await;
        Ok(())
    }

    /// The names, in order.
    pub(crate) fn list(&self) -> Vec<String> {
        lock(&self.entries).keys().map(ToString::to_string).collect()
    }

    pub(crate) async fn delete_all(&self) {
        let entries: Vec<Entry> = lock(&self.entries).values().cloned().collect();
        for entry in &entries {
            entry.stop.send_replace(true);
        }
        for entry in entries {
            entry.end().await;
        }
    }

    fn enlist(&self, name: &Name) -> io::Result<Listed> {
        let mut entries = lock(&self.entries);
        if entries.contains_key(name) {
            return Err(io::Error::from_raw_os_error(libc::EEXIST));
        }
        let (stop, stopped) = watch::channel(false);
        entries.insert(name.clone(), Entry { stop });
        Ok(Listed { entries: Arc::clone(&self.entries), name: name.clone(), stop: stopped })
    }
}

impl Entry {
    async fn end(&self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

impl Listed {
    async fn run(self, device: Device) {
        let mut stop = self.stop.clone();
        let stopped = async {
            // An error is the list's end: that too means stop.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        device.run(stopped).await;
        tracing::info!("deleted");
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        // Before `stop` drops: who waits for the end sees it gone from the list.
        lock(&self.entries).remove(&self.name);
    }
}

fn lock(entries: &Entries) -> MutexGuard<'_, BTreeMap<Name, Entry>> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

/// There is a link (`EBUSY`) or a socket of that name already.
fn taken(error: io::Error) -> io::Error {
    let busy = error.raw_os_error() == Some(libc::EBUSY);
    if busy || error.kind() == io::ErrorKind::AddrInUse {
        io::Error::from_raw_os_error(libc::EEXIST)
    } else {
        error
    }
}
