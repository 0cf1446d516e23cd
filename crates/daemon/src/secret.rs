//! Secrets that people type, paste or pipe into a program.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, BufRead, IsTerminal, Stdin};
use std::str::FromStr;

use nix::sys::signal::{Signal, raise};
use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

/// Longest secret that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// A text that does not print, and leaves no trace in memory.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The argument, or for none and `-` the first line of standard input that is not empty. On a
/// terminal, that is asked for by the name of `what`, and not shown.
///
/// # Errors
/// Standard input that ends before, or cannot be read.
pub fn given_or_read(argument: Option<Secret>, what: &str) -> io::Result<Secret> {
    if let Some(secret) = argument.filter(|secret| secret.expose() != "-") {
        return Ok(secret);
    }
    let stdin = io::stdin();
    let line = if stdin.is_terminal() {
        eprint!("{what}: ");
        let line = typed(&stdin);
        eprintln!();
        line?
    } else {
        first_line(stdin.lock())?
    };
    if line.trim().is_empty() {
        let none = format!("no {what}: give it as an argument, or on standard input");
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, none));
    }
    Ok(Secret(line))
}

fn first_line(from: impl BufRead) -> io::Result<Zeroizing<String>> {
    let mut from = from.take(LONGEST as u64);
    let mut line = Zeroizing::new(String::with_capacity(LONGEST));
    while from.read_line(&mut line)? > 0 && line.trim().is_empty() {
        line.clear();
    }
    Ok(line)
}

/// A line of a terminal, which does not show it.
fn typed(terminal: &Stdin) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; LONGEST]);
    let hidden = Hidden::new(terminal)?;
    // Not through the standard library's buffer, which would keep it. A terminal gives one
    // line at a time.
    let read = nix::unistd::read(terminal, bytes.as_mut_slice());
    let interrupt = hidden.interrupt();
    drop(hidden);
    let line = &bytes[..read?];
    if line.last() == Some(&interrupt) {
        // As if it had been shown: whoever waits for us learns why we end.
        raise(Signal::SIGINT)?;
        return Err(io::ErrorKind::Interrupted.into());
    }
    let line = std::str::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Zeroizing::new(line.to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(terminal: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let hidden = Self { terminal, before };
        let mut settings = hidden.before.clone();
        // An interrupt would end us with the terminal still hidden: it ends the line instead.
        settings.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        settings.control_chars[SpecialCharacterIndices::VEOL as usize] = hidden.interrupt();
        tcsetattr(terminal, SetArg::TCSANOW, &settings)?;
        Ok(hidden)
    }

    /// What a key for an interrupt sends.
    fn interrupt(&self) -> u8 {
        self.before.control_chars[SpecialCharacterIndices::VINTR as usize]
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(self.terminal, SetArg::TCSANOW, &self.before);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_line_that_is_not_empty_is_read_and_no_more_than_fits() {
        let read = |text: &str| first_line(io::Cursor::new(text.to_owned())).unwrap();
        assert_eq!(read("\n  wgcni1.abc \nrest\n").trim(), "wgcni1.abc");
        assert_eq!(read("wgcni1.abc").as_str(), "wgcni1.abc");
        for none in ["", "\n\n"] {
            assert!(read(none).trim().is_empty());
        }
        assert_eq!(read(&"x".repeat(100_000)).len(), LONGEST);
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret: Secret = "wgcni1.secret".parse().unwrap();
        assert!(!format!("{secret:?}").contains("wgcni1"));
        assert_eq!(given_or_read(Some(secret), "join string").unwrap().expose(), "wgcni1.secret");
    }
}
