//! Names that Linux accepts for a link and that are safe as a file name.

use std::fmt;

/// Longest name of a link, in bytes (`IFNAMSIZ` less the closing NUL).
const MAX_LEN: usize = 15;

/// The name of a device: of its link at creation, and of its UAPI socket for good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(String);

/// A string that cannot name a device.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a name is 1 to 15 printable ASCII characters without `/`, `:` and `%`, and not a dot")]
pub(crate) struct InvalidName;

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(name: String) -> Result<Self, InvalidName> {
        // `%` would make the kernel choose a number: the link's name would not be the socket's.
        let allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b':' | b'%');
        let fits = (1..=MAX_LEN).contains(&name.len());
        let dots = matches!(name.as_str(), "." | "..");
        if fits && !dots && name.bytes().all(allowed) { Ok(Self(name)) } else { Err(InvalidName) }
    }
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_linux_takes_for_a_link() {
        for good in ["wgmesh0", "a", "123456789012345", "wg.0-x_y@z", "..."] {
            assert!(Name::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "1234567890123456",
            "a/b",
            "a:b",
            "wg%d",
            "a b",
            "a\tb",
            "a\n",
            "a\0",
            "ä",
        ] {
            assert_eq!(Name::try_from(bad.to_owned()), Err(InvalidName), "{bad:?}");
        }
    }
}
