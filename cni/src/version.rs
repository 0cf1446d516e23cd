//! VERSION, and the versions that we speak.

use serde_json::{Value, json};

/// Versions of the CNI specification that we speak, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.3.0
    V030,
    /// 0.3.1
    V031,
    /// 0.4.0: CHECK, and prevResult on DEL.
    V040,
    /// 1.0.0: addresses lose their `version`.
    V100,
    /// 1.1.0: GC and STATUS, more about interfaces and routes.
    V110,
}

impl Version {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::V030, Self::V031, Self::V040, Self::V100, Self::V110];

    /// What `cniVersion` says.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V030 => "0.3.0",
            Self::V031 => "0.3.1",
            Self::V040 => "0.4.0",
            Self::V100 => "1.0.0",
            Self::V110 => "1.1.0",
        }
    }

    /// The version that stdin names, if we speak it.
    pub fn named_by(stdin: &[u8]) -> Option<Self> {
        let conf: Value = serde_json::from_slice(stdin).ok()?;
        Self::find(conf.get("cniVersion")?.as_str()?)
    }

    /// All of them for people.
    pub(crate) fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// The version of that text.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }
}

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
