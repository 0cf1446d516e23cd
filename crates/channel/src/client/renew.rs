//! New certificates for new keys, before the old ones are over.

use std::sync::Arc;
use std::time::Duration;

use connectrpc::client::ClientConfig;
use connectrpc::{ConnectError, ErrorCode};
use rand::Rng;
use wgcni_api::identity_service::IdentityServiceClient;
use wgcni_api::identity_v1::RenewRequest;
use wgcni_daemon::Backoff;
use wgcni_fault::around;
use wgcni_identity::ControlKey;
use wgcni_model::FieldError;

use super::session::authority;
use super::{FilesError, Member, MemberFiles, Session, now, shown};

/// How long the call may take.
const CALL: Duration = Duration::from_secs(10);

/// Longest sleep: clocks are set, and machines sleep, while we do.
const NAP: Duration = Duration::from_secs(30);

/// Waits after failures.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Why there is no new certificate. The old one holds as long as it does.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// Somebody else renewed with these credentials, or they were revoked.
    #[error(
        "the cluster-manager refused to renew the certificate of {name}: it was revoked, or its \
         credentials were copied and used elsewhere; look at `wgcni audit tail`, then join again"
    )]
    Refused {
        /// Whose.
        name: String,
    },
    /// It was not reached, or failed. Trying again may help.
    #[error("renew the certificate: {0}")]
    Unreachable(String),
    /// The answer is not what it should be.
    #[error("the renewed certificate cannot be used: {0}")]
    Answer(#[from] FieldError),
    /// The files cannot be read or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// No key can be made.
    #[error("make a control key")]
    Key(#[from] wgcni_identity::Error),
}

impl Session {
    /// Gets a certificate for a new key, stores both, and connects again with them. When
    /// another process of this member did so meanwhile, its credentials are taken instead.
    ///
    /// # Errors
    /// When there is no new certificate, or it cannot be stored. After a lost answer the
    /// next call asks again with the same key.
    pub async fn renew(&self) -> Result<(), RenewError> {
        // One renewal at a time, in this process and in others.
        let mut waiting = self.shared.pending.lock().await;
        let _lock = match self.shared.files.clone() {
            Some(files) => Some(blocking(move || files.lock()).await?),
            None => None,
        };
        let member = Arc::clone(&self.shared.way.member.borrow());
        if let Some(newer) = self.shared.files.as_ref().and_then(|files| newer(files, &member)) {
            self.replace(newer);
            return Ok(());
        }
        let key = match &self.shared.files {
            Some(files) => files.pending_key(Some(&member))?,
            None => Arc::clone(match &mut *waiting {
                Some(key) => key,
                none => none.insert(Arc::new(ControlKey::generate()?)),
            }),
        };
        let renewed = self.ask(&member, &key).await?;
        if let Some(files) = &self.shared.files {
            files.store(&renewed)?;
        }
        *waiting = None;
        // The cluster-manager takes the old key until the new one is used first: at once.
        self.replace(renewed);
        Ok(())
    }

    async fn ask(&self, member: &Member, key: &Arc<ControlKey>) -> Result<Member, RenewError> {
        let config = ClientConfig::new(authority()).with_default_timeout(CALL);
        let client = IdentityServiceClient::new(self.connection(), config);
        let request = RenewRequest {
            certificate_request: key.request()?.der().to_vec(),
            counter: member.counter,
            ..RenewRequest::default()
        };
        let answer = around!("member.renew", client.renew(request).await);
        let answer = answer.map_err(|error| self.refusal(member, &error))?.into_owned();
        Ok(member.renewed(Arc::clone(key), answer.certificate, answer.counter, now())?)
    }

    fn refusal(&self, member: &Member, error: &ConnectError) -> RenewError {
        if error.code == ErrorCode::PermissionDenied {
            return RenewError::Refused { name: member.name.to_string() };
        }
        let text = || shown(error.message.as_deref().unwrap_or(error.code.as_str()));
        RenewError::Unreachable(self.trouble().unwrap_or_else(text))
    }

    /// Renews for ever, at about a third of each certificate's life.
    pub async fn keep_renewed(&self) {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            // Not all members at the same time.
            let part = rand::rng().random_range(0.30..0.37);
            self.until_used(part).await;
            match self.renew().await {
                Ok(()) => {
                    backoff.succeed();
                    tracing::info!("certificate renewed");
                }
                Err(error) => {
                    let wait = backoff.fail(&mut rand::rng());
                    self.warn(&error, wait);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    fn warn(&self, error: &RenewError, wait: Duration) {
        let expired = self.shared.way.member.borrow().is_expired(now());
        let error: &dyn std::error::Error = error;
        tracing::warn!(error, expired, ?wait, "certificate not renewed");
    }

    async fn until_used(&self, part: f64) {
        while !self.shared.way.member.borrow().is_used(part, now()) {
            let left = self.shared.way.member.borrow().until_used(part, now());
            tokio::time::sleep(left.min(NAP)).await;
        }
    }
}

/// What another process of this member has stored since.
fn newer(files: &MemberFiles, member: &Member) -> Option<Member> {
    let stored = files.load().ok().flatten()?;
    (stored.id == member.id && stored.counter > member.counter).then_some(stored)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, RenewError> {
    let done = tokio::task::spawn_blocking(work).await;
    let lost = |error: tokio::task::JoinError| RenewError::Unreachable(error.to_string());
    Ok(done.map_err(lost)??)
}
