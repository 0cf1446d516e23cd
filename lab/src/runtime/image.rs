//! A container image without a registry: a docker-archive made by hand around busybox.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::command::{checked, words};

/// The image's name.
pub const NAME: &str = "docker.io/library/busybox:latest";

/// Debian's `busybox-static`.
const BUSYBOX: &str = "/bin/busybox";

const APPLETS: [&str; 5] = ["sh", "sleep", "ip", "ping", "httpd"];

/// Writes the image as a tar archive into a directory.
///
/// # Errors
/// When busybox or tar is missing.
pub fn write(directory: &Path) -> Result<PathBuf> {
    let root = directory.join("root");
    fs::create_dir_all(root.join("bin"))?;
    fs::copy(BUSYBOX, root.join("bin/busybox")).context("install busybox-static")?;
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    let layer = archive(&root, &directory.join("layer.tar"), &["."])?;
    let digest = checked(words(&["sha256sum"]).arg(&layer))?;
    let digest = digest.split(' ').next().unwrap_or_default();
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": { "Env": ["PATH=/bin"], "Cmd": ["sleep", "600"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
    });
    let manifest = json!([
        { "Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"] }
    ]);
    fs::write(directory.join("config.json"), config.to_string())?;
    fs::write(directory.join("manifest.json"), manifest.to_string())?;
    let files = ["manifest.json", "config.json", "layer.tar"];
    archive(directory, &directory.join("image.tar"), &files)
}

fn archive(directory: &Path, file: &Path, members: &[&str]) -> Result<PathBuf> {
    let mut tar = words(&["tar", "--create", "--owner=0", "--group=0", "--numeric-owner"]);
    checked(tar.arg("--directory").arg(directory).arg("--file").arg(file).args(members))?;
    Ok(file.to_owned())
}
