//! `node-manager renew`: a new certificate for a new control key, now.

use std::io::{self, Write};

use anyhow::Context;
use wgcni_channel::client::Session;

use crate::channel::member_files;
use crate::cleanup::lock;
use crate::config::Config;
use crate::tunnels::keep_secrets;

/// Renews the certificate of a node whose node-manager does not run: one that runs does so
/// by itself.
///
/// # Errors
/// No member, a node-manager that runs, a cluster-manager that is away or refuses.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    keep_secrets()?;
    let _alone = lock(config)?;
    let files = member_files(&config.state_dir);
    let member = files.load()?.context("not joined: run `node-manager join`")?;
    let session = Session::new(member, Some(files));
    session.renew().await?;
    let member = session.member().borrow().clone();
    writeln!(io::stdout().lock(), "renewed the certificate of node {}", member.name)?;
    Ok(())
}
