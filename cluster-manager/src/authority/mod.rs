//! What a cluster is trusted by: the CA's key and certificate, and the secret that all
//! security keys come from; three files in the state directory.
//!
//! They are made once, by `init`. Whatever is wrong with one of them stops the start: a
//! new one would cut off every member.

mod error;
mod pem;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wgcni_daemon::files::atomic_write;
use wgcni_daemon::sealed::{seal, unseal};
use wgcni_identity::{Authority, ControlKey, Error, Lifetime, Master, Secret};
use wgcni_model::ClusterId;
use zeroize::Zeroizing;

use crate::Keys;
pub use error::AuthorityError;
use pem::{from_pem, to_pem};

/// How long the CA's certificate is good: ten years and the leap days in them.
const LIFE: Duration = Duration::from_hours(24 * 3653);

const CA_KEY: &str = "ca.key";
const CA_CERTIFICATE: &str = "ca.crt";
const SECURITY_KEY: &str = "security.key";
const ALL: [&str; 3] = [CA_KEY, CA_CERTIFICATE, SECURITY_KEY];

/// Largest of the files in bytes.
const MAX: u64 = 16 * 1024;

/// New keys, with what has to be written down of them.
struct Fresh {
    keys: Keys,
    ca: Zeroizing<String>,
    secret: Secret,
}

impl Fresh {
    fn new(cluster: &ClusterId, now: Duration) -> Result<Self, Error> {
        let key = ControlKey::generate()?;
        let ca = key.to_pem();
        let lifetime = Lifetime { from: now, length: LIFE };
        let authority = Authority::new(cluster.clone(), key, lifetime)?;
        let secret = Secret::from_random(rand::random());
        let keys = Keys::new(authority, Master::new(secret.clone()))?;
        Ok(Self { keys, ca, secret })
    }
}

/// The files of the CA in a state directory.
#[derive(Debug, Clone, Copy)]
pub struct AuthorityFiles<'a>(&'a Path);

impl<'a> AuthorityFiles<'a> {
    /// Those in `state_dir`.
    pub fn new(state_dir: &'a Path) -> Self {
        Self(state_dir)
    }

    /// The first that exists.
    pub fn existing(&self) -> Option<PathBuf> {
        ALL.map(|name| self.0.join(name)).into_iter().find(|path| path.symlink_metadata().is_ok())
    }

