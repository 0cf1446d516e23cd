//! `node-manager join` and `init`: from a join string to a member, and from nothing to keys.

use std::io::{self, Write};

use anyhow::{Context, bail, ensure};
use time::OffsetDateTime;
use wgcni_channel::client::{JoinError, Joined, Joiner, Member, join};
use wgcni_daemon::files::ensure_private_dir;
use wgcni_daemon::secret::{self, Secret};
use wgcni_identity::{JoinCredential, JoinString};
use wgcni_model::{Lease, NodeName, Prefix};

use crate::channel::{member_files, now};
use crate::cleanup::lock;
use crate::config::Config;
use crate::endpoint;
use crate::identity::Identity;
use crate::membership::Files;
use crate::tunnels::keep_secrets;

/// What `node-manager join` can be told.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The join string; none or `-`: it is read from standard input. What stands here can be
    /// read by every user of this host while the command runs.
    join: Option<Secret>,
    /// Name that the node shall have; default: `node` of the configuration, or the host's.
    #[arg(long)]
    name: Option<NodeName>,
    /// Do nothing where this host is a member of a cluster already: for scripts that run at
    /// every start, with a join string that may be used up.
    #[arg(long)]
    unless_joined: bool,
}

/// Makes this node a member of a cluster, or says why not. Joining the same cluster again is
/// fine.
///
/// # Errors
/// No join string, a node-manager that runs, membership in another cluster, a
/// cluster-manager that is away or refuses.
pub async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<()> {
    keep_secrets()?;
    ensure!(
        !config.plaintext,
        "a member does not speak plaintext: remove insecure_plaintext and http:// from the configuration first"
    );
    if arguments.unless_joined
        && let Some(Member { name, cluster, .. }) = member_files(&config.state_dir).load()?
    {
        writeln!(io::stdout().lock(), "{name} is in cluster {cluster} already: nothing to do")?;
        return Ok(());
    }
    let string = secret::given_or_read(arguments.join, "join string")?;
    let string: JoinString = string.expose().parse()?;
    let _alone = lock(config)?;
    let identity = Identity::load_or_make(&config.state_dir)?;
    let former = former(config, &string)?;
    let name = name(config, arguments.name, former.as_ref())?;
    let good = former.as_ref().is_some_and(|member| !member.is_expired(now()));
    if good && matches!(string.credential, JoinCredential::Key) {
        let cluster = &string.cluster;
        writeln!(io::stdout().lock(), "{name} is in cluster {cluster} already: nothing to do")?;
        return Ok(());
    }
    let files = member_files(&config.state_dir);
    let key = files.pending_key(former.as_ref())?;
    let held = held(config, &string, &name);
    let asking = |known| Joiner {
        join: &string,
        name: &name,
        mesh_key: Some(&identity.mesh),
        held: held.clone(),
        known,
        control_key: Some(key.clone()),
    };
    let expired = former.is_some() && !good;
    let done = Box::pin(in_turn(expired, &string, asking)).await;
    if matches!(done, Err(JoinError::Refused { .. })) {
        // It may be the key that is refused: the next attempt has another.
        files.forget_pending()?;
    }
    let joined = done?;
    store(config, &joined)?;
    files.store(&joined.member)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line(&joined))?;
    endpoint::check_overlap(&joined.cluster.prefixes).context("joined, but this host cannot serve")
}

/// Asks with what the node has, one after the other: its own key where its certificate has
/// expired, what the join string holds, and its own key once more where that is nothing. By
/// its key alone no member comes back whose certificate is good: it may be a copy.
async fn in_turn<'a>(
    expired: bool,
    string: &JoinString,
    joiner: impl Fn(bool) -> Joiner<'a>,
) -> Result<Joined, JoinError> {
    let by_key = matches!(string.credential, JoinCredential::Key);
    let (first, second) =
        if expired { (true, Some(false)) } else { (false, by_key.then_some(true)) };
    match (join(joiner(first)).await, second) {
        (Err(JoinError::Refused { .. }), Some(second)) => join(joiner(second)).await,
        (done, _) => done,
    }
}

