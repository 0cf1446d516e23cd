//! Results: what is passed from plugin to plugin and in the end to the runtime.
//!
//! One form holds whatever any version can say; a version decides only what is written.

use crate::conf::{Dns, cut};
use crate::error::Error;
use crate::version::Version;
use ipnetwork::IpNetwork;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;
use wgcni_model::FieldError;

/// A result.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CniResult {
    /// Interfaces, on the host and in the container.
    #[serde(deserialize_with = "or_default")]
    pub interfaces: Vec<Interface>,
    /// Addresses.
    #[serde(deserialize_with = "or_default")]
    pub ips: Vec<Ip>,
    /// Routes.
    #[serde(deserialize_with = "or_default")]
    pub routes: Vec<Route>,
    /// Name servers.
    #[serde(deserialize_with = "or_default")]
    pub dns: Dns,
}

/// An interface.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its MTU in bytes (since 1.1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The namespace that it is in; missing or empty: the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// Path of a vhost-user socket (since 1.1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_path: Option<String>,
    /// PCI address (since 1.1.0).
    #[serde(default, rename = "pciID", skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Ip {
    /// With its prefix length.
    pub address: IpNetwork,
    /// The way out.
    #[serde(default, deserialize_with = "no_text", skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Index of the interface that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<i64>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Route {
    /// Where to.
    pub dst: IpNetwork,
    /// Which way.
    #[serde(default, rename = "gw", deserialize_with = "no_text")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Whatever else 1.1.0 says about it (mtu, advmss, priority, table, scope).
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

