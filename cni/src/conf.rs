//! The network configuration: stdin becomes a type that cannot be wrong.

use crate::error::Error;
use crate::version::Version;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use wgcni_model::{Addresses, ContainerId, Field, FieldError, IfName, NetworkName};

/// Name servers, as CNI writes them in configurations and results alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Dns {
    /// Addresses of the servers.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// Local domain.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Search list.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options for the resolver.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Dns {
    /// Nothing said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&wgcni_api::node::Dns> for Dns {
    fn from(dns: &wgcni_api::node::Dns) -> Self {
        Self {
            nameservers: dns.nameservers.iter().map(ToString::to_string).collect(),
            domain: dns.domain.clone(),
            search: dns.search.clone(),
            options: Vec::new(),
        }
    }
}

/// A network configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Conf {
    /// Version that the result is written in.
    pub version: Version,
    /// The network.
    pub network: NetworkName,
    /// The network's name servers.
    pub dns: Dns,
    /// What the runtime says about this container. Only ADD looks into it: a DEL has to
    /// succeed with garbage here.
    runtime_config: Option<Value>,
    /// What the plugins before us did; only ADD and CHECK look into it.
    pub prev_result: Option<Value>,
    /// Our interface's name when the container has its main one from another plugin.
    pub interface_name: IfName,
    /// Attachments that are in use (GC); `None`: the runtime does not say.
    pub valid: Option<BTreeSet<(ContainerId, IfName)>>,
    /// Where things are on this host.
    pub paths: Paths,
}

/// Where things are on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The node-manager's socket.
    pub socket: PathBuf,
    /// The tunnels process's socket.
    pub tunnels: PathBuf,
    /// Where a DEL is left for a node-manager that is down.
    pub tombstones: PathBuf,
}

/// The configuration as it is written. Keys that are not here are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    cni_version: Option<String>,
    name: Option<String>,
    dns: Option<Dns>,
    runtime_config: Option<Value>,
    prev_result: Option<Value>,
    interface_name: Option<String>,
    socket: Option<PathBuf>,
    tunnels_socket: Option<PathBuf>,
    tombstones: Option<PathBuf>,
    #[serde(rename = "cni.dev/valid-attachments", default, deserialize_with = "present")]
    valid_attachments: Option<Vec<RawAttachment>>,
    #[serde(rename = "cni.dev/attachments", default, deserialize_with = "present")]
    attachments: Option<Vec<RawAttachment>>,
}

/// What the runtime says about one container.
#[derive(Debug, Default, PartialEq)]
pub struct Runtime {
    /// Name servers for this container.
    pub dns: Option<Dns>,
    /// Addresses that it asks for.
    pub addresses: Option<Addresses>,
}

/// The same as it is written. Nomad, containerd and nerdctl capitalise the keys; podman,
/// CRI-O and cnitool do not.
#[derive(Deserialize)]
struct RawRuntime {
    #[serde(alias = "Ips", alias = "IPs", alias = "IPS")]
    ips: Option<Vec<String>>,
    #[serde(alias = "Mac", alias = "MAC")]
    mac: Option<String>,
    #[serde(alias = "Dns", alias = "DNS")]
    dns: Option<RuntimeDns>,
}

/// Name servers in the runtime's words.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RuntimeDns {
    #[serde(alias = "Servers", deserialize_with = "or_default")]
    servers: Vec<String>,
    #[serde(alias = "Searches", deserialize_with = "or_default")]
    searches: Vec<String>,
    #[serde(alias = "Options", deserialize_with = "or_default")]
    options: Vec<String>,
}

/// An attachment that is in use.
#[derive(Deserialize)]
struct RawAttachment {
    #[serde(rename = "containerID", alias = "ContainerID", alias = "containerId")]
    container_id: String,
    #[serde(alias = "IfName", alias = "Ifname", alias = "ifName")]
    ifname: String,
}

/// `null` is the default, as in Go.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A key that is there with `null` differs from one that is missing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<Option<T>, D::Error> {
    or_default(from).map(Some)
}

impl Conf {
    /// Parses stdin.
    ///
    /// # Errors
    /// Not JSON, another version, a name or path that cannot be.
    pub fn parse(stdin: &[u8]) -> Result<Self, Error> {
        let raw: Raw = serde_json::from_slice(stdin).map_err(Error::Decode)?;
        // A configuration without a version is one of 0.1.0 (CNI specification 0.2.0).
        let version = raw.cni_version.clone().unwrap_or_else(|| "0.1.0".to_owned());
        let version = Version::find(&version).ok_or(Error::Version { named: cut(&version) })?;
        Self::build(version, raw)
    }

