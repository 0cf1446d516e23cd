//! The control socket: who may speak, line by line, one answer each.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::devices::Devices;
use crate::lines::{Descriptors, Line, Lines};
use crate::protocol::{Answer, PROTOCOL, Refusal, Request, Response};
use crate::unix::Listener;

/// Connections at a time; more wait in the socket's queue.
const MAX_CONNECTIONS: usize = 64;

/// Serves connections until `shutdown` completes or a client asks for it.
pub(crate) async fn serve(
    listener: &Listener,
    devices: &Arc<Devices>,
    shutdown: impl Future<Output = ()>,
) {
    let mut connections = JoinSet::new();
    let end = Arc::new(Notify::new());
    tokio::pin!(shutdown);
    loop {
        // Accepting and joining lose nothing when dropped; the other two are the end.
        tokio::select! {
            () = &mut shutdown => break,
            () = end.notified() => break,
            Some(_) = connections.join_next() => {}
            stream = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                accept(stream, devices, &end, &mut connections).await;
            }
        }
    }
}

async fn accept(
    stream: io::Result<UnixStream>,
    devices: &Arc<Devices>,
    end: &Arc<Notify>,
    connections: &mut JoinSet<()>,
) {
    match stream {
        Ok(stream) => {
            let connection = Connection { devices: Arc::clone(devices), end: Arc::clone(end) };
            connections.spawn(connection.run(stream));
        }
        Err(error) => {
            tracing::warn!(%error, "accept on the control socket");
            // Out of descriptors, most likely: trying again at once would only burn a core.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

struct Connection {
    devices: Arc<Devices>,
    end: Arc<Notify>,
}

impl Connection {
    async fn run(self, stream: UnixStream) {
        if let Err(error) = self.converse(stream).await {
            tracing::debug!(%error, "control connection");
        }
    }

    async fn converse(&self, stream: UnixStream) -> io::Result<()> {
        let allowed = may_speak(&stream)?;
        let (reader, mut writer) = stream.into_split();
        if !allowed {
            let refusal = Refusal::new(libc::EPERM, "only root and the owner may");
            return writer.write_all(&Response::Error(refusal).to_line()).await;
        }
        let mut lines = Lines::new(reader);
        while let Some(line) = lines.next().await? {
            let complete = line.text.ends_with(b"\n");
            let response = if complete {
                Response::from(self.answer(line).await)
            } else {
                Response::Error(Refusal::new(libc::EINVAL, "the line has no end"))
            };
            writer.write_all(&response.to_line()).await?;
            if !complete {
                break;
            }
        }
        Ok(())
    }

    async fn answer(&self, line: Line) -> Result<Answer, Refusal> {
        let done = match (Request::parse(&line.text)?, line.descriptors) {
            (Request::Create { name }, Descriptors::None) => self.devices.create(name, None).await,
            (Request::Create { name }, Descriptors::One(namespace)) => {
                self.devices.create(name, Some(namespace)).await
            }
            (_, Descriptors::One(_) | Descriptors::TooMany) => {
                let why = "one descriptor may come, with \"create\"";
                return Err(Refusal::new(libc::EINVAL, why));
            }
            (Request::Delete { name }, Descriptors::None) => self.devices.delete(&name).await,
            (Request::List {}, Descriptors::None) => {
                let devices = Some(self.devices.list());
                return Ok(Answer { devices, ..Answer::default() });
            }
            (Request::Version {}, Descriptors::None) => {
                return Ok(Answer { version: Some(PROTOCOL), ..Answer::default() });
            }
            (Request::Shutdown {}, Descriptors::None) => {
                self.devices.delete_all().await;
                self.end.notify_one();
                Ok(())
            }
        };
        done.map(|()| Answer::default()).map_err(|e| refusal(&e))
    }
}

/// Root, and whoever runs the process.
fn may_speak(stream: &UnixStream) -> io::Result<bool> {
    let uid = stream.peer_cred()?.uid();
    Ok(uid == 0 || uid == nix::unistd::geteuid().as_raw())
}

fn refusal(error: &io::Error) -> Refusal {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    Refusal::new(errno, error.to_string())
}
