//! STATUS: whether an ADD can work now.

use crate::conf::Conf;
use crate::error::Error;
use crate::node::Node;
use std::error::Error as _;

/// Asks the node-manager, and does not wait for one that is away.
///
/// # Errors
/// Why an ADD cannot work now.
pub fn status(conf: &Conf) -> Result<(), Error> {
    let status = match Node::new(&conf.paths.socket)?.status() {
        Ok(status) => status,
        Err(failure) => {
            let cause = failure.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            return Err(Error::NotReady(vec![format!("node-manager: {failure}{cause}")]));
        }
    };
    if status.ready {
        return Ok(());
    }
    // A node that has never applied a snapshot carries nobody's traffic yet.
    if status.attachments > 0 && status.applied_revision == 0 {
        return Err(Error::Limited(status.reasons));
    }
    Err(Error::NotReady(status.reasons))
}
