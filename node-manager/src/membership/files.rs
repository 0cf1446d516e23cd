//! The membership on disk, so that a node starts without its cluster-manager.
//!
//! `lease.json` is durable before the lease is used. `peers.json` follows the stream: it is
//! as good as the last one that was written, because no news is not "no peers".

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wgcni_daemon::files::{FileError, atomic_write};
use wgcni_daemon::sealed::{seal, unseal};
use wgcni_fault::around;
use wgcni_model::{Cluster, ClusterId, Lease, NodeName, Snapshot};

use super::Membership;

/// Version of both files' format.
const VERSION: u32 = 1;

/// Why the membership on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It is not what was written.
    #[error("{} is damaged: {why}; restore it, or remove it to start from what the cluster-manager says", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A newer program wrote it.
    #[error("{} has format {found}, this program knows {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It is another node's.
    #[error("{} is of node {found}, but this node is {own}; run node-manager leave under the old name first", path.display())]
    Node {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: NodeName,
        /// Who we are.
        own: NodeName,
    },
    /// The system refused.
    #[error(transparent)]
    Write(#[from] FileError),
}

#[derive(Serialize, Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct LeaseFile {
    version: u32,
    cluster: Cluster,
    lease: Lease,
}

#[derive(Serialize, Deserialize)]
struct PeersFile {
    version: u32,
    cluster: ClusterId,
    peers: Snapshot,
}

/// Where the membership is kept.
#[derive(Debug, Clone)]
pub struct Files {
    lease: PathBuf,
    peers: PathBuf,
}

impl Files {
    /// The files in `state_dir`.
    pub fn new(state_dir: &Path) -> Self {
        Self { lease: state_dir.join("lease.json"), peers: state_dir.join("peers.json") }
    }

    /// What was stored last, if anything.
    ///
    /// # Errors
    /// A file that is damaged, of a newer format or of another node.
    pub fn load(&self, node: &NodeName) -> Result<Option<Membership>, StateError> {
        let Some(file) = read::<LeaseFile>(&self.lease)? else { return Ok(None) };
        if file.lease.node != *node {
            let path = self.lease.clone();
            return Err(StateError::Node { path, found: file.lease.node, own: node.clone() });
        }
        // Peers of a cluster that this node was in before are nobody's any more.
        let peers = read::<PeersFile>(&self.peers)?.filter(|p| p.cluster == file.cluster.id);
        let peers = peers.map_or_else(Snapshot::default, |p| p.peers);
        Ok(Some(Membership {
            cluster: Arc::new(file.cluster),
            lease: Arc::new(file.lease),
            peers: Arc::new(peers),
        }))
    }

    /// The cluster, whoever the node is.
    ///
    /// # Errors
    /// A file that is damaged or of a newer format.
    pub fn cluster(&self) -> Result<Option<ClusterId>, StateError> {
        Ok(read::<LeaseFile>(&self.lease)?.map(|file| file.cluster.id))
    }

    /// Stores lease and cluster.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn store_lease(&self, cluster: &Cluster, lease: &Lease) -> Result<(), StateError> {
        let file = LeaseFile { version: VERSION, cluster: cluster.clone(), lease: lease.clone() };
        around!("node.lease-file", write(&self.lease, &file))
    }

    /// Stores the peers.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn store_peers(&self, cluster: &ClusterId, peers: &Snapshot) -> Result<(), StateError> {
        let file = PeersFile { version: VERSION, cluster: cluster.clone(), peers: peers.clone() };
        around!("node.peers-file", write(&self.peers, &file))
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self) -> io::Result<()> {
        for path in [&self.lease, &self.peers] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    match fs::read(path) {
        Ok(bytes) => decode(path, &bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::Read(path.to_owned(), error)),
    }
}

fn decode<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, StateError> {
    let damaged = |why: String| StateError::Damaged { path: path.to_owned(), why };
    let not_json = |error: serde_json::Error| damaged(error.to_string());
    let text = unseal(bytes).map_err(|why| damaged(why.to_owned()))?;
    let Version { version } = serde_json::from_str(text).map_err(not_json)?;
    if version != VERSION {
        return Err(StateError::Version { path: path.to_owned(), found: version });
    }
    serde_json::from_str(text).map_err(not_json)
}

