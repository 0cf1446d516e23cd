//! One device: link, UDP socket and UAPI socket, from creation to the end of any of them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gotatun::device::uapi::UapiServer;
use gotatun::device::{Device as Gotatun, DeviceBuilder};
use gotatun::x25519::PublicKey;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::UAPI_DIR;
use crate::name::Name;
use crate::tun::{Opened, Tun, TunReceiver, TunSender};
use crate::uapi::Uapi;
use crate::udp::UdpFactory;

/// Time to send a handshake initiation.
const GREETING: Duration = Duration::from_millis(10);

type Transports = (UdpFactory, TunSender, TunReceiver);

/// A running device.
pub(crate) struct Device {
    tun: Arc<Tun>,
    closed: oneshot::Receiver<std::os::fd::OwnedFd>,
    uapi: Uapi,
    /// Peers to shake hands with, without waiting for traffic.
    greet: mpsc::Receiver<PublicKey>,
    gotatun: Gotatun<Transports>,
}

impl Device {
    /// Starts a device on a link that was just opened, on the runtime of the caller.
    ///
    /// # Errors
    /// `AddrInUse` when another process serves a device of that name.
    pub(crate) async fn start(name: &Name, link: Opened) -> io::Result<Self> {
        let (client, server) = UapiServer::new();
        let (udp, binding) = UdpFactory::new();
        let path = Path::new(UAPI_DIR).join(format!("{name}.sock"));
        let (sender, greet) = mpsc::channel(1024);
        let uapi = Uapi::start(&path, client, binding, sender)?;
        let (tun, closed) = link.register()?;
        let tun = Arc::new(tun);
        let gotatun = DeviceBuilder::new()
            .with_udp(udp)
            .with_ip_pair(TunSender::new(Arc::clone(&tun)), TunReceiver::new(Arc::clone(&tun)))
            .with_uapi(server)
            .build()
            .await
            .map_err(io::Error::other)?;
        Ok(Self { tun, closed, uapi, greet, gotatun })
    }

    /// Runs until the link is deleted by others or `stop` says so; then everything is gone.
    pub(crate) async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            // Waiting for any of these changes nothing; a greeting is over before the next turn.
            tokio::select! {
                () = self.tun.gone() => break tracing::info!("link is gone"),
                () = &mut stop => break,
                Some(peer) = self.greet.recv() => {
                    // The initiation is sent at once; its answer is not ours to wait for.
                    let _ = timeout(GREETING, self.gotatun.force_handshake(&peer)).await;
                }
            }
        }
        self.uapi.stop().await;
        self.gotatun.stop().await;
        drop(self.tun);
        if let Ok(link) = self.closed.await {
            // The kernel takes its time to delete a link; the other devices go on meanwhile.
            let _ = tokio::task::spawn_blocking(move || drop(link)).await;
        }
    }
}
