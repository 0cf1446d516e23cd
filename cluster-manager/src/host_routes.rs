//! The routes of the host, so that a cluster does not take addresses that the host
//! needs to reach others.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wgcni_model::{Prefix, Prefixes};

/// Interfaces of a node-manager on the same host: their routes are the cluster's own.
const OURS: [&str; 2] = ["wgmesh0", "wghub0"];
/// `RTF_REJECT` of `linux/route.h`: such a route carries no traffic.
const REJECT: u32 = 0x0200;
/// `RTF_LOCAL` of `linux/ipv6_route.h`: an address of the host.
const LOCAL: u32 = 0x8000_0000;

/// A route of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRoute {
    /// Where it leads to.
    pub prefix: Prefix,
    /// Through which interface.
    pub interface: String,
}

/// A prefix of the cluster that the host uses for something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster's prefix {cluster} overlaps {}, which this host reaches through {}: \
     choose another prefix", route.prefix, route.interface
)]
pub struct Overlap {
    /// The cluster's.
    pub cluster: Prefix,
    /// The host's.
    pub route: HostRoute,
}

/// The routes that carry traffic to others, ours and the default ones left out.
///
/// # Errors
/// When the kernel does not tell. A kernel without IPv6 has no IPv6 routes.
pub fn read() -> io::Result<Vec<HostRoute>> {
    let v4 = fs::read_to_string("/proc/net/route")?;
    let v6 = match fs::read_to_string("/proc/net/ipv6_route") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let routes = v4.lines().filter_map(parse_v4).chain(v6.lines().filter_map(parse_v6));
    Ok(routes.filter(|route| !OURS.contains(&route.interface.as_str())).collect())
}

/// The first overlap.
///
/// # Errors
/// When there is one.
pub fn check(cluster: &Prefixes, routes: &[HostRoute]) -> Result<(), Overlap> {
    let pairs = cluster.iter().flat_map(|prefix| routes.iter().map(move |route| (prefix, route)));
    match pairs.into_iter().find(|(prefix, route)| prefix.overlaps(&route.prefix)) {
        Some((cluster, route)) => Err(Overlap { cluster, route: route.clone() }),
        None => Ok(()),
    }
}

/// A line of /proc/net/route: `eth0 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0`, the
/// addresses in the byte order of the machine.
fn parse_v4(line: &str) -> Option<HostRoute> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let [interface, destination, _, flags, _, _, _, mask, ..] = fields[..] else { return None };
    let address = |text| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
    let length = u32::from(address(mask)?).leading_ones();
    route(interface, address(destination)?.into(), length, flags)
}

/// A line of `/proc/net/ipv6_route`: destination, length, source, length, next hop,
/// metric, references, use, flags, interface; numbers in hexadecimal.
fn parse_v6(line: &str) -> Option<HostRoute> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let [destination, length, _, _, _, _, _, _, flags, interface] = fields[..] else { return None };
    let address = Ipv6Addr::from(u128::from_str_radix(destination, 16).ok()?);
    route(interface, address.into(), u32::from_str_radix(length, 16).ok()?, flags)
}

/// `None` for what cannot overlap a cluster: default routes and their halves,
/// link-local and multicast, all of which are no [`Prefix`].
fn route(interface: &str, address: IpAddr, length: u32, flags: &str) -> Option<HostRoute> {
    let flags = u32::from_str_radix(flags, 16).ok()?;
    if flags & (REJECT | LOCAL) != 0 {
        return None;
    }
    let prefix = Prefix::new(address, u8::try_from(length).ok()?).ok()?;
    Some(HostRoute { prefix, interface: interface.to_owned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_the_kernel_writes_them() {
        let line = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";
        let route = parse_v4(line).unwrap();
        assert_eq!(
            (route.prefix.to_string(), &*route.interface),
            ("192.168.1.0/24".into(), "eth0")
        );
        let line = "fd000000000000000000000000000000 30 00000000000000000000000000000000 00 \
                    00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth1";
        let route = parse_v6(line).unwrap();
        assert_eq!((route.prefix.to_string(), &*route.interface), ("fd00::/48".into(), "eth1"));
    }

    #[test]
    fn default_and_unreachable_routes_do_not_count() {
        for line in [
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
            "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "tun0\t00000080\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0",
            "*\t0000400A\t00000000\t0201\t0\t0\t0\t0000F0FF\t0\t0\t0",
        ] {
            assert_eq!(parse_v4(line), None, "{line}");
        }
    }

    #[test]
    fn overlap_names_both_prefixes() {
        let cluster = Prefixes::from_items(["10.64.0.0/12".parse().unwrap()]).unwrap();
        let route =
            |text: &str| HostRoute { prefix: text.parse().unwrap(), interface: "eth0".to_owned() };
        assert!(check(&cluster, &[route("10.0.0.0/16"), route("fd00::/8")]).is_ok());
        for other in ["10.0.0.0/8", "10.70.0.0/16", "10.64.0.1/32"] {
            let error = check(&cluster, &[route(other)]).unwrap_err().to_string();
            assert!(error.contains("10.64.0.0/12") && error.contains(other), "{error}");
        }
    }

    #[test]
    fn routes_of_this_machine_are_readable() {
        read().unwrap();
    }
}
