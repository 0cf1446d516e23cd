//! GC: takes away what no container uses any more.

use crate::conf::Conf;
use crate::error::Error;
use crate::node::Node;
use wgcni_api::node::Prune;

/// Takes away this network's attachments that the runtime does not name; when it names
/// none at all, only those that are provably dead.
///
/// # Errors
/// The node-manager is away or refuses.
pub fn gc(conf: &Conf) -> Result<(), Error> {
    let prune = Prune { network: conf.network.clone(), valid: conf.valid.clone() };
    let pruned = Node::new(&conf.paths.socket)?.prune(&prune);
    pruned.map_err(|failure| failure.into_error("prune"))
}
