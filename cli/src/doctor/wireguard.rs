//! Where WireGuard runs, and what it needs for that.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use wgcni_api::node_v1::WireguardKind;

use super::finding::{Finding, advice, run};
use super::machine::Machine;
use super::tool;

const CHECK: &str = "wireguard";

/// The device that makes TUN interfaces.
const TUN: &str = "/dev/net/tun";

/// Its number (Linux, admin-guide/devices.txt): misc device 200.
const TUN_DEVICE: u64 = nix::sys::stat::makedev(10, 200);

#[derive(Clone)]
pub(crate) struct Facts {
    is_node: bool,
    /// The kernel has it, loaded or not.
    kernel: bool,
    /// Why there is no TUN.
    no_tun: Option<String>,
    /// What the configuration demands.
    demanded: Option<String>,
    /// What node-manager uses.
    running: Option<WireguardKind>,
}

pub(crate) async fn look(machine: &Machine) -> Facts {
    let loaded = Path::new("/sys/module/wireguard").exists();
    let kind = machine.node.as_ref().ok().and_then(|status| status.wireguard_kind.as_known());
    Facts {
        is_node: machine.roles.node || !machine.roles.manager,
        kernel: loaded || tool::run(&["modprobe", "-n", "-q", "wireguard"]).await.is_ok(),
        no_tun: tun().err(),
        demanded: machine.config.text("wireguard").map(str::to_owned),
        running: kind.filter(|kind| *kind != WireguardKind::WIREGUARD_KIND_UNSPECIFIED),
    }
}

fn tun() -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{TUN}: {error}");
    let metadata = fs::metadata(TUN).map_err(failed)?;
    if !metadata.file_type().is_char_device() || metadata.rdev() != TUN_DEVICE {
        return Err(format!("{TUN} is something else"));
    }
    match OpenOptions::new().read(true).write(true).open(TUN) {
        // Others than root may not, and need not.
        Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => Err(failed(error)),
        _ => Ok(()),
    }
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    if !facts.is_node {
        return Vec::new();
    }
    let userspace = match (facts.running, facts.demanded.as_deref()) {
        (Some(kind), _) => kind == WireguardKind::WIREGUARD_KIND_USERSPACE,
        (None, Some("userspace")) => true,
        (None, Some("kernel")) if !facts.kernel => {
            let seen = "wireguard = \"kernel\", and this kernel has no WireGuard";
            let load = "`modprobe wireguard` says what is missing (Debian: linux-image-amd64); \
                        or remove the line: then it runs in user space";
            return vec![Finding::problem(CHECK, seen, advice(load))];
        }
        (None, _) => !facts.kernel,
    };
    if !userspace {
        return vec![Finding::ok(CHECK, "the kernel's")];
    }
    if let Some(why) = &facts.no_tun {
        let seen = format!("in user space, and that cannot make devices: {why}");
        let make = "modprobe -q tun || true; mkdir -p /dev/net; rm -f /dev/net/tun; \
                    mknod -m 0666 /dev/net/tun c 10 200";
        return vec![Finding::problem(CHECK, seen, run(make))];
    }
    let and = if facts.kernel { "; the kernel has it, too" } else { "" };
    let mut finding = Finding::ok(CHECK, format!("in user space{and}"));
    if facts.kernel && facts.demanded.as_deref() != Some("userspace") {
        let how = "to be faster: docs/operations.md, Change over to the kernel's WireGuard";
        finding.remedy = Some(advice(how));
    }
    vec![finding]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Severity::{Ok, Problem};

    #[test]
    fn a_tun_matters_only_in_user_space() {
        let (kernel, user) =
            (WireguardKind::WIREGUARD_KIND_KERNEL, WireguardKind::WIREGUARD_KIND_USERSPACE);
        let table = [
            (true, false, None, Some(kernel), Ok),
            (false, true, None, Some(user), Ok),
            (true, true, None, Some(user), Ok),
            (false, false, None, Some(user), Problem),
            (false, false, None, None, Problem),
            (true, false, None, None, Ok),
            (true, false, Some("userspace"), None, Problem),
            (false, true, Some("kernel"), None, Problem),
            (false, true, Some("auto"), None, Ok),
        ];
        for (kernel, tun, demanded, running, expected) in table {
            let no_tun = (!tun).then(|| "no such device".to_owned());
            let demanded = demanded.map(str::to_owned);
            let facts = Facts { is_node: true, kernel, no_tun, demanded, running };
            let found = judge(&facts);
            assert_eq!(found[0].severity, expected, "{:?}", found[0]);
            assert_eq!(judge(&Facts { is_node: false, ..facts }), []);
        }
    }
}
