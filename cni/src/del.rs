//! DEL: detaches a container. What is gone already is success.

use crate::error::Error;
use crate::node::Node;
use crate::request::Container;
use crate::sandbox;
use crate::tombstone::Tombstone;
use crate::turn::Turn;
use std::sync::Arc;
use std::time::Duration;
use wgcni_api::node::Detach;
use wgcni_fault::around;

/// Longest wait for a node-manager that hangs.
const DETACH: Duration = Duration::from_secs(2);

/// Longest wait for the kernel to take an interface down.
const REMOVE: Duration = Duration::from_secs(3);

/// Detaches a container.
///
/// # Errors
/// What of it is not done; neither half stops the other. The runtime repeats the DEL.
pub fn del(container: &Container) -> Result<(), Error> {
    // A namespace that cannot be had is gone, and the interface with it.
    let namespace = sandbox::open(container).ok().map(Arc::new);
    let _turn = namespace.as_ref().map(|_| Turn::alone(&container.netns));
    let names = sandbox::names(container);
    let start = |inside| sandbox::start_removal(&container.key, names, inside);
    let remove = || namespace.as_ref().map(start);
    // The kernel takes its time for an interface; the node-manager works meanwhile.
    let removal = remove();
    let detached = around!("del.detach", detach(container));
    let removed = removal.map_or(Ok(Ok(())), |removal| removal.wait(REMOVE));
    // An ADD that had its address before we detached may have made its interface after
    // our first look. From now on its own confirmation fails.
    let remove = || remove().map_or(Ok(Ok(())), |removal| removal.wait(REMOVE));
    let late = around!("del.remove", remove());
    detached.and(removed?).and(late?)
}

/// Detaches, or leaves word for a node-manager that is not there.
fn detach(container: &Container) -> Result<(), Error> {
    let key = &container.key;
    let paths = &container.conf.paths;
    let node = Node::new(&paths.socket)?;
    let tombstone = Tombstone::of(key, &paths.tombstones).since(container.started);
    let request = Detach { key: key.clone(), public_key: None, started: Some(container.started) };
    match node.detach(&request, DETACH) {
        Ok(()) => return tombstone.remove(),
        Err(failure) if failure.is_absence() => tombstone.write()?,
        Err(failure) => return Err(failure.into_error("detach")),
    }
    // It may have read the tombstones just before this one was written; then it listens
    // by now.
    match node.detach(&request, DETACH / 4) {
        Ok(()) => tombstone.remove(),
        Err(_) => Ok(()),
    }
}
