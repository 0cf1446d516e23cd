//! Following a store.

use tokio::sync::watch;
use wgcni_model::Revision;

use crate::shared::Shared;
use crate::{Changes, WatchError};

/// Follows the changes after a revision. However slow its reader is, it holds no
/// queue: the next changes are always all there are.
pub struct Watch {
    shared: Shared,
    newest: watch::Receiver<Revision>,
    after: Revision,
}

impl Watch {
    pub(crate) fn new(shared: Shared, newest: watch::Receiver<Revision>, after: Revision) -> Self {
        Self { shared, newest, after }
    }

    /// Waits for changes after those that it gave last. May be dropped while waiting.
    ///
    /// # Errors
    /// [`WatchError::TooOld`] when they are not known any more: load and watch again;
    /// [`WatchError::Closed`] when there will be none.
    pub async fn next(&mut self) -> Result<Changes, WatchError> {
        let after = self.after;
        let newer = self.newest.wait_for(|newest| *newest > after).await;
        newer.map_err(|_| WatchError::Closed)?;
        let changes = self.shared.table().since(after).ok_or(WatchError::TooOld(after))?;
        self.after = changes.revision;
        Ok(changes)
    }
}
