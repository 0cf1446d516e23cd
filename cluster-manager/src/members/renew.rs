//! Renewal: a new certificate for a new control key.

use std::time::Duration;

use wgcni_identity::{CertificateRequest, IdentityId, Issued};
use wgcni_store::Transaction;

use super::rows::{IdentityRow, identity_key};
use super::{Actor, Doing, Entry, certificate_life, millis};
use crate::Refusal;
use crate::keys::Keys;
use crate::records::Row;
use crate::registry::{Registry, State};

/// How long the former control key is taken: until the member has the answer.
const FORMER: Duration = Duration::from_mins(10);

/// A renewed certificate.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// The certificate.
    pub certificate: Issued,
    /// To be sent with the next renewal.
    pub counter: u64,
}

/// What becomes of a request for renewal.
enum Renewal {
    Given(Box<IdentityRow>),
    Copied,
}

impl Registry {
    /// Renews a member's certificate for a new control key. The same key and counter again
    /// lead to the same renewal.
    ///
    /// # Errors
    /// [`Refusal::Copied`] when the counter is not the member's: two machines have its
    /// credentials, and the member gets an alarm. [`Refusal::TooOften`].
    pub async fn renew(
        &self,
        keys: &Keys,
        id: IdentityId,
        request: &CertificateRequest,
        counter: u64,
        now: Duration,
    ) -> Result<Renewed, Refusal> {
        let plan = |state: &mut State| {
            let doing = state.plan_renew(id, request, counter, now)?;
            if let Doing::Commit(_, _, Renewal::Given(row)) = &doing {
                self.pace((row.role, &row.name), now)?;
            }
            Ok(doing)
        };
        match self.audited(now, plan).await?.0 {
            Renewal::Given(row) => {
                let certificate = keys.issue(request, (row.role, id), now)?;
                tracing::info!(role = %row.role, name = %row.name, counter = row.counter, "renewed");
                Ok(Renewed { certificate, counter: row.counter })
            }
            Renewal::Copied => {
                tracing::error!(%id, counter, "two machines have the credentials of one member");
                Err(Refusal::Copied)
            }
        }
    }
}

impl Registry {
    /// Somebody came back with a member's mesh key while its certificate is good.
    pub(super) async fn raise_alarm(&self, id: IdentityId, now: Duration) -> Result<(), Refusal> {
        let plan = |state: &mut State| {
            let Some(stored) = state.members.identities.get(&id) else {
                return Ok(Doing::Done(()));
            };
            if stored.row.alarm.is_some() {
                return Ok(Doing::Done(()));
            }
            let row = IdentityRow { alarm: Some(copied(now)), ..stored.row.clone() };
            let transaction =
                Transaction::new().replace(&identity_key(id), stored.revision, row.encode());
            let of = format!("{} {}", row.role, row.name);
            Ok(Doing::Commit(transaction, Entry::new(&Actor::ClusterManager, "alarm", of), ()))
        };
        self.audited(now, plan).await?;
        Ok(())
    }
}

fn copied(now: Duration) -> String {
    format!(
        "a second machine has its credentials, or it lost them: seen at {} of Unix time; \
         remove it and let it join again",
        now.as_secs()
    )
}

impl State {
    fn plan_renew(
        &self,
        id: IdentityId,
        request: &CertificateRequest,
        counter: u64,
        now: Duration,
    ) -> Result<Doing<Renewal>, Refusal> {
        let stored = self.members.identities.get(&id).filter(|stored| stored.row.is_active());
        let stored = stored.ok_or(Refusal::NotAMember)?;
        let mut row = stored.row.clone();
        let who = Actor::Member(row.role, row.name.clone());
        let of = format!("{} {}", row.role, row.name);
        let asked_before = counter.checked_add(1) == Some(row.counter) && row.key == request.pin();
        if asked_before {
            return Ok(Doing::Done(Renewal::Given(Box::new(row))));
        }
        let renewal = if counter == row.counter && row.key != request.pin() {
            row.former = Some((row.key, millis(now + FORMER)));
            row.key = request.pin();
            row.counter += 1;
            row.not_after = millis(now + certificate_life(row.role));
            Renewal::Given(Box::new(row.clone()))
        } else if row.alarm.is_some() {
            // Told once: a member that asks again and again must not fill the audit log.
            return Ok(Doing::Done(Renewal::Copied));
        } else {
            row.alarm = Some(copied(now));
            Renewal::Copied
        };
        let transaction =
            Transaction::new().replace(&identity_key(id), stored.revision, row.encode());
        let entry = Entry::new(&who, "renew", of).note(format!("counter {counter}"));
        let entry = match renewal {
            Renewal::Given(_) => entry,
            Renewal::Copied => entry.refused("the credentials were copied"),
        };
        Ok(Doing::Commit(transaction, entry, renewal))
    }
}
