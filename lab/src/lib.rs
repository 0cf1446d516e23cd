//! Whole clusters out of network namespaces on one machine.
//!
//! A [`Lab`] owns one run: an underlay (a bridge in a network namespace of its
//! own), hosts on it ([`Host`]: a named network namespace and a private mount
//! namespace, so that every program runs there with its default paths) and an
//! "outside" host that plays the internet. A [`Cluster`] puts the real programs
//! onto the hosts; a [`Node`] attaches a [`Container`] by running the real CNI
//! plugins of a real conflist, as libcni does.
//!
//! Nothing is made in the machine's own namespace but names in `/run/netns`. A
//! dropped lab takes everything down; [`clean`] does the same by name for a lab
//! that was killed. Nothing imports this crate, except as a dev-dependency.

pub mod bench;
pub mod capture;
pub mod clean;
pub mod cluster;
pub mod cni;
pub mod command;
pub mod container;
pub mod crash;
pub mod demo;
pub mod flow;
pub mod guide;
pub mod host;
pub mod iperf;
pub mod metrics;
pub mod netns;
pub mod node;
pub mod orphans;
pub mod packet;
pub mod ping;
pub mod probe;
pub mod process;
pub mod programs;
pub mod provision;
pub mod registry;
pub mod rpc;
pub mod runtime;
pub mod say;
pub mod soak;
pub mod underlay;
pub mod vm;
pub mod wait;

mod lab;

pub use cluster::Cluster;
pub use container::Container;
pub use host::Host;
pub use lab::Lab;
pub use netns::Netns;
pub use node::Node;
