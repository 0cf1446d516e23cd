//! The terminal: taken, drawn on, and given back, however this ends.

use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::app::App;
use super::draw::draw;
use super::sample::{Sample, sample};
use crate::Failure;
use crate::nearby::Nearby;

/// How soon the reader of keys notices that nobody listens any more.
const NOTICE: Duration = Duration::from_millis(100);

/// The terminal. A panic gives it back, too: `try_init` has seen to that.
struct Screen(DefaultTerminal);

impl Screen {
    fn take() -> Result<Self, Failure> {
        ratatui::try_init().map(Self).map_err(|error| {
            ratatui::restore();
            failed(&error)
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Ends a task when it goes.
struct Ends(JoinHandle<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Shows it until a key or a signal ends it.
pub(super) async fn run(nearby: Nearby, first: Sample, every: Duration) -> Result<(), Failure> {
    let mut ends = Signals::new().map_err(|error| failed(&error))?;
    let mut screen = Screen::take()?;
    let (mut samples, _sampler) = sampler(nearby, every);
    let mut keys = keys();
    let mut app = App::new(first);
    loop {
        screen.0.draw(|frame| draw(frame, &mut app)).map_err(|error| failed(&error))?;
        // Dropping the other branches is safe: each takes a message or nothing.
        tokio::select! {
            Some(looked) = samples.recv() => match looked {
                Ok(sample) => app.take(sample),
                // It may come back: a node-manager that is started again.
                Err(failure) => app.failed = Some(failure.text),
            },
            event = keys.recv() => match event {
                Some(Ok(Event::Key(key))) if app.key(key) => return Ok(()),
                // What else there is, a new size above all, is drawn.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(failed(&error)),
                None => return Ok(()),
            },
            () = ends.any() => return Ok(()),
        }
    }
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::failed(format!("the terminal: {error}"))
}

/// What ends a program from outside.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        // Dropping the others is safe: one signal is enough.
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

/// Looks again and again.
fn sampler(nearby: Nearby, every: Duration) -> (mpsc::Receiver<Result<Sample, Failure>>, Ends) {
    let (send, receive) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            if send.send(sample(&nearby).await).await.is_err() {
                return;
            }
        }
    });
    (receive, Ends(task))
}

/// Keys and changes of size, read on a thread of their own: reading blocks. It ends when
/// nobody listens any more.
fn keys() -> mpsc::UnboundedReceiver<std::io::Result<Event>> {
    let (send, receive) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while !send.is_closed() {
            let event = match event::poll(NOTICE) {
                Ok(false) => continue,
                Ok(true) => event::read(),
                Err(error) => Err(error),
            };
            let over = event.is_err();
            if send.send(event).is_err() || over {
                return;
            }
        }
    });
    receive
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::File;
    use std::io::Read;
    use std::process::{Command, Stdio};
    use std::thread;

    use nix::pty::openpty;
    use nix::sys::termios::{LocalFlags, tcgetattr};

    use super::*;

    /// Runs only as another process of the test below.
    #[test]
    #[ignore = "it panics on the terminal that it is given"]
    fn panics_on_the_screen() {
        let mut screen = Screen::take().unwrap();
        screen.0.draw(|_| panic!("boom")).unwrap();
    }

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let pty = openpty(None, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "top::screen::tests::panics_on_the_screen"]);
        let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(command);
        let mut master = File::from(pty.master);
        let reader = thread::spawn(move || {
            let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = master.read(&mut buffer) {
                all.extend_from_slice(&buffer[..read]);
            }
            String::from_utf8_lossy(&all).into_owned()
        });
        assert!(!child.wait().unwrap().success());
        let canonical = tcgetattr(&pty.slave).unwrap().local_flags.contains(LocalFlags::ICANON);
        drop(pty.slave);
        let seen = reader.join().unwrap();
        let at = |text: &str| seen.find(text).unwrap_or_else(|| panic!("{text:?} in {seen:?}"));
        assert!(at("\x1b[?1049h") < at("\x1b[?1049l") && canonical, "{seen:?}");
        // What went wrong is told on the screen that stays.
        assert!(seen.rfind("boom").unwrap() > at("\x1b[?1049l"), "{seen:?}");
    }
}