fn write(path: &Path, file: &impl Serialize) -> Result<(), StateError> {
    let text = serde_json::to_string(file);
    let text =
        text.map_err(|e| StateError::Damaged { path: path.to_owned(), why: e.to_string() })?;
    Ok(atomic_write(path, seal(text).as_bytes(), 0o600)?)
}

/// Body of a fuzz target: a file is what was written, or its name is in the refusal. The
/// bytes are a file, and the text of one whose checksum is right.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(bytes: &[u8]) {
    fn same_again<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
        let path = Path::new("/state/file.json");
        match decode::<T>(path, bytes) {
            Ok(file) => {
                let written = serde_json::to_string(&file).unwrap_or_default();
                let again = decode::<T>(path, seal(written.clone()).as_bytes()).ok();
                let again = again.and_then(|file| serde_json::to_string(&file).ok());
                assert_eq!(again, Some(written));
            }
            Err(error) => assert!(error.to_string().contains("file.json"), "{error}"),
        }
    }
    let sealed = seal(String::from_utf8_lossy(bytes).into_owned());
    for bytes in [bytes, sealed.as_bytes()] {
        same_again::<LeaseFile>(bytes);
        same_again::<PeersFile>(bytes);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wgcni_model::{Prefixes, Revision};

    fn cluster(n: u8) -> Cluster {
        let prefixes = Prefixes::from_items(["10.64.0.0/12".parse().unwrap()]).unwrap();
        Cluster { id: ClusterId::from_random([n; 16]), prefixes }
    }

    fn lease() -> Lease {
        let prefixes = Prefixes::from_items(["10.64.1.0/24".parse().unwrap()]).unwrap();
        Lease { node: "one".parse().unwrap(), prefixes }
    }

    #[test]
    fn membership_survives_and_peers_of_another_cluster_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let (files, node) = (Files::new(dir.path()), "one".parse().unwrap());
        assert_eq!(files.load(&node).unwrap(), None);
        files.store_lease(&cluster(1), &lease()).unwrap();
        let peers = Snapshot { revision: Revision(7), ..Snapshot::default() };
        files.store_peers(&cluster(1).id, &peers).unwrap();
        assert_eq!(*files.load(&node).unwrap().unwrap().peers, peers);
        files.store_lease(&cluster(2), &lease()).unwrap();
        assert_eq!(*files.load(&node).unwrap().unwrap().peers, Snapshot::default());
    }

    #[test]
    fn damaged_newer_and_foreign_files_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let (files, node) = (Files::new(dir.path()), "one".parse().unwrap());
        files.store_lease(&cluster(1), &lease()).unwrap();
        let error = files.load(&"two".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("is of node one"), "{error}");
        let path = dir.path().join("lease.json");
        for (text, why) in [("{\"version\":1,", "is damaged"), ("{\"version\":2}", "format 2")] {
            fs::write(&path, seal(text.to_owned())).unwrap();
            let error = files.load(&node).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("lease.json"), "{error}");
        }
    }

    #[test]
    fn a_membership_with_a_flipped_bit_or_cut_short_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let (files, node) = (Files::new(dir.path()), "one".parse().unwrap());
        files.store_lease(&cluster(1), &lease()).unwrap();
        files.store_peers(&cluster(1).id, &Snapshot::default()).unwrap();
        for name in ["lease.json", "peers.json"] {
            let path = dir.path().join(name);
            let whole = fs::read(&path).unwrap();
            let refused = |bytes: &[u8], what: String| {
                fs::write(&path, bytes).unwrap();
                let error = files.load(&node).expect_err(&what).to_string();
                assert!(error.contains(name) && error.contains("is damaged"), "{what}: {error}");
            };
            for at in 0..whole.len() {
                refused(&whole[..at], format!("cut at {at}"));
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (at % 8);
                refused(&flipped, format!("flip at {at}"));
            }
            fs::write(&path, &whole).unwrap();
        }
    }
}
