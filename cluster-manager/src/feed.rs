//! Keeps the registry's cache at the store's newest revision.

use std::sync::Arc;

use wgcni_store::WatchError;

use crate::registry::{Registry, StartError};

/// The cache cannot follow the store any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The store was closed or failed.
    #[error("the store takes no more changes; look above for the first error, then restart")]
    Closed,
    /// A record makes no sense.
    #[error(transparent)]
    Record(#[from] StartError),
}

/// Follows until the store ends.
pub(crate) async fn follow(registry: Arc<Registry>) -> FeedError {
    let mut watch = registry.store().watch(registry.revision());
    loop {
        let followed = match watch.next().await {
            Ok(changes) => registry.follow(&changes),
            Err(WatchError::TooOld(after)) => {
                tracing::info!(%after, "changes are not known any more, loading all");
                let reloaded = registry.reload();
                watch = registry.store().watch(registry.revision());
                reloaded
            }
            Err(WatchError::Closed) => return FeedError::Closed,
        };
        if let Err(error) = followed {
            return error.into();
        }
    }
}
