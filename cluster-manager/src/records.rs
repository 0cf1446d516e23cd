//! What the store holds: one table for each kind of record.
//!
//! A value is a version byte and JSON. Prefixes and keys have tables of their own, so
//! that "nobody else has it" is a precondition of the transaction that takes it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wgcni_model::{Cluster, Endpoints, History, NodeName, Prefix, Prefixes, PublicKey};
use wgcni_store::Key;

/// Version of the JSON below. A change that an older program would misread gets the
/// next one.
const VERSION: u8 = 1;

/// A kind of record.
pub(crate) trait Row: Serialize + DeserializeOwned {
    /// Its table.
    const TABLE: &'static str;

    /// The bytes to store.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        // Rows have text keys only and no foreign `Serialize`: this cannot fail.
        let _ = serde_json::to_writer(&mut bytes, self);
        bytes
    }

    /// Reads stored bytes.
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&VERSION, json)) => {
                serde_json::from_slice(json).map_err(|error| error.to_string())
            }
            Some((version, _)) => Err(format!("has version {version}, this program knows 1")),
            None => Err("is empty".to_owned()),
        }
    }
}

/// The cluster's settings, which never change once there is a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SettingsRow {
    pub cluster: Cluster,
    pub lease_length_v4: u8,
    pub lease_length_v6: u8,
}

/// What a node owns; by node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseRow {
    pub prefixes: Prefixes,
}

/// Who has a prefix, or had it last; by prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrefixRow {
    pub node: NodeName,
    /// When it was released, in milliseconds of Unix time; none while it is leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<u64>,
    /// Whether nodes may still send to its last holder: it is nobody's until they do not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

/// A member of the mesh; by node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeerRow {
    pub mesh_key: PublicKey,
    pub hub_key: PublicKey,
    pub endpoints: Endpoints,
}

/// A start of the cluster-manager; by the history that begins with it, at the record's
/// revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunRow {}

/// Who has a public key; by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    pub node: NodeName,
}

impl Row for SettingsRow {
    const TABLE: &'static str = "cluster";
}

impl Row for LeaseRow {
    const TABLE: &'static str = "leases";
}

impl Row for PrefixRow {
    const TABLE: &'static str = "prefixes";
}

impl Row for PeerRow {
    const TABLE: &'static str = "peers";
}

impl Row for RunRow {
    const TABLE: &'static str = "runs";
}

impl Row for KeyRow {
    const TABLE: &'static str = "keys";
}

pub(crate) fn settings_key() -> Key {
    Key::new(SettingsRow::TABLE, "settings")
}

pub(crate) fn lease_key(node: &NodeName) -> Key {
    Key::new(LeaseRow::TABLE, node)
}

pub(crate) fn prefix_key(prefix: Prefix) -> Key {
    Key::new(PrefixRow::TABLE, prefix)
}

pub(crate) fn peer_key(node: &NodeName) -> Key {
    Key::new(PeerRow::TABLE, node)
}

pub(crate) fn run_key(run: &History) -> Key {
    Key::new(RunRow::TABLE, run)
}

pub(crate) fn key_key(key: &PublicKey) -> Key {
    Key::new(KeyRow::TABLE, key)
}