/// The member that is here already, of the same cluster.
fn former(config: &Config, string: &JoinString) -> anyhow::Result<Option<Member>> {
    let member = member_files(&config.state_dir).load()?;
    let leased = Files::new(&config.state_dir).cluster()?;
    let cluster = member.as_ref().map(|member| member.cluster.clone()).or(leased);
    if let Some(cluster) = cluster.filter(|cluster| *cluster != string.cluster) {
        bail!(
            "this node is in cluster {cluster}, and the join string is of {}: run `node-manager \
             leave` first or, where that cluster is gone, `node-manager cleanup --purge`",
            string.cluster
        );
    }
    Ok(member)
}

/// The name to join as; a member keeps its own.
fn name(
    config: &Config,
    given: Option<NodeName>,
    member: Option<&Member>,
) -> anyhow::Result<NodeName> {
    let asked = given.or_else(|| config.node.clone());
    if let Some(member) = member {
        let own = member.name.clone();
        if let Some(asked) = asked.filter(|asked| *asked != own) {
            bail!(
                "this node is {own} in this cluster: run `node-manager leave` to join as {asked}"
            );
        }
        return Ok(own);
    }
    if let (Some(asked), Some(configured)) = (&asked, &config.node) {
        ensure!(
            asked == configured,
            "the configuration says that this node is {configured}: remove node from it to join as {asked}"
        );
    }
    let name = asked.or_else(|| config.hostname.clone());
    name.context("the host's name cannot be a node's: say another with --name")
}

/// What this node held in the cluster before.
fn held(config: &Config, string: &JoinString, name: &NodeName) -> Vec<Prefix> {
    let membership = Files::new(&config.state_dir).load(name).ok().flatten();
    let same = membership.filter(|membership| membership.cluster.id == string.cluster);
    same.map(|membership| membership.lease.prefixes.iter().collect()).unwrap_or_default()
}

/// Stores lease and cluster, before the member: a node that is a member has a lease.
fn store(config: &Config, joined: &Joined) -> anyhow::Result<()> {
    let prefixes = joined.lease.context("the cluster-manager's answer has no lease")?;
    let lease = Lease { node: joined.member.name.clone(), prefixes };
    Ok(Files::new(&config.state_dir).store_lease(&joined.cluster, &lease)?)
}

fn line(joined: &Joined) -> String {
    let Joined { member, cluster, lease } = joined;
    let lease = lease.map(|lease| lease.to_string()).unwrap_or_default();
    let until = member.not_after.as_secs();
    let until = i64::try_from(until).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    let until = until.map(|t| {
        let (date, time) = (t.date(), t.time());
        let (month, (h, m, s)) = (u8::from(date.month()), time.as_hms());
        format!("{}-{month:02}-{:02}T{h:02}:{m:02}:{s:02}Z", date.year(), date.day())
    });
    format!(
        "{} joined cluster {} with {lease}; its certificate ends {}",
        member.name,
        cluster.id,
        until.unwrap_or_default()
    )
}

/// Makes the node's keys where there are none, and prints the public mesh key: a line for
/// `<name>.pub` among the cluster's whitelisted keys.
///
/// # Errors
/// Keys that cannot be read or stored.
pub fn init(config: &Config) -> anyhow::Result<()> {
    keep_secrets()?;
    ensure_private_dir(&config.state_dir)?;
    // Beside a node-manager that runs there are keys already.
    let made = config.state_dir.join("hub.pub").exists();
    let _alone = if made { None } else { Some(lock(config)?) };
    let identity = Identity::load_or_make(&config.state_dir)?;
    writeln!(io::stdout().lock(), "{}", identity.public().mesh)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_join_string_does_not_print() {
        let text: Secret = "wgcni1.secret".parse().unwrap();
        let arguments = Arguments { join: Some(text), name: None, unless_joined: false };
        assert!(!format!("{arguments:?}").contains("secret"));
    }
}
