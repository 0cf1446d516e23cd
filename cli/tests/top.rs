//! `wgcni top` on a real pseudo-terminal: keys work, and the terminal is given back.

#![allow(clippy::unwrap_used, unsafe_code, missing_docs)]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use support::Fake;
use support::node::{attachment, peer, traffic};

nix::ioctl_write_ptr_bad!(set_size, nix::libc::TIOCSWINSZ, Winsize);

/// The program on a terminal.
struct Top {
    child: Child,
    master: File,
    slave: OwnedFd,
    seen: Arc<Mutex<String>>,
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Top {
    fn start(fake: &Fake) -> Self {
        let OpenptyResult { master, slave } = openpty(&size(30, 100), None).unwrap();
        // Whoever holds the other end of its own terminal never notices that it is gone.
        for end in [&master, &slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        }
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = fake.node_command("top --interval 1s");
        command.env("TERM", "xterm-256color").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        drop(command);
        let (master, seen) = (File::from(master), Arc::new(Mutex::new(String::new())));
        let (mut reader, text) = (master.try_clone().unwrap(), Arc::clone(&seen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                text.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Self { child, master, slave, seen }
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.slave).unwrap().local_flags.contains(LocalFlags::ICANON)
    }

    fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_so(&self.seen()) {
            assert!(Instant::now() < end, "never seen: {what} in {:?}", self.seen());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits for its end: the terminal is as it was before.
    fn ends_well(mut self) {
        let end = Instant::now() + Duration::from_secs(20);
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > end => {
                    self.child.kill().unwrap();
                    panic!("it goes on: {:?}", self.seen());
                }
                None => thread::sleep(Duration::from_millis(20)),
            }
        };
        assert!(status.success(), "{status}: {:?}", self.seen());
        assert!(!self.is_raw(), "the terminal is still raw");
        self.wait("the other screen left", |seen| {
            let (entered, left) = (seen.rfind("\x1b[?1049h"), seen.rfind("\x1b[?1049l"));
            entered < left && seen.rfind("\x1b[?25h") > seen.rfind("\x1b[?25l")
        });
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fake() -> Fake {
    let fake = Fake::start();
    fake.start_node();
    *fake.state.node.peers.lock().unwrap() =
        vec![peer("birch", Some(traffic(Some(5), 0, 0))), peer("cedar", Some(traffic(None, 0, 0)))];
    *fake.state.node.attachments.lock().unwrap() =
        vec![attachment("web", Some(traffic(Some(5), 0, 0)))];
    *fake.state.node.step.lock().unwrap() = 1 << 20;
    fake
}

#[test]
fn keys_work_a_new_size_is_drawn_and_q_gives_the_terminal_back() {
    let fake = fake();
    let mut top = Top::start(&fake);
    // What stays is not drawn again: words, not lines, come over the wire.
    top.wait("the rows", |seen| ["rows", "birch", "cedar"].iter().all(|word| seen.contains(word)));
    assert!(top.is_raw());
    top.wait("rates", |seen| seen.contains("KiB/s") || seen.contains("MiB/s"));
    // What is sorted by is emphasised.
    assert!(!top.seen().contains("\x1b[7mNAME"), "{:?}", top.seen());
    top.press(b"n");
    top.wait("the other heading", |seen| seen.contains("\x1b[7mNAME"));
    // SAFETY: the descriptor is open and the size is a Winsize.
    unsafe { set_size(top.master.as_raw_fd(), &raw const WIDE) }.unwrap();
    top.signal(Signal::SIGWINCH);
    top.wait("the last line of the new size", |seen| seen.contains("\x1b[44;1H"));
    top.press(b"q");
    top.ends_well();
}

static WIDE: Winsize = Winsize { ws_row: 44, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };

#[test]
fn control_c_and_signals_give_the_terminal_back() {
    let fake = fake();
    for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGINT), Some(Signal::SIGHUP)] {
        let mut top = Top::start(&fake);
        top.wait("the rows", |seen| seen.contains("birch"));
        match signal {
            None => top.press(b"\x03"),
            Some(signal) => top.signal(signal),
        }
        top.ends_well();
    }
}

#[test]
fn a_node_manager_that_fails_meanwhile_is_told_on_the_screen() {
    let fake = fake();
    let mut top = Top::start(&fake);
    top.wait("the rows", |seen| seen.contains("birch"));
    fake.state.node.peers.lock().unwrap()[0].node = "elm".parse().unwrap();
    *fake.state.node.trouble.lock().unwrap() = "no such device".into();
    top.wait("the trouble", |seen| seen.contains("no such device"));
    top.press(b"q");
    top.ends_well();
}

#[test]
fn where_nobody_answers_the_terminal_is_not_taken_at_all() {
    let fake = Fake::start();
    let mut top = Top::start(&fake);
    top.wait("the reason", |seen| seen.contains("systemctl start node-manager"));
    assert!(!top.is_raw() && !top.seen().contains("\x1b[?1049h"), "{:?}", top.seen());
    assert_eq!(top.child.wait().unwrap().code(), Some(4));
}
