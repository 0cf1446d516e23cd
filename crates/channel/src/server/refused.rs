//! How often a listener turned somebody away before the first request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one listener; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Refused(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    caps: AtomicU64,
    handshakes: AtomicU64,
    slow: AtomicU64,
}

impl Refused {
    /// Connections over a cap or a rate.
    pub fn over_caps(&self) -> u64 {
        self.0.caps.load(Ordering::Relaxed)
    }

    /// TLS handshakes of whoever is not let in, or does not speak it.
    pub fn handshakes(&self) -> u64 {
        self.0.handshakes.load(Ordering::Relaxed)
    }

    /// TLS handshakes that took too long.
    pub fn slow(&self) -> u64 {
        self.0.slow.load(Ordering::Relaxed)
    }

    pub(super) fn count_over_caps(&self) {
        self.0.caps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_handshake(&self) {
        self.0.handshakes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_slow(&self) {
        self.0.slow.fetch_add(1, Ordering::Relaxed);
    }
}
