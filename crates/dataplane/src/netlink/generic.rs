//! Generic netlink: is there WireGuard, and setting a kernel device's key.

use super::channel::{Channel, Request};
use netlink_packet_generic::GenlMessage;
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_wireguard::{
    WireguardAttribute, WireguardCmd, WireguardDeviceFlags, WireguardMessage,
};
use netlink_sys::protocols::NETLINK_GENERIC;
use std::io;

/// The kernel's WireGuard.
#[derive(Debug)]
pub(crate) struct Generic {
    channel: Channel,
    family: u16,
}

impl Generic {
    /// Asks the kernel for WireGuard, which makes it load the module; `None` if there is none.
    pub(crate) fn open() -> io::Result<Option<Self>> {
        let channel = Channel::open(NETLINK_GENERIC)?;
        let name = GenlCtrlAttrs::FamilyName("wireguard".to_owned());
        let ask = GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas: vec![name] };
        match channel.get(GenlMessage::from_payload(ask)) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
            Ok(replies) => {
                let mut nlas = replies.into_iter().flat_map(|reply| reply.payload.nlas);
                let family = nlas.find_map(|nla| match nla {
                    GenlCtrlAttrs::FamilyId(id) => Some(id),
                    _ => None,
                });
                Ok(family.map(|family| Self { channel, family }))
            }
        }
    }

    /// Sets a device's key and port and takes its peers away; touches nothing else.
    pub(crate) fn reset(&self, name: &str, key: [u8; 32], port: u16) -> io::Result<()> {
        let attributes = vec![
            WireguardAttribute::IfName(name.to_owned()),
            WireguardAttribute::PrivateKey(key),
            WireguardAttribute::ListenPort(port),
            WireguardAttribute::Flags(WireguardDeviceFlags::ReplacePeers),
        ];
        let set = WireguardMessage { cmd: WireguardCmd::SetDevice, attributes };
        let mut message = GenlMessage::from_payload(set);
        message.set_resolved_family_id(self.family);
        self.channel.batch(&[Request { message, flags: 0 }])?.pop().unwrap_or(Ok(()))
    }
}
