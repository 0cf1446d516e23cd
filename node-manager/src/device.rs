//! Containers' devices as the host sees them: their names, and what becomes of those that
//! nobody has any more.

use std::thread;

use wgcni_dataplane::Tunnels;
use wgcni_fault::around;
use wgcni_model::{IfName, Invalid, PublicKey};

use crate::desired::Containers;

/// What their names start with.
const PREFIX: &str = "wgc";

/// Name of a container's device until it is named in the container, and of its UAPI
/// socket: of the container's key, so that one that lingers is never in its successor's way.
///
/// # Errors
/// None: the name is always one that Linux takes.
pub fn name(key: PublicKey) -> Result<IfName, Invalid> {
    let digits = key.as_bytes()[..6].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    format!("{PREFIX}{digits:012x}").parse()
}

/// Whether a name is one that containers' devices have.
pub fn is_name(name: &str) -> bool {
    let digits = name.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Ends the userspace devices of containers that were just detached: the plugin cannot where
/// the namespace is out of its reach (DEL without `CNI_NETNS`, GC). On a thread of its own,
/// because the kernel takes its time for a device and the next pass does not wait; what
/// fails here is left to [`sweep`].
pub fn end(tunnels: &Tunnels, detached: Vec<PublicKey>) {
    let tunnels = tunnels.clone();
    thread::spawn(move || {
        for device in detached.into_iter().filter_map(|key| name(key).ok()) {
            match around!("node.end-device", tunnels.delete(device.as_str())) {
                Ok(()) => tracing::debug!(%device, "ended the device of a detached container"),
                Err(error) => tracing::warn!(%device, %error, "end a device"),
            }
        }
    });
}

/// Ends the userspace devices that no container has, of an ADD that was killed for example.
/// Call it from where attachments are applied: a device is made only after its container
/// was, so none is taken for an orphan.
pub fn sweep(tunnels: &Tunnels, containers: &Containers) {
    let kept: Vec<IfName> = containers.keys().filter_map(|key| name(*key).ok()).collect();
    let devices = match tunnels.list() {
        Ok(devices) => devices,
        Err(error) => {
            tracing::warn!(%error, "list the userspace devices");
            return;
        }
    };
    let kept = |device: &str| kept.iter().any(|name| name.as_str() == device);
    for device in devices.iter().filter(|d| is_name(d) && !kept(d)) {
        match around!("node.sweep-device", tunnels.delete(device)) {
            Ok(()) => tracing::info!(device, "ended a device that no container has"),
            Err(error) => tracing::warn!(device, %error, "end a device that no container has"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use wgcni_model::PrivateKey;

    #[test]
    fn devices_are_named_after_their_keys() {
        let key = |n| PrivateKey::from_random([n; 32]).public_key();
        let device = name(key(1)).unwrap();
        assert!(is_name(device.as_str()), "{device}");
        assert_ne!(device, name(key(2)).unwrap());
        for other in ["wgmesh0", "wgc", "wgc0123456789a", "wgc0123456789ag", "wgc0123456789abc"] {
            assert!(!is_name(other), "{other}");
        }
    }
}
