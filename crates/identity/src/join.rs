//! Join strings: the only thing to copy to a joiner.
//!
//! `wgcni1.` and base64url of: cluster id (16 bytes), pin of the CA's key (32), number of
//! addresses (1), each behind its length (1), kind of credential (1), what it needs, and a
//! checksum (4) that tells a copy that was cut from one that was never good.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wgcni_model::{ClusterId, Invalid};
use zeroize::Zeroizing;

use crate::{Pin, Secret, TicketId};

const PREFIX: &str = "wgcni1.";
const CHECKSUM: usize = 4;

/// Most addresses, and the longest one in bytes.
const MAX_ADDRESSES: usize = 8;
const MAX_ADDRESS: usize = 255;

/// Where to join, how to know that it is the right place, and what entitles.
#[derive(Debug, Clone)]
pub struct JoinString {
    /// The cluster.
    pub cluster: ClusterId,
    /// The CA's key: who cannot show a certificate from it is not the cluster-manager.
    pub ca: Pin,
    /// Where the join listener is reached, `host:port`, best first; 1 to 8.
    pub addresses: Vec<String>,
    /// What entitles the joiner.
    pub credential: JoinCredential,
}

/// What entitles whoever has a join string.
#[derive(Debug, Clone)]
pub enum JoinCredential {
    /// A ticket.
    Ticket(TicketId, Secret),
    /// The cluster's security key of the day.
    SecurityKey(Secret),
    /// Nothing in it: the joiner's key is on the whitelist, or a member's.
    Key,
}

impl JoinString {
    /// The text form, a secret wherever the credential has one.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::new());
        let cluster = u128::from_str_radix(self.cluster.as_str(), 16).unwrap_or_default();
        bytes.extend_from_slice(&cluster.to_be_bytes());
        bytes.extend_from_slice(self.ca.as_bytes());
        let addresses = self.addresses.iter().take(MAX_ADDRESSES);
        bytes.push(u8::try_from(addresses.len()).unwrap_or_default());
        for address in addresses {
            let address = &address.as_bytes()[..address.len().min(MAX_ADDRESS)];
            bytes.push(u8::try_from(address.len()).unwrap_or_default());
            bytes.extend_from_slice(address);
        }
        match &self.credential {
            JoinCredential::Ticket(id, secret) => {
                bytes.push(1);
                bytes.extend_from_slice(id.as_bytes());
                bytes.extend_from_slice(secret.as_bytes());
            }
            JoinCredential::SecurityKey(secret) => {
                bytes.push(2);
                bytes.extend_from_slice(secret.as_bytes());
            }
            JoinCredential::Key => bytes.push(3),
        }
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        let body = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        Zeroizing::new(format!("{PREFIX}{}", *body))
    }
}

impl FromStr for JoinString {
    type Err = Invalid;

    /// Reads the text form. What is refused is not echoed: it may be a secret but for a
    /// letter.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = |why: &str| Invalid::new("join string", "..", why);
        let body = text.trim().strip_prefix(PREFIX);
        let body = body.ok_or_else(|| bad("does not begin with wgcni1."))?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| bad("is not whole: copy all of it"))?;
        let split = bytes.len().checked_sub(CHECKSUM).ok_or_else(|| bad("is too short"))?;
        let (content, sum) = bytes.split_at(split);
        if checksum(content) != *sum {
            return Err(bad("is not whole: copy all of it"));
        }
        let mut reader = Reader(content);
        let join = reader.join().filter(|join| reader.0.is_empty() && !join.addresses.is_empty());
        join.ok_or_else(|| bad("is of a newer version, or was made up"))
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&digest::digest(&digest::SHA256, bytes).as_ref()[..CHECKSUM]);
    sum
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn join(&mut self) -> Option<JoinString> {
        let cluster = ClusterId::from_random(self.array()?);
        let ca = Pin::from_bytes(self.array()?);
        let count = usize::from(self.byte()?);
        if count > MAX_ADDRESSES {
            return None;
        }
        let addresses = (0..count).map(|_| self.address()).collect::<Option<_>>()?;
        let credential = self.credential()?;
        Some(JoinString { cluster, ca, addresses, credential })
    }

    fn address(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        let text = std::str::from_utf8(self.take(length)?).ok()?;
        let good = text.bytes().all(|b| b.is_ascii_graphic()) && text.contains(':');
        good.then(|| text.to_owned())
    }

    fn credential(&mut self) -> Option<JoinCredential> {
        match self.byte()? {
            1 => {
                let id = TicketId::from_random(self.array()?);
                Some(JoinCredential::Ticket(id, Secret::from_random(self.array()?)))
            }
            2 => Some(JoinCredential::SecurityKey(Secret::from_random(self.array()?))),
            3 => Some(JoinCredential::Key),
            _ => None,
        }
    }
}

impl fmt::Display for JoinCredential {
    /// What may be shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket(id, _) => write!(f, "ticket {id}"),
            Self::SecurityKey(_) => f.write_str("the security key"),
            Self::Key => f.write_str("its own key"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn join(credential: JoinCredential) -> JoinString {
        JoinString {
            cluster: ClusterId::from_random([0xab; 16]),
            ca: Pin::from_bytes([2; 32]),
            addresses: vec!["192.0.2.1:7401".into(), "[2001:db8::1]:7401".into()],
            credential,
        }
    }

    fn all() -> [JoinString; 3] {
        let secret = Secret::from_random([9; 32]);
        let ticket = JoinCredential::Ticket(TicketId::from_random([3; 8]), secret.clone());
        [join(ticket), join(JoinCredential::SecurityKey(secret)), join(JoinCredential::Key)]
    }

    #[test]
    fn join_strings_survive_text() {
        for join in all() {
            let text = join.to_text();
            let again: JoinString = format!(" {}\n", *text).parse().unwrap();
            assert_eq!(*again.to_text(), *text);
            assert_eq!((again.cluster, again.ca), (join.cluster, join.ca));
            assert_eq!(again.addresses, join.addresses);
        }
    }

    #[test]
    fn what_was_cut_or_changed_is_refused_and_not_echoed() {
        for join in all() {
            let text = join.to_text();
            for at in 0..text.len() {
                let cut = text[..at].parse::<JoinString>().unwrap_err().to_string();
                let mut changed = text.to_string().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap().parse::<JoinString>();
                assert!(changed.is_err() && cut.len() < 80, "{at}: {cut}");
            }
        }
        let secret = all()[0].to_text();
        assert!(!format!("{:?}", all()[0]).contains(&secret[80..120]));
    }
}
