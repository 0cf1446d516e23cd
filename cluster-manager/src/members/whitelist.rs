//! Keys that may join without a secret.

use std::collections::BTreeMap;
use std::time::Duration;

use wgcni_identity::Role;
use wgcni_model::{NodeName, PublicKey};
use wgcni_store::Transaction;

use super::rows::{Credential, WhitelistRow, whitelist_key};
use super::{Actor, Doing, Entry, millis};
use crate::Refusal;
use crate::records::Row;
use crate::registry::{Registry, State};

impl Registry {
    /// Puts a key on the whitelist.
    ///
    /// # Errors
    /// [`Refusal::Listed`] when the name or the key is taken; or the store fails.
    pub async fn add_node(
        &self,
        name: &NodeName,
        mesh_key: PublicKey,
        by: &Actor,
        now: Duration,
    ) -> Result<(), Refusal> {
        self.list(name, WhitelistRow { mesh_key, file: false, added: millis(now) }, by, now).await
    }

    /// A file of the whitelist directory came or has another key.
    ///
    /// # Errors
    /// As [`Registry::add_node`].
    pub async fn whitelist_file(
        &self,
        name: &NodeName,
        mesh_key: PublicKey,
        now: Duration,
    ) -> Result<(), Refusal> {
        let by = Actor::ClusterManager;
        self.list(name, WhitelistRow { mesh_key, file: true, added: millis(now) }, &by, now).await
    }

    /// A file of the whitelist directory is gone: whoever joined with it is revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn whitelist_file_gone(&self, name: &NodeName, now: Duration) -> Result<(), Refusal> {
        let by = Actor::ClusterManager;
        let plan = |state: &mut State| {
            let Some(stored) = state.members.whitelist.get(name) else {
                return Ok(Doing::Done(()));
            };
            let transaction = Transaction::new().remove(&whitelist_key(name), stored.revision);
            let entry = Entry::new(&by, "whitelist.remove", format!("node {name}"));
            Ok(Doing::Commit(transaction, entry, ()))
        };
        self.audited(now, plan).await?;
        let joined = {
            let state = self.state();
            let member = state.members.by_name(Role::Node, name).map(|(_, stored)| &stored.row);
            member.is_some_and(|m| m.is_active() && m.joined_with == Credential::Whitelist)
        };
        if joined {
            let reason = "its file left the whitelist directory";
            self.revoke((Role::Node, name), reason, &by, now).await?;
        }
        Ok(())
    }

    /// What the store knows of the whitelist directory.
    pub fn whitelist_files(&self) -> BTreeMap<NodeName, PublicKey> {
        let state = self.state();
        let files = state.members.whitelist.iter().filter(|(_, stored)| stored.row.file);
        files.map(|(name, stored)| (name.clone(), stored.row.mesh_key)).collect()
    }

    async fn list(
        &self,
        name: &NodeName,
        row: WhitelistRow,
        by: &Actor,
        now: Duration,
    ) -> Result<(), Refusal> {
        let plan = |state: &mut State| {
            state.check_listed(name, &row)?;
            let before = state.members.whitelist.get(name);
            let key = whitelist_key(name);
            let transaction = match before {
                Some(before) => Transaction::new().replace(&key, before.revision, row.encode()),
                None => Transaction::new().create(&key, row.encode()),
            };
            let entry = Entry::new(by, "whitelist.add", format!("node {name}")).note(row.mesh_key);
            Ok(Doing::Commit(transaction, entry, ()))
        };
        self.audited(now, plan).await?;
        Ok(())
    }
}

impl State {
    fn check_listed(&self, name: &NodeName, row: &WhitelistRow) -> Result<(), Refusal> {
        let members = &self.members;
        let refused = |why: &str| Err(Refusal::Listed { node: name.clone(), why: why.to_owned() });
        let key = row.mesh_key;
        if members.burnt.contains(&key) {
            return refused("its key was revoked: it needs a new one");
        }
        if let Some((other, _)) =
            members.whitelist.iter().find(|(other, w)| w.row.mesh_key == key && *other != name)
        {
            return refused(&format!("its key is on the whitelist for {other}"));
        }
        match members.by_mesh_key(&key) {
            Some((_, member)) if member.row.name != *name => {
                return refused(&format!("its key is that of node {}", member.row.name));
            }
            _ => {}
        }
        match members.whitelist.get(name) {
            Some(before) if !row.file && before.row.mesh_key != key => {
                refused("the name is on the whitelist with another key")
            }
            _ => Ok(()),
        }
    }
}
