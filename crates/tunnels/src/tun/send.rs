//! From `gotatun` to the link: packets in, super-packets out.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use gotatun::packet::{Ip, Packet};
use gotatun::tun::IpSend;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Tun;
use crate::offload::Coalescer;

/// Packets that may wait for more of their flow.
const BATCH: usize = 128;

/// The writing half of a link.
///
/// `gotatun` sends packets one by one. They gather here until its task has no more and yields to
/// ours, which the first packet has woken: on one thread, that is exactly the burst that arrived.
pub(crate) struct TunSender {
    outbox: Arc<Outbox>,
    writer: JoinHandle<()>,
}

struct Outbox {
    tun: Arc<Tun>,
    batch: Mutex<Batch>,
    filled: Notify,
}

#[derive(Default)]
struct Batch {
    packets: Vec<Packet>,
    coalescer: Coalescer,
}

impl TunSender {
    /// Must be called on the runtime that runs the device.
    pub(crate) fn new(tun: Arc<Tun>) -> Self {
        let outbox = Arc::new(Outbox { tun, batch: Mutex::default(), filled: Notify::new() });
        let writer = tokio::spawn(Arc::clone(&outbox).write_on_demand());
        Self { outbox, writer }
    }
}

impl IpSend for TunSender {
    async fn send(&mut self, packet: Packet<Ip>) -> io::Result<()> {
        self.outbox.push(packet.into_bytes());
        Ok(())
    }
}

impl Drop for TunSender {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl Outbox {
    fn push(&self, packet: Packet) {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.packets.push(packet);
        match batch.packets.len() {
            1 => self.filled.notify_one(),
            BATCH => batch.write(&self.tun),
            _ => {}
        }
    }

    async fn write_on_demand(self: Arc<Self>) {
        loop {
            self.filled.notified().await;
            let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
            batch.write(&self.tun);
        }
    }
}

impl Batch {
    fn write(&mut self, tun: &Tun) {
        self.coalescer.coalesce(&self.packets, |pieces| tun.write(pieces));
        self.packets.clear();
    }
}
