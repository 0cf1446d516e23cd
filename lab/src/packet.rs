//! What a captured Ethernet frame is. Pure.
//!
//! The underlay may carry WireGuard, the control channel and what hosts need to
//! find each other. Everything else is a packet in the clear.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

/// UDP port of the mesh.
pub const MESH_PORT: u16 = 51820;

/// TCP ports of the control channel: members', and the one for joining.
pub const CONTROL_PORTS: [u16; 2] = [7400, 7401];

/// What a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A WireGuard message between two hosts.
    Wireguard,
    /// The control channel between two hosts.
    Control,
    /// ARP, neighbour and multicast listener discovery.
    Neighbour,
    /// Anything else, and why.
    Plain(String),
}

/// What must not be seen.
#[derive(Debug, Clone)]
pub struct Secret {
    /// The cluster's prefixes: no such address may be in a header.
    pub overlay: Vec<IpNetwork>,
    /// Bytes that were sent through the tunnel: they may be nowhere.
    pub marker: Vec<u8>,
}

/// The parts of an IP packet that matter here.
struct Ip<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    payload: &'a [u8],
}

/// Tells what a frame is. It may be cut off after its headers.
pub fn classify(frame: &[u8], secret: &Secret) -> Kind {
    if contains(frame, &secret.marker) {
        return Kind::Plain("it holds the marker".to_owned());
    }
    let Some((ethernet, packet)) = frame.split_at_checked(14) else {
        return Kind::Plain("cut off".to_owned());
    };
    let ip = match (ethernet[12], ethernet[13]) {
        (0x08, 0x06) => return Kind::Neighbour,
        (0x08, 0x00) => parse_v4(packet),
        (0x86, 0xdd) => parse_v6(packet),
        (high, low) => return Kind::Plain(format!("ethertype {high:02x}{low:02x}")),
    };
    ip.map_or_else(|| Kind::Plain("malformed".to_owned()), |ip| classify_ip(&ip, secret))
}

fn classify_ip(ip: &Ip, secret: &Secret) -> Kind {
    let inside = |address| secret.overlay.iter().any(|prefix| prefix.contains(address));
    let plain = |what| Kind::Plain(format!("{} > {}: {what}", ip.source, ip.destination));
    if inside(ip.source) || inside(ip.destination) {
        return plain("an overlay address".to_owned());
    }
    match ip.protocol {
        17 if has_port(ip, MESH_PORT) && is_wireguard(ip.payload) => Kind::Wireguard,
        6 if CONTROL_PORTS.iter().any(|port| has_port(ip, *port)) => {
            // TLS says nothing of the sort, nor does it begin so by chance.
            if contains(ip.payload, b"HTTP/") {
                return plain("HTTP in the clear".to_owned());
            }
            Kind::Control
        }
        58 if is_discovery(ip.payload) => Kind::Neighbour,
        protocol => plain(format!("protocol {protocol}")),
    }
}

fn parse_v4(packet: &[u8]) -> Option<Ip<'_>> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    Some(Ip {
        source: address::<4>(packet, 12)?.into(),
        destination: address::<4>(packet, 16)?.into(),
        protocol: *packet.get(9)?,
        payload: packet.get(header..)?,
    })
}

fn parse_v6(packet: &[u8]) -> Option<Ip<'_>> {
    let (mut protocol, mut payload) = (*packet.get(6)?, packet.get(40..)?);
    // Multicast listener reports come behind a hop-by-hop header.
    if protocol == 0 {
        let length = 8 + usize::from(*payload.get(1)?) * 8;
        (protocol, payload) = (*payload.first()?, payload.get(length..)?);
    }
    Some(Ip {
        source: address::<16>(packet, 8)?.into(),
        destination: address::<16>(packet, 24)?.into(),
        protocol,
        payload,
    })
}

fn address<const N: usize>(packet: &[u8], at: usize) -> Option<[u8; N]> {
    packet.get(at..at + N)?.try_into().ok()
}

