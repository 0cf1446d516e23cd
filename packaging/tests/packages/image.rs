//! The image, by buildah and without a registry.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::machine::work;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/image-from-base.sh");
const IMAGE: &str = "localhost/wgcni-test:latest";

/// Images and containers of one test; gone when dropped.
struct Storage(tempfile::TempDir);

impl Storage {
    fn buildah(&self, args: &[&str]) -> String {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.0.path().join("storage"));
        command.arg("--runroot").arg(self.0.path().join("run"));
        let output = command.args(args).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "buildah {args:?}: {said}\n{complained}");
        said
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // Unmounts what it mounted.
        for args in [&["umount", "--all"][..], &["rm", "--all"], &["rmi", "--all", "--force"]] {
            let mut command = Command::new("buildah");
            command.arg("--root").arg(self.0.path().join("storage"));
            command.arg("--runroot").arg(self.0.path().join("run"));
            let _ = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

/// Programs over a base, nothing else; and the plugin of a host is replaced while it runs.
#[test]
fn image_has_the_programs_alone_and_installs_the_plugin_under_a_running_one() {
    let storage = Storage(tempfile::tempdir().unwrap());
    let made = Command::new(SCRIPT)
        .arg(work().join("root"))
        .args(["dev", IMAGE])
        .env("BUILDAH_ROOT", storage.0.path())
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let layers = storage.buildah(&[
        "inspect",
        "--type",
        "image",
        "--format",
        "{{len .OCIv1.RootFS.DiffIDs}}",
        IMAGE,
    ]);
    println!("layers of the image: {layers}");
    assert_eq!(layers, "3", "the base, iptables, programs");
    let container = storage.buildah(&["from", "--pull-never", IMAGE]);
    let host = tempfile::tempdir().unwrap();
    let volume = format!("{}:/host/opt/cni/bin", host.path().display());
    let run = |command: &[&str]| {
        let run = ["run", "--isolation", "chroot", "--volume", &volume, &container, "--"];
        storage.buildah(&[&run, command].concat())
    };
    for program in ["cluster-manager", "node-manager", "wgcni"] {
        assert_eq!(
            run(&[program, "--version"]),
            format!("{program} {}", env!("CARGO_PKG_VERSION"))
        );
    }
    assert!(run(&["sh", "-c", "wireguard-cni 2>&1"]).starts_with("wireguard-cni "));
    run(&["iptables", "--version"]);
    nothing_else(&storage, &container);
    replaced_while_it_runs(host.path(), run);
}

/// What our layer adds: programs and the script that installs the plugin.
fn nothing_else(storage: &Storage, container: &str) {
    let mounted = PathBuf::from(storage.buildah(&["mount", container]));
    let mut ours: Vec<_> =
        fs::read_dir(mounted.join("usr/bin")).unwrap().map(|e| e.unwrap().file_name()).collect();
    ours.retain(|name| work().join("root/usr/bin").join(name).symlink_metadata().is_err());
    ours.sort();
    assert_eq!(ours, ["cluster-manager", "install-cni", "node-manager", "wgcni", "wireguard-cni"]);
    for left in ["programs", "source", "usr/local/cargo", "root/.cargo"] {
        assert!(!mounted.join(left).exists(), "{left} is in the image");
    }
    storage.buildah(&["umount", container]);
}

fn replaced_while_it_runs(host: &Path, run: impl Fn(&[&str]) -> String) {
    let plugin = host.join("wireguard-cni");
    // Another one, as before an upgrade: the same program with something behind it.
    let built = PathBuf::from(std::env::var_os("WGCNI_BIN_DIR").unwrap()).join("wireguard-cni");
    // Written by another process: while it were open for writing here, a test beside this one
    // could start a program that has it open, too, and it would be busy.
    let mut copy = Command::new("sh");
    copy.args(["-euc", "cp \"$0\" \"$1\"; echo >>\"$1\""]);
    assert!(copy.arg(built).arg(&plugin).status().unwrap().success());
    let before = fs::metadata(&plugin).unwrap().ino();
    let done = AtomicBool::new(false);
    let runs = std::thread::scope(|scope| {
        let runs = scope.spawn(|| {
            let mut runs = 0;
            while !done.load(Ordering::Relaxed) {
                // No verb: it says its name. A part of it, or a busy file, would not.
                let output = Command::new(&plugin).env_clear().stdin(Stdio::null()).output();
                let output = output.expect("a plugin that can be started");
                assert!(output.status.success() && output.stderr.starts_with(b"wireguard-cni "));
                runs += 1;
            }
            runs
        });
        let said = run(&["install-cni"]);
        done.store(true, Ordering::Relaxed);
        assert!(
            said.starts_with("install-cni: wrote /host/opt/cni/bin/wireguard-cni: wireguard-cni "),
            "{said}"
        );
        runs.join().unwrap()
    });
    println!("the plugin ran {runs} times while it was replaced");
    assert!(runs > 0);
    assert_ne!(fs::metadata(&plugin).unwrap().ino(), before);
    assert!(run(&["install-cni"]).ends_with("is this one already"), "it may be repeated");
    assert_eq!(fs::read_dir(host).unwrap().count(), 1, "no temporary is left");
}
