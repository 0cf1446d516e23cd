//! Words for the service manager that started this program, if one did.

use sd_notify::NotifyState;

/// Says that the daemon answers from now on: what waits for it may go on. See
/// `sd_notify(3)`; without `NOTIFY_SOCKET` nobody is told.
pub fn ready() {
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!(%error, "tell the service manager that this is ready");
    }
}
