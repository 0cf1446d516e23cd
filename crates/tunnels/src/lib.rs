//! Userspace WireGuard devices, for hosts whose kernel has none.
//!
//! Owns: TUN links with offloads, their UDP sockets, the `gotatun` devices between the two, one
//! UAPI socket per device, and the control socket on which devices are created and deleted.
//! Never knows: networks, nodes, containers, addresses. Keys and peers arrive on the UAPI sockets
//! (so `wg` works), addresses and link state are set by others through netlink.
//!
//! ```text
//! control socket -> control -> devices -> engine threads: one gotatun device per link
//!                                             |-- tun   super-packets of the link <-> IP packets
//!                                             |-- udp   IP packets, encrypted <-> bursts of datagrams
//!                                             '-- uapi  /var/run/wireguard/<name>.sock
//! ```
//! A link is born where the process runs, or in the network namespace whose descriptor comes with
//! the request; then its descriptor, like that of any TUN, keeps the namespace alive until the
//! device is deleted. After its creation nothing is done to a link by name: it may be renamed and
//! moved. The UDP and UAPI sockets are where the process runs, always.

mod control;
mod device;
mod devices;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod lines;
mod name;
mod offload;
mod protocol;
mod tun;
mod uapi;
mod udp;
mod unix;

pub use protocol::PROTOCOL;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the UAPI sockets live. Fixed: `wg` and the libraries look nowhere else.
pub const UAPI_DIR: &str = "/var/run/wireguard";

/// What [`serve`] needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Path of the control socket. Its directory is made (0700) when missing.
    pub socket: PathBuf,
}

/// Why [`serve`] could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The control socket could not be made.
    #[error("listen on {}", path.display())]
    Listen {
        /// Path of the control socket.
        path: PathBuf,
        /// `AddrInUse` when another process serves it.
        #[source]
        source: std::io::Error,
    },
    /// No thread for the packets.
    #[error("start the threads that carry packets")]
    Engine(#[source] std::io::Error),
}

/// Serves the control socket until `shutdown` completes or a client asks for it, then deletes
/// every device. Their UDP sockets live in the network namespace of the calling thread.
///
/// # Errors
/// [`Error::Listen`] when the socket is another's or cannot be made, [`Error::Engine`] when no
/// thread can be started.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    let listener = unix::Listener::bind(&config.socket)
        .map_err(|source| Error::Listen { path: config.socket.clone(), source })?;
    let engine = engine::Engine::start().map_err(Error::Engine)?;
    let devices = Arc::new(devices::Devices::new(engine));
    control::serve(&listener, &devices, shutdown).await;
    devices.delete_all().await;
    Ok(())
}
