//! A container: a network namespace attached by the plugins of a conflist.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cni::{Attachment, Network};
use crate::netns::Netns;
use crate::node::Node;

/// An attached container. Dropping it does nothing: the lab takes it down.
#[derive(Debug)]
pub struct Container<'a> {
    name: String,
    node: &'a Node,
    netns: Netns,
    attachment: Attachment,
    list: String,
    result: Value,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

impl<'a> Container<'a> {
    /// Makes a namespace and attaches it through a conflist of the node.
    ///
    /// # Errors
    /// When the name is taken, ADD fails, or the result has not one address of each
    /// family.
    pub fn attach(
        cluster: &Cluster,
        node: &'a Node,
        name: &str,
        list: &str,
        capabilities: &[(&str, Value)],
    ) -> Result<Self> {
        let netns = cluster.lab().add_netns(name)?;
        let mut attachment = Attachment::new(netns.name(), &netns.path());
        for (capability, value) in capabilities {
            attachment = attachment.with(capability, value.clone());
        }
        let result = Network::read(node.host(), list)?.add(&attachment)?;
        let (v4, v6) = addresses(&result, &attachment.ifname)?;
        let (name, list) = (name.to_owned(), list.to_owned());
        Ok(Self { name, node, netns, attachment, list, result, v4, v6 })
    }

    /// DEL; the namespace stays.
    ///
    /// # Errors
    /// When a plugin refuses.
    pub fn detach(&self) -> Result<()> {
        self.network()?.del(&self.attachment, Some(&self.result))
    }

    /// CHECK.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<()> {
        self.network()?.check(&self.attachment, &self.result)
    }

    /// ADD once more, with the same names; the new result.
    ///
    /// # Errors
    /// When a plugin refuses.
    pub fn add_again(&self) -> Result<Value> {
        self.network()?.add(&self.attachment)
    }

    /// The network that it is attached to.
    ///
    /// # Errors
    /// When the conflist is gone.
    pub fn network(&self) -> Result<Network<'a>> {
        Network::read(self.node.host(), &self.list)
    }

    /// Short name, unique in the lab.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node below.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// The container's namespace.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// How the runtime names the attachment.
    pub fn attachment(&self) -> &Attachment {
        &self.attachment
    }

    /// What the last plugin answered.
    pub fn result(&self) -> &Value {
        &self.result
    }

    /// The address of the overlay, IPv4.
    pub fn v4(&self) -> Ipv4Addr {
        self.v4
    }

    /// The address of the overlay, IPv6.
    pub fn v6(&self) -> Ipv6Addr {
        self.v6
    }

    /// Both addresses.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }

    /// A command that will run in the container.
    ///
    /// # Errors
    /// When the namespace is gone.
    pub fn command(&self, program: &str) -> Result<Command> {
        self.netns.command(program)
    }

    /// Runs a program in the container to its end and returns its standard output.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn exec(&self, line: &[&str]) -> Result<String> {
        self.netns.run(line)
    }

    /// Names of the links in the container's namespace.
    ///
    /// # Errors
    /// When the namespace is gone.
    pub fn links(&self) -> Result<Vec<String>> {
        let links = self.exec(&["ip", "-o", "link"])?;
        let name = |line: &str| line.split(": ").nth(1).map(str::to_owned);
        Ok(links.lines().filter_map(name).collect())
    }

    /// The container's public key, as the node's hub knows it.
    ///
    /// # Errors
    /// When the hub has no such peer.
    pub fn public_key(&self) -> Result<String> {
        let own = format!("{}/32", self.v4);
        let peers = self.node.hub_peers()?;
        let peer = peers.into_iter().find(|(_, addresses)| addresses.contains(&own));
        Ok(peer.with_context(|| format!("the hub has no peer with {own}"))?.0)
    }
}

/// The address of each family that a CNI result gives to an interface. Plugins before
/// ours may have put others into it, of `lo` for example.
fn addresses(result: &Value, ifname: &str) -> Result<(Ipv4Addr, Ipv6Addr)> {
    let interfaces = result["interfaces"].as_array().with_context(|| format!("{result}"))?;
    let number = interfaces.iter().position(|interface| interface["name"] == ifname);
    let ips = result["ips"].as_array().with_context(|| format!("no ips in {result}"))?;
    let own = ips.iter().filter(|ip| ip["interface"] == json!(number));
    let bare = |ip: &Value| ip["address"].as_str()?.split('/').next()?.parse().ok();
    let (mut v4, mut v6) = (None, None);
    for address in own.filter_map(bare) {
        match address {
            IpAddr::V4(address) => v4 = Some(address),
            IpAddr::V6(address) => v6 = Some(address),
        }
    }
    v4.zip(v6).with_context(|| format!("not one address of each family in {result}"))
}
