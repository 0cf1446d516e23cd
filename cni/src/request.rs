//! What the runtime asks for: environment and stdin become a typed request.

use crate::conf::{Conf, cut, wished};
use crate::error::Error;
use crate::version::Version;
use std::ffi::OsString;
use std::io::Read;
use std::time::Duration;
use wgcni_model::{Addresses, AttachmentKey, ContainerId, IfName};

/// Largest configuration that is read, in bytes: a GC names every container of a host.
const LARGEST: u64 = 16 << 20;

/// What the runtime asks for.
#[derive(Debug)]
pub enum Request {
    /// VERSION.
    Version,
    /// ADD.
    Add(Container),
    /// DEL.
    Del(Container),
    /// CHECK.
    Check(Container),
    /// GC.
    Gc(Conf),
    /// STATUS.
    Status(Conf),
}

/// The verbs that are about a container.
#[derive(Debug)]
pub struct Container {
    /// Who it is; its `ifname` is `CNI_IFNAME`, as GC names attachments, whatever our
    /// interface is called.
    pub key: AttachmentKey,
    /// `CNI_NETNS` verbatim; may be empty on DEL.
    pub netns: String,
    /// Addresses that `CNI_ARGS` asks for.
    pub requested: Option<Addresses>,
    /// The network.
    pub conf: Conf,
    /// When the verb began, since the host's boot.
    pub started: Duration,
}

/// Looks up a variable of the environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Reads stdin whole.
///
/// # Errors
/// What reading gives, and more than 16 MiB.
pub fn read_stdin(stdin: &mut dyn Read, bytes: &mut Vec<u8>) -> Result<(), Error> {
    stdin.take(LARGEST + 1).read_to_end(bytes).map_err(Error::Stdin)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::Stdin(std::io::Error::other("it is larger than 16 MiB")));
    }
    Ok(())
}

/// The verb, if somebody asks for one.
pub fn command(env: Env) -> Option<String> {
    let command = env("CNI_COMMAND")?.to_string_lossy().into_owned();
    (!command.is_empty()).then_some(command)
}

impl Request {
    /// Parses a request with a verb.
    ///
    /// # Errors
    /// What is missing or wrong, in this order: environment, stdin, version.
    pub fn parse(command: &str, env: Env, stdin: &[u8], started: Duration) -> Result<Self, Error> {
        let about = |verb, netns, since| About { verb, netns, since, started }.parse(env, stdin);
        let network = |verb| {
            let conf = Conf::parse(stdin)?;
            since(verb, Version::V110, conf.version).map(|()| conf)
        };
        match command {
            "VERSION" => Ok(Self::Version),
            "ADD" => about("ADD", true, Version::V030).map(Self::Add),
            "DEL" => about("DEL", false, Version::V030).map(Self::Del),
            "CHECK" => about("CHECK", true, Version::V040).map(Self::Check),
            "GC" => network("GC").map(Self::Gc),
            "STATUS" => network("STATUS").map(Self::Status),
            other => Err(Error::Environment(vec![format!(
                "CNI_COMMAND {:?} is not a verb of CNI",
                cut(other)
            )])),
        }
    }
}

fn since(verb: &'static str, first: Version, version: Version) -> Result<(), Error> {
    if version < first { Err(Error::TooOld { verb, version }) } else { Ok(()) }
}

/// A verb about a container, and what it needs.
struct About {
    verb: &'static str,
    /// Whether `CNI_NETNS` must be there.
    netns: bool,
    /// First version that has the verb.
    since: Version,
    started: Duration,
}

impl About {
    fn parse(&self, env: Env, stdin: &[u8]) -> Result<Container, Error> {
        let mut variables = Variables { env, missing: Vec::new(), wrong: Vec::new() };
        let container_id = variables.parse::<ContainerId>("CNI_CONTAINERID");
        let ifname = variables.parse::<IfName>("CNI_IFNAME");
        let netns = if self.netns {
            variables.required("CNI_NETNS")
        } else {
            Some(variables.optional("CNI_NETNS"))
        };
        // Only ADD asks for addresses; a DEL must not fail over them.
        let requested = if self.verb == "ADD" { variables.addresses() } else { None };
        let (Some(container_id), Some(ifname), Some(netns)) = (container_id, ifname, netns) else {
            return Err(variables.error());
        };
        if !variables.wrong.is_empty() {
            return Err(variables.error());
        }
        let conf = Conf::parse(stdin)?;
        since(self.verb, self.since, conf.version)?;
        let key = AttachmentKey { network: conf.network.clone(), container_id, ifname };
        Ok(Container { key, netns, requested, conf, started: self.started })
    }
}

/// Reads the environment and keeps all mistakes for one message.
struct Variables<'a> {
    env: Env<'a>,
    missing: Vec<&'static str>,
    wrong: Vec<String>,
}

impl Variables<'_> {
    fn optional(&self, name: &str) -> String {
        (self.env)(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn required(&mut self, name: &'static str) -> Option<String> {
        let value = self.optional(name);
        if value.is_empty() {
            self.missing.push(name);
            return None;
        }
        Some(value)
    }

    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        name: &'static str,
    ) -> Option<T> {
        let parsed = self.required(name)?.parse();
        parsed.map_err(|e| self.wrong.push(format!("{name}: {e}"))).ok()
    }

    /// `IP=` of `CNI_ARGS`: pairs divided by `;`, each split at its first `=`.
    fn addresses(&mut self) -> Option<Addresses> {
        let args = self.optional("CNI_ARGS");
        let pairs = args.split(';').filter_map(|pair| pair.split_once('='));
        let wish = |(_, value): (&str, &str)| {
            value.split(',').filter(|ip| !ip.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let texts: Vec<_> = pairs.filter(|(key, _)| *key == "IP").flat_map(wish).collect();
        let parsed = wished(&texts);
        parsed.map_err(|e| self.wrong.push(format!("CNI_ARGS: IP: {e}"))).ok().flatten()
    }

    fn error(self) -> Error {
        let missing = (!self.missing.is_empty())
            .then(|| format!("missing from the environment: {}", self.missing.join(", ")));
        Error::Environment(missing.into_iter().chain(self.wrong).collect())
    }
}
