//! Records of members and of what lets them in.

use serde::{Deserialize, Serialize};
use wgcni_identity::{LineHash, Pin, Role, TicketId, Verifier};
use wgcni_model::{NodeName, Prefix, PublicKey};
use wgcni_store::Key;

use crate::records::Row;
use wgcni_identity::IdentityId;

/// A member, or a former one; by identity id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityRow {
    pub role: Role,
    pub name: NodeName,
    /// The control key of its newest certificate.
    pub key: Pin,
    /// The one before, and until when it is taken as well, in milliseconds of Unix time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<(Pin, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh_key: Option<PublicKey>,
    /// To be sent with the next renewal.
    pub counter: u64,
    /// End of its newest certificate, in milliseconds of Unix time.
    pub not_after: u64,
    pub joined: u64,
    pub joined_with: Credential,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<NodeName>,
    /// What an operator should look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// When it was revoked, in milliseconds of Unix time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
}

/// What let a member in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Credential {
    Ticket(TicketId),
    SecurityKey,
    Whitelist,
}

impl std::fmt::Display for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ticket(id) => write!(f, "ticket {id}"),
            Self::SecurityKey => f.write_str("security key"),
            Self::Whitelist => f.write_str("whitelist"),
        }
    }
}

/// Who has a name; by role and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameRow {
    pub identity: IdentityId,
}

/// A mesh key that nobody may have any more; by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BurntRow {
    /// Who had it.
    pub node: NodeName,
}

/// A ticket; by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TicketRow {
    pub role: Role,
    pub verifier: Verifier,
    pub uses: u32,
    pub uses_left: u32,
    /// In milliseconds of Unix time, as all times here.
    pub expires: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<NodeName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<NodeName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_cidrs: Vec<Prefix>,
    pub created_by: String,
    pub created: u64,
    #[serde(default)]
    pub revoked: bool,
}

/// A token that reads the security key; by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenRow {
    /// Of its secret.
    pub hash: Pin,
    pub label: String,
    pub expires: u64,
    pub created_by: String,
    pub created: u64,
}

/// How it stands with security.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecurityRow {
    /// How often the security key was rotated by force.
    pub generation: u64,
    /// Until when the security key of the generation before is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_until: Option<u64>,
    /// Whether there has been an identity: then plaintext is refused for ever.
    #[serde(default)]
    pub safe: bool,
}

/// A key that may join; by the name that it joins under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WhitelistRow {
    pub mesh_key: PublicKey,
    /// Whether it lies in the whitelist directory, which takes it away, too.
    pub file: bool,
    pub added: u64,
}

/// A line of the audit log; by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditRow {
    pub line: String,
}

/// Where the audit log ends, and where what is kept of it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditHeadRow {
    pub seq: u64,
    pub hash: LineHash,
    pub first: u64,
}

macro_rules! tables {
    ($($row:ty: $table:literal;)*) => {
        $(impl Row for $row {
            const TABLE: &'static str = $table;
        })*
    };
}

tables! {
    IdentityRow: "identities";
    NameRow: "names";
    BurntRow: "burnt";
    TicketRow: "tickets";
    TokenRow: "tokens";
    SecurityRow: "security";
    WhitelistRow: "whitelist";
    AuditRow: "audit";
    AuditHeadRow: "audit-head";
}

pub(crate) fn identity_key(id: IdentityId) -> Key {
    Key::new(IdentityRow::TABLE, id)
}

pub(crate) fn name_key(role: Role, name: &NodeName) -> Key {
    Key::new(NameRow::TABLE, format_args!("{role}/{name}"))
}

pub(crate) fn burnt_key(key: &PublicKey) -> Key {
    Key::new(BurntRow::TABLE, key)
}

pub(crate) fn ticket_key(id: TicketId) -> Key {
    Key::new(TicketRow::TABLE, id)
}

pub(crate) fn token_key(id: TicketId) -> Key {
    Key::new(TokenRow::TABLE, id)
}

pub(crate) fn security_key() -> Key {
    Key::new(SecurityRow::TABLE, "state")
}

pub(crate) fn whitelist_key(name: &NodeName) -> Key {
    Key::new(WhitelistRow::TABLE, name)
}

/// Numbers in the order of their text.
pub(crate) fn audit_key(seq: u64) -> Key {
    Key::new(AuditRow::TABLE, format_args!("{seq:020}"))
}

pub(crate) fn audit_head_key() -> Key {
    Key::new(AuditHeadRow::TABLE, "head")
}
