//! Runs CNI plugins as libcni does: environment, and for each plugin of a list its
//! own configuration with name, version, runtime configuration and previous result.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::command::fed;
use crate::host::Host;
use crate::programs;

/// Where runtimes look for lists.
pub const DIRECTORY: &str = "/etc/cni/net.d";

/// The error object that a plugin printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{plugin} {verb}: code {code}: {message} ({details})")]
pub struct PluginError {
    /// Which plugin of the list.
    pub plugin: String,
    /// The verb, e.g. `ADD`.
    pub verb: String,
    /// Code of the CNI specification, or ours from 100 on.
    pub code: u64,
    /// What is wrong.
    pub message: String,
    /// Why.
    pub details: String,
}

/// One attachment as a runtime names it.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// `CNI_CONTAINERID`.
    pub container_id: String,
    /// `CNI_NETNS`; may be empty on DEL.
    pub netns: PathBuf,
    /// `CNI_IFNAME`.
    pub ifname: String,
    /// `CNI_ARGS`.
    pub args: String,
    /// What the runtime offers to plugins with the capability, e.g. `portMappings`.
    pub capabilities: Map<String, Value>,
}

impl Attachment {
    /// `eth0` of a container.
    pub fn new(container_id: &str, netns: &Path) -> Self {
        Self {
            container_id: container_id.to_owned(),
            netns: netns.to_owned(),
            ifname: "eth0".to_owned(),
            args: String::new(),
            capabilities: Map::new(),
        }
    }

    /// The same with something that the runtime offers.
    #[must_use]
    pub fn with(mut self, capability: &str, value: Value) -> Self {
        self.capabilities.insert(capability.to_owned(), value);
        self
    }
}

/// A network: a conflist on a host.
#[derive(Debug, Clone)]
pub struct Network<'a> {
    host: &'a Host,
    list: Value,
}

impl<'a> Network<'a> {
    /// Reads a conflist of the host, e.g. `10-wgnet.conflist`.
    ///
    /// # Errors
    /// When it is missing or not JSON.
    pub fn read(host: &'a Host, file: &str) -> Result<Self> {
        let path = host.path(DIRECTORY).join(file);
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(Self { host, list: serde_json::from_slice(&text)? })
    }

    /// ADD through the whole list; the last plugin's result.
    ///
    /// # Errors
    /// With a [`PluginError`] where a plugin refused; as libcni does, nothing is
    /// undone then.
    pub fn add(&self, attachment: &Attachment) -> Result<Value> {
        let mut result = None;
        for plugin in self.plugins()? {
            result = self.run("ADD", plugin, attachment, result.as_ref(), &[])?;
        }
        result.context("an empty list, or a plugin without a result")
    }

    /// DEL through the list backwards.
    ///
    /// # Errors
    /// With a [`PluginError`] where a plugin refused.
    pub fn del(&self, attachment: &Attachment, result: Option<&Value>) -> Result<()> {
        for plugin in self.plugins()?.iter().rev() {
            self.run("DEL", plugin, attachment, result, &[])?;
        }
        Ok(())
    }

    /// CHECK through the list.
    ///
    /// # Errors
    /// With a [`PluginError`] that names what is wrong.
    pub fn check(&self, attachment: &Attachment, result: &Value) -> Result<()> {
        for plugin in self.plugins()? {
            self.run("CHECK", plugin, attachment, Some(result), &[])?;
        }
        Ok(())
    }

    /// GC: everything of this network goes but the attachments that are named by
    /// container id and interface.
    ///
    /// # Errors
    /// With a [`PluginError`] where a plugin refused.
    pub fn gc(&self, valid: &[(&str, &str)]) -> Result<()> {
        let valid: Vec<Value> =
            valid.iter().map(|(id, ifname)| json!({"containerID": id, "ifname": ifname})).collect();
        self.without_container("GC", &[("cni.dev/valid-attachments", json!(valid))])
    }

    /// STATUS: whether ADD can work now.
    ///
    /// # Errors
    /// With a [`PluginError`] that says why it cannot.
    pub fn status(&self) -> Result<()> {
        self.without_container("STATUS", &[])
    }

