//! The server's key and certificate.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use wgcni_identity::{Authority, ControlKey, Lifetime, Pin};
use wgcni_model::ClusterId;

use super::ServerError;

/// How long the server's certificate is good.
const LIFE: Duration = Duration::from_hours(24);

/// The server's key, which is never stored, and its certificate, which can be replaced
/// while serving. Clones share both.
#[derive(Clone)]
pub struct ServerKey(Arc<Shared>);

struct Shared {
    cluster: ClusterId,
    key: ControlKey,
    signing: Arc<dyn SigningKey>,
    ca: CertificateDer<'static>,
    current: RwLock<Current>,
}

/// A certificate, and when it ends, since the Unix epoch.
type Current = (Arc<CertifiedKey>, Duration);

impl ServerKey {
    /// Makes a key, and a certificate for 24 hours from `now` (since the Unix epoch).
    /// `names` are DNS names and addresses for clients that know no SPIFFE ids.
    ///
    /// # Errors
    /// When a name is none, or the library refuses.
    pub fn new(
        authority: &Authority,
        names: &[String],
        now: Duration,
    ) -> Result<Self, ServerError> {
        let key = ControlKey::generate()?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_der().to_vec()));
        let signing = any_supported_type(&der)?;
        let ca = CertificateDer::from(authority.certificate().der.clone());
        let current = certify(authority, (&key, &signing, &ca), names, now)?;
        let cluster = authority.cluster().clone();
        let current = RwLock::new((Arc::new(current), now + LIFE));
        Ok(Self(Arc::new(Shared { cluster, key, signing, ca, current })))
    }

    /// Replaces the certificate by one for 24 hours from `now`; the key stays, and so do
    /// connections.
    ///
    /// # Errors
    /// When a name is none, or the library refuses; then the former one stays.
    pub fn renew(
        &self,
        authority: &Authority,
        names: &[String],
        now: Duration,
    ) -> Result<(), ServerError> {
        let Shared { key, signing, ca, current, .. } = &*self.0;
        let next = certify(authority, (key, signing, ca), names, now)?;
        *current.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(next), now + LIFE);
        Ok(())
    }

    /// The hash of the key: part of what a joiner proves.
    pub fn pin(&self) -> Pin {
        self.0.key.pin()
    }

    /// End of the certificate, since the Unix epoch.
    pub fn not_after(&self) -> Duration {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).1
    }

    pub(super) fn cluster(&self) -> &ClusterId {
        &self.0.cluster
    }

    pub(super) fn ca(&self) -> &CertificateDer<'static> {
        &self.0.ca
    }
}

fn certify(
    authority: &Authority,
    (key, signing, ca): (&ControlKey, &Arc<dyn SigningKey>, &CertificateDer<'static>),
    names: &[String],
    now: Duration,
) -> Result<CertifiedKey, ServerError> {
    let lifetime = Lifetime { from: now, length: LIFE };
    let issued = authority.issue_server(key, names, lifetime, rand::random())?;
    // A joiner knows the CA by its pin only: it needs the certificate, too.
    let chain = vec![CertificateDer::from(issued.der), ca.clone()];
    Ok(CertifiedKey::new(chain, Arc::clone(signing)))
}

impl ResolvesServerCert for ServerKey {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerKey({})", self.pin())
    }
}
