//! Connection tracking (`nfnetlink_conntrack.h`): what the kernel remembers of flows.

use super::attribute::{attributes, nested};
use super::channel::{Channel, Request};
use ipnetwork::IpNetwork;
use netlink_packet_core::NetlinkSerializable;
use netlink_sys::protocols::NETLINK_NETFILTER;
use std::io;
use std::net::IpAddr;

/// `NFNL_SUBSYS_CTNETLINK`, `IPCTNL_MSG_CT_GET`, `IPCTNL_MSG_CT_DELETE`.
const SUBSYSTEM: u16 = 1;
const GET: u16 = 1;
const DELETE: u16 = 2;

/// `CTA_TUPLE_ORIG`, `CTA_TUPLE_REPLY`, `CTA_ID`, `CTA_ZONE`.
const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
const ID: u16 = 12;
const ZONE: u16 = 18;

/// `CTA_TUPLE_IP` of a tuple, and `CTA_IP_V4_SRC` to `CTA_IP_V6_DST` inside of it.
const ADDRESSES: u16 = 1;
const V4: [u16; 2] = [1, 2];
const V6: [u16; 2] = [3, 4];

/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;

/// Errors of a kernel that tracks no connections, or lets nobody look at them: the protocol
/// or the subsystem is unknown.
const NONE: [i32; 3] = [libc::EPROTONOSUPPORT, libc::EOPNOTSUPP, libc::EINVAL];

/// The flows that the kernel knows in one network namespace.
#[derive(Debug)]
pub(crate) struct Conntrack(Channel);

/// A flow, as far as it takes to name it: its original tuple, zone and number as the kernel
/// wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flow {
    family: u8,
    name: Vec<(u16, Vec<u8>)>,
}

