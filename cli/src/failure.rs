//! How a command ends when it does not end well.

use connectrpc::{ConnectError, ErrorCode};

use crate::table::clean;

/// Refused, or failed.
const FAILED: u8 = 1;
/// Not done in time.
const LATE: u8 = 3;
/// Not logged in, or nobody is reached.
const UNREACHED: u8 = 4;

/// What is said on stderr, and the exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: u8,
    /// What happened and what to do; empty: all is said.
    pub text: String,
}

impl Failure {
    /// Refused, or failed.
    pub fn failed(text: impl Into<String>) -> Self {
        Self { exit: FAILED, text: text.into() }
    }

    /// Not done in time.
    pub(crate) fn late(text: impl Into<String>) -> Self {
        Self { exit: LATE, text: text.into() }
    }

    /// Not logged in, or nobody is reached.
    pub(crate) fn unreached(text: impl Into<String>) -> Self {
        Self { exit: UNREACHED, text: text.into() }
    }

    /// What a call came to. `trouble` is why there is no connection, where somebody knows.
    pub(crate) fn of_call(error: &ConnectError, trouble: Option<String>) -> Self {
        let said = clean(error.message.as_deref().unwrap_or(error.code.as_str()));
        // What came over the wire has no source; what the connection did has one.
        let connection = std::error::Error::source(error).is_some();
        match error.code {
            ErrorCode::Unavailable if connection => {
                let why = trouble.unwrap_or_else(|| format!("reach the cluster-manager: {said}"));
                Self::unreached(why)
            }
            ErrorCode::DeadlineExceeded => Self::late(
                "the cluster-manager did not answer in time; what was asked may have been done: \
                 look before you repeat it",
            ),
            ErrorCode::Unauthenticated => {
                Self::unreached(format!("{said}; log in again: `wgcni login`"))
            }
            ErrorCode::PermissionDenied => {
                Self::failed(format!("not allowed: {said}; `wgcni whoami` shows who you are"))
            }
            ErrorCode::Unimplemented => Self::failed(format!(
                "the cluster-manager does not know this call ({said}): it is of another version, \
                 or this is not its API"
            )),
            ErrorCode::Unavailable => Self::unreached(format!("{said}; try again")),
            _ => Self::failed(said),
        }
    }
}
