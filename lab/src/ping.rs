//! Pings between containers.

use std::net::IpAddr;
use std::thread;

use anyhow::Result;

use crate::container::Container;

/// One way from a container to another over one address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Name of the sender.
    pub from: String,
    /// Name of the receiver.
    pub to: String,
    /// Address of the receiver.
    pub address: IpAddr,
    /// Whether it answered.
    pub reachable: bool,
}

/// Pings an address from a container; the payload repeats `marker`.
///
/// # Errors
/// When ping cannot be started.
pub fn reaches(from: &Container, address: IpAddr, marker: &[u8; 16]) -> Result<bool> {
    let pattern = format!("{:032x}", u128::from_be_bytes(*marker));
    let mut command = from.command("ping")?;
    command.args(["-n", "-q", "-c", "2", "-i", "0.2", "-W", "3", "-p", &pattern]);
    let output = command.arg(address.to_string()).output()?;
    Ok(output.status.success())
}

/// Pings every ordered pair over both families, all senders at once; calls `told`
/// after each path.
///
/// # Errors
/// When ping cannot be started.
pub fn every_pair(
    containers: &[Container],
    marker: &[u8; 16],
    told: &(impl Fn(&Path) + Sync),
) -> Result<Vec<Path>> {
    let from_one = |from: &Container| -> Result<Vec<Path>> {
        let mut paths = Vec::new();
        for to in containers.iter().filter(|to| to.name() != from.name()) {
            for address in to.addresses() {
                let path = Path {
                    from: from.name().to_owned(),
                    to: to.name().to_owned(),
                    address,
                    reachable: reaches(from, address, marker)?,
                };
                told(&path);
                paths.push(path);
            }
        }
        Ok(paths)
    };
    thread::scope(|scope| {
        let senders: Vec<_> =
            containers.iter().map(|from| scope.spawn(move || from_one(from))).collect();
        let mut all = Vec::new();
        for sender in senders {
            let paths = sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?;
            all.extend(paths?);
        }
        Ok(all)
    })
}
