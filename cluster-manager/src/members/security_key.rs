//! The security key of the day.

use std::time::Duration;

use wgcni_identity::{OVERLAP, Secret, SecurityKeyPeriod};
use wgcni_store::Transaction;

use super::rows::{SecurityRow, security_key};
use super::{Actor, Doing, Entry, millis};
use crate::Refusal;
use crate::keys::Keys;
use crate::records::Row;
use crate::registry::{Registry, State};

/// The security key, for whoever may see it.
#[derive(Debug, Clone)]
pub struct SecurityKey {
    /// The key.
    pub secret: Secret,
    /// When the next one comes, since the Unix epoch.
    pub expires: Duration,
    /// How often it was rotated by force.
    pub generation: u64,
}

impl Registry {
    /// The security key of the day; each look is in the audit log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show_security_key(
        &self,
        keys: &Keys,
        by: &Actor,
        now: Duration,
    ) -> Result<SecurityKey, Refusal> {
        let generation = self.state().members.security().generation;
        let period = SecurityKeyPeriod::at(now, generation);
        let of = format!("security key {generation}/{}", period.day);
        self.audit(Entry::new(by, "security-key.show", of), now).await?;
        let secret = keys.master.key(&self.cluster().id, period);
        Ok(SecurityKey { secret, expires: period.end(), generation })
    }

    /// Makes the security key another one; the old one is refused at once, or after an
    /// overlap. Says the generation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rotate_security_key(
        &self,
        overlap: bool,
        by: &Actor,
        now: Duration,
    ) -> Result<u64, Refusal> {
        let plan = |state: &mut State| {
            let members = &state.members;
            let before = members.security();
            let generation = before.generation + 1;
            let former_until = overlap.then(|| millis(now + OVERLAP));
            let row = SecurityRow { generation, former_until, ..before };
            let transaction = match &members.security {
                Some(stored) => {
                    Transaction::new().replace(&security_key(), stored.revision, row.encode())
                }
                None => Transaction::new().create(&security_key(), row.encode()),
            };
            let note = if overlap { "with overlap" } else { "at once" };
            let of = format!("security key {generation}");
            let entry = Entry::new(by, "security-key.rotate", of).note(note);
            Ok(Doing::Commit(transaction, entry, generation))
        };
        Ok(self.audited(now, plan).await?.0)
    }
}
