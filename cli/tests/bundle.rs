//! What a support bundle has, and what it never has.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A private key in each form that something may write it in, and what else is secret.
const SECRETS: [(&str, &str); 8] = [
    ("base64", "0PlantedPrivateKeyThatMustNotLeak0123456789A="),
    ("base64 without its end", "0PlantedPrivateKeyThatMustNotLeak0123456789A"),
    ("hexadecimal", "d0f95a9ed78acfdbc43ca12d7d2d7cd20d8c2f67d2d7cd20d8c2f67d2d7cd20d"),
    ("base64url", "P-lanted_PrivateKeyOfAnotherAlphabet012345678"),
    ("a join string", "wgcni1.UGxhbnRlZEpvaW5TdHJpbmdUaGF0TXVzdE5vdExlYWs"),
    ("a short join string", "wgcni1.UGxhbnRlZA"),
    ("a password", "planted-hunter2"),
    ("a bearer token", "0123456789abcdef.PlantedBearerTokenThatMustNotLeak0123456789xyz"),
];

struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    /// A node whose files have secrets in all places where they are, and where they are not.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let machine = Self { directory };
        // A password in a log looks like any word: nothing writes one there.
        let words = SECRETS.iter().filter(|(what, _)| *what != "a password");
        let line = |(what, secret): &(&str, &str)| format!("{what}: {secret} {secret}\n");
        let all = words.map(line).collect::<Vec<_>>().concat();
        for file in ["mesh.key", "hub.key", "member/member.json", "member/control.key", "node.join"]
        {
            machine.write(&format!("state/{file}"), &all);
        }
        machine
            .write("state/tunnels.log", &format!("started\n{all}join={}x\nended\n", SECRETS[4].1));
        let state = machine.path("state").display().to_string();
        let run = machine.path("run").display().to_string();
        let config = format!(
            "# {password} {all_in_one_line}\nmesh_port = 51999\nstate_dir = {state:?}\nrun_dir = {run:?}\n\
             api_token = {token:?}\n[extra]\npassword = {password:?}\nnote = {join:?}\n",
            all_in_one_line = all.replace('\n', " "),
            token = SECRETS[7].1,
            password = SECRETS[6].1,
            join = SECRETS[4].1,
        );
        machine.write("node-manager.toml", &config);
        let list = r#"{"cniVersion":"1.0.0","name":"wgnet","plugins":[{"type":"wireguard-cni"}]}"#;
        machine.write("net.d/10-wgnet.conflist", list);
        machine.write("net.d/20-other.conf", &format!("{{\"other\": {:?}}}", SECRETS[6].1));
        let line = |(what, secret): &(&str, &str)| format!("nm[1]: {what}={secret}, {secret}\n");
        let lines: Vec<_> = SECRETS.iter().filter(|s| s.0 != "a password").map(line).collect();
        let log = format!("#!/bin/sh\necho \"$*\"\ncat <<'END'\n{}END\n", lines.concat());
        machine.write("bin/journalctl", &log);
        fs::set_permissions(machine.path("bin/journalctl"), fs::Permissions::from_mode(0o755))
            .unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn bundle(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgcni"));
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin").display());
        command.env_clear().env("PATH", path).env("WGCNI_TOKEN", SECRETS[0].1);
        command.args(["support-bundle", "--config"]).arg(self.path("node-manager.toml"));
        command.arg("--manager-config").arg(self.path("none.toml"));
        command.arg("--socket").arg(self.path("none.sock"));
        command.arg("--cni-conf").arg(self.path("net.d")).args(more);
        command.current_dir(self.directory.path()).output().unwrap()
    }
}

/// The files of a bundle, and the tar itself.
fn open(path: &Path) -> (BTreeMap<String, String>, Vec<u8>) {
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut tar).unwrap();
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o600);
        let name =
            entry.path().unwrap().strip_prefix("wgcni-support").unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name, text);
    }
    (files, tar)
}

fn has(tar: &[u8], word: &str) -> bool {
    tar.windows(word.len()).any(|window| window == word.as_bytes())
}

#[test]
fn no_secret_of_the_machine_is_in_the_bundle() {
    let machine = Machine::new();
    let done = machine.bundle(&["-o", "out.tar.gz"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "out.tar.gz\n");
    let (files, tar) = open(&machine.path("out.tar.gz"));
    for (what, secret) in SECRETS {
        assert!(!has(&tar, secret), "{what} is in the bundle");
        // Nor a part that is long enough to begin to guess from.
        let part = &secret[secret.len().saturating_sub(14)..];
        assert!(!has(&tar, part), "the end of {what} is in the bundle");
    }
    assert!(files["logs/node-manager.txt"].contains("(join string left out)"));
    assert!(files["logs/node-manager.txt"].starts_with("-u node-manager --since 24 hours ago"));
    assert!(files["node/tunnels.log"].starts_with("started\n"));
    assert!(files["config/node-manager.toml"].contains("mesh_port = 51999"));
    let networks: Vec<_> = files.keys().filter(|name| name.starts_with("cni/")).collect();
    assert_eq!(networks, ["cni/0-10-wgnet.conflist"]);
    assert!(files["doctor.json"].contains("node-manager"));
}

#[test]
fn what_could_not_be_had_is_named_with_the_reason() {
    let machine = Machine::new();
    assert!(machine.bundle(&["-o", "out.tar.gz"]).status.success());
    let (files, _) = open(&machine.path("out.tar.gz"));
    let index = &files["index.txt"];
    let line = |name: &str| index.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("node/status.json").contains("not here: "), "{index}");
    assert!(line("node/status.json").contains("node.sock: No such file"), "{index}");
    assert!(line("config/cluster-manager.toml").contains("there is no "), "{index}");
    assert!(line("system/uname.txt").ends_with(" bytes"), "{index}");
    for part in String::from_utf8(machine.bundle(&["--list"]).stdout).unwrap().lines().skip(1) {
        let name = part.split("  ").next().unwrap();
        assert!(index.contains(name), "{name} is not in {index}");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked_and_is_private_from_the_start() {
    let machine = Machine::new();
    machine.write("out.tar.gz", "mine");
    let done = machine.bundle(&["-o", "out.tar.gz"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("--force replaces it"), "{done:?}");
    assert_eq!(fs::read_to_string(machine.path("out.tar.gz")).unwrap(), "mine");
    assert!(machine.bundle(&["-o", "out.tar.gz", "--force"]).status.success());
    let mode = fs::metadata(machine.path("out.tar.gz")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    open(&machine.path("out.tar.gz"));
    // By default a name that tells when; nothing else is left beside it.
    let done = machine.bundle(&["--json"]);
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let name = told["file"].as_str().unwrap();
    assert!(name.starts_with("wgcni-support-20") && name.ends_with("Z.tar.gz"), "{name}");
    let left = fs::read_dir(machine.directory.path()).unwrap();
    let left = left.filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".gz")
            || entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')
    });
    assert_eq!(left.count(), 2);
}
