//! One look at the directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};
use wgcni_model::{NodeName, PublicKey};

const SUFFIX: &str = ".pub";

/// Largest file in bytes: a key has 44.
const MAX: u64 = 256;

/// Most files that are looked at.
const MAX_FILES: usize = 100_000;

/// Which directory it is: another one under the same path is another mount, or was made
/// anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
}

/// Why there is nothing to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// There is no directory.
    Missing,
    /// It cannot be read, or must not be trusted.
    Because(String),
}

/// What is in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Which one it is.
    pub directory: Directory,
    /// Keys by name, from files that can be read.
    pub keys: BTreeMap<NodeName, PublicKey>,
    /// Names that have a file which cannot be used.
    pub bad: BTreeMap<NodeName, String>,
    /// What is wrong with files, for people; those of names among them.
    pub complaints: Vec<String>,
}

/// Looks at the directory.
///
/// # Errors
/// When it is not there, cannot be read, or others than root may write into it.
pub fn look(path: &Path) -> Result<Look, Unreadable> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing,
        _ => Unreadable::Because(error.to_string()),
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(Unreadable::Because("it is no directory".to_owned()));
    }
    trusted(&metadata).map_err(Unreadable::Because)?;
    let directory = Directory { device: metadata.dev(), inode: metadata.ino() };
    let mut seen =
        Look { directory, keys: BTreeMap::new(), bad: BTreeMap::new(), complaints: Vec::new() };
    for (n, entry) in fs::read_dir(path).map_err(failed)?.enumerate() {
        if n >= MAX_FILES {
            return Err(Unreadable::Because(format!("it has more than {MAX_FILES} files")));
        }
        let name = entry.map_err(failed)?.file_name();
        // Editors and packers leave others beside.
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) else { continue };
        if !stem.starts_with('.') {
            seen.take(path, stem);
        }
    }
    seen.refuse_twins();
    seen.complaints.sort();
    Ok(seen)
}

impl Look {
    fn take(&mut self, directory: &Path, stem: &str) {
        let path = directory.join(format!("{stem}{SUFFIX}"));
        let name = match stem.parse::<NodeName>() {
            Ok(name) => name,
            Err(error) => {
                self.complaints.push(format!("{}: {error}", path.display()));
                return;
            }
        };
        match read(&path) {
            Ok(key) => {
                self.keys.insert(name, key);
            }
            Err(why) => self.refuse(name, &format!("{}: {why}", path.display())),
        }
    }

    fn refuse(&mut self, name: NodeName, why: &str) {
        self.complaints.push(why.to_owned());
        self.bad.insert(name, why.to_owned());
    }

    /// A key has one name: which one is not for us to say.
    fn refuse_twins(&mut self) {
        let mut owners: BTreeMap<PublicKey, Vec<NodeName>> = BTreeMap::new();
        for (name, key) in &self.keys {
            owners.entry(*key).or_default().push(name.clone());
        }
        for names in owners.into_values().filter(|names| names.len() > 1) {
            let all: Vec<_> = names.iter().map(|name| format!("{name}{SUFFIX}")).collect();
            let why = format!("{} hold the same key", all.join(" and "));
            self.complaints.push(why.clone());
            for name in names {
                self.keys.remove(&name);
                self.bad.insert(name, why.clone());
            }
        }
    }
}

fn read(path: &Path) -> Result<PublicKey, String> {
    // Not to wait for whoever writes into a pipe.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = file.map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("is no file".to_owned());
    }
    trusted(&metadata)?;
    let mut text = String::new();
    let read = file.take(MAX + 1).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX {
        return Err("is too large for one key".to_owned());
    }
    text.trim().parse::<PublicKey>().map_err(|error| error.to_string())
}

/// Whoever may write here decides who joins.
fn trusted(metadata: &fs::Metadata) -> Result<(), String> {
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if mode & 0o022 != 0 || (owner != 0 && owner != nix::unistd::geteuid().as_raw()) {
        return Err(format!("has mode {mode:04o} and owner {owner}: others may write it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use wgcni_model::PrivateKey;

    use super::*;

    fn key(n: u8) -> PublicKey {
        PrivateKey::from_random([n; 32]).public_key()
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_are_read_and_bad_files_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("ash.pub", &format!("{}\n", key(1)));
        write("birch.pub", &key(2).to_string());
        write("README", "not a key");
        write(".cedar.pub", "an editor's");
        write("cedar.pub", "AAAA");
        write("twin.pub", &key(3).to_string());
        write("other-twin.pub", &key(3).to_string());
        write("No_Name.pub", &key(4).to_string());
        write("long.pub", &"A".repeat(1000));
        write("open.pub", &key(5).to_string());
        mode(&dir.path().join("open.pub"), 0o666);
        nix::unistd::mkfifo(&dir.path().join("pipe.pub"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let seen = look(dir.path()).unwrap();
        let names: Vec<_> = seen.keys.keys().map(NodeName::as_str).collect();
        assert_eq!(names, ["ash", "birch"]);
        let bad: Vec<_> = seen.bad.keys().map(NodeName::as_str).collect();
        assert_eq!(bad, ["cedar", "long", "open", "other-twin", "pipe", "twin"]);
        for file in ["cedar.pub", "No_Name.pub", "open.pub", "pipe.pub", "twin.pub"] {
            assert!(seen.complaints.iter().any(|c| c.contains(file)), "{file}");
        }
        assert_eq!(seen.complaints.len(), 6, "{:?}", seen.complaints);
    }

    #[test]
    fn directories_that_are_missing_or_open_to_others_are_not_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look(&dir.path().join("none")), Err(Unreadable::Missing));
        mode(dir.path(), 0o777);
        let Err(Unreadable::Because(why)) = look(dir.path()) else { panic!("was looked at") };
        assert!(why.contains("mode 0777"), "{why}");
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(look(&file), Err(Unreadable::Because(_))));
    }
}
