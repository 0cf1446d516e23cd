//! Limits that the system sets.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Allows as many open files as the system permits: each connection is one, and the
/// usual 1,024 are a default for programs that use `select`.
pub fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
