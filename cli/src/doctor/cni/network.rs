//! A network's file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CHECK, PLUGIN};
use crate::doctor::finding::{Finding, advice};

/// Versions of CNI that the plugin speaks.
const VERSIONS: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// Endings of files that runtimes read.
const ENDINGS: [&str; 3] = ["conflist", "conf", "json"];

/// A file that runtimes read.
pub(crate) struct Network {
    pub path: PathBuf,
    content: Result<Value, String>,
    /// Whether its text names the plugin, also where it is no JSON.
    named: bool,
}

/// The files of a directory, by name.
pub(crate) fn read(directory: &Path) -> Vec<Network> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    let counts = |path: &PathBuf| {
        path.extension().and_then(|e| e.to_str()).is_some_and(|e| ENDINGS.contains(&e))
    };
    paths.retain(counts);
    paths.sort();
    let read = |path: PathBuf| match fs::read(&path) {
        Ok(bytes) => Network::parse(path, &String::from_utf8_lossy(&bytes)),
        Err(error) => Network { path, content: Err(error.to_string()), named: false },
    };
    paths.into_iter().map(read).collect()
}

impl Network {
    pub fn parse(path: PathBuf, text: &str) -> Self {
        let content = serde_json::from_str(text).map_err(|error| error.to_string());
        let own_name = path.to_string_lossy().contains("wgnet");
        Self { named: text.contains(PLUGIN) || own_name && content.is_err(), path, content }
    }

    /// Whether it asks for our plugin.
    pub fn is_ours(&self) -> bool {
        self.named
    }

    /// Types of its plugins.
    fn types(content: &Value) -> Option<Vec<&str>> {
        match content.get("plugins") {
            Some(plugins) => plugins.as_array()?.iter().map(|p| p["type"].as_str()).collect(),
            None => Some(vec![content["type"].as_str()?]),
        }
    }

    /// What is wrong with it, given which plugins there are.
    pub fn judge(&self, installed: &[String]) -> Option<Finding> {
        let path = self.path.display();
        let wrong = match &self.content {
            Err(why) if !self.named => {
                let seen = format!("{path} cannot be read: {why}; podman and Nomad complain of it");
                return Some(Finding::warning(CHECK, seen, advice("correct it, or take it away")));
            }
            Err(why) => format!("is no JSON: {why}"),
            Ok(_) if !self.named => return None,
            Ok(content) => wrong(content, installed)?,
        };
        let seen = format!("{path} {wrong}");
        let what = format!("correct {path}: docs/cni.md has one that works");
        Some(Finding::problem(CHECK, seen, advice(what)))
    }
}

fn wrong(content: &Value, installed: &[String]) -> Option<String> {
    let name = content["name"].as_str().unwrap_or_default();
    let letter = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(letter) {
        return Some(format!("has no good name: {name:?}"));
    }
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Some(format!("has the name {name}: Nomad takes lower case only"));
    }
    let version = content["cniVersion"].as_str().unwrap_or_default();
    if !VERSIONS.contains(&version) {
        return Some(format!("has cniVersion {version:?}, not one of {}", VERSIONS.join(", ")));
    }
    let Some(types) = Network::types(content).filter(|types| !types.is_empty()) else {
        return Some("has a plugin without a type, or none".to_owned());
    };
    let missing = |kind: &&&str| **kind != PLUGIN && !installed.iter().any(|name| name == **kind);
    let missing = types.iter().find(missing)?;
    Some(format!("asks for the plugin {missing}, which is not installed"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::doctor::finding::Severity::{Problem, Warning};
    use serde_json::json;

    #[test]
    fn networks_of_ours_are_read_as_a_runtime_would() {
        let list = |name: &str, version: &str, types: &[&str]| {
            let plugins: Vec<_> = types.iter().map(|kind| json!({"type": kind})).collect();
            json!({"cniVersion": version, "name": name, "plugins": plugins}).to_string()
        };
        let installed = ["wireguard-cni".to_owned(), "portmap".to_owned()];
        let table = [
            (list("wgnet", "1.0.0", &[PLUGIN]), None),
            (list("wgnet", "1.0.0", &[PLUGIN, "portmap"]), None),
            (list("wgnet", "1.0.0", &[PLUGIN, "bridge"]), Some("plugin bridge")),
            (list("wgNet", "1.0.0", &[PLUGIN]), Some("lower case")),
            (list("", "1.0.0", &[PLUGIN]), Some("no good name")),
            (list("wgnet", "2.0.0", &[PLUGIN]), Some("cniVersion")),
            (list("wgnet", "1.0.0", &[PLUGIN])[1..].to_owned(), Some("no JSON")),
            (list("podman", "9", &["bridge"]), None),
        ];
        for (text, expected) in table {
            let network = Network::parse("/n/x.conflist".into(), &text);
            let found = network.judge(&installed);
            match expected {
                None => assert_eq!(found, None, "{text}"),
                Some(why) => {
                    let found = found.unwrap();
                    assert_eq!(found.severity, Problem, "{text}");
                    assert!(found.seen.contains(why), "{found:?}");
                }
            }
        }
        let other = Network::parse("/n/x.conflist".into(), "{");
        assert_eq!(other.judge(&installed).unwrap().severity, Warning);
    }
}
