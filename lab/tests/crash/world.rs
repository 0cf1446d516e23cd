//! Two nodes with a container on each that talk to each other all the time, and whoever
//! is asked for something meanwhile.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread::{scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use wgcni_lab::cni::Attachment;
use wgcni_lab::crash::{Outcome, Truth, verify};
use wgcni_lab::flow::Pings;
use wgcni_lab::{Cluster, Container, Netns, Node, wait};

/// Quick to look again, quick to give an address again, quick to believe in a death.
pub const CONFIG: &str = "resync_seconds = 1\nquarantine_seconds = 1\nreclaim_after_seconds = 1";

/// A cluster, its nodes, and the pair of containers that nothing may happen to.
pub struct World<'a> {
    pub cluster: &'a Cluster,
    pub nodes: Vec<&'a Node>,
    pub web: &'a Container<'a>,
    pub db: &'a Container<'a>,
}

/// A container whose runtime may see its requests fail.
pub struct Guest<'a> {
    pub node: &'a Node,
    pub netns: Netns,
    pub attachment: Attachment,
}

impl World<'_> {
    /// The pair pings all the time.
    pub fn pings(&self) -> Result<Pings> {
        Pings::start(self.web.netns(), self.db.v4().into())
    }
}

impl<'a> Guest<'a> {
    pub fn new(world: &World, node: &'a Node, name: &str) -> Result<Self> {
        let netns = world.cluster.lab().add_netns(name)?;
        let attachment = Attachment::new(netns.name(), &netns.path());
        Ok(Self { node, netns, attachment })
    }

    /// ADD; the addresses, IPv4 first.
    pub fn add(&self) -> Result<[String; 2]> {
        let result = self.node.network()?.add(&self.attachment)?;
        let bare = |ip: &Value| Some(ip["address"].as_str()?.split('/').next()?.to_owned());
        let ips: Vec<String> =
            result["ips"].as_array().into_iter().flatten().filter_map(bare).collect();
        ips.try_into().ok().with_context(|| format!("not two addresses in {result}"))
    }

    pub fn del(&self) -> Result<()> {
        self.node.network()?.del(&self.attachment, None)
    }
}

impl World<'_> {
    /// What is so when nobody else is attached.
    pub fn truth(&self) -> Truth<'_> {
        let truth = Truth { nodes: self.nodes.clone(), ..Truth::default() };
        truth.with(self.web).with(self.db)
    }

    /// Waits until everything is as it should be, and the pair talks.
    pub fn settled(&self, truth: &Truth) -> Result<()> {
        wait::until_ok("everything to be as it should be", || {
            self.nodes.iter().try_for_each(|node| revive(node).map(drop))?;
            verify(self.cluster, truth)
        })?;
        talk(self.web.netns(), &self.db.addresses())
    }

    /// The same with a guest that is attached and talks.
    pub fn settled_with(&self, guest: &Guest, addresses: &[String; 2]) -> Result<()> {
        let mut truth = self.truth();
        truth.attached.push((guest.node, &guest.netns, addresses.clone()));
        self.settled(&truth)?;
        talk(&guest.netns, &self.db.addresses()).context("the guest")
    }

    /// The same with a guest that is detached, or never was attached.
    pub fn settled_without(&self, guest: &Guest) -> Result<()> {
        let mut truth = self.truth();
        truth.detached.push(&guest.netns);
        self.settled(&truth)
    }

    /// The same with a member of the mesh that is no node of ours.
    pub fn settled_beside(&self, name: &str, lease: &[String]) -> Result<()> {
        let mut truth = self.truth();
        truth.guests = BTreeMap::from([(name.to_owned(), lease.to_owned())]);
        self.settled(&truth)
    }
}

/// Starts a node-manager that died.
pub fn revive(node: &Node) -> Result<bool> {
    let down = node.is_down();
    if down {
        node.start()?;
    }
    Ok(down)
}

/// Starts a node-manager, again when it dies at that.
pub fn start(node: &Node) -> Result<Outcome> {
    match node.start() {
        Ok(()) => Ok(Outcome::Served),
        Err(_) => node.start().map(|()| Outcome::Retried),
    }
}

/// Asks for something while a service manager watches over the node-manager; asks again
/// when that failed.
pub fn supervised<T: Send>(
    node: &Node,
    ask: impl Fn() -> Result<T> + Sync,
) -> Result<(T, Outcome)> {
    let first = scope(|scope| {
        let asking = scope.spawn(&ask);
        while !asking.is_finished() {
            revive(node)?;
            sleep(Duration::from_millis(5));
        }
        asking.join().map_err(|_| anyhow::anyhow!("the caller panicked"))
    })?;
    revive(node)?;
    match first {
        Ok(answer) => Ok((answer, Outcome::Served)),
        Err(_) => Ok((ask()?, Outcome::Retried)),
    }
}

/// Waits until these addresses answer.
pub fn talk(from: &Netns, to: &[IpAddr]) -> Result<()> {
    for address in to.iter().map(ToString::to_string) {
        wait::until_ok(&format!("{address} to answer"), || {
            from.run(&["ping", "-n", "-q", "-c", "1", "-W", "1", &address])
        })?;
    }
    Ok(())
}