impl Conntrack {
    /// Opens the namespace of the calling thread; `None` where the kernel tracks nothing.
    pub(crate) fn open() -> io::Result<Option<Self>> {
        match Channel::open(NETLINK_NETFILTER) {
            Ok(channel) => Ok(Some(Self(channel))),
            Err(error) if is_none(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the flows that have an address of these networks at either end, before or
    /// after translation; says how many.
    pub(crate) fn forget(&self, networks: &[IpNetwork]) -> io::Result<usize> {
        let mut flows = Vec::new();
        let all = Message { kind: GET, family: family(networks), body: Vec::new() };
        let dumped = self.0.visit(&all, |bytes| flows.extend(flow(bytes, networks)));
        match dumped {
            Err(error) if is_none(&error) => return Ok(0),
            other => other?,
        }
        let requests = flows.iter().map(|flow| Request { message: flow.delete(), flags: 0 });
        let outcomes = self.0.batch(&requests.collect::<Vec<_>>())?;
        let mut deleted = 0;
        for outcome in outcomes {
            match outcome {
                Ok(()) => deleted += 1,
                // It has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }
}

fn is_none(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|errno| NONE.contains(&errno))
}

/// The family to ask for: both where both are asked about.
fn family(networks: &[IpNetwork]) -> u8 {
    let v4 = networks.iter().any(IpNetwork::is_ipv4);
    let v6 = networks.iter().any(IpNetwork::is_ipv6);
    let family = match (v4, v6) {
        (true, false) => libc::AF_INET,
        (false, true) => libc::AF_INET6,
        _ => libc::AF_UNSPEC,
    };
    u8::try_from(family).unwrap_or_default()
}

/// The flow that a message tells of, if one of its four addresses is in these networks.
fn flow(message: &[u8], networks: &[IpNetwork]) -> Option<Flow> {
    // The family's header (`nfgenmsg`) begins with it.
    let family = *message.get(16)?;
    let mut found = Flow { family, name: Vec::new() };
    let mut concerned = false;
    for (kind, value) in attributes(message) {
        if matches!(kind, ORIGINAL | REPLY) {
            let concerns = |ip| networks.iter().any(|network| network.contains(ip));
            concerned = concerned || addresses(value).any(concerns);
        }
        match kind {
            ORIGINAL => found.name.push((ORIGINAL | NESTED, value.to_vec())),
            ID | ZONE => found.name.push((kind, value.to_vec())),
            _ => {}
        }
    }
    // Without its tuple a request to delete would be one to delete everything.
    let named = found.name.iter().any(|(kind, _)| *kind == ORIGINAL | NESTED);
    (concerned && named).then_some(found)
}

/// Source and destination of a tuple.
fn addresses(tuple: &[u8]) -> impl Iterator<Item = IpAddr> {
    let lists = nested(tuple).filter(|(kind, _)| *kind == ADDRESSES);
    lists.flat_map(|(_, list)| nested(list)).filter_map(|(kind, value)| {
        if V4.contains(&kind) {
            <[u8; 4]>::try_from(value).ok().map(IpAddr::from)
        } else if V6.contains(&kind) {
            <[u8; 16]>::try_from(value).ok().map(IpAddr::from)
        } else {
            None
        }
    })
}

impl Flow {
    fn delete(&self) -> Message {
        let mut body = Vec::new();
        for (kind, value) in &self.name {
            let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
            body.extend(length.to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        Message { kind: DELETE, family: self.family, body }
    }
}

/// A request.
#[derive(Debug, Clone)]
struct Message {
    kind: u16,
    family: u8,
    body: Vec<u8>,
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        SUBSYSTEM << 8 | self.kind
    }

    fn buffer_len(&self) -> usize {
        4 + self.body.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        // Family, `NFNETLINK_V0`, no resource.
        buffer[..4].copy_from_slice(&[self.family, 0, 0, 0]);
        buffer[4..].copy_from_slice(&self.body);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::attribute::tests::{list, message};
    use super::*;
    use proptest::prelude::*;

    fn tuple(addresses: [IpAddr; 2]) -> Vec<u8> {
        let bytes = addresses.map(|ip| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        });
        let kinds = if addresses[0].is_ipv4() { V4 } else { V6 };
        list(&[(ADDRESSES | NESTED, &list(&[(kinds[0], &bytes[0]), (kinds[1], &bytes[1])]))])
    }

    /// A flow from, to, answered from, to.
    fn tells_of(addresses: [&str; 4]) -> Vec<u8> {
        let [from, to, back, again] = addresses.map(|text| text.parse().unwrap());
        let family = if IpAddr::is_ipv4(&from) { 2 } else { 10 };
        let (original, reply) = (tuple([from, to]), tuple([back, again]));
        let parts: [(u16, &[u8]); 3] =
            [(ORIGINAL | NESTED, &original), (REPLY | NESTED, &reply), (ID, &[1, 2, 3, 4])];
        message(family, &parts)
    }

    #[test]
    fn flows_are_found_by_each_of_their_addresses_and_by_no_other() {
        let networks = ["10.64.2.0/24".parse().unwrap(), "fd00:0:0:2::/64".parse().unwrap()];
        let (a, b) = ("10.64.1.2", "192.0.2.1");
        for inside in [
            ["10.64.2.9", b, b, a],
            [a, "10.64.2.9", b, a],
            [a, b, "10.64.2.9", a],
            [a, b, b, "10.64.2.9"],
            ["fd00::1", "fd00:0:0:2::9", "fd00:0:0:2::9", "fd00::1"],
        ] {
            let found = flow(&tells_of(inside), &networks).unwrap();
            assert_eq!(found.name.iter().map(|(k, _)| *k).collect::<Vec<_>>(), [0x8001, ID]);
        }
        for outside in [[a, b, b, a], ["fd00:0:0:3::9", "fd00::1", "fd00::1", "fd00:0:0:3::9"]] {
            assert_eq!(flow(&tells_of(outside), &networks), None, "{outside:?}");
        }
    }

    #[test]
    fn a_flow_is_deleted_by_what_the_kernel_called_it() {
        let told = tells_of(["10.64.2.9", "10.64.1.1", "10.64.1.1", "10.64.2.9"]);
        let found = flow(&told, &["10.64.2.0/24".parse().unwrap()]).unwrap();
        let delete = found.delete();
        let mut bytes = vec![0; 16 + delete.buffer_len()];
        delete.serialize(&mut bytes[16..]);
        let (sent, told): (Vec<_>, Vec<_>) =
            (attributes(&bytes).collect(), attributes(&told).collect());
        assert_eq!(sent, [told[0], told[2]]);
        assert_eq!(delete.message_type(), 0x0102);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_request_that_names_no_flow(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            if let Some(found) = flow(&bytes, &["0.0.0.0/0".parse().unwrap()]) {
                prop_assert!(found.name.iter().any(|(kind, _)| *kind == 0x8001));
            }
        }
    }
}
