//! Everything of ours goes.

use super::Host;
use crate::diff::diff;
use crate::error::{Doing, Error};
use crate::mark;
use crate::netlink::{delete, unless};
use crate::parts::Parts;
use crate::state::{State, Sysctl};
use crate::wireguard::Engine;
use std::collections::BTreeMap;

pub(super) fn cleanup(host: &Host, former: &BTreeMap<Sysctl, String>) -> Vec<Error> {
    let mut errors = Vec::new();
    // What lets packets through is closed before the firewall goes.
    errors.extend(former.iter().filter_map(|(key, value)| restore(key, value).err()));
    // Routes and chains by diff; links by mark, since there may be more than the wished ones.
    let parts = Parts::ROUTES | Parts::FIREWALL;
    match host.observe(parts) {
        Ok(have) => {
            let report = host.apply(diff(&have, &State::default(), parts));
            errors.extend(report.failures.into_iter().map(|failure| failure.error));
        }
        Err(error) => errors.push(error),
    }
    if let Engine::Userspace(tunnels) = &host.engine {
        errors.extend(tunnels.shutdown().err());
    }
    errors.extend(links(host));
    errors
}

/// A setting of an interface that is gone needs no restoring.
fn restore(key: &Sysctl, value: &str) -> Result<(), Error> {
    unless(key.write(value), &[libc::ENOENT]).doing(|| format!("set {key} to {value}"))
}

/// Deletes all marked links, also those of a cluster that this node was in before.
fn links(host: &Host) -> Vec<Error> {
    let links = match host.netlink.links() {
        Ok(links) => links,
        Err(source) => return vec![Error::Io { what: "list links".to_owned(), source }],
    };
    let ours = links.into_iter().filter(|link| link.is_marked(mark::PREFIX));
    let outcomes = ours.map(|link| {
        let delete = delete(link.index);
        let outcome = host.netlink.request_unless(delete, &[libc::ENODEV]);
        outcome.doing(|| format!("delete {}", link.name))
    });
    outcomes.filter_map(Result::err).collect()
}
