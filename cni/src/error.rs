//! Everything that can go wrong, and the one place that chooses CNI's codes.

use crate::version::Version;
use serde_json::{Value, json};
use std::error::Error as _;
use std::io;
use wgcni_model::{AttachmentKey, FieldError, IfName};

/// Why a verb did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A version that we do not speak.
    #[error("cniVersion {named:?} is not supported, only {}", Version::list())]
    Version {
        /// What the configuration says.
        named: String,
    },
    /// A verb that the configuration's version does not have.
    #[error("{verb} came with cniVersion {}", version.as_str())]
    TooOld {
        /// The verb.
        verb: &'static str,
        /// The configuration's version.
        version: Version,
    },
    /// A key that we know and cannot serve.
    #[error("{key} {value} is not supported: {why}")]
    Unsupported {
        /// Path of the key.
        key: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        why: &'static str,
    },
    /// There is no such container.
    #[error("container {0} is unknown")]
    Unknown(String, #[source] Option<Cause>),
    /// The environment is wrong; all mistakes at once.
    #[error("{}", .0.join("; "))]
    Environment(Vec<String>),
    /// The configuration cannot be read.
    #[error("read the network configuration")]
    Stdin(#[source] io::Error),
    /// The configuration is not JSON of the right shape.
    #[error("decode the network configuration")]
    Decode(#[source] serde_json::Error),
    /// The configuration is of the right shape and wrong.
    #[error("network configuration: {0}")]
    Config(FieldError),
    /// The container has an interface of that name.
    #[error("interface {0} exists already in the container")]
    Exists(IfName),
    /// The container is attached.
    #[error("{0} is attached already")]
    Attached(AttachmentKey, #[source] Cause),
    /// A DEL came while ADD was at work.
    #[error("{0} was detached while it was being attached")]
    Overtaken(AttachmentKey),
    /// The node-manager is down, starting, or full.
    #[error("the node-manager cannot {verb} now")]
    TryAgain {
        /// What it should have done.
        verb: &'static str,
        /// Why it cannot.
        #[source]
        cause: Cause,
    },
    /// The node-manager refused.
    #[error("the node-manager refused to {verb}")]
    Refused {
        /// What it should have done.
        verb: &'static str,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The container's namespace could not be changed or read.
    #[error("{what} in the container's network namespace")]
    Namespace {
        /// What should have been done.
        what: &'static str,
        /// Why it could not.
        #[source]
        cause: Cause,
    },
    /// Files of ours, randomness.
    #[error("{0}")]
    Io(String, #[source] io::Error),
    /// What CHECK found.
    #[error("the container's network is not as ADD left it: {}", .0.join("; "))]
    Broken(Vec<String>),
    /// ADD cannot work now.
    #[error("the network is not available: {}", .0.join("; "))]
    NotReady(Vec<String>),
    /// ADD cannot work now, and attached containers may be cut off.
    #[error("the network is not available and containers may be cut off: {}", .0.join("; "))]
    Limited(Vec<String>),
    /// A bug of ours.
    #[error("the plugin failed by a mistake of its own")]
    Panic(#[source] Cause),
}

/// Any cause, as text only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// The code (CNI specification, "Error"); 100 and above are ours.
    pub fn code(&self) -> u32 {
        match self {
            Self::Version { .. } | Self::TooOld { .. } => 1,
            Self::Unsupported { .. } => 2,
            Self::Unknown(..) => 3,
            Self::Environment(_) => 4,
            Self::Stdin(_) | Self::Io(..) => 5,
            Self::Decode(_) => 6,
            Self::Config(_) => 7,
            Self::TryAgain { .. } | Self::Overtaken(_) => 11,
            Self::NotReady(_) => 50,
            Self::Limited(_) => 51,
            Self::Exists(_) | Self::Attached(..) => 101,
            Self::Refused { .. } => 102,
            Self::Namespace { .. } => 103,
            Self::Broken(_) => 104,
            Self::Panic(_) => 199,
        }
    }

    /// The error as the runtime reads it.
    pub fn to_json(&self, version: Version) -> Value {
        json!({
            "cniVersion": version.as_str(),
            "code": self.code(),
            "msg": clean(&self.to_string()),
            "details": clean(&self.causes()),
        })
    }

    /// The causes, outermost first, each told once: some have the next one's text in theirs.
    fn causes(&self) -> String {
        let causes = std::iter::successors(self.source(), |&error| error.source());
        let told = causes.map(ToString::to_string).fold(Vec::new(), |mut told: Vec<_>, cause| {
            if told.last().is_none_or(|last: &String| !last.ends_with(&cause)) {
                told.push(cause);
            }
            told
        });
        told.join(": ")
    }

    /// The error for the panic with this payload.
    pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self::Panic(text.unwrap_or_else(|| "a panic without a message".to_owned()).into())
    }
}

/// Texts that go-cni, which containerd uses, takes for success of a DEL.
const FORBIDDEN: [&str; 2] = ["no such file or directory", "not found"];

/// Says the same without the texts that runtimes misread.
pub fn clean(text: &str) -> String {
    let mut text = text.to_owned();
    for forbidden in FORBIDDEN {
        // ASCII lower case keeps every byte's place.
        while let Some(at) = text.to_ascii_lowercase().find(forbidden) {
            text.replace_range(at..at + forbidden.len(), "missing");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn causes_of_the_system_lose_the_text_that_means_success_to_go_cni() {
        let cause = io::Error::from_raw_os_error(2);
        let json = Error::Io("open Not Found".to_owned(), cause).to_json(Version::V100);
        assert_eq!(json["msg"], "open missing");
        assert_eq!(json["details"], "missing (os error 2)");
        assert_eq!(json["code"], 5);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("call: {0}")]
    struct Telling(#[source] io::Error);

    #[test]
    fn a_cause_that_was_told_already_is_not_told_again() {
        let cause = Telling(io::Error::other("refused"));
        let error = Error::TryAgain { verb: "attach", cause: cause.into() };
        assert_eq!(error.to_json(Version::V100)["details"], "call: refused");
    }

    proptest! {
        #[test]
        fn no_text_survives_cleaning(
            parts in proptest::collection::vec("not |found|NOT FOUND|no such |file or directory|é", 0..9)
        ) {
            let text = clean(&parts.concat()).to_ascii_lowercase();
            prop_assert!(FORBIDDEN.iter().all(|forbidden| !text.contains(forbidden)));
        }
    }
}
