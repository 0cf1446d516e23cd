//! What all listeners of a running cluster-manager share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use connectrpc::ConnectError;
use wgcni_identity::{JoinCredential, JoinString, Pin};
use wgcni_model::{ClusterId, Prefix};
use zeroize::Zeroizing;

use crate::config::{Config, addresses, default_hosts};
use crate::metrics::Meters;
use crate::reports::Reports;
use crate::rest::LastUsed;
use crate::whitelist::Alarms;
use crate::{Keys, Registry};

/// How long before the end of the CA's certificate somebody should think of it.
const CA_WARNING: Duration = Duration::from_hours(24 * 180);

/// What all listeners share.
pub(crate) struct Served {
    pub registry: Arc<Registry>,
    pub cluster: ClusterId,
    /// What makes it safe.
    pub safe: Option<Safe>,
    /// Where nodes may be reached, besides the address that they call from.
    pub endpoint_cidrs: Vec<Prefix>,
    pub whitelist: Alarms,
    pub tokens: LastUsed,
    /// What nodes told of themselves.
    pub reports: Reports,
    pub started: Duration,
    pub meters: Meters,
}

/// What a cluster has that is not plaintext.
pub(crate) struct Safe {
    pub keys: Keys,
    /// The key of this run in TLS.
    pub server: Pin,
    pub reached: Reached,
}

/// Where the listeners are reached: `host:port`, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Hosts alone.
    pub hosts: Vec<String>,
    /// The one for members.
    pub members: Vec<String>,
    /// The one for joiners.
    pub joiners: Vec<String>,
}

impl Reached {
    /// As the configuration says, for listeners on these addresses.
    pub fn new(config: &Config, members: SocketAddr, joiners: SocketAddr) -> Self {
        let hosts = |listener| match &config.advertise[..] {
            [] => default_hosts(listener),
            said => said.to_vec(),
        };
        Self {
            members: addresses(&hosts(members), members.port()),
            joiners: addresses(&hosts(joiners), joiners.port()),
            hosts: hosts(members).into_iter().chain(hosts(joiners)).collect(),
        }
    }

    /// What the server's certificate is for, besides its SPIFFE id.
    pub fn names(&self) -> Vec<String> {
        let local = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut names: Vec<_> = self.hosts.iter().cloned().chain(local).collect();
        names.sort();
        names.dedup();
        names
    }

    /// A join string for whoever has a credential.
    pub fn join_string(&self, keys: &Keys, credential: JoinCredential) -> Zeroizing<String> {
        let join = JoinString {
            cluster: keys.authority.cluster().clone(),
            ca: keys.authority.pin(),
            addresses: self.joiners.clone(),
            credential,
        };
        join.to_text()
    }
}

impl Served {
    /// What a plaintext cluster has not.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` where it is one.
    pub fn safe(&self) -> Result<&Safe, ConnectError> {
        let why = "this cluster is plaintext (insecure_plaintext = true): nobody joins it";
        self.safe.as_ref().ok_or_else(|| ConnectError::failed_precondition(why))
    }

    /// What is wrong or weaker than it could be, the worst first.
    pub fn alarms(&self, now: Duration) -> Vec<String> {
        let mut alarms = Vec::new();
        if self.safe.is_none() {
            alarms.push(
                "INSECURE: the control channel is plaintext (insecure_plaintext = true): whoever \
                 reaches it can read the mesh and take over addresses"
                    .to_owned(),
            );
        }
        alarms.extend(self.registry.alarms());
        alarms.extend(self.whitelist.all());
        let end = self.safe.as_ref().map(|safe| safe.keys.authority.certificate().not_after);
        if let Some(left) = end.map(|end| end.saturating_sub(now)).filter(|left| *left < CA_WARNING)
        {
            alarms.push(format!("the CA's certificate ends in {} days", left.as_secs() / 86_400));
        }
        alarms
    }
}
