//! The firewall: typed policy to rules (pure), rules to iptables.

use std::collections::BTreeMap;
use std::fmt;
use wgcni_model::{Family, Prefixes};

/// The chains of ours, per family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firewall(pub BTreeMap<Family, Rules>);

/// The chains of one family with their rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(pub BTreeMap<Chain, Body>);

/// A chain of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chain {
    /// Anti-spoofing, in the table `raw`.
    Prerouting,
    /// What the overlay may ask the host, in the table `filter`.
    Input,
    /// What the host forwards, in the table `filter`.
    Forward,
    /// Egress, in the table `nat`.
    Postrouting,
}

/// A chain's rules, and how it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Rules as `iptables -S` prints them, without `-A CHAIN`.
    pub rules: Vec<String>,
    /// How the built-in chain jumps to it.
    pub jump: Jump,
}

/// How a built-in chain jumps to ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Jump {
    /// Once, before all other rules.
    #[default]
    First,
    /// That many times, or not first; only observed.
    Wrong(usize),
}

/// A transport protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// What the firewall is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The overlay's whole address space. Families it lacks get no chains.
    pub cluster: Prefixes,
    /// This node's part of it.
    pub lease: Prefixes,
    /// UDP port of the hub, closed but over loopback.
    pub hub_port: u16,
    /// Ports of the host that the overlay may use.
    pub host_ports: Vec<(Protocol, u16)>,
}

impl Policy {
    /// The chains that do it.
    pub fn firewall(&self) -> Firewall {
        todo!()
    }
}
