//! The secrets that a cluster-manager works with, in memory.

use std::time::Duration;

use wgcni_identity::{
    Authority, CertificateRequest, Error, IdentityId, Issued, Lifetime, Master, Role, Sealer,
    Secret,
};

use crate::Refusal;
use crate::members::certificate_life;

/// What signs certificates, seals challenges and makes security keys.
#[derive(Debug)]
pub struct Keys {
    /// The CA.
    pub authority: Authority,
    /// What the security keys come from.
    pub master: Master,
    pub(crate) sealer: Sealer,
}

impl Keys {
    /// The keys of one run: challenges of another one are not taken.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn new(authority: Authority, master: Master) -> Result<Self, Error> {
        let sealer = Sealer::new(&Secret::from_random(rand::random()))?;
        Ok(Self { authority, master, sealer })
    }

    pub(crate) fn issue(
        &self,
        request: &CertificateRequest,
        member: (Role, IdentityId),
        now: Duration,
    ) -> Result<Issued, Refusal> {
        let lifetime = Lifetime { from: now, length: certificate_life(member.0) };
        let issued = self.authority.issue_member(request, member, lifetime, rand::random());
        issued.map_err(|error| Refusal::Library(error.to_string()))
    }

    /// A challenge for a connection, and for how long it is good.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn challenge(
        &self,
        connection: &wgcni_identity::Exporter,
        now: Duration,
    ) -> Result<(wgcni_identity::Challenge, Duration), Refusal> {
        const LIFE: Duration = Duration::from_secs(30);
        let sealed = self.sealer.seal(connection, now + LIFE, (rand::random(), rand::random()));
        let challenge = sealed.map_err(|error| Refusal::Library(error.to_string()))?;
        Ok((challenge, LIFE))
    }
}