fn has_port(ip: &Ip, port: u16) -> bool {
    let port = port.to_be_bytes();
    ip.payload.get(..2) == Some(&port[..]) || ip.payload.get(2..4) == Some(&port[..])
}

/// Behind the UDP header: a type from 1 to 4 and three zero bytes.
fn is_wireguard(udp: &[u8]) -> bool {
    matches!(udp.get(8..12), Some([1..=4, 0, 0, 0]))
}

/// Multicast listener (130–132, 143) and neighbour discovery (133–137).
fn is_discovery(icmp: &[u8]) -> bool {
    matches!(icmp.first(), Some(130..=137 | 143))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MARKER: &[u8] = b"in the clear";

    fn secret() -> Secret {
        let overlay = ["10.64.0.0/12", "fd00:1::/48"].map(|prefix| prefix.parse().unwrap());
        Secret { overlay: overlay.to_vec(), marker: MARKER.to_vec() }
    }

    fn v4(source: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0]);
        frame.extend(source);
        frame.extend([192, 168, 77, 11]);
        frame.extend(payload);
        frame
    }

    fn udp(port: u16, content: &[u8]) -> Vec<u8> {
        let mut udp = vec![0x13, 0x88];
        udp.extend(port.to_be_bytes());
        udp.extend([0; 4]);
        udp.extend(content);
        udp
    }

    fn is_plain(frame: &[u8]) -> bool {
        matches!(classify(frame, &secret()), Kind::Plain(_))
    }

    const HOST: [u8; 4] = [192, 168, 77, 10];

    #[test]
    fn messages_on_the_mesh_port_are_wireguard() {
        let frame = v4(HOST, 17, &udp(MESH_PORT, &[4, 0, 0, 0, 9, 9]));
        assert_eq!(classify(&frame, &secret()), Kind::Wireguard);
    }

    #[test]
    fn other_bytes_on_the_mesh_port_are_plain() {
        assert!(is_plain(&v4(HOST, 17, &udp(MESH_PORT, b"GET / "))));
        assert!(is_plain(&v4(HOST, 17, &udp(53, &[4, 0, 0, 0]))));
    }

    #[test]
    fn an_overlay_address_is_plain_whatever_it_carries() {
        let frame = v4([10, 64, 0, 1], 17, &udp(MESH_PORT, &[4, 0, 0, 0]));
        assert!(is_plain(&frame));
    }

    #[test]
    fn the_marker_is_found_anywhere() {
        let content = [&[4, 0, 0, 0, 7][..], MARKER].concat();
        assert!(is_plain(&v4(HOST, 17, &udp(MESH_PORT, &content))));
    }

    #[test]
    fn the_control_channel_and_arp_are_known() {
        for port in CONTROL_PORTS {
            let tcp = [&port.to_be_bytes()[..], &[0; 18]].concat();
            assert_eq!(classify(&v4(HOST, 6, &tcp), &secret()), Kind::Control);
            let clear = [&tcp, &b"PRI * HTTP/2.0\r\n"[..]].concat();
            assert!(is_plain(&v4(HOST, 6, &clear)));
        }
        let arp = [&[0; 12][..], &[0x08, 0x06]].concat();
        assert_eq!(classify(&arp, &secret()), Kind::Neighbour);
    }

    #[test]
    fn multicast_reports_behind_a_hop_by_hop_header_are_discovery() {
        let mut frame = vec![0; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 0, 1]);
        frame.extend([0xfe; 32]);
        frame.extend([58, 0, 5, 2, 0, 0, 1, 0]);
        frame.extend([143, 0]);
        assert_eq!(classify(&frame, &secret()), Kind::Neighbour);
    }

    #[test]
    fn cut_off_and_unknown_frames_are_plain() {
        assert!(is_plain(&[1, 2, 3]));
        assert!(is_plain(&[0; 60]));
        assert!(is_plain(&v4(HOST, 4, &[0; 20])));
    }
}
