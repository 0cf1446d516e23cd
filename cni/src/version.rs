//! VERSION: what we speak.

use crate::conf::Version;
use serde_json::{Value, json};

/// Answers with the version that stdin names, if it names one: nothing else of stdin
/// and nothing of the environment matters.
pub fn version(stdin: &[u8]) -> Value {
    json!({
        "cniVersion": Version::named_by(stdin).unwrap_or(Version::V110).as_str(),
        "supportedVersions": Version::ALL.map(Version::as_str),
    })
}

/// What is printed when nobody asks for a verb. Runtimes take the first word that looks
/// like a version (Nomad fingerprints plugins so).
pub fn about() -> String {
    format!(
        "wireguard-cni {}\nCNI protocol versions supported: {}\n",
        env!("CARGO_PKG_VERSION"),
        Version::list()
    )
}