    fn without_container(&self, verb: &str, extra: &[(&str, Value)]) -> Result<()> {
        let nobody = Attachment { ifname: String::new(), ..Attachment::new("", Path::new("")) };
        for plugin in self.plugins()? {
            self.run(verb, plugin, &nobody, None, extra)?;
        }
        Ok(())
    }

    fn plugins(&self) -> Result<&Vec<Value>> {
        self.list["plugins"].as_array().context("a list without plugins")
    }

    fn run(
        &self,
        verb: &str,
        plugin: &Value,
        attachment: &Attachment,
        previous: Option<&Value>,
        extra: &[(&str, Value)],
    ) -> Result<Option<Value>> {
        let name = plugin["type"].as_str().context("a plugin without a type")?;
        let mut config = self.config(plugin, verb, attachment, previous)?;
        for (key, value) in extra {
            config[*key] = value.clone();
        }
        let path = search_path()?;
        let program = locate(name, &path)?;
        let mut command = self.host.command(&program)?;
        command.env_clear();
        command.envs(self.host.variables(&program));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("CNI_COMMAND", verb);
        command.env("CNI_PATH", std::env::join_paths(&path)?);
        if !attachment.container_id.is_empty() {
            command.env("CNI_CONTAINERID", &attachment.container_id);
            command.env("CNI_NETNS", &attachment.netns);
            command.env("CNI_IFNAME", &attachment.ifname);
            command.env("CNI_ARGS", &attachment.args);
        }
        let output = fed(&mut command, config.to_string().as_bytes())?;
        if output.status.success() {
            let said = output.stdout.trim_ascii();
            return match said {
                b"" => Ok(None),
                said => Ok(Some(serde_json::from_slice(said).context("an unreadable result")?)),
            };
        }
        Err(refusal(name, verb, &output.stdout, &output.stderr))
    }

    /// What the plugin reads on stdin.
    fn config(
        &self,
        plugin: &Value,
        verb: &str,
        attachment: &Attachment,
        previous: Option<&Value>,
    ) -> Result<Value> {
        let mut config = plugin.clone();
        // GC and STATUS exist since 1.1.0; a runtime that knows them picks the newest.
        let newest = self.list["cniVersions"].as_array().and_then(|all| all.last());
        config["cniVersion"] = match (verb, newest) {
            ("GC" | "STATUS", Some(newest)) => newest.clone(),
            _ => self.list["cniVersion"].clone(),
        };
        config["name"] = self.list["name"].clone();
        if let Some(previous) = previous {
            config["prevResult"] = previous.clone();
        }
        let offered: Map<String, Value> = attachment
            .capabilities
            .iter()
            .filter(|(name, _)| plugin["capabilities"][name.as_str()] == json!(true))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !offered.is_empty() {
            config["runtimeConfig"] = Value::Object(offered);
        }
        config.is_object().then_some(config).context("a plugin that is no object")
    }
}

/// Turns what a failed plugin printed into an error.
fn refusal(plugin: &str, verb: &str, stdout: &[u8], stderr: &[u8]) -> anyhow::Error {
    let Ok(said) = serde_json::from_slice::<Value>(stdout) else {
        let said = [stdout, stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        return anyhow::anyhow!(
            "{plugin} {verb} failed without an error object: {}",
            said.concat()
        );
    };
    let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
    let error = PluginError {
        plugin: plugin.to_owned(),
        verb: verb.to_owned(),
        code: said["code"].as_u64().unwrap_or_default(),
        message: text("msg"),
        details: text("details"),
    };
    error.into()
}

fn search_path() -> Result<[PathBuf; 2]> {
    Ok([programs::directory()?, programs::REFERENCE_PLUGINS.into()])
}

fn locate(name: &str, path: &[PathBuf]) -> Result<PathBuf> {
    for directory in path {
        let file = directory.join(name);
        if file.is_file() {
            return Ok(file);
        }
    }
    bail!(
        "no CNI plugin {name} in {path:?}: build ours (make build), install Debian's containernetworking-plugins"
    )
}
