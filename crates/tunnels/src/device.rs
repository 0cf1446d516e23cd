//! One device: link, UDP socket and UAPI socket, from creation to the end of any of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use gotatun::device::uapi::UapiServer;
use gotatun::device::{Device as Gotatun, DeviceBuilder};
use tokio::sync::oneshot;

use crate::UAPI_DIR;
use crate::name::Name;
use crate::tun::{Opened, Tun, TunReceiver, TunSender};
use crate::uapi::Uapi;
use crate::udp::UdpFactory;

type Transports = (UdpFactory, TunSender, TunReceiver);

/// A running device.
pub(crate) struct Device {
    tun: Arc<Tun>,
    closed: oneshot::Receiver<std::os::fd::OwnedFd>,
    uapi: Uapi,
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
        let uapi = Uapi::start(&path, client, binding)?;
        let (tun, closed) = link.register()?;
        let tun = Arc::new(tun);
        let gotatun = DeviceBuilder::new()
            .with_udp(udp)
            .with_ip_pair(TunSender::new(Arc::clone(&tun)), TunReceiver::new(Arc::clone(&tun)))
            .with_uapi(server)
            .build()
            .await
            .map_err(io::Error::other)?;
        Ok(Self { tun, closed, uapi, gotatun })
    }

    /// Runs until the link is deleted by others or `stop` says so; then everything is gone.
    pub(crate) async fn run(mut self, stop: impl Future<Output = ()>) {
        // Both only wait: nothing is lost with the one that is dropped.
        tokio::select! {
            () = self.tun.gone() => tracing::info!("link is gone"),
            () = self.gotatun.wait() => tracing::error!("device broke down"),
            () = stop => {}
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
