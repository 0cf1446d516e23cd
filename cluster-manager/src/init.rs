//! `cluster-manager init`: makes up a cluster, writes it down, and lets its first operator
//! in.

use std::fs::Permissions;
use std::io::{IsTerminal, stderr, stdin};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use wgcni_daemon::config::{File, Flags, Layered, layered};
use wgcni_daemon::files::{atomic_write, ensure_private_dir};
use wgcni_identity::{JoinCredential, Role};
use wgcni_model::History;
use wgcni_store::{OpenError, SledStore};
use zeroize::Zeroizing;

use crate::authority::AuthorityFiles;
use crate::cluster::Reached;
use crate::config::{Config, Settings, default_hosts, listen};
use crate::members::{Actor, NewTicket};
use crate::rpc::now;
use crate::{Keys, Registry, feed, host_routes, prompts};

/// What `init` shall do.
#[derive(Debug)]
pub struct Init<'a> {
    /// Where the configuration is, or shall be.
    pub path: &'a Path,
    /// What is to be in it.
    pub flags: &'a Flags<Settings>,
    /// Replace what is there, keys and records included.
    pub force: bool,
    /// Ask nothing.
    pub non_interactive: bool,
}

/// A new cluster.
#[derive(Debug)]
pub struct Made {
    /// Its configuration.
    pub config: Config,
    /// What its first operator joins with; none in a plaintext cluster.
    pub join: Option<Zeroizing<String>>,
}

/// Makes the keys of a cluster, a ticket for its first operator, and its complete
/// configuration: what the file, the variables, the flags and the answers say, the rest by
/// default or at random.
///
/// # Errors
/// When there is a cluster already and not `force`, a setting is wrong, a prefix overlaps a
/// route of the host, or something cannot be written.
pub async fn init(asked: &Init<'_>) -> anyhow::Result<Made> {
    let Init { path, force, .. } = *asked;
    let layered = settings(asked)?;
    let settings = layered.settings.clone();
    let config = Config::check(layered)?;
    let routes = host_routes::read().context("read the host's routes")?;
    host_routes::check(&config.cluster.prefixes, &routes)?;
    let files = AuthorityFiles::new(&config.state_dir);
    match files.existing() {
        Some(there) if !force => bail!(
            "{} exists: this is a cluster, and new keys would cut off its members; to replace \
             it, keys and records, use --force",
            there.display()
        ),
        _ => {}
    }
    ensure_private_dir(&config.state_dir)?;
    if force {
        forget(&config)?;
    }
    let join = if config.insecure_plaintext {
        None
    } else {
        make_dir(&config.whitelist_dir)?;
        let keys = files.create(&config.cluster.id, now())?;
        Some(first_operator(&config, &keys).await?)
    };
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    let text = toml::to_string(&settings).context("write the configuration as TOML")?;
    // No secret is in it, and the daemon that reads it need not be root.
    atomic_write(path, text.as_bytes(), 0o644)?;
    hand_over(&config.state_dir)?;
    Ok(Made { config, join })
}

/// All settings of the new cluster.
fn settings(asked: &Init<'_>) -> anyhow::Result<Layered<Settings>> {
    let Init { path, flags, force, non_interactive } = *asked;
    let file = if force { Path::new("/dev/null") } else { path };
    let mut layered = layered(&File::optional(file), flags);
    let random = (rand::random(), rand::random());
    let mut defaults = layered.settings.clone();
    defaults.advertise.get_or_insert_with(|| default_hosts(listen(&layered.settings)));
    defaults.complete(random);
    if !non_interactive && stdin().is_terminal() && stderr().is_terminal() {
        let io = (&mut stdin().lock(), &mut stderr());
        prompts::ask(&mut layered, &defaults, io).context("ask")?;
    }
    layered.settings.advertise = layered.settings.advertise.take().or(defaults.advertise);
    layered.settings.complete(random);
    Ok(layered)
}

/// Removes what the state directory knows of another cluster.
fn forget(config: &Config) -> anyhow::Result<()> {
    let store = config.store_dir();
    if !store.exists() {
        return Ok(());
    }
    // Damaged or another version's: it is to go. In use: it is not.
    if let Err(error @ OpenError::InUse(..)) = SledStore::open(&store) {
        return Err(error.into());
    }
    std::fs::remove_dir_all(&store).with_context(|| format!("remove {}", store.display()))?;
    let memory = crate::whitelist::Memory::path(&config.state_dir);
    match std::fs::remove_file(&memory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", memory.display()))
        }
        _ => Ok(()),
    }
}

/// Makes a directory that everybody may look into, whatever the umask: that of whoever keeps
/// the join string from others would keep the daemon out.
fn make_dir(path: &Path) -> anyhow::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.is_dir()).collect();
    for path in missing.into_iter().rev() {
        let made = std::fs::create_dir(path)
            .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o755)));
        made.with_context(|| format!("create {}", path.display()))?;
    }
    Ok(())
}

/// Gives what root made in the state directory to the directory's owner: whom the daemon
/// runs as.
fn hand_over(state: &Path) -> anyhow::Result<()> {
    let owner = std::fs::symlink_metadata(state)?;
    if nix::unistd::geteuid().is_root() && owner.uid() != 0 {
        give(state, owner.uid(), owner.gid())
            .with_context(|| format!("give {} to its owner", state.display()))?;
    }
    Ok(())
}

/// Root's own files only, each by its only name: the owner may have put links there.
fn give(dir: &Path, user: u32, group: u32) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let found = std::fs::symlink_metadata(&path)?;
        if found.is_dir() {
            give(&path, user, group)?;
        } else if found.nlink() != 1 {
            continue;
        }
        if found.uid() == 0 {
            std::os::unix::fs::lchown(&path, Some(user), Some(group))?;
        }
    }
    Ok(())
}

/// A ticket for one operator, in the store; the secret is nowhere but in what is returned.
async fn first_operator(config: &Config, keys: &Keys) -> anyhow::Result<Zeroizing<String>> {
    let store = Arc::new(SledStore::open(&config.store_dir())?);
    let history = History::from_random(rand::random());
    let registry = Arc::new(Registry::start(store, config, now(), &history).await?);
    let feed = tokio::spawn(feed::follow(Arc::clone(&registry)));
    let new = NewTicket {
        role: Role::Operator,
        uses: 1,
        life: Duration::ZERO,
        name: None,
        groups: Vec::new(),
        source_cidrs: Vec::new(),
    };
    let made = registry.create_ticket(&new, &Actor::Root, now()).await;
    feed.abort();
    // It holds the store open: whoever serves next must have it.
    let _ = feed.await;
    let (ticket, secret) = made.context("make the first operator's ticket")?;
    let reached = Reached::new(config, config.listen, config.join_listen);
    Ok(reached.join_string(keys, JoinCredential::Ticket(ticket.id, secret)))
}
