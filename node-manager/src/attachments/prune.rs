//! Many attachments taken away at once.

use std::collections::BTreeSet;

use futures::future::join_all;
use wgcni_model::{AttachmentKey, ContainerId, IfName, NetworkName};
use wgcni_store::Store;

use super::{Attachments, DetachError, Record, Which};

impl<S: Store> Attachments<S> {
    /// Takes away the attachments of a network that are not among the valid ones.
    ///
    /// # Errors
    /// The first that could not be taken away; the others are.
    pub async fn prune(
        &self,
        network: &NetworkName,
        valid: &BTreeSet<(ContainerId, IfName)>,
    ) -> Result<Vec<Record>, DetachError> {
        let named =
            |key: &AttachmentKey| valid.contains(&(key.container_id.clone(), key.ifname.clone()));
        let mut records = self.records();
        records.retain(|record| record.key.network == *network && !named(&record.key));
        self.take(records, "the runtime does not name it any more").await
    }

    /// Takes these attachments away, unless they were made anew meanwhile; those that are
    /// gone.
    ///
    /// # Errors
    /// The first that could not be taken away; the others are.
    pub async fn take(
        &self,
        records: Vec<Record>,
        reason: &str,
    ) -> Result<Vec<Record>, DetachError> {
        // By public key: one that is attached anew meanwhile is in use.
        let ended = records.iter().map(|r| self.end(&r.key, Which::WithKey(r.public_key), reason));
        // All of them, whatever becomes of one.
        let ended: Vec<bool> = join_all(ended).await.into_iter().collect::<Result<_, _>>()?;
        Ok(records.into_iter().zip(ended).filter(|(_, ended)| *ended).map(|(r, _)| r).collect())
    }
}
