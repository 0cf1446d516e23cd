//! Namespaces as they are.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use support::container;
use wgcni_dataplane::{Error, Namespace};

#[test]
fn only_network_namespaces_are_opened() {
    let current = Namespace::current().unwrap();
    let same = Namespace::open(Path::new("/proc/thread-self/ns/net")).unwrap();
    assert_eq!(current.identity().unwrap(), same.identity().unwrap());
    for other in ["/proc/thread-self/ns/mnt", "/dev/null", "/etc/passwd", "/proc/self/net/dev"] {
        let refused = Namespace::open(Path::new(other));
        assert!(matches!(refused, Err(Error::NotNamespace(path)) if path == Path::new(other)));
    }
    let missing = Namespace::open(Path::new("/nowhere")).unwrap_err();
    assert_eq!(missing.errno(), Some(2));
}

#[test]
fn a_namespace_is_entered_on_another_thread_only() {
    let before = Namespace::current().unwrap().identity().unwrap();
    let other = container();
    let id = other.identity().unwrap();
    assert_ne!(id, before);
    let inside = other.run(|| Namespace::current().unwrap().identity().unwrap()).unwrap();
    assert_eq!(inside, id);
    let panicked = std::panic::catch_unwind(|| other.run(|| panic!("inside")));
    assert!(panicked.is_err());
    assert_eq!(Namespace::current().unwrap().identity().unwrap(), before);
}

#[test]
fn a_namespace_is_found_by_its_path_and_by_its_processes() {
    let mut inhabitant = Command::new("unshare").args(["-n", "sleep", "60"]).spawn().unwrap();
    let own = Namespace::current().unwrap().identity().unwrap();
    let path = PathBuf::from(format!("/proc/{}/ns/net", inhabitant.id()));
    let moved = || Namespace::open(&path).unwrap().identity().unwrap();
    while moved() == own {
        sleep(Duration::from_millis(10));
    }
    let id = moved();
    let find = |path| Namespace::find(id, Path::new(path)).map(|found| found.identity().unwrap());
    assert_eq!(find(path.to_str().unwrap()), Some(id));
    for wrong in ["/proc/self/ns/net", "/nowhere", "/dev/null"] {
        assert_eq!(find(wrong), Some(id), "{wrong}");
    }
    inhabitant.kill().unwrap();
    inhabitant.wait().unwrap();
    assert_eq!(find("/nowhere"), None);
}
