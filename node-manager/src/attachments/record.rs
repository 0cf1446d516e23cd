//! Attachments and resting addresses as they lie in the store: a version byte, then JSON.

use std::net::IpAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wgcni_api::node::Namespace;
use wgcni_model::{Addresses, AttachmentKey, NamespaceId, PublicKey};
use wgcni_store::{Key, Loaded, Record as Stored};

/// Version of the records' format.
const VERSION: u8 = 1;

/// Table of attachments.
pub const ATTACHMENTS: &str = "attachment";

/// Table of addresses that rest.
pub const RESTING: &str = "resting";

/// How far an attachment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nobody has been told of it: it may be undone.
    Pending,
    /// It was answered, or is about to be.
    Complete,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who it is.
    pub key: AttachmentKey,
    /// Path of its namespace: for people.
    pub path: String,
    /// Its namespace.
    pub namespace: NamespaceId,
    /// In which boot of the host: namespaces do not outlive it.
    pub boot: String,
    /// The container's key.
    pub public_key: PublicKey,
    /// Its addresses.
    pub addresses: Addresses,
    /// The MTU that its link was made with: it keeps that when the node's changes.
    #[serde(default)]
    pub mtu: Option<u16>,
    /// When it was made, since the Unix epoch.
    pub made: Duration,
    /// How far it has come.
    pub phase: Phase,
}

impl Record {
    /// Its name in the store.
    pub fn name(&self) -> Key {
        name(&self.key)
    }

    /// The namespace as the plugin named it.
    pub fn namespace(&self) -> Namespace {
        Namespace { path: self.path.clone(), id: self.namespace }
    }
}

/// An address that rests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resting {
    /// Who had it last.
    pub key: AttachmentKey,
    /// The address.
    pub address: IpAddr,
    /// Since when, since the Unix epoch.
    pub since: Duration,
}

/// A record of the store that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("record {name} of the attachments: {why}; restore the directory from a backup")]
pub struct Unreadable {
    name: Key,
    why: String,
}

/// The attachments that a store holds, of whatever boot.
///
/// # Errors
/// A record that this program did not write.
pub fn stored(loaded: &Loaded) -> Result<Vec<Record>, Unreadable> {
    let all = loaded.records.iter().filter(|(name, _)| name.table() == ATTACHMENTS);
    all.map(|(name, stored)| decode(name, stored)).collect()
}

/// Name of an attachment in the store.
pub fn name(key: &AttachmentKey) -> Key {
    Key::new(ATTACHMENTS, key)
}

/// Name of a resting address in the store.
pub fn resting_name(address: IpAddr) -> Key {
    Key::new(RESTING, address)
}

/// The bytes to store.
pub fn encode(record: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    // Into memory, and these types have neither maps nor fallible parts.
    let written = serde_json::to_writer(&mut bytes, record);
    debug_assert!(written.is_ok());
    bytes
}

/// Reads what was stored.
///
/// # Errors
/// Bytes that this program did not write.
pub fn decode<T: DeserializeOwned>(name: &Key, stored: &Stored) -> Result<T, Unreadable> {
    let unreadable = |why: String| Unreadable { name: name.clone(), why };
    match stored.value.split_first() {
        Some((&VERSION, json)) => {
            serde_json::from_slice(json).map_err(|e| unreadable(e.to_string()))
        }
        Some((version, _)) => {
            Err(unreadable(format!("it has format {version}, this program knows {VERSION}")))
        }
        None => Err(unreadable("it is empty".to_owned())),
    }
}
