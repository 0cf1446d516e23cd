//! All devices of the process, by name.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::sched::{CloneFlags, setns};
use tokio::sync::{oneshot, watch};
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

    /// Makes a device, its link in `namespace` where one is given; when this returns, its link
    /// and UAPI socket are there.
    ///
    /// # Errors
    /// `AlreadyExists` when there is a device, a link or a living UAPI socket of that name;
    /// EINVAL when the descriptor is no network namespace.
    pub(crate) async fn create(&self, name: Name, namespace: Option<OwnedFd>) -> io::Result<()> {
        let listed = self.enlist(&name)?;
        let link = open_link(name.clone(), namespace).await.map_err(taken)?;
        let (started, start) = oneshot::channel();
        let span = tracing::info_span!("device", %name);
        let run = async move {
            match Device::start(&listed.name, link).await {
                Err(error) => {
                    drop(listed);
                    let _ = started.send(Err(taken(error)));
                }
                Ok(device) => {
                    tracing::debug!("created");
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
        tracing::debug!("deleted");
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

/// Opens a link on a thread of its own, which then ends: none is left in another namespace. And
/// the kernel's lock on links may be held for long, while packets must not wait.
async fn open_link(name: Name, namespace: Option<OwnedFd>) -> io::Result<Opened> {
    let (done, opened) = oneshot::channel();
    let open = move || {
        if let Some(namespace) = namespace {
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
        }
        Opened::new(&name)
    };
    thread::Builder::new().spawn(move || drop(done.send(open())))?;
    opened.await.map_err(io::Error::other)?
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
