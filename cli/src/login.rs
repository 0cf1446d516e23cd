//! `wgcni login`, `logout`, `whoami`.

use clap::Args;
use serde::Serialize;
use wgcni_api::identity_v1::{Role, WhoAmIRequest};
use wgcni_channel::client::{JoinError, Joiner, Member, join};
use wgcni_daemon::secret::{self, Secret};
use wgcni_identity::JoinString;
use wgcni_model::NodeName;

use crate::args::ReachArgs;
use crate::home::{Home, chain, failed};
use crate::out::Out;
use crate::reach::Reach;
use crate::table::Facts;
use crate::{Failure, times};

/// Log in to a cluster with a join string
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The join string; without it, or for `-`, it is read from stdin. An argument is visible
    /// to every user of this machine while the command runs, and stays in the shell's history
    #[arg(value_name = "JOIN", allow_hyphen_values = true)]
    join: Option<Secret>,
    /// Your name in the cluster; your name on this machine when not given
    #[arg(long)]
    name: Option<NodeName>,
}

#[derive(Serialize)]
struct LoggedIn {
    cluster_id: String,
    name: String,
    identity_id: String,
    expires: Option<String>,
}

/// Joins as an operator, and makes the login the default.
pub(crate) async fn login(login: Login, home: &Home, out: &mut Out) -> Result<(), Failure> {
    let name = match login.name {
        Some(name) => name,
        None => local_name(|name| std::env::var(name).ok())?,
    };
    let text = secret::given_or_read(login.join, "join string").map_err(|error| failed(&error))?;
    let join_string: JoinString = text.expose().parse().map_err(|error| failed(&error))?;
    let member = enter(&join_string, &name, home).await?;
    let end = u64::try_from(member.not_after.as_millis()).unwrap_or(u64::MAX);
    let shown = LoggedIn {
        cluster_id: member.cluster.to_string(),
        name: member.name.to_string(),
        identity_id: member.id.to_string(),
        expires: times::rfc3339(end),
    };
    let until = times::both(end, out.now);
    let text = format!(
        "logged in to cluster {} as {}, until {until}; commands renew that\n",
        member.cluster, member.name
    );
    out.show(&shown, text)
}

/// Joins, and keeps the member.
async fn enter(string: &JoinString, name: &NodeName, home: &Home) -> Result<Member, Failure> {
    home.ensure()?;
    let files = home.files(&string.cluster);
    let former = files.load().map_err(|error| failed(&error))?;
    // Written first: after a lost answer the same string leads to the same identity.
    let key = files.pending_key(former.as_ref()).map_err(|error| failed(&error))?;
    let joiner = Joiner {
        join: string,
        name,
        mesh_key: None,
        held: Vec::new(),
        known: false,
        control_key: Some(key),
    };
    let member = match join(joiner).await {
        Ok(done) => done.member,
        Err(error) => {
            if matches!(error, JoinError::Refused { .. }) {
                files.forget_pending().map_err(|error| failed(&error))?;
            }
            return Err(not_joined(&error));
        }
    };
    files.store(&member).map_err(|error| failed(&error))?;
    home.set_default(&member.cluster)?;
    Ok(member)
}

fn not_joined(error: &JoinError) -> Failure {
    match error {
        JoinError::Unreachable(_) => Failure::unreached(chain(error)),
        _ => Failure::failed(chain(error)),
    }
}

/// The name of whoever runs this, where a cluster takes it.
fn local_name(variable: impl Fn(&str) -> Option<String>) -> Result<NodeName, Failure> {
    let name = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| variable(name));
    let name = name.and_then(|name| name.to_lowercase().parse().ok());
    name.ok_or_else(|| Failure::failed("say who you are in the cluster: --name NAME"))
}

/// Forgets a login. The cluster is not asked: it may be gone.
pub(crate) fn logout(args: &ReachArgs, home: &Home, out: &mut Out) -> Result<(), Failure> {
    let Some(cluster) = home.choose(args.cluster.as_deref())? else {
        return Err(Failure::unreached("not logged in"));
    };
    let name = home.files(&cluster).load().ok().flatten().map(|member| member.name);
    home.remove(&cluster)?;
    out.note(format!("logged out of cluster {cluster}"));
    if let Some(name) = name {
        out.note(format!("{name} is still its operator: `wgcni operator remove {name}` ends that"));
    }
    Ok(())
}

#[derive(Serialize)]
struct Me {
    role: &'static str,
    name: String,
    identity_id: Option<String>,
    cluster_id: String,
    certificate_expires: Option<String>,
}

/// Shows who the cluster takes the caller for.
pub(crate) async fn whoami(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let answer = reach.cluster.identity.who_am_i(WhoAmIRequest::default()).await;
    let answer = reach.answer(answer)?.into_owned();
    let end = reach.session.as_ref().map(|session| session.member().borrow().not_after);
    let end = end.and_then(|end| u64::try_from(end.as_millis()).ok()).unwrap_or_default();
    let role = match answer.role.as_known() {
        Some(Role::ROLE_NODE) => "node",
        Some(Role::ROLE_OPERATOR) => "operator",
        _ => "root",
    };
    let me = Me {
        role,
        name: answer.name,
        identity_id: (!answer.identity_id.is_empty()).then_some(answer.identity_id),
        cluster_id: answer.cluster_id,
        certificate_expires: times::rfc3339(end),
    };
    let mut facts = Facts::new();
    facts.fact("role", me.role);
    facts.fact("name", &me.name);
    facts.fact("identity", me.identity_id.as_deref().unwrap_or_default());
    facts.fact("cluster", &me.cluster_id);
    if end != 0 {
        facts.fact("certificate until", times::both(end, out.now));
    }
    out.show(&me, facts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_name_is_the_local_users_where_a_cluster_takes_it() {
        let name = |set: &'static [(&str, &str)]| {
            local_name(|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(name(&[("USER", "root"), ("SUDO_USER", "Ann")]).unwrap().as_str(), "ann");
        assert_eq!(name(&[("LOGNAME", "bob")]).unwrap().as_str(), "bob");
        assert!(name(&[("USER", "a.b")]).unwrap_err().text.contains("--name"));
        assert!(name(&[]).unwrap_err().text.contains("--name"));
    }
}