    /// Makes new keys and writes them down, over those that were there.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn create(&self, cluster: &ClusterId, now: Duration) -> Result<Keys, AuthorityError> {
        let Fresh { keys, ca, secret } = Fresh::new(cluster, now)?;
        // With the cluster's id: its keys are no other cluster's.
        let text = Zeroizing::new(format!("{cluster} {}\n", *secret.to_text()));
        self.write(SECURITY_KEY, &text)?;
        self.write(CA_CERTIFICATE, &to_pem(&keys.authority.certificate().der))?;
        self.write(CA_KEY, &ca)?;
        Ok(keys)
    }

    /// Reads them.
    ///
    /// # Errors
    /// Which file cannot be used, why, and what to do.
    pub fn load(&self, cluster: &ClusterId) -> Result<Keys, AuthorityError> {
        self.complete()?;
        let pem = self.read(CA_KEY, 0o077)?;
        let key = ControlKey::from_pem(&pem).map_err(|error| self.damaged(CA_KEY, error))?;
        let certificate = from_pem(&self.read(CA_CERTIFICATE, 0o022)?)
            .ok_or_else(|| self.damaged(CA_CERTIFICATE, "it is no certificate in PEM"))?;
        let authority = Authority::restore(cluster.clone(), key, &certificate);
        let authority = authority.map_err(|_| {
            self.unpaired(CA_CERTIFICATE, "is not the certificate of ca.key".to_owned())
        })?;
        let text = self.read(SECURITY_KEY, 0o077)?;
        let (of, secret) = text
            .trim()
            .split_once(' ')
            .ok_or_else(|| self.damaged(SECURITY_KEY, "it is no security key"))?;
        if of != cluster.as_str() {
            let why = format!("is of cluster {of}, and the configuration says {cluster}");
            return Err(self.unpaired(SECURITY_KEY, why));
        }
        let secret =
            Secret::from_text(secret).map_err(|error| self.damaged(SECURITY_KEY, error))?;
        Ok(Keys::new(authority, Master::new(secret))?)
    }

    fn complete(&self) -> Result<(), AuthorityError> {
        let Some(there) = self.existing() else {
            return Err(AuthorityError::None(self.0.to_owned()));
        };
        let missing = ALL.map(|name| self.0.join(name)).into_iter().find(|path| {
            path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        });
        missing.map_or(Ok(()), |missing| Err(AuthorityError::Missing { missing, there }))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), AuthorityError> {
        let sealed = Zeroizing::new(seal(text.to_owned()));
        Ok(atomic_write(&self.0.join(name), sealed.as_bytes(), 0o600)?)
    }

    /// The content of a file whose mode has none of the bits `loose`.
    fn read(&self, name: &str, loose: u32) -> Result<Zeroizing<String>, AuthorityError> {
        let path = self.0.join(name);
        let failed = |source| AuthorityError::Read { path: path.clone(), source };
        let mut options = File::options();
        let file = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&path);
        let file = file.map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
        let foreign = owner != 0 && owner != nix::unistd::geteuid().as_raw();
        if mode & loose != 0 || foreign {
            let what = if loose == 0o022 { "change" } else { "read" };
            return Err(AuthorityError::Loose { path, mode, owner, what });
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX).read_to_end(&mut bytes).map_err(failed)?;
        let text = unseal(&bytes).map_err(|why| self.damaged(name, why))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn damaged(&self, name: &str, why: impl std::fmt::Display) -> AuthorityError {
        AuthorityError::Damaged { path: self.0.join(name), why: why.to_string() }
    }

    fn unpaired(&self, name: &str, why: String) -> AuthorityError {
        AuthorityError::Unpaired { path: self.0.join(name), why }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: Duration = Duration::from_hours(500_000);

    fn cluster(n: u8) -> ClusterId {
        ClusterId::from_random([n; 16])
    }

    fn made() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        AuthorityFiles::new(dir.path()).create(&cluster(1), NOW).unwrap();
        dir
    }

    fn refused(dir: &Path) -> String {
        AuthorityFiles::new(dir).load(&cluster(1)).unwrap_err().to_string()
    }

    #[test]
    fn what_was_written_is_read_again_and_nobody_else_may() {
        let dir = tempfile::tempdir().unwrap();
        let files = AuthorityFiles::new(dir.path());
        let error = files.load(&cluster(1)).unwrap_err().to_string();
        assert!(error.ends_with("make them with: cluster-manager init"), "{error}");
        let made = files.create(&cluster(1), NOW).unwrap();
        let read = files.load(&cluster(1)).unwrap();
        assert_eq!(read.authority.pin(), made.authority.pin());
        assert_eq!(read.authority.certificate(), made.authority.certificate());
        for name in ALL {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_missing_file_is_named_and_not_made_again() {
        for name in ALL {
            let dir = made();
            fs::remove_file(dir.path().join(name)).unwrap();
            let error = refused(dir.path());
            assert!(error.contains(&format!("/{name} is missing, and ")), "{error}");
            assert!(!dir.path().join(name).exists());
        }
    }

    #[test]
    fn files_that_others_may_use_are_refused() {
        for (name, mode) in [(CA_KEY, 0o604), (CA_CERTIFICATE, 0o620), (SECURITY_KEY, 0o640)] {
            let dir = made();
            let path = dir.path().join(name);
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = refused(dir.path());
            assert!(error.contains(name) && error.contains("chmod 0600"), "{error}");
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            assert!(refused(dir.path()).contains("owner 65534"));
        }
        let dir = made();
        fs::set_permissions(dir.path().join(CA_CERTIFICATE), Permissions::from_mode(0o644))
            .unwrap();
        assert!(AuthorityFiles::new(dir.path()).load(&cluster(1)).is_ok(), "it is public");
    }

    #[test]
    fn damage_is_noticed_at_every_byte() {
        for name in ALL {
            let dir = made();
            let path = dir.path().join(name);
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 4;
                fs::write(&path, bytes).unwrap();
                let error = refused(dir.path());
                assert!(error.contains(&format!("{name} is damaged")), "{at}: {error}");
            }
        }
    }

    #[test]
    fn files_of_two_clusters_are_no_set() {
        for name in [CA_KEY, CA_CERTIFICATE] {
            let (dir, other) = (made(), made());
            fs::copy(other.path().join(name), dir.path().join(name)).unwrap();
            let error = refused(dir.path());
            assert!(error.contains("is not the certificate of ca.key"), "{error}");
        }
        let error = AuthorityFiles::new(made().path()).load(&cluster(2)).unwrap_err().to_string();
        assert!(error.contains("is of cluster 0101"), "{error}");
    }

    #[test]
    fn links_are_not_followed() {
        let (dir, other) = (made(), made());
        let path = dir.path().join(CA_KEY);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(other.path().join(CA_KEY), &path).unwrap();
        assert!(refused(dir.path()).contains("read "));
    }
}
