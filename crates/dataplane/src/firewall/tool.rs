//! iptables, the program.

use super::{Rules, text};
use crate::error::{Doing, Error};
use iptables::IPTables;
use std::io::Write;
use std::process::{Command, Stdio};
use wgcni_model::Family;

/// Which iptables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Variant {
    /// The one that the host uses.
    #[default]
    Host,
    /// The one over nftables.
    Nft,
    /// The one before it.
    Legacy,
}

/// The programs of one variant and family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    list: &'static str,
    restore: &'static str,
}

impl Tool {
    pub(crate) fn new(variant: Variant, family: Family) -> Self {
        let (list, restore) = match (variant, family) {
            (Variant::Host, Family::V4) => ("iptables", "iptables-restore"),
            (Variant::Host, Family::V6) => ("ip6tables", "ip6tables-restore"),
            (Variant::Nft, Family::V4) => ("iptables-nft", "iptables-nft-restore"),
            (Variant::Nft, Family::V6) => ("ip6tables-nft", "ip6tables-nft-restore"),
            (Variant::Legacy, Family::V4) => ("iptables-legacy", "iptables-legacy-restore"),
            (Variant::Legacy, Family::V6) => ("ip6tables-legacy", "ip6tables-legacy-restore"),
        };
        Self { list, restore }
    }

    /// Our chains as they are; `None` when there are none.
    pub(crate) fn observe(self) -> Result<Option<Rules>, Error> {
        let mut rules = Rules::default();
        for table in ["raw", "filter", "nat"] {
            let listing = self.list(table)?;
            text::parse(table, &listing.lines().collect::<Vec<_>>(), &mut rules);
        }
        Ok((!rules.0.is_empty()).then_some(rules))
    }

    /// Makes our chains so; `None` removes them.
    pub(crate) fn set(self, want: Option<&Rules>) -> Result<(), Error> {
        let have = self.observe()?.unwrap_or_default();
        let text = text::restore(&have, want);
        if text.is_empty() { Ok(()) } else { self.restore(&text) }
    }

    fn list(self, table: &str) -> Result<String, Error> {
        // Built by hand: the library's constructor runs the program once more for its version.
        let has = IPTables { cmd: self.list, has_check: true, has_wait: true, is_numeric: false };
        let what = || format!("list {} of {}", table, self.list);
        let failed = |stderr| Error::Firewall { what: what(), stderr };
        // Not the library's own list: that takes a failure for an empty table.
        let output = has.execute(table, "-S").map_err(|e| failed(e.to_string()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        }
    }

    fn restore(self, text: &str) -> Result<(), Error> {
        let what = || format!("run {}", self.restore);
        let mut command = Command::new(self.restore);
        command.args(["--noflush", "--wait"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().doing(what)?;
        // A child that ends before it has read all says why on its stderr.
        let sent = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output().doing(what)?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::Firewall { what: what(), stderr });
        }
        sent.doing(what)
    }
}
