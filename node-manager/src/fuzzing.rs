//! Bodies of fuzz targets: what lies on the node's disk.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wgcni_model::Revision;
use wgcni_store::{Key, Record as Stored};

use crate::attachments::record::{ATTACHMENTS, Record, Resting, decode, encode};
use crate::membership::files;
use crate::tombstones;

/// A record of the store, a file of the membership, or a tombstone.
pub fn state(bytes: &[u8]) {
    same_again::<Record>(bytes);
    same_again::<Resting>(bytes);
    files::fuzz(bytes);
    tombstones::fuzz(bytes);
}

/// What is read is the same once it is written again; what is refused is named.
fn same_again<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    let name = Key::new(ATTACHMENTS, "wgnet/c1/eth0");
    let stored = |value: Vec<u8>| Stored { revision: Revision(1), value: Arc::from(value) };
    match decode::<T>(&name, &stored(bytes.to_vec())) {
        Ok(record) => {
            let again = decode::<T>(&name, &stored(encode(&record)));
            assert_eq!(again.ok(), Some(record));
        }
        Err(error) => assert!(error.to_string().contains("wgnet/c1/eth0"), "{error}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_lies_on_the_disk_is_refused_or_makes_sense() {
        wgcni_fuzzing::bounded("node_state", super::state);
    }
}
