//! `cluster-manager init`: makes up a cluster and writes it down.

use std::path::Path;

use anyhow::{Context, bail};
use wgcni_daemon::config::{File, Flags, layered};
use wgcni_daemon::files::atomic_write;

use crate::config::{Config, Settings};
use crate::host_routes;

/// Writes a complete configuration to `path`: what the flags and variables say, the
/// rest by default or at random.
///
/// # Errors
/// When there is one already and not `force`, a setting is wrong, or a prefix
/// overlaps a route of the host.
pub fn init(path: &Path, flags: &Flags<Settings>, force: bool) -> anyhow::Result<Config> {
    if path.exists() && !force {
        bail!(
            "{} exists: a new cluster id and new prefixes would cut off its nodes; \
             to replace it, use --force",
            path.display()
        );
    }
    let mut layered = layered(&File::optional("/dev/null"), flags);
    layered.settings.complete((rand::random(), rand::random()));
    let settings = layered.settings.clone();
    let config = Config::check(layered)?;
    let routes = host_routes::read().context("read the host's routes")?;
    host_routes::check(&config.cluster.prefixes, &routes)?;
    if let Some(parent) = path.parent() {
        let made = std::fs::create_dir_all(parent);
        made.with_context(|| format!("create {}", parent.display()))?;
    }
    let text = toml::to_string(&settings).context("write the configuration as TOML")?;
    atomic_write(path, text.as_bytes(), 0o600)?;
    Ok(config)
}
