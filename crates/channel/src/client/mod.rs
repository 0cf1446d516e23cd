//! A member's side of the channel: joining, credentials on disk, the connection, renewal.
//!
//! ```text
//! JoinString -> join() -> Joined -> MemberFiles::store -> Session -> connection()
//!                                                            ^ renew(): pending key, call,
//!                                                              store, reconnect
//! ```

mod dial;
mod files;
mod join;
mod line;
mod member;
mod proving;
mod renew;
mod session;
mod stored;

pub use dial::{Attempt, Unreachable, Why};
pub use files::{FilesError, MemberFiles};
pub use join::{JoinError, Joined, Joiner, join};
pub use member::Member;
pub use renew::RenewError;
pub use session::Session;

pub use crate::tls::Trust;

use wgcni_identity::JoinString;

impl From<&JoinString> for Trust {
    fn from(join: &JoinString) -> Self {
        Self { cluster: join.cluster.clone(), ca: join.ca }
    }
}

/// Most bytes of a text from the other end that are shown.
const SHOWN: usize = 300;

/// A text from the other end, as it may be shown: on one line, and not too long.
pub(crate) fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    clean.take(SHOWN).collect()
}

/// Time since the Unix epoch: the one place here that looks at the clock.
pub(crate) fn now() -> std::time::Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}
