//! Logins on this machine: a directory for each cluster, and which one is the default.
//!
//! ```text
//! <home>/default                    id of the cluster of the newest login
//! <home>/<cluster-id>/member.json   with control.key: wgcni-channel's
//! ```

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use wgcni_channel::client::MemberFiles;
use wgcni_daemon::files::{atomic_write, ensure_private_dir};
use wgcni_model::ClusterId;

use crate::Failure;

/// Where logins are kept.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    directory: PathBuf,
}

impl Home {
    /// The home of whoever runs this.
    pub fn find() -> Result<Self, Failure> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let path = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let directory = path("WGCNI_HOME")
            .or_else(|| path("XDG_CONFIG_HOME").map(|config| config.join("wgcni")))
            .or_else(|| path("HOME").map(|home| home.join(".config/wgcni")));
        let missing = || Failure::failed("no place for logins: set WGCNI_HOME to a directory");
        Ok(Self { directory: directory.ok_or_else(missing)? })
    }

    #[cfg(test)]
    pub fn at(directory: &std::path::Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The files of the login to a cluster.
    pub fn files(&self, cluster: &ClusterId) -> MemberFiles {
        MemberFiles::new(&self.directory.join(cluster.as_str()))
    }

    /// Makes the home, where only its owner enters it.
    pub fn ensure(&self) -> Result<(), Failure> {
        ensure_private_dir(&self.directory).map_err(|error| failed(&error))
    }

    /// Makes a cluster the default.
    pub fn set_default(&self, cluster: &ClusterId) -> Result<(), Failure> {
        let path = self.directory.join("default");
        atomic_write(&path, format!("{cluster}\n").as_bytes(), 0o600).map_err(|e| failed(&e))
    }

    /// The cluster whose id begins so, or the default one: `None` when there is no login.
    pub fn choose(&self, prefix: Option<&str>) -> Result<Option<ClusterId>, Failure> {
        let mut logins = self.logins()?;
        if let Some(prefix) = prefix {
            logins.retain(|cluster| cluster.as_str().starts_with(prefix));
            return match logins.as_slice() {
                [] => Err(Failure::unreached(format!(
                    "no login to a cluster whose id begins with {prefix:?}; `wgcni login` makes one"
                ))),
                [_] => Ok(logins.pop()),
                _ => Err(Failure::unreached(format!(
                    "more than one cluster's id begins with {prefix:?}: {}",
                    list(&logins)
                ))),
            };
        }
        match logins.as_slice() {
            [] => Ok(None),
            [_] => Ok(logins.pop()),
            _ => self.default(&logins).map(Some),
        }
    }

    fn default(&self, logins: &[ClusterId]) -> Result<ClusterId, Failure> {
        let text = fs::read_to_string(self.directory.join("default")).unwrap_or_default();
        let default = logins.iter().find(|cluster| cluster.as_str() == text.trim());
        let unclear = || {
            let all = list(logins);
            Failure::unreached(format!("more than one login: choose with --cluster: {all}"))
        };
        default.cloned().ok_or_else(unclear)
    }

    /// All clusters with a login, by id.
    fn logins(&self) -> Result<Vec<ClusterId>, Failure> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries,
        };
        let unread = |error: std::io::Error| {
            Failure::failed(format!("list logins in {}: {error}", self.directory.display()))
        };
        let mut logins = Vec::new();
        for entry in entries.map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let name = entry.file_name();
            let cluster = name.to_str().and_then(|name| name.parse::<ClusterId>().ok());
            let joined = ["member.json", "control.key"].map(|file| entry.path().join(file));
            logins.extend(cluster.filter(|_| joined.iter().any(|path| path.exists())));
        }
        logins.sort();
        Ok(logins)
    }

    /// Forgets the login to a cluster.
    pub fn remove(&self, cluster: &ClusterId) -> Result<(), Failure> {
        self.files(cluster).remove().map_err(|error| failed(&error))?;
        // What is left in it is somebody else's.
        let _ = fs::remove_file(self.directory.join(cluster.as_str()).join("member.lock"));
        let _ = fs::remove_dir(self.directory.join(cluster.as_str()));
        Ok(())
    }
}

fn list(logins: &[ClusterId]) -> String {
    logins.iter().map(ClusterId::as_str).collect::<Vec<_>>().join(", ")
}

/// An error and its causes.
pub(crate) fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::failed(chain(error))
}

/// An error and its causes as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::Path;

    fn login(home: &Path, cluster: &ClusterId) {
        let directory = home.join(cluster.as_str());
        ensure_private_dir(&directory).unwrap();
        fs::write(directory.join("member.json"), "{}").unwrap();
    }

    #[test]
    fn the_first_variable_that_is_set_says_where_logins_are() {
        let home = |set: &[(&str, &str)]| {
            let value = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            };
            Home::from_variables(value).map(|home| home.directory)
        };
        let (own, xdg, user) = (("WGCNI_HOME", "/w"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h"));
        assert_eq!(home(&[user, xdg, own]).unwrap(), Path::new("/w"));
        assert_eq!(home(&[user, xdg, ("WGCNI_HOME", "")]).unwrap(), Path::new("/x/wgcni"));
        assert_eq!(home(&[user]).unwrap(), Path::new("/h/.config/wgcni"));
        assert_eq!(home(&[]).unwrap_err().exit, 1);
    }

    #[test]
    fn the_last_login_is_the_default_and_a_prefix_chooses() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::at(directory.path());
        assert_eq!(home.choose(None).unwrap(), None);
        let [one, two] = [0x1a, 0x1b].map(|byte| ClusterId::from_random([byte; 16]));
        login(directory.path(), &one);
        assert_eq!(home.choose(None).unwrap(), Some(one.clone()));
        login(directory.path(), &two);
        assert_eq!(home.choose(None).unwrap_err().exit, 4);
        home.set_default(&two).unwrap();
        assert_eq!(home.choose(None).unwrap(), Some(two.clone()));
        assert_eq!(home.choose(Some("1a")).unwrap(), Some(one.clone()));
        assert!(home.choose(Some("1")).unwrap_err().text.contains(one.as_str()));
        assert_eq!(home.choose(Some("2")).unwrap_err().exit, 4);
        home.remove(&two).unwrap();
        assert_eq!(home.choose(None).unwrap(), Some(one));
    }
}
