//! The cache of what the store says of members: fed by changes, asked for plans.

use std::collections::{BTreeMap, BTreeSet};

use wgcni_identity::{IdentityId, Role, TicketId};
use wgcni_model::{NodeName, PublicKey};
use wgcni_store::{Key, Record};

use super::rows::{
    AuditHeadRow, AuditRow, BurntRow, IdentityRow, NameRow, SecurityRow, TicketRow, TokenRow,
    WhitelistRow,
};
use crate::records::Row;
use crate::registry::{Stored, name, stored};

/// Members, and what lets them in. The lines of the audit log stay in the store.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub identities: BTreeMap<IdentityId, Stored<IdentityRow>>,
    pub names: BTreeMap<(Role, NodeName), Stored<NameRow>>,
    pub burnt: BTreeSet<PublicKey>,
    pub tickets: BTreeMap<TicketId, Stored<TicketRow>>,
    pub tokens: BTreeMap<TicketId, Stored<TokenRow>>,
    pub security: Option<Stored<SecurityRow>>,
    pub whitelist: BTreeMap<NodeName, Stored<WhitelistRow>>,
    pub audit_head: Option<Stored<AuditHeadRow>>,
    /// Whose a mesh key is, revoked members' included.
    by_mesh_key: BTreeMap<PublicKey, IdentityId>,
}

impl Members {
    /// Follows one written record; `false`: it is of no table of ours.
    pub fn write(&mut self, key: &Key, record: &Record) -> Result<bool, String> {
        match key.table() {
            IdentityRow::TABLE => self.write_identity(name(key)?, stored(record)?),
            NameRow::TABLE => {
                self.names.insert(role_and_name(key)?, stored(record)?);
            }
            BurntRow::TABLE => {
                let _ = stored::<BurntRow>(record)?;
                self.burnt.insert(name(key)?);
            }
            TicketRow::TABLE => {
                self.tickets.insert(name(key)?, stored(record)?);
            }
            TokenRow::TABLE => {
                self.tokens.insert(name(key)?, stored(record)?);
            }
            SecurityRow::TABLE => self.security = Some(stored(record)?),
            WhitelistRow::TABLE => {
                self.whitelist.insert(name(key)?, stored(record)?);
            }
            AuditRow::TABLE => {
                let _ = stored::<AuditRow>(record)?;
            }
            AuditHeadRow::TABLE => self.audit_head = Some(stored(record)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Follows one removed record.
    pub fn remove(&mut self, key: &Key) -> Result<(), String> {
        match key.table() {
            IdentityRow::TABLE => {
                let gone = self.identities.remove(&name(key)?);
                if let Some(key) = gone.and_then(|gone| gone.row.mesh_key) {
                    self.by_mesh_key.remove(&key);
                }
            }
            NameRow::TABLE => {
                self.names.remove(&role_and_name(key)?);
            }
            BurntRow::TABLE => {
                self.burnt.remove(&name(key)?);
            }
            TicketRow::TABLE => {
                self.tickets.remove(&name(key)?);
            }
            TokenRow::TABLE => {
                self.tokens.remove(&name(key)?);
            }
            WhitelistRow::TABLE => {
                self.whitelist.remove(&name(key)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn write_identity(&mut self, id: IdentityId, stored: Stored<IdentityRow>) {
        if let Some(key) = stored.row.mesh_key {
            self.by_mesh_key.insert(key, id);
        }
        self.identities.insert(id, stored);
    }

    /// A member or former member by name.
    pub fn by_name(
        &self,
        role: Role,
        name: &NodeName,
    ) -> Option<(IdentityId, &Stored<IdentityRow>)> {
        let id = self.names.get(&(role, name.clone()))?.row.identity;
        self.identities.get(&id).map(|stored| (id, stored))
    }

    /// A member or former member by its mesh key.
    pub fn by_mesh_key(&self, key: &PublicKey) -> Option<(IdentityId, &Stored<IdentityRow>)> {
        let id = *self.by_mesh_key.get(key)?;
        self.identities.get(&id).map(|stored| (id, stored))
    }

    /// Whether a mesh key is on the whitelist.
    pub fn is_listed(&self, key: &PublicKey) -> bool {
        self.whitelist.values().any(|listed| listed.row.mesh_key == *key)
    }

    /// How it stands with security.
    pub fn security(&self) -> SecurityRow {
        self.security.as_ref().map(|stored| stored.row.clone()).unwrap_or_default()
    }

    /// Members whose ticket this was.
    pub fn joined_with(&self, ticket: TicketId) -> impl Iterator<Item = &IdentityRow> {
        let with = super::rows::Credential::Ticket(ticket);
        let rows = self.identities.values().map(|stored| &stored.row);
        rows.filter(move |row| row.joined_with == with)
    }
}

impl IdentityRow {
    /// Whether it is a member.
    pub fn is_active(&self) -> bool {
        self.revoked.is_none()
    }
}

fn role_and_name(key: &Key) -> Result<(Role, NodeName), String> {
    let (role, node) = key.name().split_once('/').ok_or("has no role")?;
    let role = match role {
        "node" => Role::Node,
        "operator" => Role::Operator,
        _ => return Err("has an unknown role".to_owned()),
    };
    let node = node.parse().map_err(|error: wgcni_model::Invalid| error.to_string())?;
    Ok((role, node))
}
