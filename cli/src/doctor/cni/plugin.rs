//! The plugin's file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::CHECK;
use crate::doctor::finding::{Finding, Remedy, advice, run};
use crate::doctor::tool;

/// A plugin of ours on disk.
pub(crate) struct Plugin {
    path: PathBuf,
    executable: bool,
    /// Why VERSION did not work.
    broken: Option<String>,
    pub version: Option<String>,
}

impl Plugin {
    /// Runs it as a runtime that asks for its version.
    pub async fn look(path: PathBuf) -> Self {
        let mode = fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode());
        let mut plugin = Self { path, executable: mode & 0o111 != 0, broken: None, version: None };
        if !plugin.executable {
            return plugin;
        }
        let line = plugin.path.display().to_string();
        plugin.broken = match tool::output(&[&line], &[("CNI_COMMAND", "VERSION")]).await {
            Ok(output) if output.status.success() => {
                let said: serde_json::Value =
                    serde_json::from_slice(&output.stdout).unwrap_or_default();
                let answered = said["supportedVersions"].is_array();
                (!answered).then(|| "it does not answer VERSION".to_owned())
            }
            Ok(output) => Some(format!("VERSION ends with {}", output.status)),
            Err(why) => Some(why),
        };
        // Without a verb it says who it is, on standard error.
        if let Ok(output) = tool::output(&[&line], &[]).await {
            let said = String::from_utf8_lossy(&output.stderr);
            let version = said.lines().next().and_then(|line| line.strip_prefix("wireguard-cni "));
            plugin.version = version.map(str::to_owned);
        }
        plugin
    }

    pub fn judge(&self) -> Option<Finding> {
        let path = self.path.display();
        if !self.executable {
            let seen = format!("{path} is not executable");
            return Some(Finding::problem(CHECK, seen, run(format!("chmod 0755 {path}"))));
        }
        let why = self.broken.as_ref()?;
        let seen = format!("{path} does not work: {why}");
        Some(Finding::problem(CHECK, seen, Self::again()))
    }

    fn again() -> Remedy {
        advice(
            "install it anew, statically linked and for this machine: `file` on it says what it \
             is; a file system that is mounted noexec runs nothing",
        )
    }

    #[cfg(test)]
    pub fn good() -> Self {
        Self {
            path: "/opt/cni/bin/wireguard-cni".into(),
            executable: true,
            broken: None,
            version: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_plugin_is_run_before_it_is_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wireguard-cni");
        let write = |text: &str, mode| {
            // A new file each time: one that runs cannot be written.
            let _ = fs::remove_file(&path);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        write("", 0o644);
        let found = Plugin::look(path.clone()).await.judge().unwrap();
        assert_eq!(found.remedy, Some(run(format!("chmod 0755 {}", path.display()))));
        write("#!/bin/sh\nexit 3\n", 0o755);
        let found = Plugin::look(path.clone()).await.judge().unwrap();
        assert!(found.seen.contains("exit status: 3"), "{found:?}");
        write("#!/bin/sh\necho '{}'\n", 0o755);
        assert!(Plugin::look(path.clone()).await.judge().is_some());
        write(
            "#!/bin/sh\n[ \"$CNI_COMMAND\" ] || { echo wireguard-cni 9.1 >&2; exit; }\n\
             echo '{\"supportedVersions\":[\"1.0.0\"]}'\n",
            0o755,
        );
        let good = Plugin::look(path).await;
        assert_eq!((good.judge(), good.version.as_deref()), (None, Some("9.1")));
    }
}
