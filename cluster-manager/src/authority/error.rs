//! What can be wrong with the CA's files.

use std::io;
use std::path::PathBuf;

use wgcni_daemon::files::FileError;
use wgcni_identity::Error;

/// A file of the CA's cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// There is none.
    #[error(
        "{} has no keys of a cluster; make them with: cluster-manager init", .0.display()
    )]
    None(PathBuf),
    /// Some are there.
    #[error(
        "{} is missing, and {} is there; restore it from a backup (members trust no other \
         one), or begin again with: cluster-manager init --force", missing.display(), there.display()
    )]
    Missing {
        /// What is missing.
        missing: PathBuf,
        /// What is not.
        there: PathBuf,
    },
    /// Others may use it.
    #[error(
        "{} has mode {mode:04o} and owner {owner}: others may {what} it; when you are sure \
         that nobody did, give it to the user of the daemon (chown) and chmod 0600 {}", path.display(), path.display()
    )]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        owner: u32,
        /// What others may do.
        what: &'static str,
    },
    /// Its content makes no sense.
    #[error("{} is damaged: {why}; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Its content belongs to something else.
    #[error("{} {why}; restore all three of ca.key, ca.crt and security.key from one backup", path.display())]
    Unpaired {
        /// The file.
        path: PathBuf,
        /// To what.
        why: String,
    },
    /// The system refused.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// The cryptographic library refused.
    #[error(transparent)]
    Library(#[from] Error),
}
