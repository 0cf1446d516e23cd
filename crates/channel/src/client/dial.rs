//! From an address to a TLS connection, and why not, in words that say what to do.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::shown;

/// How long one address may take to give a connection, name, TCP and TLS together.
pub(crate) const EACH: Duration = Duration::from_secs(5);

/// What is asked for in TLS. Nobody looks at it: members know their cluster-manager by its
/// SPIFFE id.
const NAME: &str = "cluster-manager";

/// Why an address gave no connection, or lost it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Nobody is there, or nobody answers in time.
    Nobody(String),
    /// The server's certificate is not good at this time.
    Clock,
    /// The server is not this cluster's.
    Stranger(String),
    /// The server takes no certificate of ours, or not this one.
    Refused(String),
    /// Something that is no cluster-manager.
    NotTls,
    /// It was lost in the middle.
    Lost(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(why) => write!(f, "no connection ({why})"),
            Self::Clock => f.write_str(
                "its certificate is not valid at this machine's time: set the clocks of both \
                 machines right",
            ),
            Self::Stranger(why) => write!(
                f,
                "this is not the cluster-manager of this cluster ({why}): check the address, or \
                 get a new join string"
            ),
            Self::Refused(why) => write!(
                f,
                "it refuses this member's certificate ({why}): it has expired or was revoked; \
                 join again with a new join string"
            ),
            Self::NotTls => f.write_str(
                "what answers there does not speak TLS 1.3: check the port, and that both ends \
                 are not set to plaintext",
            ),
            Self::Lost(why) => write!(f, "the connection was lost ({why})"),
        }
    }
}

impl Why {
    /// Whether the server refuses this member's certificate.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Reads why TLS, or the connection below it, failed.
    pub(crate) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        match inner {
            Some(TlsError::InvalidCertificate(error)) => Self::of_certificate(error),
            Some(TlsError::AlertReceived(alert)) if is_about_certificate(*alert) => {
                Self::Refused(format!("{alert:?}"))
            }
            Some(TlsError::AlertReceived(alert)) => Self::Lost(format!("{alert:?}")),
            Some(TlsError::InvalidMessage(_) | TlsError::PeerIncompatible(_)) => Self::NotTls,
            Some(error) => Self::Stranger(shown(&error.to_string())),
            None => Self::Lost(shown(&error.to_string())),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Clock,
            other => Self::Stranger(shown(&other.to_string())),
        }
    }
}

/// Whether an alert says that the certificate is the problem (RFC 8446, section 6.2).
fn is_about_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::CertificateRequired
    )
}

/// An address that did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The address, `host:port`.
    pub address: String,
    /// Why it did not do.
    pub why: Why,
}

/// No address did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unreachable {
    /// In the order in which they were tried.
    pub tried: Vec<Attempt>,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reach the cluster-manager")?;
        for (n, attempt) in self.tried.iter().enumerate() {
            let before = if n == 0 { ": " } else { "; " };
            write!(f, "{before}{}: {}", shown(&attempt.address), attempt.why)?;
        }
        Ok(())
    }
}

/// Connects to the first address that does.
pub(crate) async fn dial(
    addresses: &[String],
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Unreachable> {
    let mut tried = Vec::new();
    for address in addresses {
        match dial_one(address, tls).await {
            Ok(stream) => return Ok(stream),
            Err(why) => tried.push(Attempt { address: address.clone(), why }),
        }
    }
    Err(Unreachable { tried })
}

/// Connects to one address, whatever of its IP addresses does.
pub(crate) async fn dial_one(
    address: &str,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Why> {
    let nobody = |error: io::Error| Why::Nobody(shown(&error.to_string()));
    let establish = async {
        let tcp = TcpStream::connect(address).await.map_err(nobody)?;
        tcp.set_nodelay(true).map_err(nobody)?;
        let name = ServerName::try_from(NAME).map_err(|e| Why::Lost(e.to_string()))?;
        let connector = TlsConnector::from(Arc::clone(tls));
        connector.connect(name, tcp).await.map_err(|error| Why::of(&error))
    };
    let late = |_| Why::Nobody(format!("no answer within {} s", EACH.as_secs()));
    timeout(EACH, establish).await.map_err(late)?
}
