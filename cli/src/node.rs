//! `wgcni node`.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_v1::Role;
use wgcni_model::{NodeName, PublicKey};

use crate::member::{self, Member};
use crate::nodes::nodes;
use crate::out::Out;
use crate::reach::Reach;
use crate::table::clean;
use crate::wait::wait;
use crate::{Failure, times};

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// The same as `wgcni nodes`
    #[command(visible_alias = "ls")]
    List,
    /// Put a node's mesh key on the whitelist, so that it may join
    Add {
        /// Name that the node will have
        #[arg(long)]
        name: NodeName,
        /// Its mesh public key, as `node-manager init --whitelist` printed it
        #[arg(long, value_name = "KEY")]
        pubkey: PublicKey,
    },
    /// Show everything about a node
    Show {
        /// Its name
        name: NodeName,
    },
    /// Put a node out of the cluster; its name and keys stay taken
    Revoke {
        /// Its name
        name: NodeName,
        /// Why, for the audit log
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Put a node out of the cluster and free its name; its keys stay refused
    Remove {
        /// Its name
        name: NodeName,
        #[command(flatten)]
        wait: Wait,
    },
}

/// Whether to wait
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Wait until all other nodes have removed it
    #[arg(long)]
    wait: bool,
    /// How long to wait; then the exit code is 3
    #[arg(long, default_value = "2m", value_parser = times::parse_span, requires = "wait")]
    timeout: Duration,
}

impl NodeCommand {
    pub async fn run(self, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List => nodes(reach, out).await,
            Self::Add { name, pubkey } => add(&name, &pubkey, reach, out).await,
            Self::Show { name } => show(&name, reach, out).await,
            Self::Revoke { name, reason, wait } => {
                let revision = member::revoke(reach, (Role::ROLE_NODE, &name), reason).await?;
                end(&name, "revoked", revision, &wait, reach, out).await
            }
            Self::Remove { name, wait } => {
                let revision = member::remove(reach, (Role::ROLE_NODE, &name)).await?;
                end(&name, "removed", revision, &wait, reach, out).await
            }
        }
    }
}

async fn end(
    name: &NodeName,
    done: &'static str,
    revision: u64,
    how: &Wait,
    reach: &Reach,
    out: &mut Out,
) -> Result<(), Failure> {
    if how.wait {
        wait((name, done), revision, how.timeout, reach, out).await
    } else {
        member::ended(name, done, revision, out)
    }
}

#[derive(Serialize)]
struct Added<'a> {
    name: &'a NodeName,
    mesh_public_key: String,
    /// Without a secret: the key entitles.
    join: String,
}

async fn add(
    name: &NodeName,
    pubkey: &PublicKey,
    reach: &Reach,
    out: &mut Out,
) -> Result<(), Failure> {
    let request = wire::AddNodeRequest {
        name: name.to_string(),
        mesh_public_key: pubkey.as_bytes().to_vec(),
        ..wire::AddNodeRequest::default()
    };
    let answer = reach.answer(reach.cluster.admin.add_node(request).await)?;
    let join = answer.into_owned().join;
    let text = format!(
        "{name} may join now, with its key {pubkey} and this join string, which is no secret:\n\
         {}\n",
        clean(&join)
    );
    out.show(&Added { name, mesh_public_key: pubkey.to_string(), join }, text)
}

async fn show(name: &NodeName, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let nodes = member::list(reach, Role::ROLE_NODE).await?;
    let node = nodes.iter().find(|node| node.name == name.as_str());
    let missing = || Failure::failed(format!("no node {name}; `wgcni node list` shows all"));
    let node = node.ok_or_else(missing)?;
    out.show(&Member::from(node), member::facts(node, out.now))
}
