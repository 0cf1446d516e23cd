//! GC: takes away what no container uses any more.

use crate::conf::Conf;
use crate::error::Error;
use crate::node::Node;
use crate::sandbox;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wgcni_api::node::{Prune, Pruned};
use wgcni_dataplane::Namespace;

/// Longest wait for the kernel to take the interfaces down.
const REMOVE: Duration = Duration::from_secs(4);

/// Interfaces that are taken down at once: more only wait for each other in the kernel.
const AT_ONCE: usize = 16;

/// Takes away this network's attachments that the runtime does not name; when it names
/// none at all, only those that are provably dead.
///
/// # Errors
/// The node-manager is away or refuses; an interface stays.
pub fn gc(conf: &Conf) -> Result<(), Error> {
    let prune = Prune { network: conf.network.clone(), valid: conf.valid.clone() };
    let pruned = Node::new(&conf.paths.socket)?.prune(&prune);
    let pruned = pruned.map_err(|failure| failure.into_error("prune"))?;
    let end = Instant::now() + REMOVE;
    let some = pruned.chunks(AT_ONCE).map(|some| remove(conf, some, end));
    // All of them, whatever becomes of one.
    some.collect::<Vec<_>>().into_iter().collect()
}

/// Takes down the interfaces of attachments whose namespaces live on.
fn remove(conf: &Conf, pruned: &[Pruned], end: Instant) -> Result<(), Error> {
    let start = |pruned: &Pruned| {
        let names = [&pruned.key.ifname, &conf.interface_name];
        open(pruned).map(|namespace| sandbox::start_removal(&pruned.key, names, &namespace))
    };
    let started: Vec<_> = pruned.iter().filter_map(start).collect();
    let left = || end.saturating_duration_since(Instant::now());
    let done: Vec<_> = started.into_iter().map(|removal| removal.wait(left())).collect();
    done.into_iter().try_for_each(|removal| removal?)
}

/// The namespace that it was attached in, if its path still leads there. One that is gone,
/// or out of reach, took the interface along or keeps it, without a peer.
fn open(pruned: &Pruned) -> Option<Arc<Namespace>> {
    let namespace = Namespace::open(Path::new(&pruned.namespace.path)).ok()?;
    let is_same = namespace.identity().is_ok_and(|id| id.may_be(pruned.namespace.id));
    is_same.then(|| Arc::new(namespace))
}