impl Route {
    /// A route without more.
    pub fn to(dst: IpNetwork) -> Self {
        Self { dst, gateway: None, more: serde_json::Map::new() }
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// An address that may be an empty text, which Go writes for none.
fn no_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpAddr>, D::Error> {
    let text: String = or_default(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

impl CniResult {
    /// Parses a `prevResult` of any version that we speak.
    ///
    /// # Errors
    /// Another version, another shape, an address of an interface that is not there.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        if !value.is_object() {
            return Err(refused("is no object".to_owned()));
        }
        if let Some(version) = value.get("cniVersion").filter(|version| !version.is_null()) {
            let text = version.as_str().unwrap_or_default();
            Version::find(text)
                .ok_or_else(|| refused(format!("cniVersion {:?} is not supported", cut(text))))?;
        }
        let result = Self::deserialize(value).map_err(|e| refused(e.to_string()))?;
        let interfaces = i64::try_from(result.interfaces.len()).unwrap_or(i64::MAX);
        let lost = |ip: &&Ip| ip.interface.is_some_and(|i| i < 0 || i >= interfaces);
        match result.ips.iter().find(lost) {
            Some(ip) => Err(refused(format!("{} has an interface that is not listed", ip.address))),
            None => Ok(result),
        }
    }

    /// The result as a version writes it.
    pub fn to_json(&self, version: Version) -> Value {
        let interfaces: Vec<_> =
            self.interfaces.iter().map(|interface| interface.written(version)).collect();
        let ips: Vec<_> = self.ips.iter().map(|ip| ip.to_json(version)).collect();
        let routes: Vec<_> = self.routes.iter().map(|route| route.written(version)).collect();
        json!({
            "cniVersion": version.as_str(),
            "interfaces": interfaces,
            "ips": ips,
            "routes": routes,
            "dns": self.dns,
        })
    }

    /// Adds what we made behind what is there: an interface with its addresses, routes.
    pub fn push(&mut self, interface: Interface, addresses: &[IpNetwork], routes: Vec<Route>) {
        let index = i64::try_from(self.interfaces.len()).ok();
        let ip = |address: &IpNetwork| Ip { address: *address, gateway: None, interface: index };
        self.interfaces.push(interface);
        self.ips.extend(addresses.iter().map(ip));
        self.routes.extend(routes);
    }

    /// Whether a plugin before us gave the container its way out, or an interface of the
    /// name that the runtime wants.
    pub fn has_main_interface(&self, ifname: &str) -> bool {
        let inside = |i: &Interface| i.sandbox.as_ref().is_some_and(|s| !s.is_empty());
        self.routes.iter().any(|route| route.dst.prefix() == 0)
            || self.interfaces.iter().any(|i| inside(i) && i.name == ifname)
    }

    /// The addresses of the interface of that name in the container.
    pub fn addresses_of(&self, name: &str) -> Option<Vec<IpNetwork>> {
        let inside =
            |i: &Interface| i.name == name && i.sandbox.as_ref().is_some_and(|s| !s.is_empty());
        let index = i64::try_from(self.interfaces.iter().position(inside)?).ok();
        let ours = self.ips.iter().filter(|ip| ip.interface == index);
        Some(ours.map(|ip| ip.address).collect())
    }
}

impl Interface {
    fn written(&self, version: Version) -> Self {
        if version >= Version::V110 {
            return self.clone();
        }
        Self { mtu: None, socket_path: None, pci_id: None, ..self.clone() }
    }
}

impl Ip {
    fn to_json(&self, version: Version) -> Value {
        let mut json = json!(self);
        if version < Version::V100 {
            json["version"] = json!(if self.address.is_ipv4() { "4" } else { "6" });
        }
        json
    }
}

impl Route {
    fn written(&self, version: Version) -> Self {
        if version >= Version::V110 {
            return self.clone();
        }
        Self { gateway: self.gateway, ..Self::to(self.dst) }
    }
}

fn refused(why: String) -> Error {
    Error::Config(FieldError::new("prevResult", why))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Whatever 1.1.0 can say.
    fn newest() -> Value {
        json!({
            "cniVersion": "1.1.0",
            "interfaces": [{
                "name": "eth0", "mac": "02:00:00:00:00:01", "mtu": 1500, "sandbox": "/n",
                "socketPath": "/s", "pciID": "0000:00:01.0",
            }],
            "ips": [{ "address": "fd00::2/64", "gateway": "fd00::1", "interface": 0 }],
            "routes": [{ "dst": "::/0", "gw": "fd00::1", "mtu": 1400, "priority": 7, "table": 9 }],
            "dns": { "nameservers": ["fd00::1"], "options": ["rotate"] },
        })
    }

    #[test]
    fn a_result_says_in_each_version_what_that_version_can_say() {
        let result = CniResult::parse(&newest()).unwrap();
        assert_eq!(result.to_json(Version::V110), newest());
        let mut older = newest();
        older["cniVersion"] = json!("1.0.0");
        older["interfaces"] =
            json!([{ "name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/n" }]);
        older["routes"] = json!([{ "dst": "::/0", "gw": "fd00::1" }]);
        assert_eq!(result.to_json(Version::V100), older);
        older["ips"][0]["version"] = json!("6");
        for version in [Version::V030, Version::V031, Version::V040] {
            older["cniVersion"] = json!(version.as_str());
            assert_eq!(result.to_json(version), older);
            let again = CniResult::parse(&older).unwrap();
            assert_eq!(again.to_json(version), older);
        }
    }

    #[test]
    fn what_is_pushed_points_to_its_own_interface() {
        let mut result = CniResult::parse(&newest()).unwrap();
        let ours = Interface {
            name: "wg0".to_owned(),
            sandbox: Some("/n".to_owned()),
            ..Interface::default()
        };
        let address: IpNetwork = "10.64.0.2/32".parse().unwrap();
        result.push(ours, &[address], Vec::new());
        assert_eq!(result.ips[0].interface, Some(0));
        assert_eq!(result.ips[1], Ip { address, gateway: None, interface: Some(1) });
        assert_eq!(result.addresses_of("wg0"), Some(vec![address]));
        assert_eq!(result.addresses_of("wg1"), None);
    }

    #[test]
    fn go_writes_null_and_empty_text_for_nothing() {
        let text = json!({
            "cniVersion": "0.4.0", "interfaces": null, "routes": null, "dns": { "search": null },
            "ips": [{ "version": "4", "address": "10.0.0.2/24", "gateway": "" }],
        });
        let result = CniResult::parse(&text).unwrap();
        assert_eq!(result.ips[0].gateway, None);
        assert!(!result.has_main_interface("eth0"));
    }
}
