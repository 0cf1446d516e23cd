//! Where the other nodes reach this one, and how large a packet may be on the way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use std::{fs, io};

use ipnetwork::IpNetwork;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use wgcni_dataplane::LinkName;
use wgcni_model::{Endpoint, Endpoints, IfName, Invalid, Prefix, Prefixes};

use crate::config::{Config, EndpointSource};

/// What WireGuard adds to a packet: IPv6 header 40, UDP header 8, data header 16, tag 16.
const OVERHEAD: u16 = 80;

/// MTU where no interface says another: Ethernet's.
const ETHERNET: u16 = 1500;

/// Addresses that nobody has (RFC 5737, RFC 3849): the way to them is the default route.
const ELSEWHERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// How long one name may take: what the kernel holds is to be reported soon.
const LOOKUP: Duration = Duration::from_millis(500);

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The host's addresses cannot be listed.
    #[error("list the host's addresses")]
    List(#[source] io::Error),
    /// The interface has none.
    #[error("endpoint_interface {0} has no address that other machines reach")]
    Interface(IfName),
    /// No address is inside the prefix.
    #[error("no address of the host is inside endpoint_prefix {0}")]
    Prefix(Prefix),
    /// No route leads anywhere.
    #[error(
        "no route leads to the cluster-manager or anywhere else; set endpoint, endpoint_interface or endpoint_prefix"
    )]
    Route,
    /// The cluster would take the host's own network away.
    #[error(
        "the cluster's prefix {cluster} overlaps {network} of the host's interface {link}; one of them must change"
    )]
    Overlap {
        /// The cluster's prefix.
        cluster: Prefix,
        /// The host's network.
        network: IpNetwork,
        /// The interface that has it.
        link: String,
    },
    /// What was found is not usable.
    #[error("endpoint")]
    Unusable(#[from] Invalid),
    /// The interface does not tell its MTU.
    #[error("read the MTU of {0}")]
    Mtu(String, #[source] io::Error),
    /// The mesh could not carry IPv6.
    #[error("{0} has MTU {1}, but the mesh needs at least {least}", least = 1280 + OVERHEAD)]
    TooSmall(String, u16),
}

/// Finds the endpoint as the operator wants it found.
///
/// # Errors
/// When the host has no such address.
pub async fn find(config: &Config) -> Result<Endpoints, EndpointError> {
    let ip = match &config.endpoint {
        EndpointSource::Given(endpoint) => return Ok(Endpoints::try_from(vec![*endpoint])?),
        EndpointSource::Interface(name) => of_interface(name)?,
        EndpointSource::Prefix(prefix) => of_prefix(prefix)?,
        EndpointSource::Route => of_route(config).await?,
    };
    let endpoint = Endpoint::new(SocketAddr::new(ip, config.mesh_port))?;
    Ok(Endpoints::try_from(vec![endpoint])?)
}

/// The MTU of the mesh: the underlay's without what WireGuard adds.
///
/// # Errors
/// When the underlay's is unknown or too small for IPv6.
pub async fn mesh_mtu(config: &Config) -> Result<u16, EndpointError> {
    if let Some(mtu) = config.underlay_mtu {
        return Ok(mtu - OVERHEAD);
    }
    let Some(link) = underlay(config).await? else {
        return Ok(ETHERNET - OVERHEAD);
    };
    let mtu = link_mtu(&link).map_err(|e| EndpointError::Mtu(link.clone(), e))?;
    if mtu < 1280 + OVERHEAD {
        return Err(EndpointError::TooSmall(link, mtu));
    }
    Ok(mtu - OVERHEAD)
}

/// The interface that packets to other nodes leave by, if one is known.
async fn underlay(config: &Config) -> Result<Option<String>, EndpointError> {
    if let EndpointSource::Interface(name) = &config.endpoint {
        return Ok(Some(name.to_string()));
    }
    // A given endpoint may be a translated address that no interface has: then it is the
    // way to the cluster-manager that tells.
    let ip = match (&config.endpoint, find(config).await) {
        (_, Ok(endpoints)) => endpoints.as_slice().first().map(Endpoint::ip),
        (_, Err(_)) => None,
    };
    if let Some(link) = ip.map(link_with).transpose()?.flatten() {
        return Ok(Some(link));
    }
    match of_route(config).await {
        Ok(ip) => link_with(ip),
        Err(_) => Ok(None),
    }
}

/// What the kernel says of an interface of this network namespace.
fn link_mtu(link: &str) -> io::Result<u16> {
    let text = fs::read_to_string(format!("/sys/class/net/{link}/mtu"))?;
    let mtu: u32 = text.trim().parse().map_err(io::Error::other)?;
    // Beyond this only loopbacks go, and those carry no mesh.
    Ok(u16::try_from(mtu).unwrap_or(u16::MAX))
}

fn of_interface(name: &IfName) -> Result<IpAddr, EndpointError> {
    let mut all = addresses()?;
    let found = all.find(|(link, ip)| link == name.as_str() && usable(*ip));
    found.map(|(_, ip)| ip).ok_or_else(|| EndpointError::Interface(name.clone()))
}

fn of_prefix(prefix: &Prefix) -> Result<IpAddr, EndpointError> {
    let found = addresses()?.find(|(_, ip)| prefix.contains(*ip));
    found.map(|(_, ip)| ip).ok_or(EndpointError::Prefix(*prefix))
}

/// The source address of packets to the cluster-manager; where that is this machine, of
/// packets to anywhere.
async fn of_route(config: &Config) -> Result<IpAddr, EndpointError> {
    let mut targets = Vec::new();
    for manager in &config.managers {
        // Without an answer the default route tells as much; the name is needed again later.
        let found = tokio::time::timeout(LOOKUP, tokio::net::lookup_host(manager)).await;
        targets.extend(found.into_iter().flatten().flatten().map(|address| address.ip()));
    }
    targets.extend(ELSEWHERE);
    targets
        .into_iter()
        .filter_map(source_towards)
        .find(|ip| usable(*ip))
        .ok_or(EndpointError::Route)
}

/// Connecting a UDP socket sends nothing: the kernel only looks up the route.
fn source_towards(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((target, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn link_with(ip: IpAddr) -> Result<Option<String>, EndpointError> {
    Ok(addresses()?.find(|(_, other)| *other == ip).map(|(link, _)| link))
}

/// Whether other machines can send to it.
fn usable(ip: IpAddr) -> bool {
    Prefix::host(ip).is_ok()
}

fn addresses() -> Result<impl Iterator<Item = (String, IpAddr)>, EndpointError> {
    let list = getifaddrs().map_err(|errno| EndpointError::List(errno.into()))?;
    Ok(list.filter_map(|entry| Some((entry.interface_name, ip(entry.address.as_ref()?)?))))
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
}

/// Proves that the host can be part of a cluster with these prefixes: overlay packets from
/// and to its own networks would be dropped as forged.
///
/// # Errors
/// The first overlap.
pub fn check_overlap(cluster: &Prefixes) -> Result<(), EndpointError> {
    let list = getifaddrs().map_err(|errno| EndpointError::List(errno.into()))?;
    let ours = |link: &str| LinkName::ALL.iter().any(|own| own.as_str() == link);
    for entry in list.filter(|entry| !ours(&entry.interface_name)) {
        let (address, mask) = (entry.address.as_ref(), entry.netmask.as_ref());
        let pair = address.and_then(ip).zip(mask.and_then(ip));
        let Some(network) = pair.and_then(|(a, m)| IpNetwork::with_netmask(a, m).ok()) else {
            continue;
        };
        if let Some(cluster) = cluster.iter().find(|c| overlaps(c.network(), network)) {
            let link = entry.interface_name;
            return Err(EndpointError::Overlap { cluster, network, link });
        }
    }
    Ok(())
}

fn overlaps(a: IpNetwork, b: IpNetwork) -> bool {
    a.contains(b.network()) || b.contains(a.network())
}
