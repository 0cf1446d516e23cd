//! Where the programs under test are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Variable that names the directory of the built programs.
pub const VARIABLE: &str = "WGCNI_BIN_DIR";

/// Where Debian puts the reference CNI plugins.
pub const REFERENCE_PLUGINS: &str = "/usr/lib/cni";

/// Path of a built program: in `$WGCNI_BIN_DIR`, else beside the running executable
/// (the profile's directory, also for test executables, which lie in `deps/`).
///
/// # Errors
/// When it is not there; the message says how to get it.
pub fn find(name: &str) -> Result<PathBuf> {
    let directory = directory()?;
    let path = directory.join(name);
    if !path.is_file() {
        bail!(
            "{name} is not in {}: build it first (make build), or set {VARIABLE} to where it is",
            directory.display()
        );
    }
    Ok(path)
}

/// Directory of the built programs.
///
/// # Errors
/// When the running executable has no path.
pub fn directory() -> Result<PathBuf> {
    if let Some(directory) = env::var_os(VARIABLE) {
        return Ok(directory.into());
    }
    let executable = env::current_exe()?;
    let beside = executable.parent().unwrap_or(Path::new("/"));
    let profile = match beside.file_name() {
        Some(name) if name == "deps" => beside.parent().unwrap_or(beside),
        _ => beside,
    };
    Ok(profile.to_owned())
}
