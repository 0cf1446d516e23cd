//! The way to the cluster: the cluster-manager's own socket, or a login.

use std::path::{Path, PathBuf};
use std::time::Duration;

use connectrpc::ConnectError;
use connectrpc::client::UnaryResponse;
use wgcni_api::client::ClusterManager;
use wgcni_channel::client::{Member, MemberFiles, RenewError, Session};
use wgcni_model::ClusterId;

use crate::args::ReachArgs;
use crate::home::{Home, chain, failed};
use crate::{Failure, times};

/// The cluster-manager's socket.
const SOCKET: &str = "/run/wgcni/cluster-manager.sock";

/// How long one call may take.
const CALL: Duration = Duration::from_secs(30);

/// Part of a certificate's life after which any command renews it.
const RENEW_AT: f64 = 1.0 / 3.0;

/// The cluster, reached.
pub(crate) struct Reach {
    /// Its services.
    pub cluster: ClusterManager,
    /// The login; none over the socket.
    pub session: Option<Session>,
    socket: Option<PathBuf>,
}

/// Which way is taken.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Socket(PathBuf),
    Login(ClusterId),
}

impl Reach {
    /// Chooses the way, and renews the login where it is time.
    pub async fn new(args: &ReachArgs) -> Result<Self, Failure> {
        let is_root = nix::unistd::geteuid().is_root();
        // Without a home there are no logins; root over the socket needs none.
        let home = Home::find().ok();
        match choose(args, home.as_ref(), Path::new(SOCKET), is_root)? {
            Way::Socket(socket) => Ok(Self::socket(&socket)),
            Way::Login(cluster) => {
                let home = home.ok_or_else(not_logged_in)?;
                let files = home.files(&cluster);
                let member = files.load().map_err(|e| Failure::unreached(chain(&e)))?;
                let member = member.ok_or_else(not_logged_in)?;
                Self::login(member, files).await
            }
        }
    }

    /// The same; none where nothing says that there is a cluster.
    pub async fn find(args: &ReachArgs) -> Result<Option<Self>, Failure> {
        match Self::new(args).await {
            Err(failure) if failure == not_logged_in() => Ok(None),
            reach => reach.map(Some),
        }
    }

    fn socket(socket: &Path) -> Self {
        let cluster = ClusterManager::unix(socket, CALL);
        Self { cluster, session: None, socket: Some(socket.to_owned()) }
    }

    async fn login(member: Member, files: MemberFiles) -> Result<Self, Failure> {
        let now = times::now();
        if member.is_expired(now) {
            return Err(expired(&member, now));
        }
        let due = member.is_used(RENEW_AT, now);
        let session = Session::new(member, Some(files));
        if due {
            renew(&session).await?;
        }
        let cluster = session.cluster_manager(CALL);
        Ok(Self { cluster, session: Some(session), socket: None })
    }

    /// What a call answered, or what to say.
    pub fn answer<V>(
        &self,
        result: Result<UnaryResponse<V>, ConnectError>,
    ) -> Result<UnaryResponse<V>, Failure> {
        result.map_err(|error| Failure::of_call(&error, self.trouble()))
    }

    fn trouble(&self) -> Option<String> {
        if let Some(session) = &self.session {
            return session.trouble();
        }
        let path = self.socket.as_deref()?.display();
        Some(format!(
            "reach the cluster-manager at {path}: is it running (`systemctl status \
             cluster-manager`), and are you root?"
        ))
    }
}

fn choose(
    args: &ReachArgs,
    home: Option<&Home>,
    usual: &Path,
    is_root: bool,
) -> Result<Way, Failure> {
    if let Some(socket) = &args.socket {
        return Ok(Way::Socket(socket.clone()));
    }
    if args.local {
        return Ok(Way::Socket(usual.to_owned()));
    }
    let login = home.map(|home| home.choose(args.cluster.as_deref())).transpose()?.flatten();
    match login {
        Some(cluster) => Ok(Way::Login(cluster)),
        None if is_root && usual.exists() => Ok(Way::Socket(usual.to_owned())),
        None => Err(not_logged_in()),
    }
}

fn not_logged_in() -> Failure {
    Failure::unreached(
        "not logged in: run `wgcni login` with the join string that `cluster-manager init` \
         printed, or that another operator makes with `wgcni ticket create --operator`; on the \
         cluster-manager's own machine, be root",
    )
}

fn expired(member: &Member, now: Duration) -> Failure {
    let end = u64::try_from(member.not_after.as_millis()).unwrap_or(u64::MAX);
    Failure::unreached(format!(
        "the login of {} to cluster {} expired {}: have another operator run `wgcni operator \
         remove {}` and `wgcni ticket create --operator` (root on the cluster-manager's machine \
         is one), then `wgcni login` with the join string",
        member.name,
        member.cluster,
        times::relative(end, now),
        member.name,
    ))
}

/// Renews; what can wait is only said.
async fn renew(session: &Session) -> Result<(), Failure> {
    match session.renew().await {
        // Who cannot be reached: the call that comes next says so, and better.
        Ok(()) | Err(RenewError::Unreachable(_)) => Ok(()),
        Err(error @ RenewError::Refused { .. }) => Err(Failure::unreached(error.to_string())),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_socket_is_for_root_without_a_login_or_when_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let usual = directory.path().join("usual.sock");
        let home = Home::at(&directory.path().join("home"));
        let args = ReachArgs::default();
        let way = |args: &ReachArgs, is_root| choose(args, Some(&home), &usual, is_root);
        assert_eq!(way(&args, true).unwrap_err().exit, 4);
        std::fs::write(&usual, "").unwrap();
        assert_eq!(way(&args, true).unwrap(), Way::Socket(usual.clone()));
        assert_eq!(way(&args, false).unwrap_err().exit, 4);
        let local = ReachArgs { local: true, ..ReachArgs::default() };
        assert_eq!(way(&local, false).unwrap(), Way::Socket(usual.clone()));
        // With a login, that is the way.
        let cluster = ClusterId::from_random([1; 16]);
        let login = directory.path().join("home").join(cluster.as_str());
        std::fs::create_dir_all(&login).unwrap();
        std::fs::write(login.join("member.json"), "").unwrap();
        assert_eq!(way(&args, true).unwrap(), Way::Login(cluster));
        assert_eq!(way(&local, true).unwrap(), Way::Socket(usual.clone()));
        let socket = ReachArgs { socket: Some("/x".into()), ..ReachArgs::default() };
        assert_eq!(way(&socket, false).unwrap(), Way::Socket("/x".into()));
        let other = ReachArgs { cluster: Some("ff".into()), ..ReachArgs::default() };
        assert_eq!(way(&other, true).unwrap_err().exit, 4);
    }
}