    fn build(version: Version, raw: Raw) -> Result<Self, Error> {
        let name = raw.name.ok_or_else(|| missing("name"))?;
        let interface_name = raw.interface_name.as_deref().unwrap_or("wg0");
        let valid = raw.valid_attachments.or(raw.attachments);
        Ok(Self {
            version,
            network: text("name", &name)?,
            dns: raw.dns.unwrap_or_default(),
            runtime_config: raw.runtime_config,
            prev_result: raw.prev_result,
            interface_name: text("interfaceName", interface_name)?,
            valid: valid.map(in_use).transpose()?,
            paths: Paths {
                socket: path("socket", raw.socket, "/run/wgcni/node.sock")?,
                tunnels: path("tunnelsSocket", raw.tunnels_socket, "/run/wgcni/tunnels.sock")?,
                tombstones: path("tombstones", raw.tombstones, TOMBSTONES)?,
            },
        })
    }

    /// What the runtime says about this container.
    ///
    /// # Errors
    /// What cannot be read, and a hardware address: WireGuard has none.
    pub fn runtime(&self) -> Result<Runtime, Error> {
        let Some(raw) = self.runtime_config.clone() else { return Ok(Runtime::default()) };
        let raw = Option::<RawRuntime>::deserialize(raw).map_err(Error::Decode)?;
        raw.map_or_else(|| Ok(Runtime::default()), Runtime::try_from)
    }
}

impl TryFrom<RawRuntime> for Runtime {
    type Error = Error;

    fn try_from(raw: RawRuntime) -> Result<Self, Error> {
        // All zeros is how a result of ours says that there is none.
        let is_none = |mac: &String| mac.chars().all(|c| matches!(c, '0' | ':' | '-'));
        if let Some(value) = raw.mac.filter(|mac| !is_none(mac)) {
            let why = "a WireGuard interface has no hardware address";
            return Err(Error::Unsupported { key: "runtimeConfig.mac", value, why });
        }
        let dns = raw.dns.unwrap_or_default();
        let dns = Dns {
            nameservers: dns.servers,
            search: dns.searches,
            options: dns.options,
            domain: String::new(),
        };
        let addresses = wished(&raw.ips.unwrap_or_default()).field("runtimeConfig.ips");
        let dns = (!dns.is_empty()).then_some(dns);
        Ok(Self { dns, addresses: addresses.map_err(Error::Config)? })
    }
}

/// Where node-manager looks for tombstones by default.
const TOMBSTONES: &str = "/var/lib/wgcni/node-manager/tombstones";

/// Addresses that somebody asks for, with or without prefix length; none is `None`.
///
/// # Errors
/// What is no address, or a second one of a family.
pub(crate) fn wished(texts: &[String]) -> Result<Option<Addresses>, String> {
    let address = |text: &String| -> Result<IpAddr, String> {
        let bare = text.split_once('/').map_or(text.as_str(), |(address, _)| address);
        bare.parse().map_err(|_| format!("{:?} is not an address", cut(text)))
    };
    if texts.is_empty() {
        return Ok(None);
    }
    let addresses: Vec<IpAddr> = texts.iter().map(address).collect::<Result<_, _>>()?;
    Addresses::from_items(addresses).map(Some).map_err(|e| e.to_string())
}

/// As much of a foreign text as is worth repeating.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

fn in_use(attachments: Vec<RawAttachment>) -> Result<BTreeSet<(ContainerId, IfName)>, Error> {
    let one = |a: RawAttachment| {
        let field = "cni.dev/valid-attachments";
        Ok((text(field, &a.container_id)?, text(field, &a.ifname)?))
    };
    attachments.into_iter().map(one).collect()
}

fn path(field: &str, given: Option<PathBuf>, default: &str) -> Result<PathBuf, Error> {
    let path = given.unwrap_or_else(|| default.into());
    if path.is_absolute() {
        return Ok(path);
    }
    Err(Error::Config(FieldError::new(field, "must be an absolute path")))
}

fn text<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().field(field).map_err(Error::Config)
}

fn missing(field: &str) -> Error {
    Error::Config(FieldError::new(field, "is missing"))
}
